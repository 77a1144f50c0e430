"""What a model would change waits for a person: proposals that survive, are answered once, and end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import Clock, check_store, judging, open_memory
from zettelmem import (
    AsyncMemory,
    ConflictError,
    DecisionRefused,
    InvalidInput,
    Note,
    Proposal,
    Relation,
    Trust,
)

OLD, NEW = "My flat in Porto by the river has two rooms.", "My flat in Porto by the river has three rooms."
FLAT = {"context": "Where the speaker lives.", "keywords": ["home"], "tags": ["home"], "kind": "semantic"}


async def told(memory: AsyncMemory) -> tuple[Note, Note]:
    """Two notes, of which the model says that the second one replaces the first."""
    old = await memory.remember(OLD, namespace="a")
    new = await memory.remember(NEW, namespace="a")
    return await memory.get(old.note.id, namespace="a"), new.note


async def of(memory: AsyncMemory, about: str) -> Proposal:
    (found,) = [each for each in await memory.proposals(namespace="a") if each.about == about]
    return found


def said(note: Note, other: Note) -> set[Relation]:
    return {x.relation for x in note.links if (x.source, x.target) == (note.id, other.id)}


async def test_with_all_nothing_changes_before_somebody_accepts_it(tmp_path: Path) -> None:
    model = judging(closes=True, described=FLAT)
    async with open_memory(str(tmp_path), judge="offline") as plain:
        old, by_rules = await told(plain)
    async with open_memory(str(tmp_path / "b"), model=model, review="all") as memory:
        old, new = await told(memory)
        assert (old.invalid_at, new.context, new.keywords) == (None, by_rules.context, by_rules.keywords)
    async with open_memory(str(tmp_path / "b")) as memory:  # after a restart, and without a model
        found = await memory.proposals(namespace="a")
        assert [each.about for each in found] == ["closing", "description"]
        assert {each.answers for each in found} == {("accept", "refuse")}
        for each in found:
            whole = each.model_dump(mode="json")
            await memory.decide(whole, "accept", namespace="a")
        new, old = [await memory.get(each.id, namespace="a") for each in (new, old)]
        assert (new.context, new.keywords, new.pending) == (FLAT["context"], ("home",), None)
        assert old.superseded
        assert await memory.proposals(namespace="a") == []
        await check_store(memory)


async def test_with_closings_the_rest_is_done_at_once() -> None:
    async with open_memory(model=judging(closes=True, described=FLAT), review="closings") as memory:
        old, new = await told(memory)
        assert (old.invalid_at, new.context) == (None, FLAT["context"])
        (proposal,) = await memory.proposals(namespace="a")
        assert (proposal.about, proposal.notes) == ("closing", (new.id, old.id))
        assert new.pending is not None
        assert proposal.expires_at == new.pending.until


async def test_a_proposal_is_a_difference_that_can_be_read() -> None:
    async with open_memory(model=judging(closes=True, described=FLAT), review="all") as memory:
        old, new = await told(memory)
        lines = (await of(memory, "closing")).question.splitlines()
        assert f"> {OLD}" in lines
        assert f"> {NEW}" in lines
        assert f"+ supersedes [{old.id}] (replaces it)" in lines
        assert f"+ is no longer so since {new.occurred_at:%Y-%m-%d}" in lines
        lines = (await of(memory, "description")).question.splitlines()
        assert "+ keywords: home" in lines
        assert f"- keywords: {', '.join(new.keywords)}" in lines


async def test_what_was_accepted_is_one_change_and_can_be_taken_back() -> None:
    async with open_memory(model=judging(closes=True), review="closings") as memory:
        old, new = await told(memory)
        done = await memory.decide(await of(memory, "closing"), "accept", namespace="a")
        assert done.change is not None
        assert (await memory.get(old.id, namespace="a")).superseded
        await memory.undo(done.change, namespace="a")
        back, after = [await memory.get(each.id, namespace="a") for each in (old, new)]
        assert (back.invalid_at, said(after, back)) == (None, said(new, old))
        assert await memory.proposals(namespace="a") == []
        await check_store(memory)


async def test_what_was_refused_is_proposed_no_more_not_even_by_upkeep() -> None:
    model = judging(closes=True)
    async with open_memory(model=model, review="closings") as memory:
        old, new = await told(memory)
        assert said(new, old) == {Relation.UPDATES}, "the rules take it for the later word, perhaps"
        questions = (await memory.upkeep(namespace="a", steps=["settle"])).proposals
        assert questions == (), "the review asks it already"
        for each in await memory.proposals(namespace="a"):
            await memory.decide(each, "refuse", namespace="a")
            with pytest.raises(ConflictError, match="answered meanwhile"):
                await memory.decide(each, "accept", namespace="a")
        asked = len(model.asked)
        report = await memory.upkeep(namespace="a", steps=["settle"])
        await memory.finish_pending(namespace="a")
        old, new = [await memory.get(each.id, namespace="a") for each in (old, new)]
        assert (old.invalid_at, said(new, old), new.pending) == (None, {Relation.RELATES}, None)
        assert await memory.proposals(namespace="a") == []
        assert (len(model.asked), report.proposals, report.pending) == (asked, (), 0)
        await check_store(memory)


async def test_nobody_asks_a_model_again_while_somebody_has_to_look() -> None:
    model = judging(closes=True)
    async with open_memory(model=model, review="closings") as memory:
        await told(memory)
        asked = len(model.asked)
        assert await memory.finish_pending(namespace="a") == []
        assert len(model.asked) == asked
        assert len(await memory.proposals(namespace="a")) == 1


async def test_a_proposal_ends_after_a_fortnight_and_the_rules_word_stands() -> None:
    clock, model = Clock(), judging(closes=True)
    async with open_memory(model=model, review="closings", clock=clock) as memory:
        _, new = await told(memory)
        proposal = await of(memory, "closing")
        asked = len(model.asked)
        clock.now += timedelta(days=15)
        assert await memory.proposals(namespace="a") == []
        with pytest.raises(ConflictError, match="too old"):
            await memory.decide(proposal, "accept", namespace="a")
        await memory.finish_pending(namespace="a")
        assert (await memory.get(new.id, namespace="a")).pending is None
        assert len(model.asked) == asked


@pytest.mark.parametrize("meanwhile", ["trusted more", "about something else"])
async def test_what_is_accepted_passes_the_guard_as_the_notes_stand_by_then(meanwhile: str) -> None:
    async with open_memory(model=judging(closes=True), review="closings") as memory:
        old, _ = await told(memory)
        fields: dict[str, Any] = {"trust": Trust.VERIFIED}
        if meanwhile == "about something else":
            fields = {"content": "Rita's aunt sings in a choir on Thursdays."}
        await memory.revise(old.id, namespace="a", **fields)
        with pytest.raises(DecisionRefused, match="may not close"):
            await memory.decide(await of(memory, "closing"), "accept", namespace="a")
        assert (await memory.get(old.id, namespace="a")).invalid_at is None
        await memory.decide(await of(memory, "closing"), "refuse", namespace="a")
        await check_store(memory)


async def test_what_the_rules_closed_is_reopened_only_by_somebody() -> None:
    async with open_memory(model=judging(), review="closings") as memory:
        await memory.remember("Ana lives in Lisbon.", namespace="a")
        news = await memory.remember("Ana no longer lives in Lisbon: she moved to Porto.", namespace="a")
        ((old, new),) = [
            (await memory.get(x.target, namespace="a"), news.note)
            for x in news.note.links
            if x.relation is Relation.SUPERSEDES
        ]
        assert old.superseded
        proposal = await of(memory, "reopening")
        await memory.decide(proposal, "accept", namespace="a")
        old, new = [await memory.get(each.id, namespace="a") for each in (old, new)]
        assert (old.invalid_at, said(new, old)) == (None, {Relation.UPDATES})
        await check_store(memory)


async def test_an_erased_note_is_named_by_no_proposal() -> None:
    async with open_memory(model=judging(closes=True), review="closings") as memory:
        old, new = await told(memory)
        await memory.admin.erase_note(old.id, namespace="a")
        assert old.id not in (await memory.get(new.id, namespace="a")).model_dump_json()
        assert await memory.proposals(namespace="a") == []


async def test_what_fits_nowhere_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'all', 'closings', 'none'"):
        open_memory(review="some")  # a typing error that only a run can see
    async with open_memory(model=judging(closes=True), review="closings") as memory:
        await told(memory)
        with pytest.raises(InvalidInput, match="accept"):
            await memory.decide(await of(memory, "closing"), "maybe", namespace="a")
