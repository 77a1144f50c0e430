"""Two weeks of one person's conversations, as a script: what is answered, and what it costs in tokens.

`pytest -s tests/mcp_server/test_two_weeks.py` prints the figures. A fact, and a question, cost what the model
writes and what it reads: the arguments of each call it takes, and the text of each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import llama_index.core
import pytest
import tiktoken
from mcp import Client
from mcp.types import TextContent

from zettelmem_mcp.server import build_server
from zettelmem_mcp.settings import Settings

START = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)

# What is told on each day. `->` stands before the words of the older fact that a new one replaces.
TOLD: dict[int, list[str]] = {
    0: [
        "Ana Silva is a data engineer at Brightwater in Lisbon.",
        "Ana lives in a flat in the Alfama quarter.",
        "Ana's daughter Mia is six years old.",
        "Ana's partner is called Tom; he is a nurse.",
        "Ana is allergic to walnuts.",
        "Ana wants answers short, with the code first.",
    ],
    1: [
        "The release of Heron is planned for 3 December.",
        "Heron is written in Rust and runs on Postgres 15.",
        "Rita leads the Heron team.",
        "Deploys of Heron happen on Wednesdays.",
        "Ana's staging server is called otter.",
    ],
    2: [
        "Ana plays the cello in the Graça orchestra on Tuesdays.",
        "Ana's tax advisor is Marco Lopes, phone 21 555 0134.",
        "Mia starts school at the Escola Azul in September 2027.",
        "Ana's car is an old blue Volvo.",
    ],
    3: [
        "The Heron backup job runs at three in the morning.",
        "Ana decided to drop Redis, because the cache was stale too often.",
        "Ana's landlord is Senhor Pinto.",
        "Ana prefers trains to planes.",
    ],
    4: [
        "The orchestra's concert is on 12 December at eight in the evening.",
        "Ana's mother lives in Braga and turns seventy on 2 January.",
        "Tom works night shifts on Fridays.",
    ],
    6: [
        "The release of Heron is moved to 10 December. -> The release of Heron is planned for 3 December.",
        "Ana will fly to Berlin on 25 November for the data conference.",
        "Ana's passport is in the desk drawer.",
    ],
    7: [
        "Ana works at Northwind as a data engineer since this week. -> Ana Silva is a data engineer at",
        "Ana's new manager at Northwind is Jonas Weber.",
        "Ana's laptop at Northwind runs Fedora.",
    ],
    8: [
        "Deploys of Heron happen on Thursdays. -> Deploys of Heron happen on Wednesdays.",
        "The release of Heron is moved to 17 December. -> The release of Heron is moved to 10 December.",
        "Ana sold the Volvo and rides a cargo bike. -> Ana's car is an old blue Volvo.",
    ],
    9: [
        "Ana, Tom and Mia live in Porto, Rua das Flores 8. -> Ana lives in a flat in the Alfama quarter.",
        "Mia will go to the Escola do Mar in Porto. -> Mia starts school at the Escola Azul",
        "The dentist appointment of Mia is on 4 December at half past nine.",
    ],
    11: [
        "Heron runs on Postgres 17 now. -> Heron is written in Rust and runs on Postgres 15.",
        "Ana's cello is being repaired at Casa Musical until 1 December.",
        "Ana wants no meetings before ten in the morning.",
    ],
    13: [
        "The concert of the orchestra is on 19 December. -> The orchestra's concert is on 12 December",
        "Ana owes Jonas a summary of the data conference.",
    ],
}

# What is asked on each day, and a part of the words that have to be among the answer.
ASKED: dict[int, list[tuple[str, str]]] = {
    1: [
        ("Where does Ana work?", "Brightwater"),
        ("What may Ana not eat, is she allergic to anything?", "walnuts"),
        ("How does Ana want answers?", "short"),
    ],
    2: [("When is the release of Heron?", "3 December"), ("Who leads the Heron team?", "Rita")],
    3: [
        ("On which day does Ana play the cello?", "Tuesdays"),
        ("What is the phone number of Ana's tax advisor?", "0134"),
        ("What is Ana's staging server called?", "otter"),
    ],
    5: [
        ("Why did Ana drop Redis?", "stale"),
        ("Who is Ana's landlord?", "Pinto"),
        ("When is the orchestra's concert?", "12 December"),
    ],
    7: [
        ("When is the release of Heron?", "10 December"),
        ("When does Ana fly to Berlin?", "25 November"),
        ("Where is Ana's passport?", "drawer"),
        ("How old is Ana's daughter Mia?", "six"),
    ],
    8: [
        ("Where does Ana work now?", "Northwind"),
        ("Who is Ana's manager at Northwind?", "Jonas"),
    ],
    10: [
        ("When is the release of Heron?", "17 December"),
        ("On which day are deploys of Heron?", "Thursdays"),
        ("Where does Ana live?", "Porto"),
        ("Which school will Mia go to?", "Escola do Mar"),
        ("Does Ana still have the Volvo?", "sold"),
    ],
    12: [
        ("Which Postgres does Heron run on?", "17"),
        ("When is Mia's dentist appointment?", "4 December"),
        ("Where is Ana's cello?", "Casa Musical"),
        ("When does the Heron backup job run?", "three in the morning"),
        ("When does Tom work night shifts?", "Fridays"),
    ],
    14: [
        ("When is the orchestra's concert?", "19 December"),
        ("What does Ana owe Jonas?", "summary"),
        ("When does Ana's mother turn seventy?", "2 January"),
        ("Does Ana prefer trains or planes?", "trains"),
        ("What was the original release date of Heron?", "3 December"),
        ("Where did Ana live before she moved to Porto?", "Alfama"),
    ],
}

UNKNOWN: dict[int, list[str]] = {
    1: ["What is the capital of Peru?", "Which film won the most prizes in 1998?"],
    4: ["How do I sort a list in Python?", "What does the dentist charge?"],
    9: ["Recommend a good restaurant in Tokyo.", "hello"],
    12: ["Who wrote Hamlet?", "What is the boiling point of ethanol?"],
}


class Assistant:
    """Calls the tools as a model would, and counts what it writes and reads."""

    def __init__(self, client: Client, count: Any) -> None:
        self.client = client
        self.count = count
        self.calls = 0
        self.wrong: list[str] = []
        self.searched = 0
        self.cost: dict[str, list[float]] = {"fact": [], "question": [], "nothing": []}

    async def call(self, tool: str, **arguments: Any) -> tuple[str, int]:
        """The text of an answer, and the tokens of both ways."""
        self.calls += 1
        result = await self.client.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        assert not result.is_error, content.text
        return content.text, self.count(json.dumps(arguments, ensure_ascii=False)) + self.count(content.text)

    async def tell(self, facts: list[str]) -> None:
        """Remember the facts of a day in one call, and supersede what they replace where it is offered."""
        words = [fact.partition(" -> ")[0] for fact in facts]
        older = [fact.partition(" -> ")[2] for fact in facts]
        text, tokens = await self.call("remember", content=words, said_by="user")
        stored = re.findall(r"\[(\w+)\]", text.partition("\n")[0])
        assert len(stored) == len(facts), text
        near = re.findall(r"^\[(\w+)\] may [a-z ]+ \[(\w+)\].*> (.*)$", text, re.MULTILINE)
        links = []
        for note_id, replaced in zip(stored, older, strict=True):
            own = [(other, words) for source, other, words in near if source == note_id]
            hits = [other for other, words in own if replaced and words.startswith(replaced)]
            if replaced and not hits:  # not offered, so the assistant looks for what it replaces
                self.searched += 1
                told, spent = await self.call("recall", query=replaced)
                tokens += spent
                hits = re.findall(rf"^\[(\w+)\].*\n> {re.escape(replaced)}", told, re.MULTILINE)
                assert hits, told
            links += [{"note_id": note_id, "relation": "supersedes", "to": each} for each in hits]
        if links:
            tokens += (await self.call("connect", links=links))[1]
        self.cost["fact"] += [tokens / len(facts)] * len(facts)

    async def ask(self, question: str, holds: str) -> None:
        """Recall, and find the known answer among what is told."""
        text, tokens = await self.call("recall", query=question)
        self.cost["question"].append(tokens)
        if holds not in text:
            self.wrong.append(f"{question} {holds}\n{text}")

    async def ask_in_vain(self, question: str) -> None:
        """Recall what nobody ever told."""
        text, tokens = await self.call("recall", query=question)
        self.cost["nothing"].append(tokens)
        if text != "Nothing is remembered about that.":
            self.wrong.append(f"{question}\n{text}")


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tokens of a text by cl100k."""
    shipped = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"
    monkeypatch.setitem(os.environ, "TIKTOKEN_CACHE_DIR", str(shipped))
    encoding = tiktoken.get_encoding("cl100k_base")
    return lambda text: len(encoding.encode(text))


async def test_two_weeks_are_answered_within_their_tokens(count: Any) -> None:
    now = [START]
    server = build_server(Settings(db="memory://"), clock=lambda: now[0])
    async with asyncio.timeout(300), Client(server) as client:
        assistant = Assistant(client, count)
        for day in range(15):
            now[0] = START + timedelta(days=day)
            await assistant.call("brief")
            for question, holds in ASKED.get(day, ()):
                await assistant.ask(question, holds)
            for question in UNKNOWN.get(day, ()):
                await assistant.ask_in_vain(question)
            if day in TOLD:
                await assistant.tell(TOLD[day])
            if day == 5:  # said twice, by a summary of the session
                text, _ = await assistant.call("remember", content=TOLD[1][:3], said_by="user")
                assert text.count("Known already") == 3
            if day == 10:  # a plan is called off before its day, and something is forgotten for good
                text, _ = await assistant.call("recall", query="When does Ana fly to Berlin?")
                flight = re.findall(r"^\[(\w+)\].*\n> Ana will fly", text, re.MULTILINE)[0]
                await assistant.call("revise", note_id=flight, ended="2026-11-19", reason="called off")
                text, _ = await assistant.call("recall", query="Where is Ana's passport?")
                passport = re.findall(r"^\[(\w+)\].*\n> Ana's passport", text, re.MULTILINE)[0]
                await assistant.call("forget", ids=[passport])
            if day > 10:
                assert "fly to Berlin" not in (await assistant.call("recall", query="Ana's flights"))[0]
                assert "drawer" not in (await assistant.call("recall", query="Where is Ana's passport?"))[0]
        means = {what: statistics.mean(tokens) for what, tokens in assistant.cost.items()}
        print({"calls": assistant.calls} | {what: round(mean) for what, mean in means.items()})
    assert not assistant.wrong, "\n\n".join(assistant.wrong)
    assert assistant.searched <= 1, "what a new fact replaces is offered"
    assert assistant.calls >= 80
    assert means["fact"] <= 150
    assert means["question"] <= 250
    assert means["nothing"] <= 40
