"""Models that fail in every way they can: the words are kept, the note says so, and it is finished later."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles import check_store, contents, everything, judging, open_memory, said
from zettelmem import Decision, ExtraMissing, InvalidInput, ModelError, ZettelmemError
from zettelmem.protocols import Vectors
from zettelmem.store import Store
from zettelmem.testing import NEVER, HashEmbedder, ScriptedModel

DESCRIBED = {"context": "Said by the model.", "keywords": ["model"], "tags": ["tag"], "kind": "semantic"}
LINK = {"links": [{"neighbour": 0, "relation": "supports"}]}


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
UNFIT = [
    pytest.param({"links": [{"neighbour": 7}]}, "no neighbour has number 7", id="unknown number"),
    pytest.param({"links": [{"neighbour": 0}] * 17}, "at most 16 links", id="too many links"),
    pytest.param(
        {"changes": [{"neighbour": 0, "context": str(i)} for i in range(9)]},
        "8 changes",
        id="too many changes",
    ),
    pytest.param({"changes": [{"neighbour": 0, "content": "Mine."}]}, "content", id="rewrites content"),
    pytest.param({"changes": [{"neighbour": 0, "context": "x" * 5_000}]}, "context", id="too long"),
    pytest.param({"links": [{"neighbour": 0, "relation": "hates"}]}, "relation", id="unknown relation"),
    pytest.param(Decision.model_construct(links="rubbish"), "", id="a value that was never checked"),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_a_note_is_kept_whatever_the_model_says_and_finished_later(
    rubbish: Any, tmp_path: Path
) -> None:
    """Notes were lost, or stored bare with no sign of it."""
    async with open_memory(str(tmp_path), judge="offline") as memory:
        first = (await memory.remember("My telescope broke.", namespace="a")).note
    model = ScriptedModel(lambda _: rubbish)
    async with open_memory(str(tmp_path), model=model) as memory:
        made = await memory.remember("The telescope is mended.", namespace="a")
        assert made.note.content == "The telescope is mended."
        assert made.note.pending is not None
        assert made.note.pending.reason.startswith("the model")
        assert set(made.note.pending.fields) == {"context", "keywords", "tags", "kind"}
        assert "telescope" in made.note.keywords, "the rules described it meanwhile"
        assert await memory.finish_pending(namespace="a") == []
        assert contents((await memory.notes(namespace="a", pending=True)).notes) == [made.note.content]
        assert (await memory.stats(namespace="a")).pending == 1
        await check_store(memory)
    async with open_memory(str(tmp_path), model=judging(LINK, construct=DESCRIBED)) as memory:
        (done,) = await memory.finish_pending(namespace="a")
        assert done.note.id == made.note.id
        kept = await memory.get(made.note.id, namespace="a")
        assert kept.pending is None
        assert (kept.context, kept.keywords, kept.kind) == ("Said by the model.", ("model",), "semantic")
        assert any(x.relation == "supports" and x.target == first.id for x in kept.links)
        assert (await memory.notes(namespace="a", pending=True)).notes == ()
        assert await memory.finish_pending(namespace="a") == []
        await check_store(memory)


@pytest.mark.parametrize(("decision", "told"), UNFIT)
async def test_a_decision_that_does_not_fit_is_refused_as_a_whole_and_the_note_kept(
    decision: Any, told: str
) -> None:

    class Unchecked(ScriptedModel):
        async def answer(self, instructions: str, prompt: str, schema: Any) -> Any:
            if schema is not Decision:
                return schema.model_validate(DESCRIBED)
            return decision if isinstance(decision, Decision) else Decision.model_construct(**decision)

    async with open_memory(model=Unchecked([])) as memory:
        first = (await memory.remember("My telescope broke.", namespace="a", judge="none")).note
        made = await memory.remember("The telescope is mended.", namespace="a")
        assert made.note.pending is not None
        assert made.note.pending.fields == ()
        assert told in made.note.pending.reason
        assert made.note.context == "Said by the model.", "what was answered well is kept"
        kept = await memory.get(first.id, namespace="a")
        assert kept.content == first.content
        assert kept.context == ""
        await check_store(memory)


async def test_a_model_that_is_too_slow_is_not_waited_for() -> None:
    async with open_memory(model=ScriptedModel([NEVER] * 9), model_timeout=0.05) as memory:
        made = await asyncio.wait_for(memory.remember("Cats purr.", namespace="a"), 30)
        assert made.note.pending is not None
        assert "TimeoutError" in made.note.pending.reason


async def test_a_caller_that_leaves_during_the_model_call_leaves_the_store_as_it_was() -> None:
    """A cancelled call: nothing half is written, and the memory works on."""
    asked = asyncio.Event()

    def answer(_: Any) -> Any:
        asked.set()
        return NEVER

    async with open_memory(model=ScriptedModel(answer), model_timeout=30) as memory:
        task = asyncio.create_task(memory.remember("Cats purr.", namespace="a"))
        await asyncio.wait_for(asked.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await everything(memory) == {}
        await memory.remember("Dogs bark.", namespace="a", judge="offline")
        assert len(await check_store(memory)) == 1


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
    async def describing(asked: Any) -> Any:
        if asked.schema is Decision:
            raise ModelError("refused")
        return DESCRIBED

    async with open_memory(model=ScriptedModel(describing)) as memory:
        await memory.remember("Dogs bark.", namespace="a", judge="offline")
        made = await memory.remember("Dogs bark loudly.", namespace="a", judge="ask")
        assert await memory.finish_pending(namespace="a", judge="model") == []
        assert (await memory.get(made.note.id, namespace="a")).pending is not None
        (done,) = await memory.finish_pending(namespace="a", judge="offline")
        assert done.note.id == made.note.id
        await check_store(memory)


async def test_what_the_caller_gave_stays_when_a_note_is_finished() -> None:
    async with open_memory(model=judging(construct=DESCRIBED)) as memory:
        made = await memory.remember("Cats purr.", namespace="a", tags=["mine"], judge="ask")
        (done,) = await memory.finish_pending(namespace="a")
        assert done.note.id == made.note.id
        assert (done.note.tags, done.note.keywords) == (("mine",), ("model",))


async def test_a_finished_note_is_described_with_what_came_before_it() -> None:
    model = judging(construct=DESCRIBED)
    async with open_memory(model=model, judge="ask") as memory:
        await memory.remember_many(said("Where do you live?", "In Porto."), namespace="a")
        await memory.finish_pending(namespace="a", judge="model")
        about = [x.prompt for x in model.asked if "In Porto." in x.prompt and x.schema is not Decision]
        assert "Where do you live?" in about[-1]


@pytest.mark.parametrize("judge", ["none", "ask", "me"])
async def test_only_a_judge_that_decides_finishes(judge: Any) -> None:
    async with open_memory() as memory:
        with pytest.raises(InvalidInput, match="judge"):
            await memory.finish_pending(namespace="a", judge=judge)


async def test_a_note_forgotten_while_it_is_finished_stays_forgotten() -> None:
    forget: list[Any] = []

    async def forgetting(asked: Any) -> Any:
        while forget:
            await forget.pop()
        return {} if asked.schema is Decision else DESCRIBED

    async with open_memory(model=ScriptedModel(forgetting)) as memory:
        made = await memory.remember("Cats purr.", namespace="a", judge="ask")
        other = await memory.remember("Dogs bark.", namespace="a", judge="ask")
        forget.append(memory.forget(made.note.id, namespace="a"))
        done = await memory.finish_pending(namespace="a")
        assert [x.note.id for x in done] == [other.note.id]
        assert (await everything(memory))[made.note.id].forgotten_at is not None
        await check_store(memory)


async def test_a_note_revised_while_it_is_finished_is_not_described_by_its_old_words() -> None:
    revise: list[Any] = []

    async def revising(asked: Any) -> Any:
        while revise:
            await revise.pop()
        return {} if asked.schema is Decision else DESCRIBED | {"context": asked.prompt}

    async with open_memory(model=ScriptedModel(revising)) as memory:
        made = await memory.remember("Cats purr.", namespace="a", judge="ask")
        revise.append(memory.revise(made.note.id, namespace="a", content="Dogs bark."))
        await memory.finish_pending(namespace="a")
        assert "Cats" not in (await memory.get(made.note.id, namespace="a")).context
        await memory.finish_pending(namespace="a")
        kept = await memory.get(made.note.id, namespace="a")
        assert kept.pending is None
        assert "Dogs" in kept.context
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
