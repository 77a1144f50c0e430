"""What makes a note strong, what makes it weak, and what of it rests."""

from datetime import timedelta
from typing import Any

import pytest

from tests.doubles import DAY, START, A, Clock, check_store, everything, note, open_memory
from zettelmem import HALF_LIVES, InvalidInput, Note, Source, Trust, strength
from zettelmem.note import Saying

LATER = START + 90 * DAY


def of(**fields: Any) -> float:
    """The strength of a note after ninety days."""
    return strength(note(A, "We met Ben.", **fields), LATER)


def test_half_is_left_after_a_half_life() -> None:
    assert of(kind="episodic") == 0.5
    assert strength(note(), START) == 1.0
    assert strength(note(), START - DAY) == 1.0, "a clock that was put back makes nothing stronger than new"


def test_what_is_so_outlasts_what_happened() -> None:
    assert of(kind="semantic") > of(kind="episodic")


def test_a_kind_of_an_application_lasts_as_long_as_what_is_so_until_it_is_told() -> None:
    assert of(kind="invoice") == of(kind="semantic")
    own = note(A, "We met Ben.", kind="invoice")
    assert strength(own, LATER, {**HALF_LIVES, "invoice": 90 * DAY}) == 0.5


def test_use_help_and_repetition_make_a_note_last() -> None:
    used = of(uses=3, helped=0, last_used_at=START)
    helped = of(uses=3, helped=3, last_used_at=START)
    told_again = of(sayings=[Saying(note="bbbbbbbb", source=Source(), at=START)])
    assert of() < told_again < helped
    assert used < helped
    assert of(uses=1, helped=1, last_used_at=LATER) == 1.0, "a use begins its age anew"


def test_use_that_never_helps_weakens() -> None:
    assert of(uses=40, helped=0, last_used_at=LATER) < of(uses=4, helped=0, last_used_at=LATER) < 1.0


def test_what_is_trusted_less_fades_sooner() -> None:
    strengths = [of(trust=trust) for trust in (Trust.UNTRUSTED, Trust.REPORTED, Trust.STATED)]
    assert strengths == sorted(set(strengths))


@pytest.mark.parametrize("span", [timedelta(0), 90])
def test_a_half_life_is_a_span_of_time(span: Any) -> None:
    with pytest.raises(InvalidInput, match="timedelta above 0"):
        open_memory(half_lives={"episodic": span})


async def test_weak_notes_rest_and_an_undo_wakes_each() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        texts = ["We met Ben at the station.", "Ana is allergic to peanuts."]
        old = await memory.remember_many(texts, namespace="ana")
        clock.now += timedelta(days=400)
        young = await memory.remember("We met Rita at the harbour.", namespace="ana")
        before = await everything(memory)
        report = await memory.upkeep(namespace="ana", steps=["fade"])
        assert [each.notes for each in report.changes] == [(old[0].note.id,)]
        (change,) = [each.change for each in report.changes]
        after = await check_store(memory)
        assert after[old[0].note.id].rested_at is not None
        assert after[young.note.id].rested_at is None
        assert not (await memory.upkeep(namespace="ana", steps=["fade"])).changes
        assert change is not None
        await memory.undo(change, namespace="ana")
        again = await check_store(memory)
        assert {each: _plain(again[each]) for each in again} == {
            each: _plain(before[each]) for each in before
        }


def _plain(of: Note) -> dict[str, Any]:
    return of.model_dump(exclude={"history", "revision"})


async def test_half_lives_can_be_read_and_set() -> None:
    clock = Clock()
    async with open_memory(clock=clock, half_lives={"episodic": DAY}) as memory:
        assert memory.half_lives["episodic"] == DAY
        assert memory.half_lives["semantic"] == HALF_LIVES["semantic"]
        await memory.remember("We met Ben at the station.", namespace="ana")
        clock.now += timedelta(days=5)
        assert len((await memory.upkeep(namespace="ana", steps=["fade"])).changes) == 1


async def test_what_an_application_typed_never_fades() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        await memory.remember("We met Ben.", namespace="ana", data={"invoice": 7})
        clock.now += timedelta(days=4_000)
        assert not (await memory.upkeep(namespace="ana", steps=["fade"])).changes
