"""Prompts that a user can pick in the client: recall first, save this, weekly review, forget about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from mcp.server import MCPServer
from pydantic import Field

from . import answers
from .keeper import Keeper

TOKENS = 2_000
"""Of the notes that a prompt brings along."""


def add_prompts(server: MCPServer[Keeper], keeper: Keeper) -> None:
    """Register the prompts."""

    async def about(topic: str, limit: int) -> str:
        from zettelmem import fit

        memory = await keeper.memory()
        hits = await memory.recall(topic[:10_000], namespace=keeper.namespace(), k=limit)
        found = fit([hit.note for hit in hits], TOKENS)
        return f"{len(found)} notes, best first.\n{answers.fenced(found)}"

    @server.prompt(title="Recall before answering")
    async def recall_first(question: Annotated[str, Field(description="what you want answered")]) -> str:
        """Answer a question from memory, saying what is not known."""
        return f"""{await about(question, 10)}

Answer from these notes, newest and best trusted first, and name the ids you used. Recall more if they point
further. What they do not say, say you do not know.

The question: {question}"""

    @server.prompt(title="Save this conversation")
    async def save_conversation(
        thread: Annotated[str, Field(description="name to keep it under")] = "",
    ) -> str:
        """Store what this conversation taught, one fact a note."""
        under = f" Give every note the thread {thread[:500]!r}." if thread else ""
        return f"""Go through this conversation and remember what will matter later: facts about me and my
world, preferences, decisions with their reasons, corrections, open questions, lessons. Recall first, so
that nothing is stored twice. One fact a note, understandable alone; said_by user for what I said, assistant
for what you concluded, tool for what came from pages and files. Connect each note. No secrets, no small
talk.{under} At the end tell me in a few lines what was stored."""

    @server.prompt(title="Weekly review")
    async def weekly_review() -> str:
        """Look through the notes of the last seven days and tidy up."""
        from zettelmem import fit

        memory, week = await keeper.memory(), datetime.now(UTC) - timedelta(days=7)
        page = await memory.notes(namespace=keeper.namespace(), since=week, limit=100, newest_first=True)
        found = fit(page.notes, TOKENS, least=120)
        return f"""{len(found)} notes of the last seven days; browse lists the rest, if there are more.
{answers.fenced(found)}

Review them with me: what stands out; what contradicts or repeats another note; what is not connected yet
(browse with unconnected true, then connect); what should be revised or forgotten. Propose, and change nothing
before I agree."""

    @server.prompt(title="Forget about something")
    async def forget_about(
        topic: Annotated[str, Field(description="a person, a subject, a conversation")],
    ) -> str:
        """Find everything about a topic and forget what the user names."""
        return f"""{await about(topic, 20)}

I want you to forget about: {topic}
Show me which of these notes are about it, recall once more with other words in case some are missing, and
forget exactly those I confirm. Then give me the change ids, in case I want them back."""
