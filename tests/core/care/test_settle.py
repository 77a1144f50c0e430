"""Open questions between notes: who is asked, and what an answer does."""

from typing import Any

import pytest

from tests.doubles import check_store, open_memory
from zettelmem import AsyncMemory, ConflictError, DecisionRefused, Note, Relation, Trust
from zettelmem.testing import ScriptedModel


async def two(memory: AsyncMemory, relation: str, **older: Any) -> tuple[Note, Note]:
    """A later note that is linked so to an older one."""
    old = (await memory.remember("Ana's gym is on Mondays.", namespace="ana", judge="none", **older)).note
    new = (await memory.remember("Ana's gym is on Tuesdays.", namespace="ana", judge="none")).note
    await memory.ask(new.id, namespace="ana", among=[old.id])
    await memory.connect(new.id, {"links": [{"neighbour": 0, "relation": relation}]}, namespace="ana")
    return new, old


async def test_what_may_be_the_later_word_is_asked_and_closed_by_the_answer() -> None:
    async with open_memory() as memory:
        new, old = await two(memory, "updates")
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        assert (proposal.about, proposal.notes, proposal.answers) == (
            "newer",
            (new.id, old.id),
            ("first", "both"),
        )
        done = await memory.decide(proposal, "first", namespace="ana")
        assert (await memory.get(old.id, namespace="ana")).superseded
        assert not (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        with pytest.raises(ConflictError, match="settled meanwhile"):
            await memory.decide(proposal, "first", namespace="ana")
        assert done.change is not None
        await memory.undo(done.change, namespace="ana")
        assert (await memory.get(old.id, namespace="ana")).invalid_at is None
        await check_store(memory)


@pytest.mark.parametrize("relation", ["updates", "contradicts"])
async def test_notes_that_both_hold_are_related_and_not_asked_about_again(relation: str) -> None:
    async with open_memory() as memory:
        new, _ = await two(memory, relation)
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        await memory.decide(proposal, "both", namespace="ana")
        links = (await memory.get(new.id, namespace="ana")).links
        assert [link.relation for link in links] == [Relation.RELATES]
        assert not (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        await check_store(memory)


@pytest.mark.parametrize(("answer", "over"), [("first", 1), ("second", 0)])
async def test_of_two_that_contradict_the_answer_closes_one(answer: str, over: int) -> None:
    async with open_memory() as memory:
        pair = await two(memory, "contradicts")
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        assert proposal.about == "contradiction"
        await memory.decide(proposal, answer, namespace="ana")
        closed = [(await memory.get(note.id, namespace="ana")).invalid_at is not None for note in pair]
        assert closed == [place == over for place in (0, 1)]
        await check_store(memory)


async def test_a_less_trusted_note_closes_nothing() -> None:
    async with open_memory() as memory:
        new, _ = await two(memory, "contradicts")
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["settle"])).proposals
        await memory.revise(new.id, namespace="ana", trust=Trust.UNTRUSTED)
        with pytest.raises(DecisionRefused, match="trusted more"):
            await memory.decide(proposal, "first", namespace="ana")


async def test_a_model_settles_within_its_budget() -> None:
    model = ScriptedModel(lambda asked: {"holds": "first"})
    async with open_memory(model=model, judge="offline") as memory:
        _, old = await two(memory, "updates")
        report = await memory.upkeep(namespace="ana", steps=["settle"], judge="model", calls=1)
        assert (report.spent.calls, len(report.changes), report.proposals) == (1, 1, ())
        assert (await memory.get(old.id, namespace="ana")).superseded


async def test_pending_notes_are_finished_as_far_as_the_budget_goes() -> None:
    async with open_memory() as memory:
        for text in ("Tea is at four.", "The boat leaves at nine."):
            await memory.remember(text, namespace="ana", judge="ask")
        waiting = await memory.upkeep(namespace="ana", steps=["settle"], judge="ask")
        assert (waiting.pending, waiting.changes) == (2, ())
        assert (await memory.upkeep(namespace="ana", steps=["settle"], dry_run=True)).pending == 2
        report = await memory.upkeep(namespace="ana", steps=["settle"])
        assert (report.pending, len(report.changes)) == (0, 2)
        await check_store(memory)


async def test_steps_are_checked_and_progress_is_told() -> None:
    async with open_memory() as memory:
        await memory.remember("Tea is at four.", namespace="ana")
        seen: list[tuple[int, int]] = []
        await memory.upkeep(namespace=(), progress=lambda done, of: seen.append((done, of)))
        assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
        for steps in ("fade", ["sleep"]):
            with pytest.raises(ValueError, match="give a list of settle, merge, distil, fade"):
                await memory.upkeep(namespace="ana", steps=steps)  # type: ignore[arg-type]
