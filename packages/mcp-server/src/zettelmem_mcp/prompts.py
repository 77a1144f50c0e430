"""Prompts that a user can pick in the client; what they say is in `words/`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Annotated

from mcp.server import MCPServer
from pydantic import Field

from . import answers
from .brief import brief as told_first
from .keeper import Keeper

TOKENS = 2_000
"""Of the notes that a prompt brings along."""


def words(name: str, **parts: object) -> str:
    """A text for models, from its file, with `parts` in their places."""
    text = files(__package__).joinpath("words", f"{name}.md").read_text(encoding="utf-8").rstrip()
    return text.format(**parts) if parts else text


def add_prompts(server: MCPServer[Keeper], keeper: Keeper) -> None:
    """Register the prompts."""

    async def about(topic: str, limit: int) -> str:
        memory = await keeper.memory()
        hits = await memory.recall(topic[:10_000], namespace=keeper.namespace(), k=limit)
        return answers.listed([hit.note for hit in hits], TOKENS, ", best first.")

    @server.prompt(title="Brief")
    async def brief() -> str:
        """Begin with what matters: who you are, what is going on, plans, how you want things done."""
        text, _ = await told_first(await keeper.memory(), keeper.namespace(), TOKENS)
        return words("brief", notes=text)

    @server.prompt(title="Recall before answering")
    async def recall_first(question: Annotated[str, Field(description="what you want answered")]) -> str:
        """Answer a question from memory, saying what is not known."""
        return words("recall_first", notes=await about(question, 10), question=question)

    @server.prompt(title="Save this conversation")
    async def save_conversation(
        thread: Annotated[str, Field(description="name to keep it under")] = "",
    ) -> str:
        """Store what this conversation taught, one fact a note."""
        under = f" Give every note the thread {thread[:500]!r}." if thread else ""
        return words("save_conversation", under=under)

    @server.prompt(title="Weekly review")
    async def weekly_review() -> str:
        """Look through the notes of the last seven days and tidy up."""
        memory, week = await keeper.memory(), datetime.now(UTC) - timedelta(days=7)
        page = await memory.notes(namespace=keeper.namespace(), since=week, limit=100, newest_first=True)
        head = " of the last seven days, newest first."
        return words("weekly_review", notes=answers.listed(page.notes, TOKENS, head, least=120))

    @server.prompt(title="Forget about something")
    async def forget_about(
        topic: Annotated[str, Field(description="a person, a subject, a conversation")],
    ) -> str:
        """Find everything about a topic and forget what the user names."""
        return words("forget_about", notes=await about(topic, 20), topic=topic)
