"""The models and invariants that the package ships for tests."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from zettelmem import Link, Memory, ModelError, Note, Relation
from zettelmem.note import Evolution
from zettelmem.testing import (
    NEVER,
    HashEmbedder,
    ScriptedModel,
    content_unchanged_by_evolution,
    history_replays,
    hold,
    links_mirrored,
    namespaces_sealed,
    notes_of,
    revisions_counted,
)

NOW = datetime(2024, 5, 4, 12, tzinfo=UTC)


class TestHashEmbedder:
    def test_texts_that_share_words_are_nearer_than_texts_that_share_none(self) -> None:
        embedder = HashEmbedder()
        (asked,) = embedder.embed_queries(["a flat in Porto"])
        near, far = embedder.embed_documents(["Ana found a flat in Porto", "the marathon was cancelled"])
        assert asked @ near > 0.5 > abs(asked @ far)

    def test_vectors_are_unit_float32_and_alike_in_every_instance(self) -> None:
        texts = ["Porto", "and the of", "🎉", "猫が好き", "12345"]
        one, two = HashEmbedder().embed_documents(texts), HashEmbedder().embed_documents(texts)
        assert one.dtype == np.float32
        assert one.shape == (5, 256)
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-6)
        assert len({row.tobytes() for row in one}) == 5

    def test_blank_text_has_no_direction_and_no_text_no_vector(self) -> None:
        embedder = HashEmbedder(8)
        assert not embedder.embed_documents([" \n"]).any()
        assert embedder.embed_documents([]).shape == (0, 8)

    def test_it_counts_what_it_was_asked(self) -> None:
        embedder = HashEmbedder()
        embedder.embed_documents(["a", "b"])
        embedder.embed_queries(["c"])
        assert embedder.calls == 2
        assert embedder.texts == ["a", "b", "c"]

    def test_its_name_tells_its_size(self) -> None:
        assert HashEmbedder(64).name != HashEmbedder(65).name
        assert HashEmbedder(name="mine").name == "mine"


class Answer(BaseModel):
    word: str


class TestScriptedModel:
    async def test_answers_come_in_order_and_questions_are_kept(self) -> None:
        model = ScriptedModel([{"word": "one"}, Answer(word="two")])
        assert (await model.answer("be brief", "first?", Answer)).word == "one"
        assert (await model.answer("be brief", "second?", Answer)).word == "two"
        assert [each.prompt for each in model.asked] == ["first?", "second?"]
        assert model.asked[0].instructions == "be brief"
        assert model.asked[0].schema is Answer

    async def test_the_end_of_the_script_is_an_error(self) -> None:
        with pytest.raises(ModelError, match="no answer number 1"):
            await ScriptedModel([]).answer("", "", Answer)

    async def test_a_function_may_look_at_the_question(self) -> None:
        model = ScriptedModel(lambda asked: {"word": asked.prompt.upper()})
        assert (await model.answer("", "hey", Answer)).word == "HEY"

    async def test_an_async_function_is_awaited(self) -> None:
        async def script(asked: object) -> dict[str, str]:
            return {"word": "later"}

        assert (await ScriptedModel(script).answer("", "", Answer)).word == "later"

    async def test_an_exception_in_the_script_is_raised(self) -> None:
        with pytest.raises(ConnectionError, match="gone"):
            await ScriptedModel([ConnectionError("gone")]).answer("", "", Answer)

    async def test_an_answer_that_does_not_fit_is_refused_as_a_real_model_would(self) -> None:
        with pytest.raises(ValidationError):
            await ScriptedModel([{"sentence": "no"}]).answer("", "", Answer)

    async def test_rubbish_is_handed_out_as_it_is(self) -> None:
        rubbish: object = await ScriptedModel(["no idea"]).answer("", "", Answer)
        assert rubbish == "no idea"

    async def test_never_waits_until_it_is_given_up(self) -> None:
        waiting = asyncio.create_task(ScriptedModel([NEVER]).answer("", "", Answer))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


def test_a_memory_works_with_both() -> None:
    def script(asked: Any) -> dict[str, Any]:
        if asked.schema.__name__ == "Replaces":
            return {"replaces": "Ana rents a flat in Porto by the river."}
        fields = {"context": "About a flat.", "keywords": ["flat"], "tags": ["home"], "kind": "episodic"}
        return {"notes": [{"note": 0, **fields}]}

    with Memory(embedder=HashEmbedder(), model=ScriptedModel(script)) as memory:
        first = memory.remember("Ana rents a flat in Porto by the river.", namespace="ana").note
        second = memory.remember("Ana rents a flat in Porto by the park.", namespace="ana")
        assert second.evolved == (first.id,)
        assert memory.get(first.id, namespace="ana").superseded
        hold(memory)


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A memory with links, an evolution, a revision, something forgotten and something undone."""
    with Memory(embedder=HashEmbedder()) as memory:
        for i, text in enumerate(
            (
                "Ana lives in Lisbon near the river.",
                "Ana moved from Lisbon to Porto, away from the river.",
                "The river in Porto floods in winter.",
                "Ana keeps bees on the roof in Porto.",
            )
        ):
            memory.remember(text, namespace="ana", thread="chat", occurred_at=NOW.replace(hour=i))
        notes = memory.notes(namespace="ana").notes
        memory.revise(notes[2].id, namespace="ana", content="The river in Porto flooded in winter.")
        gone = memory.forget(notes[3].id, namespace="ana")
        memory.undo(gone.change, namespace="ana")
        memory.forget(notes[0].id, namespace="ana")
        asked = memory.remember("Bees need a quiet roof.", namespace="ana", judge="ask")
        change = {"neighbour": 0, "tags": ["bees"], "reason": "it is about bees"}
        memory.connect(asked.note.id, {"changes": [change]}, namespace="ana")
        yield memory


def test_what_must_hold_holds_of_a_memory_that_was_used(memory: Memory) -> None:
    notes = notes_of(memory)
    assert len(notes) == 4
    assert any(note.links for note in notes)
    assert {"remember", "connect", "revise", "forget", "undo", "evolve"} <= {
        x.verb for n in notes for x in n.history
    }
    hold(memory)


def test_all_pages_are_read() -> None:
    with Memory(embedder=HashEmbedder(), judge="none", durable=False) as memory:
        memory.remember_many([f"note number {i}" for i in range(1_010)], namespace="many")
        assert len({note.content for note in notes_of(memory)}) == 1_010


def _note(note_id: str, **fields: Any) -> Note:
    entry = Evolution(change=f"{note_id}.1", verb="remember", cause=note_id, at=NOW)
    values: dict[str, Any] = {"namespace": ("a",), "content": "words", "occurred_at": NOW, "recorded_at": NOW}
    return Note(**({**values, "id": note_id, "history": (entry,)} | fields))


ONE, TWO = "aaaaaaa1", "aaaaaaa2"
LINK = Link(source=ONE, target=TWO, relation=Relation.RELATES, reason="both words")
BORN = Evolution(change=f"{ONE}.1", verb="remember", cause=ONE, at=NOW)


def _entry(**fields: Any) -> Evolution:
    values: dict[str, Any] = {"change": f"{TWO}.1", "verb": "evolve", "cause": TWO, "at": NOW}
    return Evolution(**(values | fields))


@pytest.mark.parametrize(
    ("invariant", "notes", "complaint"),
    [
        (links_mirrored, [_note(ONE, links=(LINK,)), _note(TWO)], "does not know of"),
        (links_mirrored, [_note(ONE, links=(LINK,))], "which is not there"),
        (links_mirrored, [_note(ONE, links=(LINK, LINK)), _note(TWO, links=(LINK,))], "twice"),
        (links_mirrored, [_note("aaaaaaa3", links=(LINK,))], "a link of others"),
        (
            namespaces_sealed,
            [_note(ONE, links=(LINK,)), _note(TWO, links=(LINK,), namespace=("b",))],
            "linked into",
        ),
        (revisions_counted, [_note(ONE, revision=2)], "revision 2, 1 entries of history and 0 dropped"),
        (revisions_counted, [_note(ONE, revision=2, history=(BORN, BORN))], "a change twice"),
        (
            content_unchanged_by_evolution,
            [_note(ONE, history=(BORN, _entry(verb="connect", after={"content": "words"})))],
            "connect aaaaaaa2.1 rewrote aaaaaaa1",
        ),
        (
            content_unchanged_by_evolution,
            [_note(ONE, history=(BORN, _entry(after={"trust": 3})))],
            r"changed \['trust'\]",
        ),
        (
            content_unchanged_by_evolution,
            [_note(ONE, history=(BORN, _entry(verb="link", after={"tags": ["new"]})))],
            r"changed \['tags'\]",
        ),
        (history_replays, [_note(ONE, history=())], "no history"),
        (history_replays, [_note(ONE, history=(_entry(),))], "began with evolve"),
        (
            history_replays,
            [_note(ONE, history=(BORN, _entry(before={"context": ""}, after={"context": "other"})))],
            "context of aaaaaaa1 is '', but aaaaaaa2.1 made it 'other'",
        ),
        (history_replays, [_note(ONE, history=(BORN, _entry(linked=(LINK,))))], "which is not there"),
        (
            history_replays,
            [_note(ONE, links=(LINK,), history=(BORN, _entry(unlinked=(LINK,))))],
            "is there",
        ),
        (history_replays, [_note(ONE, links=(LINK,))], "no change of aaaaaaa1 tells"),
    ],
)
def test_each_invariant_notices_its_fault(
    invariant: Callable[[list[Note]], None], notes: list[Note], complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        invariant(notes)
    with pytest.raises(AssertionError):
        hold(notes)
