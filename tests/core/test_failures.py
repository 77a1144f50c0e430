"""Models that fail in every way they can: the words are kept, the note says so, and it is finished later."""

import asyncio
import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles import DAY, START, Clock, check_store, contents, everything, judging, open_memory, said
from zettelmem import ExtraMissing, InvalidInput, ModelError, Trust, ZettelmemError
from zettelmem.protocols import Vectors
from zettelmem.spending import REST
from zettelmem.store import Store
from zettelmem.testing import NEVER, Asked, HashEmbedder, ScriptedModel
from zettelmem.work import MAX_TRIES

DESCRIBED = {"context": "Said by the model.", "keywords": ["model"], "tags": ["tag"], "kind": "semantic"}
OLD, NEW = "My telescope in Porto is broken.", "My telescope in Porto is mended now."


class Speechless(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


RUBBISH = [
    pytest.param(RuntimeError("no credit"), id="raises"),
    pytest.param(ModelError("refused"), id="raises ours"),
    pytest.param(TimeoutError(), id="raises a timeout"),
    pytest.param(KeyError("choices"), id="raises a lookup error"),
    pytest.param(RuntimeError("half \ud800"), id="raises what is no text"),
    pytest.param(RuntimeError("long " * 1_000), id="raises at length"),
    pytest.param(Speechless(), id="raises without words"),
    pytest.param("Sure! Here is the JSON:", id="chats"),
    pytest.param(None, id="nothing"),
    pytest.param([], id="a list"),
    pytest.param(5, id="a number"),
    pytest.param({"links": "rubbish"}, id="words for links"),
    pytest.param({"links": [{"neighbour": "0 or 1"}], "keywords": 5}, id="words for numbers"),
    pytest.param({"unknown": 1, "kind": "banana", "context": [1]}, id="unknown fields"),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_a_note_is_kept_whatever_the_model_says_and_finished_later(
    rubbish: Any, tmp_path: Path
) -> None:
    """Notes were lost, or stored bare with no sign of it."""
    async with open_memory(str(tmp_path), judge="offline") as memory:
        first = (await memory.remember(OLD, namespace="a")).note
    model = ScriptedModel(lambda _: rubbish)
    clock = Clock(START + DAY)
    async with open_memory(str(tmp_path), model=model, clock=clock) as memory:
        made = await memory.remember(NEW, namespace="a")
        assert made.note.content == NEW
        assert made.note.pending is not None
        assert made.note.pending.reason.startswith("the model failed")
        assert (made.note.pending.tries, made.note.pending.holder) == (1, "")
        assert set(made.note.pending.fields) == {"context", "keywords", "tags", "kind"}
        assert "telescope" in made.note.keywords, "the rules described it meanwhile"
        assert any(link.target == first.id for link in made.note.links), "and linked it"
        assert await memory.finish_pending(namespace="a") == []
        assert contents((await memory.notes(namespace="a", pending=True)).notes) == [NEW]
        assert (await memory.stats(namespace="a")).pending == 1
        await check_store(memory)
    judge = judging(described=DESCRIBED, closes=True)
    async with open_memory(str(tmp_path), model=judge, clock=clock) as memory:
        (done,) = await memory.finish_pending(namespace="a")
        assert done.note.id == made.note.id
        kept = await memory.get(made.note.id, namespace="a")
        assert kept.pending is None
        assert (kept.context, kept.keywords, kept.kind) == ("Said by the model.", ("model",), "semantic")
        assert any(x.relation == "supersedes" and x.target == first.id for x in kept.links)
        assert (await memory.notes(namespace="a", pending=True)).notes == ()
        assert await memory.finish_pending(namespace="a") == []
        await check_store(memory)


async def test_what_was_answered_well_is_kept_where_the_next_answer_fails() -> None:
    def half(asked: Asked) -> Any:
        if asked.schema.__name__ == "Descriptions":
            return {"notes": [{"note": 0, **DESCRIBED}]}
        return {"replaces": "something else"}

    model = ScriptedModel(half)
    async with open_memory(model=model) as memory:
        await memory.remember(OLD, namespace="a")
        made = await memory.remember(NEW, namespace="a")
        assert made.note.context == "Said by the model."
        assert made.note.pending is not None
        assert made.note.pending.fields == (), "it is not described again"
        assert OLD not in made.note.pending.reason, "it would stay here when that note is erased"
        await memory.finish_pending(namespace="a")
        assert [x.schema.__name__ for x in model.asked] == ["Descriptions", "Replaces", "Replaces"]
        await check_store(memory)


async def test_a_note_that_a_model_fails_on_again_and_again_is_left_to_the_rules() -> None:
    """A refused decision was asked for again after every remember, for ever."""
    model = ScriptedModel(lambda _: "rubbish")
    async with open_memory(model=model, tasks=["close"]) as memory:
        await memory.remember(OLD, namespace="a")
        made = await memory.remember(NEW, namespace="a")
        for tries in range(1, MAX_TRIES):
            pending = (await memory.get(made.note.id, namespace="a")).pending
            assert pending is not None
            assert pending.tries == tries
            assert await memory.finish_pending(namespace="a", due=True) == [], "it waits for its next try"
            await memory.finish_pending(namespace="a")
        settled = await memory.get(made.note.id, namespace="a")
        assert settled.pending is None
        assert settled.history[-1].reason.startswith(f"given up after {MAX_TRIES} tries: the model failed")
        assert settled.links == made.note.links
        assert len(model.asked) == MAX_TRIES
        await check_store(memory)


async def test_a_dead_model_costs_one_time_out_and_not_one_a_note() -> None:
    model = ScriptedModel(lambda _: ConnectionError("refused"))
    clock = Clock()
    async with open_memory(model=model, clock=clock) as memory:
        for text in (OLD, NEW, "My telescope in Porto is broken again.", "My telescope in Porto is sold."):
            await memory.remember(text, namespace="a")
        assert len(model.asked) == 1
        waiting = (await memory.notes(namespace="a", pending=True)).notes
        assert [note.pending.tries if note.pending else -1 for note in waiting] == [1, 0, 0]
        clock.now += REST
        await memory.finish_pending(namespace="a")
        assert len(model.asked) == 2, "after its rest one question tells whether it works"
        await check_store(memory)


async def test_a_model_that_works_again_is_asked_again() -> None:
    dead = [ConnectionError("refused")]
    works = judging()
    model = ScriptedModel(lambda asked: dead.pop() if dead else works.answer(*vars(asked).values()))
    clock = Clock()
    async with open_memory(model=model, clock=clock, tasks=["close"]) as memory:
        for text in (OLD, NEW, "My telescope in Porto is broken again."):
            await memory.remember(text, namespace="a")
        clock.now += REST
        assert len(await memory.finish_pending(namespace="a")) == 2
        made = await memory.remember("My telescope in Porto is sold.", namespace="a")
        assert made.note.pending is None


async def test_the_rules_word_is_taken_back_before_a_models_is_applied() -> None:
    """The model decided "nothing", and what the rules had closed and taught meanwhile stayed."""
    down = [RuntimeError("away")]
    model = judging()
    flaky = ScriptedModel(lambda asked: down.pop() if down else model.answer(*vars(asked).values()))
    clock = Clock()
    async with open_memory(model=flaky, clock=clock) as memory:
        first = (await memory.remember("I live in Lisbon near the river.", namespace="a")).note
        made = await memory.remember("I moved, I now live in Porto near the river.", namespace="a")
        assert made.note.pending is not None
        assert (await memory.get(first.id, namespace="a")).superseded, "the rules close it meanwhile"
        clock.now += REST
        (done,) = await memory.finish_pending(namespace="a")
        kept = await memory.get(first.id, namespace="a")
        assert kept.invalid_at is None
        assert kept.keywords == first.keywords
        assert [link.relation for link in kept.links] == ["updates"], "both stand, the later word first"
        await memory.undo(done.change, namespace="a")
        await check_store(memory)


async def test_what_a_model_closes_passes_the_guard() -> None:
    """A schema that was repaired let a small model close 10 true notes of 28."""
    async with open_memory(model=judging(closes=True)) as memory:
        aunt = (await memory.remember("My aunt lives in Porto near the river.", namespace="a")).note
        trusted = await memory.remember("I live in Lisbon.", namespace="a", trust=Trust.VERIFIED)
        await memory.remember("I live in Porto near the river.", namespace="a")
        for each in (aunt, trusted.note):
            assert (await memory.get(each.id, namespace="a")).invalid_at is None


async def test_a_closing_that_the_rules_do_not_see_needs_a_second_yes() -> None:
    yes = judging(closes=True)

    def doubting(asked: Asked) -> Any:
        if asked.schema.__name__ == "Pairs":
            return {"pairs": [{"pair": 0, "same": answer}]}
        return yes.answer(*vars(asked).values())

    for answer in ("no", "yes"):
        async with open_memory(model=ScriptedModel(doubting), tasks=["close"]) as memory:
            old = (await memory.remember("A grey cat sleeps upstairs with us.", namespace="a")).note
            await memory.remember("No grey cat upstairs with us any more, alas.", namespace="a")
            kept = await memory.get(old.id, namespace="a")
            assert (kept.invalid_at is not None) == (answer == "yes")


async def test_a_model_that_is_too_slow_is_not_waited_for() -> None:
    async with open_memory(model=ScriptedModel([NEVER] * 9), model_timeout=0.05) as memory:
        await memory.remember(OLD, namespace="a")
        made = await asyncio.wait_for(memory.remember(NEW, namespace="a"), 30)
        assert made.note.pending is not None
        assert "TimeoutError" in made.note.pending.reason


async def test_a_caller_that_leaves_during_the_model_call_loses_nothing() -> None:
    """The note was written after the model had answered, so a time-out of the caller's lost the turn."""
    asked = asyncio.Event()

    def answer(_: Any) -> Any:
        asked.set()
        return NEVER

    clock = Clock()
    async with open_memory(model=ScriptedModel(answer), model_timeout=30, clock=clock) as memory:
        await memory.remember(OLD, namespace="a")
        task = asyncio.create_task(memory.remember(NEW, namespace="a"))
        await asyncio.wait_for(asked.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (waiting,) = (await memory.notes(namespace="a", pending=True)).notes
        assert waiting.content == NEW
        assert await memory.finish_pending(namespace="a", judge="offline") == [], "it may be in other hands"
        clock.now += timedelta(minutes=10)
        (done,) = await memory.finish_pending(namespace="a", judge="offline")
        assert done.note.id == waiting.id
        await check_store(memory)


async def test_a_caller_that_leaves_while_it_is_written_tears_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The write goes on, whole; the calls that share it do not suffer."""
    writing, go_on = asyncio.Event(), asyncio.Event()
    merge = Store._merge

    async def slow(self: Store, rows: Any, base: Any) -> int:
        writing.set()
        await go_on.wait()
        return await merge(self, rows, base)

    async with open_memory(judge="none") as memory:
        first = (await memory.remember("My telescope broke.", namespace="a")).note.id
        monkeypatch.setattr(Store, "_merge", slow)
        leaving = asyncio.create_task(memory.revise(first, namespace="a", context="By one who left."))
        await asyncio.wait_for(writing.wait(), 30)
        staying = asyncio.create_task(memory.revise(first, namespace="a", tags=["stayed"]))
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        go_on.set()
        made = await asyncio.wait_for(staying, 30)
        assert (made.note.context, made.note.tags) == ("By one who left.", ("stayed",))
        await check_store(memory)


async def test_a_caller_that_leaves_at_any_moment_leaves_nothing_half() -> None:
    async with open_memory() as memory:
        await memory.remember_many(["My telescope broke.", "The telescope stands."], namespace="a")
        for moment in range(15):
            leaving = asyncio.create_task(memory.remember(f"The telescope {moment}.", namespace="a"))
            staying = asyncio.create_task(memory.remember(f"The mirror {moment}.", namespace="a"))
            await asyncio.wait({leaving}, timeout=moment / 500)
            leaving.cancel()
            made = await asyncio.wait_for(staying, 30)
            assert (await memory.get(made.note.id, namespace="a")).content == f"The mirror {moment}."
            await asyncio.gather(leaving, return_exceptions=True)
        await check_store(memory)


async def test_pending_notes_are_finished_oldest_first_up_to_a_limit() -> None:
    async with open_memory(model=judging(), judge="offline") as memory:
        await memory.remember("One.", namespace="b", judge="ask")
        for text in ("One.", "Two.", "Three."):
            await memory.remember(text, namespace=("a", "x"), judge="ask")
        done = await memory.finish_pending(namespace="a", judge="model", limit=2)
        assert [x.note.content for x in done] == ["One.", "Two."]
        done = await memory.finish_pending(namespace="a", judge="offline")
        assert [x.note.content for x in done] == ["Three."]
        assert (await memory.stats(namespace="b")).pending == 1
        await check_store(memory)


async def test_a_note_whose_judge_fails_again_stays_pending() -> None:
    async with open_memory(model=ScriptedModel(lambda _: ModelError("refused"))) as memory:
        await memory.remember(OLD, namespace="a", judge="offline")
        made = await memory.remember(NEW, namespace="a", judge="ask")
        assert await memory.finish_pending(namespace="a", judge="model") == []
        assert (await memory.get(made.note.id, namespace="a")).pending is not None
        (done,) = await memory.finish_pending(namespace="a", judge="offline")
        assert done.note.id == made.note.id
        await check_store(memory)


async def test_what_the_caller_gave_stays_when_a_note_is_finished() -> None:
    async with open_memory(model=judging(described=DESCRIBED)) as memory:
        await memory.remember(OLD, namespace="a", judge="none")
        made = await memory.remember(NEW, namespace="a", tags=["mine"], judge="ask")
        (done,) = await memory.finish_pending(namespace="a")
        assert done.note.id == made.note.id
        assert (done.note.tags, done.note.keywords) == (("mine",), ("model",))


async def test_a_finished_note_is_described_with_what_came_before_it() -> None:
    model = judging(described=DESCRIBED)
    async with open_memory(model=model, judge="later", tasks=["describe"]) as memory:
        await memory.remember(OLD, namespace="a")
        await memory.remember_many(said("What of your telescope?", NEW), namespace="a")
        assert model.asked == []
        await memory.finish_pending(namespace="a")
        (asked,) = model.asked
        assert 'just before: {"by": "unknown", "says": "What of your telescope?"}' in asked.prompt


@pytest.mark.parametrize("judge", ["none", "ask", "me"])
async def test_only_a_judge_that_decides_finishes(judge: Any) -> None:
    async with open_memory() as memory:
        with pytest.raises(InvalidInput, match="judge"):
            await memory.finish_pending(namespace="a", judge=judge)


async def test_a_note_forgotten_while_it_is_finished_stays_forgotten() -> None:
    forget: list[Any] = []

    model = judging(described=DESCRIBED)

    async def forgetting(asked: Any) -> Any:
        while forget:
            await forget.pop()
        return await model.answer(*vars(asked).values())

    async with open_memory(model=ScriptedModel(forgetting)) as memory:
        await memory.remember(OLD, namespace="a", judge="none")
        made = await memory.remember(NEW, namespace="a", judge="ask")
        other = await memory.remember("My telescope in Porto is sold.", namespace="a", judge="ask")
        forget.append(memory.forget(made.note.id, namespace="a"))
        done = await memory.finish_pending(namespace="a")
        assert [x.note.id for x in done] == [other.note.id]
        assert (await everything(memory))[made.note.id].forgotten_at is not None
        await check_store(memory)


async def test_a_note_revised_while_it_is_finished_is_not_described_by_its_old_words() -> None:
    revise: list[Any] = []
    clock = Clock()

    async def revising(asked: Any) -> Any:
        while revise:
            await revise.pop()
        said = "mended" if "mended" in asked.prompt else "sold"
        return {"notes": [{"note": 0, **DESCRIBED, "context": said}]}

    async with open_memory(model=ScriptedModel(revising), tasks=["describe"], clock=clock) as memory:
        await memory.remember(OLD, namespace="a", judge="none")
        made = await memory.remember(NEW, namespace="a", judge="ask")
        revise.append(memory.revise(made.note.id, namespace="a", content="My telescope in Porto is sold."))
        await memory.finish_pending(namespace="a")
        assert (await memory.get(made.note.id, namespace="a")).context != "mended"
        clock.now += timedelta(minutes=10)
        await memory.finish_pending(namespace="a")
        kept = await memory.get(made.note.id, namespace="a")
        assert kept.pending is None
        assert kept.context == "sold"
        await check_store(memory)


class Broken(HashEmbedder):
    """An embedder that answers with `rubbish` when it is told to."""

    rubbish: Any = None

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if isinstance(self.rubbish, BaseException):
            raise self.rubbish
        if self.rubbish is not None:
            answer: Vectors = self.rubbish
            return answer
        return super().embed_documents(texts)


@pytest.mark.parametrize(
    "rubbish",
    [
        pytest.param(np.zeros((1, 3), np.float32), id="wrong width"),
        pytest.param(np.zeros((99, 256), np.float32), id="wrong count"),
        pytest.param(np.full((2, 256), math.nan, np.float32), id="no numbers"),
        pytest.param(np.full((2, 256), math.inf, np.float32), id="endless"),
        pytest.param("text", id="text"),
        pytest.param(RuntimeError("out of memory"), id="raises"),
    ],
)
async def test_an_embedder_that_fails_leaves_the_store_as_it_was(rubbish: Any) -> None:
    """Note and index diverged when a write failed half-way."""
    embedder = Broken()
    async with open_memory(embedder=embedder) as memory:
        made = await memory.remember("Cats purr.", namespace="a")
        before = await everything(memory)
        embedder.rubbish = rubbish
        with pytest.raises(ModelError):
            await memory.remember("Dogs bark.", namespace="a")
        with pytest.raises(ModelError):
            await memory.revise(made.note.id, namespace="a", content="Cats roar.")
        with pytest.raises(ModelError):
            await memory.recall("cats", namespace="a")
        embedder.rubbish = None
        assert await everything(memory) == before
        await memory.remember("Dogs bark.", namespace="a")
        await check_store(memory)


async def test_an_error_of_ours_reaches_the_caller_as_it_is() -> None:
    """What an extra that is missing says is not hidden behind a failed model."""
    missing = ExtraMissing("pip install it")
    embedder = Broken()

    class Reranking:
        name = "missing"

        def score(self, query: str, texts: Sequence[str]) -> Sequence[float]:
            raise missing

    async with open_memory(embedder=embedder, reranker=Reranking()) as memory:
        await memory.remember("Cats purr.", namespace="a")
        with pytest.raises(ExtraMissing, match="pip install it"):
            await memory.recall("cats", namespace="a")
        embedder.rubbish = missing
        with pytest.raises(ExtraMissing, match="pip install it"):
            await memory.remember("Dogs bark.", namespace="a")


async def test_vectors_of_any_length_are_made_unit_vectors() -> None:
    class Long(HashEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            longer: Vectors = super().embed_documents(texts) * np.float32(7)
            return longer

    async with open_memory(embedder=Long()) as memory:
        made = await memory.remember_many(["Cats purr.", "Cats purr loudly."], namespace="a", judge="ask")
        (near,) = made[1].neighbours
        assert -1 <= near.similarity <= 1 + 1e-6


async def test_every_error_is_one_of_ours() -> None:
    """A caller can catch one class."""
    async with open_memory() as memory:
        for call in (
            memory.get("x", namespace="a"),
            memory.undo("x", namespace="a"),
            memory.recall("", namespace="a"),
            memory.remember("", namespace="a"),
            memory.notes(namespace="a", after="x"),
            memory.graph(namespace="a", hops=99),
        ):
            with pytest.raises(ZettelmemError):
                await call
