"""What callers may give, in each spelling that they use, and what they are told where it does not fit."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import contents, open_memory
from zettelmem import AsyncMemory, InvalidInput, Memory, Message, NotFound, Trust

Call = Callable[[AsyncMemory], Awaitable[Any]]
NOTHING: Any = None
MAPPING: Any = {"content": "x"}
FIVE: Any = "5"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda memory: memory.remember(NOTHING, namespace="a"), "give the words as a string"),
        (lambda memory: memory.remember(MAPPING, namespace="a"), "remember_many"),
        (lambda memory: memory.remember([MAPPING], namespace="a"), "remember_conversation"),
        (lambda memory: memory.remember_many("Ana", namespace="a"), "give a list"),
        (lambda memory: memory.remember_many(NOTHING, namespace="a"), "give a list"),
        (lambda memory: memory.remember_many([NOTHING], namespace="a"), "value: "),
        (lambda memory: memory.remember_conversation("Hi", namespace="a"), "give a list of turns"),
        (lambda memory: memory.remember_conversation([NOTHING], namespace="a"), "a turn is NoneType"),
        (lambda memory: memory.remember_conversation([{"content": 5}], namespace="a"), "give a string, or"),
        (lambda memory: memory.recall(NOTHING, namespace="a"), "give a question or some words"),
        (lambda memory: memory.recall("x", namespace="a", k=FIVE), "k is '5'; give a whole number from 1"),
        (lambda memory: memory.recall("x", namespace="a", min_score=FIVE), "give a number from 0 to 1"),
        (lambda memory: memory.recall("x", namespace="a", tag="y"), "called tag; give kinds, tags, thread"),
        (lambda memory: memory.recall("x", namespace="a", exact=True), "called exact"),
        (lambda memory: memory.notes(namespace="a", limit=FIVE), "limit is '5'"),
        (lambda memory: memory.get(NOTHING, namespace="a"), "the note id is None"),
        (lambda memory: memory.admin.erase_note(NOTHING, namespace="a"), "the note id is None"),
        (lambda memory: memory.recall("x", namespace="a", until=date.max), "years 1 to 9999"),
        (lambda memory: memory.remember("x", namespace="a", data={"a": "\ud800"}), "half a surrogate"),
        (lambda memory: memory.remember("x", namespace="a", data={"\ud800": 1}), "half a surrogate"),
        (lambda memory: memory.notes(namespace="a", by=NOTHING), "use 'recorded_at' or 'occurred_at'"),
        (lambda memory: memory.used(NOTHING, namespace="a"), "give a list of note ids"),
        (lambda memory: memory.used([MAPPING], namespace="a"), "give note ids as strings"),
        (lambda memory: memory.used([], namespace="a", helped=FIVE), "give True, or False"),
        (lambda memory: memory.brief(namespace="a", min_trust=FIVE), "give a Trust"),
        (lambda memory: memory.brief(namespace="a", query="x", present="y"), "no list of strings"),
        (lambda memory: memory.recall("x", namespace="a", effort="deep", sift=FIVE), "give a function"),
    ],
)
async def test_what_does_not_fit_is_refused_with_what_to_send(call: Call, told: str) -> None:
    async with open_memory() as memory:
        with pytest.raises(InvalidInput) as refused:
            await call(memory)
        assert told in str(refused.value)
        assert (await memory.notes(namespace="a")).notes == ()


@pytest.mark.parametrize("uri", [NOTHING, 5, "", " ", "a\0b"])
def test_a_place_that_is_none_is_refused_and_no_directory_is_made(
    uri: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="give a directory"):
        Memory(uri)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_embedder_is_refused_with_what_makes_it_one() -> None:
    name: Any = "multilingual"
    with pytest.raises(InvalidInput, match="named_embedder"):
        Memory(embedder=name)


async def test_a_date_as_until_includes_its_day() -> None:
    async with open_memory(judge="none") as memory:
        for hour in (0, 12, 23):
            at = datetime(2026, 11, 3, hour, 59, tzinfo=UTC)
            await memory.remember(f"At {hour}.", namespace="a", occurred_at=at)
        await memory.remember("The day after.", namespace="a", occurred_at=datetime(2026, 11, 4, tzinfo=UTC))
        day = date(2026, 11, 3)
        page = await memory.notes(namespace="a", since=day, until=day)
        assert contents(page.notes) == ["At 0.", "At 12.", "At 23."]
        assert len(await memory.recall("at", namespace="a", since=day, until=day)) == 3
        noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
        assert contents((await memory.notes(namespace="a", until=noon)).notes) == ["At 0."]


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"tags": [], "kinds": [], "thread": "", "via": ""},
        {"tags": ["", "#"]},
        {"tags": ["health"]},
        {"tags": ["#health"]},
        {"tags": ["#HEALTH", "other"]},
        {"tags": ["Health"]},
        {"thread": "heron"},
        {"thread": "Heron"},
        {"since": None, "until": None},
    ],
)
async def test_tags_and_threads_are_found_as_they_are_shown_and_nothing_filters_nothing(where: Any) -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember("Ana runs.", namespace="a", tags=["#Health"], thread="Heron")
        (note,) = (await memory.notes(namespace="a", **where)).notes
        assert (note.tags, note.thread) == (("Health",), "Heron")
        assert contents(await memory.recall("runs", namespace="a", **where)) == ["Ana runs."]


async def test_other_tags_and_threads_stay_out() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember("Ana runs.", namespace="a", tags=["Health"], thread="Heron")
        assert (await memory.notes(namespace="a", tags=["heal"])).notes == ()
        assert (await memory.notes(namespace="a", thread="her")).notes == ()


async def test_a_conversation_is_taken_as_chat_applications_hold_it() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    turns: list[Any] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "This is Mia."}, picture], "id": "m1"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
        {"role": "tool", "content": "A cat.", "tool_call_id": "c1"},
        {"role": "user", "content": "  "},
        Message(content="A cat!", role="bot"),
    ]
    async with open_memory(judge="none") as memory:
        made = await memory.remember_conversation(turns, namespace="a", thread="t")
        assert [(each.note.content, each.note.trust) for each in made] == [
            ("Be kind.", Trust.REPORTED),
            ("This is Mia.", Trust.STATED),
            ("A cat.", Trust.UNTRUSTED),
            ("A cat!", Trust.REPORTED),
        ]


async def test_a_note_of_another_namespace_cannot_be_erased() -> None:
    async with open_memory(judge="none") as memory:
        note = (await memory.remember("Ana runs.", namespace="a")).note
        with pytest.raises(NotFound):
            await memory.admin.erase_note(note.id, namespace="b")
        assert await memory.get(note.id, namespace="a") == note
