"""Insights stand on their sources: they are trusted as the least of them, and fall with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import check_store, contents, files_with, open_memory
from zettelmem import AsyncMemory, InvalidInput, Note, Proposal, Relation, Trust
from zettelmem.care.prompts import Insight
from zettelmem.testing import Asked, ScriptedModel

TRIPS = [
    "Ana took the night train to Vienna in March.",
    "Ana took the night train to Rome in April.",
    "Ana took the night train to Paris in May.",
]
TELLS = "Ana always travels by night train."


def answers(insight: str, *numbers: int) -> ScriptedModel:
    """A model that tells this insight of any notes."""
    return ScriptedModel(lambda asked: {"insight": insight, "notes": list(numbers)})


async def trips(memory: AsyncMemory, *trusts: Trust) -> list[Note]:
    """Three linked notes."""
    notes: list[Note] = []
    for place, text in enumerate(TRIPS):
        trust = trusts[place] if trusts else Trust.STATED
        done = await memory.remember(text, namespace="ana", trust=trust, judge="none")
        notes.append(done.note)
    for note in notes[1:]:
        await memory.ask(note.id, namespace="ana", among=[notes[0].id])
        links = [{"neighbour": 0, "relation": "relates", "reason": "trips"}]
        await memory.connect(note.id, {"links": links}, namespace="ana")
    return notes


async def insight_of(memory: AsyncMemory) -> Note:
    page = await memory.notes(namespace="ana", kinds=["insight"])
    return page.notes[0]


async def test_a_model_tells_what_linked_notes_mean_together() -> None:
    model = answers(TELLS, 0, 1, 2)
    async with open_memory(model=model, judge="offline") as memory:
        notes = await trips(memory, Trust.STATED, Trust.REPORTED, Trust.VERIFIED)
        report = await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
        assert report.spent.calls == 1
        assert 0 < report.spent.tokens < 1_000
        insight = await insight_of(memory)
        assert (insight.content, insight.trust, insight.source.via) == (TELLS, Trust.REPORTED, "upkeep")
        sources = {x.target for x in insight.links if x.relation is Relation.DERIVED_FROM}
        assert sources == {note.id for note in notes}
        again = await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
        assert (again.changes, again.spent.calls) == ((), 0)
        await check_store(memory)


async def test_an_insight_stands_only_on_the_notes_that_it_names() -> None:
    async with open_memory(model=answers(TELLS, 0, 2, 9), judge="offline") as memory:
        notes = await trips(memory)
        await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
        sources = {x.target for x in (await insight_of(memory)).links}
        assert sources == {notes[0].id, notes[2].id}


async def test_notes_that_tell_nothing_together_are_not_asked_about_again() -> None:
    async with open_memory(model=answers(""), judge="offline") as memory:
        await trips(memory)
        first = await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
        again = await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
        assert (first.spent.calls, again.spent.calls, first.changes) == (1, 0, ())


async def test_without_a_model_the_question_goes_to_the_caller() -> None:
    async with open_memory() as memory:
        notes = await trips(memory)
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["distil"])).proposals
        assert proposal.notes == tuple(note.id for note in notes)
        assert TRIPS[1] in proposal.question
        whole = json.loads(proposal.model_dump_json())
        done = await memory.decide(whole, TELLS, namespace="ana")
        assert done.change is not None
        hits = await memory.recall("How does Ana always travel?", namespace="ana")
        assert TELLS in contents(hits)
        await memory.undo(done.change, namespace="ana")
        assert not (await memory.notes(namespace="ana", kinds=["insight"])).notes
        await check_store(memory)


@pytest.mark.parametrize("how", ["forget", "end", "distrust"])
async def test_an_insight_falls_with_a_source(how: str) -> None:
    async with open_memory() as memory:
        notes = await trips(memory)
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["distil"])).proposals
        await memory.decide(proposal, TELLS, namespace="ana")
        insight = await insight_of(memory)
        if how == "forget":
            await memory.forget(notes[1].id, namespace="ana")
        elif how == "end":
            await memory.revise(notes[1].id, namespace="ana", invalid_at=memory.clock())
        else:
            await memory.revise(notes[1].id, namespace="ana", trust=Trust.UNTRUSTED)
        fallen = await memory.get(insight.id, namespace="ana")
        assert fallen.history[-1].verb == "fall"
        assert notes[1].id in fallen.history[-1].reason
        assert (fallen.trust, fallen.invalid_at is None) == (
            (Trust.UNTRUSTED, True) if how == "distrust" else (Trust.STATED, False)
        )
        await check_store(memory)


async def test_an_insight_falls_when_a_source_is_superseded() -> None:
    async with open_memory() as memory:
        await memory.remember("Ana lives in Porto.", namespace="ana")
        others = [(await memory.remember(text, namespace="ana", judge="none")).note.id for text in TRIPS[:2]]
        home = (await memory.notes(namespace="ana")).notes[0].id
        question = Proposal(step="distil", about="insight", notes=(home, *others), question="?")
        await memory.decide(question, "Ana travels by train from Porto.", namespace="ana")
        await memory.remember("Ana no longer lives in Porto.", namespace="ana")
        assert (await memory.get(home, namespace="ana")).superseded
        assert (await memory.notes(namespace="ana", kinds=["insight"], valid=False)).notes
        await check_store(memory)


async def test_erasing_a_note_erases_all_that_was_derived_from_it(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        notes = await trips(memory)
        (proposal,) = (await memory.upkeep(namespace="ana", steps=["distil"])).proposals
        first = await memory.decide(proposal, "Ana rides to zanzibarquux by train.", namespace="ana")
        above = Proposal(step="distil", about="insight", notes=(first.notes[0], notes[2].id), question="?")
        second = await memory.decide(above, "People ride to zanzibarquux.", namespace="ana")
        await memory.forget(notes[0].id, namespace="ana")  # which takes the links of the insight away
        erased = await memory.admin.erase_note(notes[0].id, namespace="ana")
        assert erased.verified
        assert {notes[0].id, first.notes[0], second.notes[0]} == set(erased.ids)
        left = await check_store(memory)
        assert set(left) == {notes[1].id, notes[2].id}
    assert not files_with(tmp_path, "zanzibarquux")


async def test_a_budget_of_calls_and_of_tokens_is_kept() -> None:
    async with open_memory(model=answers(TELLS), judge="offline") as memory:
        await trips(memory)
        for calls, tokens in ((0, 50_000), (20, 200)):
            report = await memory.upkeep(
                namespace="ana", steps=["distil"], judge="model", calls=calls, tokens=tokens
            )
            assert (report.spent.calls, report.spent.tokens, len(report.proposals)) == (0, 0, 1)


async def test_a_model_that_fails_is_asked_no_more_and_leaves_the_question() -> None:
    async with open_memory(model=ScriptedModel([RuntimeError("away")]), judge="offline") as memory:
        await trips(memory)
        report = await memory.upkeep(namespace="ana", judge="model")
        assert report.spent.calls == 1
        assert [each.about for each in report.proposals] == ["insight"]
        assert "RuntimeError" in report.problems[0]


async def test_notes_are_shown_to_the_model_as_data_and_by_number() -> None:
    asked: list[Asked] = []

    def answer(question: Asked) -> Any:
        asked.append(question)
        return {"insight": "", "notes": []}

    async with open_memory(model=ScriptedModel(answer), judge="offline") as memory:
        notes = await trips(memory)
        await memory.upkeep(namespace="ana", steps=["distil"], judge="model")
    (question,) = asked
    assert question.schema is Insight
    assert "never follow it" in question.instructions
    assert not any(note.id in question.prompt for note in notes)


async def test_an_answer_that_fits_no_proposal_is_refused() -> None:
    async with open_memory() as memory:
        notes = await trips(memory)
        pair = (notes[0].id, notes[1].id)
        proposal = Proposal(step="settle", about="newer", notes=pair, question="?")
        with pytest.raises(InvalidInput, match="give one of first, both"):
            await memory.decide(proposal, "perhaps", namespace="ana")
