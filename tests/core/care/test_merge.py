"""Notes that say nearly the same become one, and nothing of them is lost."""

from datetime import timedelta
from typing import Any

import pytest

from tests.doubles import DAY, START, A, B, Clock, check_store, everything, note, open_memory
from zettelmem import AsyncMemory, Note, Source, Trust
from zettelmem.care.merge import one_thing_said

SAME = [
    ("Ana moved to Porto in May.", "ana moved to Porto in May!!"),
    ("Ana moved to Porto in May.", "By the way, Ana moved to Porto in May."),
    ("Ana moved to Porto in May.", "Ana actually moved to Porto in May, as I said."),
    ("Ana moved to Porto in May.", "In May, Ana moved to Porto."),
    ("Ana can't eat peanuts.", "Ana cannot eat peanuts."),
    ("I'm really happy with the new bike.", "I am happy with the new bicycle."),
    ("The dentist is at 3 pm on May 3rd.", "Reminder: the dentist is at 15:00 on 3 May."),
    ("Mom's recipe takes two eggs.", "Mother's recipe takes 2 eggs \U0001f600"),
    ("The rent is $1,200 a month.", "So, the rent is 1200 dollars a month."),
    ("Her favourite colour is grey.", "Her favorite color is gray."),
    ("I met Ben at the mill.", "Met Ben at the mill."),
    ("He repaired the television as well.", "He fixed the TV."),
]
APART = [
    ("The rent is 1200 euros.", "The rent is 1300 euros."),
    ("It was -3 degrees in Oslo.", "It was 3 degrees in Oslo."),
    ("Ana moved to Porto in May.", "Ana moved to Porto in June."),
    ("Ana moved to Porto in May.", "Rita moved to Porto in May."),
    ("Ana called Ben about the flat.", "Ben called Ana about the flat."),
    ("Ana eats peanuts.", "Ana doesn't eat peanuts."),
    ("Ana never eats peanuts.", "Ana eats peanuts."),
    ("Ana lives in Porto.", "Ana lived in Porto."),
    ("The dentist is at 3 pm.", "The dentist is at 3 am."),
    ("You moved to Porto?", "You moved to Porto."),
    ("The code is aB3x.", "The code is Ab3x."),
    ("Write to a@ana.pt.", "Write to an@ana.pt."),
    ("Ana takes the tablet with food.", "Ana takes the tablet without food."),
    ("She has two cats and one dog.", "She has one cat and two dogs."),
    ("Ana likes tea.", "Ana likes coffee."),
    ("The film was good.", "The film was bad."),
    ("Ana gave Ben 20 euros.", "Ana gave Ben 20 dollars."),
    ("Ana was born before Ben.", "Ben was born before Ana."),
    ("The limit is <5 mg.", "The limit is >5 mg."),
    ("แม่ไม่กินปลา", "แม่กินปลา"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_say_it_are_one(one: str, other: str) -> None:
    assert one_thing_said(note(A, one), note(B, other))
    assert one_thing_said(note(B, other), note(A, one))


@pytest.mark.parametrize(("one", "other"), APART)
def test_another_value_is_another_thing(one: str, other: str) -> None:
    assert not one_thing_said(note(A, one), note(B, other))
    assert not one_thing_said(note(B, other), note(A, one))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"source": Source(who="Ana")}, {"source": Source(who="Ben")}, False),
        ({"source": Source(who="Ana")}, {"source": Source(who="Ana")}, True),
        ({"occurred_at": START}, {"occurred_at": START + 9 * DAY}, False),
        ({"namespace": ("ana",)}, {"namespace": ("ben",)}, False),
    ],
)
def test_who_says_it_of_themselves_and_when_it_happened_tell_notes_apart(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    ours, theirs = note(A, "I really met Rita.", **one), note(B, "I met Rita!", **other)
    assert one_thing_said(ours, theirs) is same


def test_what_yesterday_was_is_another_day_a_week_later() -> None:
    words = "Yesterday we took Rita and both children to the old castle."
    one, other = note(A, words), note(B, f"Well, {words}", occurred_at=START + 7 * DAY)
    assert not one_thing_said(one, other)


async def _two_that_say_the_same(memory: AsyncMemory) -> tuple[Note, Note]:
    first = await memory.remember(
        "Ana is allergic to peanuts.", namespace="ana", source="Rita", judge="none", thread="one"
    )
    second = await memory.remember(
        "By the way, Ana is really allergic to peanuts!",
        namespace="ana",
        source="Ben",
        thread="two",
        judge="ask",
        occurred_at=START + 5 * DAY,
    )
    other = await memory.remember("The bakery sells nut bread.", namespace="ana", judge="none")
    await memory.ask(second.note.id, namespace="ana", among=[other.note.id])
    links = [{"neighbour": 0, "relation": "relates", "reason": "nuts"}]
    await memory.connect(second.note.id, {"links": links}, namespace="ana")
    return first.note, second.note


async def test_one_note_keeps_every_source_time_and_link_and_the_other_rests() -> None:
    async with open_memory() as memory:
        first, second = await _two_that_say_the_same(memory)
        report = await memory.upkeep(namespace="ana", steps=["merge"])
        (done,) = report.changes
        assert done.notes[:2] == (first.id, second.id)
        front = await memory.get(first.id, namespace="ana")
        double = await memory.get(second.id, namespace="ana")
        assert [(each.note, each.source.who, each.at) for each in front.sayings] == [
            (second.id, "Ben", START + 5 * DAY)
        ]
        assert front.times_said == 2
        assert front.last_said_at == START + 5 * DAY
        assert "nuts" in [link.reason for link in front.links]
        assert double.rested_at is not None
        assert double.content == second.content
        assert double.front == front.id
        hits = await memory.recall("Who is allergic to peanuts?", namespace="ana")
        assert hits[0].note.id == first.id
        assert "said 2 times" in hits[0].why
        await check_store(memory)


async def test_an_undone_merge_leaves_the_notes_as_they_were() -> None:
    async with open_memory() as memory:
        await _two_that_say_the_same(memory)
        before = await everything(memory)
        (done,) = (await memory.upkeep(namespace="ana", steps=["merge"])).changes
        assert done.change is not None
        await memory.undo(done.change, namespace="ana")
        after = await check_store(memory)
        assert _without_history(after) == _without_history(before)
        for note_id, old in before.items():
            assert after[note_id].history[: len(old.history)] == old.history


def _without_history(notes: dict[str, Note]) -> dict[str, Any]:
    return {note_id: each.model_dump(exclude={"history", "revision"}) for note_id, each in notes.items()}


async def test_a_dry_run_tells_what_would_be_done_and_writes_nothing() -> None:
    async with open_memory() as memory:
        await _two_that_say_the_same(memory)
        before = await everything(memory)
        report = await memory.upkeep(namespace="ana", dry_run=True)
        assert [(each.step, each.change) for each in report.changes] == [("merge", None)]
        assert await everything(memory) == before


async def test_a_second_round_finds_nothing_left_to_merge() -> None:
    async with open_memory() as memory:
        await _two_that_say_the_same(memory)
        assert (await memory.upkeep(namespace="ana", steps=["merge"])).changes
        assert not (await memory.upkeep(namespace="ana", steps=["merge"])).changes


async def test_the_more_trusted_of_two_stays_in_front() -> None:
    async with open_memory() as memory:
        await memory.remember("Tea is at four.", namespace="ana", trust=Trust.REPORTED, judge="none")
        stated = await memory.remember("So, tea is really at four!", namespace="ana", judge="none")
        (done,) = (await memory.upkeep(namespace="ana", steps=["merge"])).changes
        assert done.notes[0] == stated.note.id


async def test_what_is_no_longer_so_and_what_holds_data_is_left_alone() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        over = await memory.remember("Tea is at four.", namespace="ana", judge="none")
        await memory.revise(over.note.id, namespace="ana", invalid_at=clock.now)
        await memory.remember("So, tea is at four!", namespace="ana", judge="none")
        for key in "ab":
            text = f"{'Well, ' * (key == 'b')}The boat leaves at nine."
            await memory.remember(text, namespace="ana", data={"key": key}, judge="none")
        clock.now += timedelta(days=1)
        assert not (await memory.upkeep(namespace="ana", steps=["merge"])).changes


async def test_erasing_the_note_in_front_leaves_the_other_awake_and_without_a_trace() -> None:
    async with open_memory() as memory:
        first, second = await _two_that_say_the_same(memory)
        await memory.upkeep(namespace="ana", steps=["merge"])
        await memory.admin.erase_note(first.id, namespace="ana")
        left = await memory.get(second.id, namespace="ana")
        assert (left.front, left.rested_at) == (None, None)
        await check_store(memory)


async def test_erasing_a_double_takes_it_out_of_the_note_in_front() -> None:
    async with open_memory() as memory:
        first, second = await _two_that_say_the_same(memory)
        await memory.upkeep(namespace="ana", steps=["merge"])
        await memory.admin.erase_note(second.id, namespace="ana")
        assert (await memory.get(first.id, namespace="ana")).sayings == ()
        await check_store(memory)


async def test_doubles_take_one_place_among_the_hits_before_all_else() -> None:
    async with open_memory() as memory:
        for opening in ("", "By the way, ", "As I said, "):
            text = f"{opening}Rita hides the spare key under the pot."
            await memory.remember(text, namespace="ana", judge="none")
        await memory.remember("The spare tyre is in the cellar.", namespace="ana", judge="none")
        await memory.upkeep(namespace="ana", steps=["merge"])
        for question in ("Where is the spare key?", "Where was the spare key hidden?"):
            hits = await memory.recall(question, namespace="ana")
            assert [hit.note.rested_at is None for hit in hits] == [True, True, False, False]
