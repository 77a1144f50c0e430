"""Remembering on a real store: what is kept, what is linked, how often it embeds and commits."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.doubles import DAY, START, Clock, check_store, contents, decided, judging, open_memory, said
from zettelmem import (
    AsyncMemory,
    ConflictError,
    Draft,
    InvalidInput,
    LimitExceeded,
    Message,
    Relation,
    Source,
    Trust,
)
from zettelmem.limits import MAX_CHANGES
from zettelmem.testing import HashEmbedder


class Task(BaseModel):
    title: str
    done: bool = False


# --- what is kept --------------------------------------------------------------------------------


async def test_a_note_is_kept_as_it_was_given() -> None:
    async with open_memory(kinds={"task": Task}) as memory:
        made = await memory.remember(
            "Ana must call the bank.",
            namespace=("acme", "ana"),
            thread="t",
            kind="task",
            occurred_at=START - DAY,
            source=Source(who="Ben", via="mail"),
            trust=Trust.REPORTED,
            data=Task(title="call"),
            keywords=["bank"],
            tags=["errand"],
            context="Said on the phone.",
        )
        kept = await memory.get(made.note.id, namespace=("acme", "ana"))
        assert kept == made.note
        assert kept.namespace == ("acme", "ana")
        assert (kept.thread, kept.position, kept.kind) == ("t", 0, "task")
        assert (kept.occurred_at, kept.recorded_at) == (START - DAY, START + timedelta(seconds=1))
        assert (kept.source, kept.trust) == (Source(who="Ben", via="mail"), Trust.REPORTED)
        assert kept.data == {"title": "call", "done": False}
        assert (kept.keywords, kept.tags, kept.context) == (("bank",), ("errand",), "Said on the phone.")
        assert (kept.revision, kept.pending, made.change, made.known) == (1, None, f"{kept.id}.1", False)
        await check_store(memory)


async def test_every_note_is_constructed_without_a_model() -> None:
    """Keywords, tags, kind and context are there."""
    async with open_memory() as memory:
        drafts = said("Where does Ana live?", "Ana lives in Porto now. #home", source=Source(who="Ben"))
        first, second = [x.note for x in await memory.remember_many(drafts, namespace="a")]
        assert second.keywords
        assert "home" in second.tags
        assert second.context == "Ben: Where does Ana live?"
        assert first.context == ""
        assert abs(second.occurred_at - second.recorded_at) < timedelta(milliseconds=1)


async def test_a_conversation_becomes_one_note_a_turn_each_behind_the_other() -> None:
    turns: list[Message | dict[str, Any]] = [
        Message(content="Where do you live?", role="user", name="Ben", at=START),
        {"content": "In Porto.", "role": "assistant", "key": "m2"},
        {"content": "Weather: rain", "role": "tool"},
    ]
    async with open_memory() as memory:
        made = await memory.remember_conversation(turns, namespace="a", thread="chat")
        notes = [each.note for each in made]
        assert [x.source.who for x in notes] == ["Ben", "assistant", "tool"]
        assert [x.trust for x in notes] == [Trust.STATED, Trust.REPORTED, Trust.UNTRUSTED]
        assert [x.position for x in notes] == [0, 1, 2]
        follows = [x for x in (await memory.get(notes[1].id, namespace="a")).links if x.relation == "follows"]
        assert {(x.source, x.target) for x in follows} == {
            (notes[1].id, notes[0].id),
            (notes[2].id, notes[1].id),
        }
        await check_store(memory)


async def test_a_thread_goes_on_where_it_was(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(said("One.", "Two."), namespace="a")
    async with open_memory(str(tmp_path)) as memory:
        third = (await memory.remember("Three.", namespace="a", thread="t")).note
        assert third.position == 2
        other = (await memory.remember("Other.", namespace="b", thread="t")).note
        assert (other.position, other.links) == (0, ())
        await check_store(memory)


async def test_nothing_to_remember_is_nothing() -> None:
    async with open_memory() as memory:
        assert await memory.remember_many([], namespace="a") == []
        assert await memory.remember_conversation([], namespace="a") == []
        assert (await memory.notes(namespace="a")).notes == ()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"content": " "}, "content is blank"),
        ({"content": "half \udc80"}, "half a surrogate pair"),
        ({"namespace": ""}, "namespace segment"),
        ({"kind": "task"}, "kind 'task' is not registered; use one of episodic"),
        ({"judge": "me"}, "judge is 'me'; use 'offline'"),
        ({"judge": "model"}, "judge='model' needs a model"),
        ({"tags": "porto"}, "tags: is one string"),
        ({"thread": ""}, "thread"),
        ({"data": {"x": object()}}, "data"),
        ({"source": 5}, "source"),
        ({"source": "x" * 201}, "200 characters"),
        ({"source": "half \udc80"}, "half a surrogate pair"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_stored(
    arguments: dict[str, Any], told: str
) -> None:
    async with open_memory() as memory:
        with pytest.raises(InvalidInput) as refused:
            await memory.remember(**({"content": "Good.", "namespace": "a"} | arguments))
        assert told in str(refused.value)
        assert await check_store(memory) == {}


async def test_one_bad_draft_of_many_stores_none_of_them() -> None:
    async with open_memory() as memory:
        with pytest.raises(LimitExceeded, match="1000000 characters"):
            await memory.remember_many(["good", "x" * 1_000_001], namespace="a")
        assert await check_store(memory) == {}


async def test_the_data_of_a_registered_kind_is_checked() -> None:
    async with open_memory(kinds={"task": Task}) as memory:
        with pytest.raises(InvalidInput, match="title"):
            await memory.remember("x", namespace="a", kind="task")
        with pytest.raises(InvalidInput, match="done"):
            await memory.remember("x", namespace="a", kind="task", data={"title": "t", "done": "maybe"})


@pytest.mark.parametrize("neighbours", [0, 51])
def test_a_memory_looks_at_1_to_50_neighbours(neighbours: int) -> None:
    with pytest.raises(InvalidInput, match=f"neighbours is {neighbours}; give 1 to 50"):
        AsyncMemory(neighbours=neighbours)


# --- keys ------------------------------------------------------------------------------------------


async def test_the_same_key_again_is_the_same_note() -> None:
    async with open_memory() as memory:
        first = await memory.remember("Ana lives in Porto.", namespace="a", key="k")
        again = await memory.remember("Ana lives in Porto.", namespace="a", key="k")
        assert (again.known, again.note, again.change) == (True, first.note, first.change)
        elsewhere = await memory.remember("Ana lives in Porto.", namespace="b", key="k")
        assert elsewhere.note.id != first.note.id
        assert list(await memory.keyed(["k", "other"], namespace="a")) == ["k"]
        assert len(await check_store(memory)) == 2


async def test_the_same_key_with_other_words_revises_the_note() -> None:
    async with open_memory() as memory:
        first = await memory.remember("Ana lives in Porto.", namespace="a", key="k", tags=["moving"])
        again = await memory.remember("Ana lives in Braga.", namespace="a", key="k")
        assert not again.known
        assert again.note.id == first.note.id
        assert (again.note.content, again.note.revision) == ("Ana lives in Braga.", 2)
        assert "braga" in again.note.keywords
        assert "moving" not in again.note.tags
        assert len(await check_store(memory)) == 1


async def test_a_key_brings_a_forgotten_note_back_with_other_words() -> None:
    async with open_memory() as memory:
        first = await memory.remember("Ana lives in Porto.", namespace="a", key="k")
        await memory.forget(first.note.id, namespace="a")
        assert await memory.keyed(["k"], namespace="a") == {}
        again = await memory.remember("Ana lives in Braga.", namespace="a", key="k")
        assert again.note.id == first.note.id
        assert (await memory.get(first.note.id, namespace="a")).forgotten_at is None
        await check_store(memory)


async def test_a_late_retry_undoes_no_later_revision() -> None:
    """FAULTS A11: the answer tells what stands now."""
    async with open_memory() as memory:
        said: dict[str, Any] = {"namespace": "a", "key": "k", "trust": Trust.STATED}
        first = await memory.remember("Ana lives in Porto.", **said)
        await memory.revise(first.note.id, namespace="a", content="Ana lives in Braga.", trust=Trust.REPORTED)
        late = await memory.remember("Ana lives in Porto.", **said)
        assert (late.known, late.note.content, late.note.trust) == (
            True,
            "Ana lives in Braga.",
            Trust.REPORTED,
        )
        assert (await memory.get(first.note.id, namespace="a")) == late.note
        news = await memory.remember("Ana lives in Faro.", **said)
        assert (news.known, news.note.content) == (False, "Ana lives in Faro.")
        back = await memory.remember("Ana lives in Porto.", **said)
        assert (back.known, back.note.content) == (False, "Ana lives in Porto.")


async def test_a_late_retry_brings_no_forgotten_note_back_and_the_answer_says_how_to() -> None:
    """FAULTS A11."""
    async with open_memory() as memory:
        first = await memory.remember("Ana lives in Porto.", namespace="a", key="k")
        await memory.forget(first.note.id, namespace="a")
        late = await memory.remember("Ana lives in Porto.", namespace="a", key="k")
        assert late.known
        assert late.note.forgotten_at is not None
        assert (await memory.notes(namespace="a")).notes == ()
        await memory.undo(late.change, namespace="a")
        assert [note.id for note in (await memory.notes(namespace="a")).notes] == [first.note.id]


async def test_a_record_is_put_in_its_place_again_after_it_was_forgotten() -> None:
    async with open_memory() as memory:
        record = {"content": "Tea.", "key": "k", "data": {"value": 1}}
        (first,) = await memory.remember_many([record], namespace="a", judge="none")
        await memory.forget(first.note.id, namespace="a")
        (again,) = await memory.remember_many([record], namespace="a", judge="none")
        assert (again.known, again.note.id, again.note.forgotten_at) == (False, first.note.id, None)


async def test_a_key_twice_in_one_call_is_one_note() -> None:
    async with open_memory() as memory:
        drafts = [
            {"content": "One.", "key": "k"},
            {"content": "One.", "key": "k"},
            {"content": "Two.", "key": "k"},
        ]
        made = await memory.remember_many(drafts, namespace="a")
        assert [x.known for x in made] == [False, True, False]
        assert contents(list((await check_store(memory)).values())) == ["Two."]


async def test_the_same_key_at_once_is_stored_once() -> None:
    async with open_memory() as memory:
        made = await asyncio.gather(
            *(memory.remember("Ana lives in Porto.", namespace="a", key="k") for _ in range(6))
        )
        assert len({x.note.id for x in made}) == 1
        assert [x.known for x in made].count(False) == 1
        await check_store(memory)


# --- how much work it is ------------------------------------------------------------------------------


async def test_a_note_and_a_decision_about_it_embed_once_each_and_commit_once_each() -> None:
    """The new note, then one batch for all changed texts, in one atomic write."""
    embedder = HashEmbedder()
    changes = [{"neighbour": n, "context": f"Seen again {n}.", "tags": ["seen"]} for n in range(4)]
    links = [{"neighbour": n, "relation": "supports"} for n in range(4)]
    async with open_memory(embedder=embedder) as memory:
        for i in range(6):
            await memory.remember(f"Cat number {i} purrs.", namespace="a", judge="offline")
        commits, embedder.calls = memory._store.commits, 0
        made = await decided(memory, "All cats purr.", {"links": links, "changes": changes}, thread="t")
        assert len(made.evolved) == 4
        assert memory._store.commits == commits + 2
        assert embedder.calls == 2
        await check_store(memory)


async def test_a_remember_that_changes_nothing_embeds_once() -> None:
    embedder = HashEmbedder()
    async with open_memory(embedder=embedder, judge="none") as memory:
        await memory.remember("Ana has a cat.", namespace="a", thread="t")
        embedder.calls = 0
        await memory.remember("Ben has a cat.", namespace="a", thread="t")
        assert embedder.calls == 1


async def test_many_notes_are_written_256_in_a_commit() -> None:
    stored: list[int] = []
    async with open_memory() as memory:
        made = await memory.remember_many(
            (f"Note number {i} about thing {i}." for i in range(600)), namespace="a", progress=stored.append
        )
        assert memory._store.commits == 3
        assert stored == [256, 256, 88]
        assert [x.note.content for x in made][::250] == [
            f"Note number {i} about thing {i}." for i in (0, 250, 500)
        ]
        assert len(await check_store(memory)) == 600


async def test_what_the_caller_gave_is_never_asked_of_the_model() -> None:
    model = judging()
    async with open_memory(model=model, tasks=["describe"]) as memory:
        given: Any = {"context": "c", "keywords": ["k"], "tags": ["t"], "kind": "semantic"}
        await memory.remember("My cat Miso sleeps a lot.", namespace="a")
        await memory.remember("My cat Miso sleeps a little.", namespace="a", **given)
        assert model.asked == []
        await memory.remember("My cat Miso sleeps by day.", namespace="a", context="c", tags=["t"])
        (asked,) = model.asked
        entry = asked.schema.model_json_schema()["$defs"]["Described"]
        assert entry["required"] == ["note", "keywords", "kind"]


async def test_what_the_model_says_of_a_note_is_kept() -> None:
    described = {"context": "On homes.", "keywords": ["home"], "tags": ["life"], "kind": "semantic"}
    async with open_memory(model=judging(described=described)) as memory:
        await memory.remember("Ana lives in Porto with Rita.", namespace="a", judge="none")
        kept = (await memory.remember("Ana lives in Porto with a cat.", namespace="a")).note
        assert (kept.context, kept.keywords, kept.tags, kept.kind) == (
            "On homes.",
            ("home",),
            ("life",),
            "semantic",
        )


# --- neighbours and judges --------------------------------------------------------------------------


async def test_neighbours_are_numbered_from_the_nearest_of_the_same_namespace() -> None:
    async with open_memory(neighbours=2, judge="ask") as memory:
        texts = ("cats purr", "dogs bark", "cats and dogs fight", "rain falls", "snow melts", "wind howls")
        for text in texts:
            await memory.remember(text, namespace="a", tags=[])
        await memory.remember("do cats purr", namespace=("a", "below"), tags=[])
        made = await memory.remember("do cats purr", namespace="a", tags=[])
        assert [(x.number, x.note.content) for x in made.neighbours[:2]] == [
            (0, "cats purr"),
            (1, "cats and dogs fight"),
        ]
        assert made.neighbours[0].similarity > made.neighbours[1].similarity
        assert len(made.neighbours) <= 4, "two by meaning, two by name"
        assert [x.number for x in made.neighbours] == list(range(len(made.neighbours)))
        assert all(x.note.namespace == ("a",) for x in made.neighbours)


async def test_notes_of_one_batch_see_each_other() -> None:
    """A note stored with others knows those before it."""
    async with open_memory() as memory:
        made = await memory.remember_many(
            ["The telescope needs a mirror.", "A telescope mirror costs 90 euro."], namespace="a"
        )
        first, second = made[0].note, made[1].note
        (link,) = second.links
        assert (link.source, link.target, link.relation) == (second.id, first.id, Relation.RELATES)
        await check_store(memory)


async def test_the_judge_none_decides_nothing_but_keeps_the_thread() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember_many(said("My telescope broke.", "The telescope is mended."), namespace="a")
        notes = await check_store(memory)
        assert {x.relation for each in notes.values() for x in each.links} == {Relation.FOLLOWS}
        assert all(each.pending is None for each in notes.values())


async def test_the_judge_ask_hands_out_numbers_and_changes_nothing() -> None:
    async with open_memory(judge="ask") as memory:
        first = await memory.remember("My telescope broke.", namespace="a")
        made = await memory.remember("The telescope is mended.", namespace="a")
        assert [(x.number, x.note.id) for x in made.neighbours] == [(0, first.note.id)]
        assert made.note.pending is not None
        assert made.note.links == ()
        assert [(x.id, x.revision) for x in made.note.shown] == [(first.note.id, 1)]


@pytest.mark.parametrize("judge", ["offline", "model"])
async def test_evolution_can_be_switched_off_and_links_stay(judge: Any) -> None:
    async with open_memory(model=judging(), evolve=False) as memory:
        first = await memory.remember("Cats purr in Porto.", namespace="a")
        made = await memory.remember("Cats purr loudly in Porto.", namespace="a", judge=judge)
        assert made.evolved == ()
        kept = await memory.get(first.note.id, namespace="a")
        assert kept.keywords == first.note.keywords
        assert len(kept.links) == 1


async def test_a_memory_judges_by_its_model_where_it_has_one() -> None:
    model = judging()
    async with open_memory(model=model) as memory:
        await memory.remember("My cat Miso sleeps by day.", namespace="a")
        await memory.remember("My cat Miso sleeps by night.", namespace="a")
        assert [x.schema.__name__ for x in model.asked] == ["Descriptions", "Replaces"]


async def test_drafts_may_be_words_mappings_or_values() -> None:
    async with open_memory() as memory:
        made = await memory.remember_many(
            ["One.", {"content": "Two.", "tags": ["t"]}, Draft(content="Three.", key="3")], namespace="a"
        )
        assert [x.note.content for x in made] == ["One.", "Two.", "Three."]


async def test_notes_of_one_call_are_listed_in_its_order() -> None:
    async with open_memory(clock=Clock()) as memory:
        texts = [f"Thing {i}." for i in range(20)]
        await memory.remember_many(texts, namespace="a")
        assert contents((await memory.notes(namespace="a")).notes) == texts


# --- what adapters build on ------------------------------------------------------------------------


async def test_a_forgotten_key_begins_anew() -> None:
    async with open_memory() as memory:
        old = (await memory.remember("Tea.", namespace="a", key="k")).note
        await memory.forget(old.id, namespace="a")
        new = (await memory.remember("Coffee.", namespace="a", key="k")).note
        assert new.id == old.id
        assert new.recorded_at > old.recorded_at
        assert new.occurred_at > old.occurred_at
        await check_store(memory)


async def test_a_key_with_another_time_or_end_is_revised() -> None:
    async with open_memory() as memory:
        said = {"content": "The shop is open.", "key": "k", "occurred_at": START, "invalid_at": START + DAY}

        async def again(**fields: Any) -> bool:
            (done,) = await memory.remember_many([said | fields], namespace="a", judge="none")
            return done.known

        assert [await again(), await again()] == [False, True]
        assert not await again(invalid_at=START + 2 * DAY)
        assert not await again(occurred_at=START + DAY, invalid_at=None)
        (note,) = (await memory.keyed(["k"], namespace="a")).values()
        assert (note.occurred_at, note.invalid_at) == (START + DAY, None)


async def test_notes_and_namespaces_are_told_by_door_validity_and_time() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        clock.day(5)
        for days, space, via in [(3, "a", "x"), (1, "b", "x"), (2, "c", "y")]:
            draft = Draft(content=f"Note {days}.", occurred_at=START + days * DAY, source=Source(via=via))
            ends = {"invalid_at": START + 4 * DAY} if space == "b" else {}
            await memory.remember_many([draft.model_copy(update=ends)], namespace=space, judge="none")

        async def listed(**how: Any) -> list[str]:
            return [note.content for note in (await memory.notes(namespace=(), **how)).notes]

        assert await listed(by="occurred_at") == ["Note 1.", "Note 2.", "Note 3."]
        assert await listed(by="occurred_at", newest_first=True, limit=1) == ["Note 3."]
        assert await listed(via="x") == ["Note 3.", "Note 1."]
        assert await listed(valid=True) == ["Note 3.", "Note 2."]
        assert await listed(valid=False) == ["Note 1."]
        assert await memory.namespaces(via="x") == [("a",), ("b",)]
        assert await memory.namespaces(via="x", valid=True) == [("a",)]
        assert await memory.namespaces(valid=False) == [("b",)]
        hits = await memory.recall("Which note?", namespace=(), via="y")
        assert [hit.note.content for hit in hits] == ["Note 2."]


async def test_a_note_written_since_is_not_forgotten_where_its_revision_is_given() -> None:
    async with open_memory() as memory:
        note = (await memory.remember("Tea.", namespace="a", key="k")).note
        await memory.remember("Coffee.", namespace="a", key="k")
        with pytest.raises(ConflictError, match="written since revision 1"):
            await memory.forget(note.id, namespace="a", revision=1)
        await memory.forget(note.id, namespace="a", revision=2)
        assert (await memory.notes(namespace="a")).notes == ()


async def test_one_key_revised_alike_at_once_is_revised_once() -> None:
    async with open_memory() as memory:
        await memory.remember("Tea.", namespace="a", key="k")
        done = await asyncio.gather(
            *(memory.remember("Coffee.", namespace="a", key="k", judge="none") for _ in range(8))
        )
        assert sorted(each.known for each in done) == [False] + [True] * 7
        assert {each.note.content for each in done} == {"Coffee."}


async def test_a_note_written_without_end_keeps_its_newest_changes(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        first = await memory.remember("Number -1.", namespace="a", key="k", judge="none")
        for i in range(MAX_CHANGES + 3):
            last = await memory.remember(f"Number {i}.", namespace="a", key="k", judge="none")
        history = await memory.history(first.note.id, namespace="a")
        assert len(history) == MAX_CHANGES
        assert history[0].dropped == last.note.dropped == 4
        assert last.note == await memory.get(first.note.id, namespace="a")
        with pytest.raises(ConflictError, match="older than the 256 changes"):
            await memory.undo(first.change, namespace="a")
        await memory.undo(last.change, namespace="a")
        assert (await memory.get(first.note.id, namespace="a")).content == f"Number {MAX_CHANGES + 1}."
        await check_store(memory)
        # Nothing older than what the oldest kept change found is known.
        (hit,) = await memory.recall("Which number?", namespace="a", as_of=first.note.recorded_at)
        assert hit.note.content == "Number 3."


async def test_turns_that_say_nothing_are_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    """A conversation as OpenAI's chat API holds it."""
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "My cat is Mia."}], "refusal": None},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
        {"role": "tool", "content": "Mia: tabby.", "tool_call_id": "1"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": ""},
        {"role": "user", "content": "She is four."},
    ]
    async with open_memory() as memory:
        made = await memory.remember_conversation(turns, namespace="a", thread="t")
        assert [each.note.content for each in made] == ["My cat is Mia.", "Mia: tabby.", "She is four."]
        assert [each.note.trust for each in made] == [Trust.STATED, Trust.UNTRUSTED, Trust.STATED]
    assert "turns 1, 3, 4 of 6" in caplog.text
