"""A memory of what changes: the newest word first, the older one told as older, nothing closed in doubt."""

from typing import Any

import pytest

from tests.doubles import Clock, open_sync
from zettelmem import AsyncMemory, Hit, Memory, Relation, Trust

FACTS = [
    "My cat is called Momo.",
    "The cellar code is 4411.",
    "I play the cello on Sundays.",
    "My sister lives in Bergen.",
    "The bakery closes at noon.",
    "I am allergic to wasps.",
]


def told(memory: Memory, clock: Clock, *words: str, **fields: Any) -> list[str]:
    """Remember some facts and then these words, ten days apart; the ids of the words."""
    for fact in FACTS:
        memory.remember(fact, namespace="ana", source="Ana")
    ids = []
    for number, content in enumerate(words, 1):
        clock.day(10 * number)
        ids.append(memory.remember(content, namespace="ana", source="Ana", **fields).note.id)
    return ids


def found(memory: Memory, query: str, **how: Any) -> dict[str, Hit]:
    return {hit.note.id: hit for hit in memory.recall(query, namespace="ana", k=5, **how)}


@pytest.mark.parametrize(
    ("old", "new", "query"),
    [
        ("I live in Graz.", "I live in Linz.", "Where do I live?"),
        ("The gate code is 7001.", "The gate code is 9032.", "What is the gate code?"),
        ("My favourite tea is oolong.", "My favourite tea is sencha.", "What is my favourite tea?"),
        ("Lena leads the data team.", "Omar leads the data team.", "Who leads the data team?"),
    ],
)
def test_what_was_said_last_comes_first_and_the_older_stays_valid(old: str, new: str, query: str) -> None:
    """FAULTS A4."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        first, second = told(memory, clock, old, new)
        hits = found(memory, query)
        assert next(iter(hits)) == second
        assert "may be the newer word on" in hits[second].why
        assert memory.get(first, namespace="ana").invalid_at is None


def test_a_question_about_the_past_finds_the_older_word_and_tells_what_is_newer() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        first, second = told(memory, clock, "I live in Graz.", "I live in Linz.")
        hits = found(memory, "Where did I live before?")
        assert f"said on 11 January 2026; newer: {second}" in hits[first].why


def test_three_corrections_leave_one_valid_note() -> None:
    """FAULTS A6."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        moved = [f"The release was moved to {day} June." for day in (2, 3, 4)]
        ids = told(memory, clock, "The release is on 1 June.", *moved)
        over = [memory.get(each, namespace="ana").invalid_at is not None for each in ids]
        assert over == [True, True, True, False]


@pytest.mark.parametrize(
    "then",
    [
        "Was the team dinner on Friday cancelled?",
        "The team dinner on Friday was not cancelled.",
        "I hope the team dinner is not moved.",
        "The board dinner on Friday was cancelled.",
    ],
)
def test_what_is_asked_denied_hoped_or_about_another_closes_nothing(then: str) -> None:
    """FAULTS A1, A2."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        fact, _ = told(memory, clock, "The team dinner is on Friday at 7 pm.", then)
        note = memory.get(fact, namespace="ana")
        assert note.invalid_at is None
        assert note.newer == ()
        assert fact in found(memory, "When is the team dinner?")


@pytest.mark.parametrize(
    ("words", "who", "trust"),
    [
        ("The launch was moved to 9 March.", "mail", Trust.UNTRUSTED),
        ("Launch: 9 March.", "mail", Trust.UNTRUSTED),
        ("The launch will probably be moved to 9 March.", "assistant", Trust.REPORTED),
    ],
)
def test_a_less_trusted_later_word_touches_nothing_and_comes_after(
    words: str, who: str, trust: Trust
) -> None:
    """FAULTS A13."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        (fact,) = told(memory, clock, "The launch is on 3 March.")
        guess = memory.remember(words, namespace="ana", source=who, trust=trust).note
        note = memory.get(fact, namespace="ana")
        assert (note.invalid_at, note.newer, note.status) == (None, (), "")
        assert guess.status == "contradicted by another note"
        for query in ("When is the launch?", "launch day"):
            assert next(iter(found(memory, query))) == fact


def test_what_only_asks_or_acknowledges_stays_behind_what_tells() -> None:
    """FAULTS A8, A9."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        asked = [f"What is the gate code, please, number {number}?" for number in range(8)]
        (fact, *_) = told(memory, clock, "The gate code is 9032.", *asked, "Noted.")
        assert next(iter(found(memory, "What is the gate code?"))) == fact


def test_a_later_word_is_linked_as_an_update_with_its_reason() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        first, second = told(memory, clock, "I live in Graz.", "I live in Linz.")
        (link,) = (x for x in memory.get(second, namespace="ana").links if x.target == first)
        assert (link.relation, link.reason) == (Relation.UPDATES, "may be the newer word on ana")


@pytest.mark.parametrize(
    "again", ["The gate code is 9032.", "the gate code is 9032", " The gate  code is 9032. "]
)
def test_the_same_words_again_are_one_note_that_tells_how_often_when_and_by_whom(again: str) -> None:
    """FAULTS A7."""
    clock = Clock()
    with open_sync(clock=clock) as memory:
        first, second, third = told(memory, clock, "The gate code is 9032.", again, again)
        assert first == second == third
        note = memory.get(first, namespace="ana")
        assert [entry.at.day for entry in note.repeats] == [21, 31]
        assert [entry.reason for entry in note.repeats] == ["said again by Ana"] * 2
        assert memory.remember(again, namespace="ana", source="Ana").known
        assert "said 4 times, last on 31 January 2026" in found(memory, "gate code")[first].why


def test_the_same_words_of_one_batch_are_one_note() -> None:
    with open_sync() as memory:
        made = memory.remember_many(["The gate code is 9032."] * 3, namespace="ana")
        assert len({each.note.id for each in made}) == 1
        assert [each.known for each in made] == [False, True, True]


def test_words_that_are_wanted_for_themselves_stay_apart() -> None:
    with open_sync() as memory:
        keyed = [memory.remember("The code is 9032.", namespace="ana", key=key).note.id for key in "ab"]
        plain = memory.remember("The code is 9032.", namespace="ana").note.id
        assert len({*keyed, plain}) == 3


def test_two_people_who_say_the_same_of_themselves_are_two() -> None:
    with open_sync() as memory:
        ids = {
            memory.remember("I live in Graz.", namespace="x", source=who).note.id for who in ("Ana", "Ben")
        }
        assert len(ids) == 2


def test_the_same_event_on_another_day_is_another_event() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        assert len(set(told(memory, clock, "I met Sam for lunch.", "I met Sam for lunch."))) == 2


def test_who_moves_back_says_a_new_word() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        ids = told(memory, clock, "I live in Graz.", "I live in Linz.", "I live in Graz.")
        assert len(set(ids)) == 3
        assert next(iter(found(memory, "Where do I live?"))) == ids[2]


def test_the_same_words_by_somebody_who_is_trusted_more_raise_the_source() -> None:
    """FAULTS A12."""
    with open_sync() as memory:
        guess = memory.remember(
            "Ana works at Brightwater.", namespace="ana", source="assistant", trust=Trust.REPORTED
        )
        again = memory.remember(
            "Ana works at Brightwater.", namespace="ana", source="user", trust=Trust.STATED
        )
        assert again.note.id == guess.note.id
        assert (again.note.source.who, again.note.trust) == ("user", 2)


async def test_an_older_word_that_is_over_leads_to_the_newest_and_stays_unseen() -> None:
    async with AsyncMemory() as memory:
        await memory.remember_many(["I have a cousin in Lyon.", "The gym opens at six."], namespace="a")
        old = (await memory.remember("I live in Porto.", namespace="a")).note
        made = await memory.remember("The last box is unpacked, Braga it is.", namespace="a", judge="ask")
        number = next(each.number for each in made.neighbours if each.note.id == old.id)
        decision = {"links": [{"neighbour": number, "relation": "supersedes"}]}
        await memory.connect(made.note.id, decision, namespace="a")
        hits = await memory.recall("Where do I live?", namespace="a")
    assert hits[0].note.id == made.note.id
    assert old.id not in [hit.note.id for hit in hits]


async def test_what_ended_without_a_newer_word_is_not_found() -> None:
    async with AsyncMemory() as memory:
        over = (await memory.remember("The alarm code is 7731.", namespace="a")).note
        await memory.remember("The gym opens at six.", namespace="a")
        await memory.revise(over.id, namespace="a", invalid_at=over.recorded_at)
        hits = await memory.recall("What is the alarm code?", namespace="a")
    assert over.id not in [hit.note.id for hit in hits]


def test_what_only_takes_a_fact_back_stays_behind_the_fact_that_holds_instead() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        wrong = "The new terrace will be finished by 30 January."
        told(memory, clock, wrong)
        clock.day(20)
        back = memory.remember(
            f"What we said, '{wrong}', was based on incorrect information.", namespace="ana"
        )
        right = memory.remember(
            "CORRECTION: the terrace needs the permit, so it is done in March.", namespace="ana"
        )
        hits = list(found(memory, "When will the new terrace be finished?"))
        assert hits.index(right.note.id) < hits.index(back.note.id)
