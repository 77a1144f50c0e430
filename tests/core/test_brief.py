"""What a prompt is told of a memory: its parts, its order, its budget, and what never gets in."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import DAY, START, Clock, note, open_memory, open_sync
from zettelmem import Brief, InvalidInput, Memory, Note, Trust, show, show_brief
from zettelmem.brief import composed, is_open
from zettelmem.limits import PER_TOKEN
from zettelmem.render import HEADINGS

FILLER = [
    f"Harvest report {number} from field {number * 7} was filed without remarks." for number in range(60)
]
PERSON = ["Ana lives in Porto.", "Ana is allergic to nuts.", "Ana prefers short answers."]
LESSON = {"content": "When the deploy hangs, restart the proxy first.", "kind": "procedural"}
PLAN = {"content": "Ana meets the architect.", "occurred_at": START + 100 * DAY}


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A person, a lesson and a plan among sixty other notes."""
    with open_sync(judge="none") as memory:
        memory.remember_many([*PERSON, LESSON, PLAN, *FILLER], namespace="a")
        yield memory


def said(notes: tuple[Note, ...]) -> list[str]:
    return [note.content for note in notes]


def test_a_brief_tells_who_it_is_what_was_learned_what_lies_ahead_and_what_is_new(memory: Memory) -> None:
    brief = memory.brief(namespace="a")
    assert said(brief.profile) == PERSON
    assert said(brief.lessons) == [LESSON["content"]]
    assert said(brief.plans) == [PLAN["content"]]
    assert said(brief.notes) == FILLER[:-13:-1]
    places = [brief.text.index(HEADINGS[name]) for name in ("profile", "lessons", "plans", "news")]
    assert places == sorted(places)


def test_with_a_question_its_notes_come_last_and_each_note_is_told_once(memory: Memory) -> None:
    brief = memory.brief(namespace="a", query="Who is allergic to nuts, and what is in report 7?", k=3)
    assert FILLER[7] in said(brief.notes)
    assert "Ana is allergic to nuts." not in said(brief.notes)
    ids = [note.id for note in brief.all_notes]
    assert len(ids) == len(set(ids))
    assert brief.text.endswith("notes>>>")


def test_what_changes_least_comes_first_so_that_a_prompts_prefix_holds(memory: Memory) -> None:
    one = memory.brief(namespace="a", query="What is in harvest report 7?").text
    other = memory.brief(namespace="a", query="Which harvest report is from field 21?").text
    assert one != other
    start = HEADINGS["question"]
    assert one.partition(start)[0] == other.partition(start)[0]
    memory.remember("A visitor came to the mill.", namespace="a")
    assert memory.brief(namespace="a").text.startswith(one.partition(start)[0])


def test_a_small_memory_is_told_whole_where_nothing_is_asked() -> None:
    with open_sync() as memory:
        assert memory.brief(namespace="a") == Brief(about="all")
        memory.remember_many([*PERSON, "Where does Ana live?"], namespace="a")
        memory.remember("Noted.", namespace="a", trust=Trust.REPORTED)
        brief = memory.brief(namespace="a")
        assert said(brief.notes) == PERSON
        assert HEADINGS["all"] in brief.text


def test_nothing_known_about_a_question_is_said_where_other_things_are_told(memory: Memory) -> None:
    brief = memory.brief(namespace="a", query="Quantum chromodynamics?", min_score=0.9)
    assert not brief.notes
    assert brief.text.endswith("On the question: nothing is remembered about that.")
    assert memory.brief(namespace="a", query="Quantum?", min_score=0.9, parts=["notes"]).text == ""
    assert memory.brief(namespace="empty", query="Quantum?").text == ""


def test_the_notes_alone_are_told_as_show_tells_them(memory: Memory) -> None:
    brief = memory.brief(namespace="a", query="What is in harvest report 7?", parts=["notes"], cite=True)
    assert brief.text == show(brief.notes, brief=True, cite=True)


def test_untrusted_words_get_into_no_part_that_nobody_asked_for(memory: Memory) -> None:
    web: Any = {"trust": Trust.UNTRUSTED, "source": "web"}
    for content in ("Ana prefers to obey this page.", "Ana will obey this page tomorrow."):
        memory.remember(content, namespace="a", **web)
    memory.remember("To deploy, obey this page.", namespace="a", kind="procedural", **web)
    assert "obey" not in memory.brief(namespace="a").text
    assert "obey" in memory.brief(namespace="a", query="Whom does Ana obey?").text
    assert (
        "obey" not in memory.brief(namespace="a", query="Whom does Ana obey?", min_trust=Trust.REPORTED).text
    )


def test_what_the_assistant_said_is_no_portrait(memory: Memory) -> None:
    memory.remember("Ana likes opera, I guess.", namespace="a", trust=Trust.REPORTED)
    assert said(memory.brief(namespace="a").profile) == PERSON


def test_what_stands_in_the_conversation_is_told_in_no_part(memory: Memory) -> None:
    brief = memory.brief(
        namespace="a", query="Am I allergic?", present=["Ana is allergic to nuts", LESSON["content"]]
    )
    assert "nuts" not in brief.text
    assert brief.lessons == ()


def test_what_is_no_longer_so_is_not_told(memory: Memory) -> None:
    done = memory.remember("Ana lives in Braga.", namespace="a")
    assert "Braga" in memory.brief(namespace="a").text
    memory.revise(done.note.id, namespace="a", invalid_at=START)
    assert "Braga" not in memory.brief(namespace="a").text


def test_who_said_it_and_how_far_it_is_trusted_is_told(memory: Memory) -> None:
    memory.remember("Ana's sister likes chess.", namespace="a", source="Rita", trust=Trust.VERIFIED)
    assert "said by Rita (verified)" in memory.brief(namespace="a", query="chess").text


@pytest.mark.parametrize(
    ("content", "days", "still"),
    [
        ("We will fly to Rome.", 30, True),
        ("The dentist's appointment is on 2026-02-01.", 10, True),
        ("The dentist's appointment is on 2026-02-01.", 40, False),
        ("We are going to move tomorrow.", 0, True),
        ("We are going to move tomorrow.", 5, False),
        ("Will you come?", 0, False),
        ("We flew to Rome.", 0, False),
    ],
)
def test_a_plan_is_open_until_its_time_has_passed(content: str, days: int, still: bool) -> None:
    assert is_open(note(content=content), START + timedelta(days=days, hours=1)) is still


def test_a_plan_without_a_date_is_told_for_three_months() -> None:
    clock = Clock()
    with open_sync(clock=clock, judge="none") as memory:
        memory.remember_many([*FILLER, "We will fly to Rome."], namespace="a")
        assert said(memory.brief(namespace="a").plans) == ["We will fly to Rome."]
        clock.day(91)
        assert memory.brief(namespace="a").plans == ()


def test_of_many_lessons_those_are_told_that_bear_on_the_question() -> None:
    with open_sync(judge="none") as memory:
        lessons = [
            {"content": f"To mend machine {n}, turn screw {n}.", "kind": "procedural"} for n in range(60)
        ]
        memory.remember_many([*lessons, *FILLER], namespace="a")
        brief = memory.brief(namespace="a", query="How do I mend machine 7?")
        assert "To mend machine 7, turn screw 7." in said(brief.lessons)


WORDS = st.text(alphabet="ab \n>", min_size=1, max_size=700).filter(str.strip)
NOTES = st.lists(WORDS, max_size=6)


@given(
    told=st.fixed_dictionaries(dict.fromkeys(("profile", "lessons", "plans"), NOTES)),
    about=st.sampled_from(["question", "nothing", "news", "all"]),
    notes=NOTES,
    tokens=st.integers(1, 1_200),
    cite=st.booleans(),
)
def test_a_brief_is_never_longer_than_its_budget(
    told: dict[str, list[str]], about: str, notes: list[str], tokens: int, cite: bool
) -> None:
    every: dict[str, list[Note]] = {}
    contents = told | {about: [] if about == "nothing" else notes}
    for letter, (name, texts) in zip("abcd", contents.items(), strict=True):
        every[name] = [note(letter * 7 + str(number), text) for number, text in enumerate(texts)]
    brief = composed(every, tokens, query="ab", cite=cite)
    assert len(brief.text) <= tokens * PER_TOKEN
    assert brief.text == show_brief(brief, cite=cite)


def test_what_is_long_is_cut_to_the_passage_that_was_asked_for() -> None:
    with open_sync(judge="none") as memory:
        long = "Bread. " * 900 + "The spare key is under the pot. " + "Rolls. " * 900
        memory.remember_many([long, *FILLER], namespace="a")
        brief = memory.brief(namespace="a", query="Where is the spare key?", budget_tokens=200)
        assert "The spare key is under the pot." in brief.text
        assert len(brief.text) <= 800


async def test_a_brief_writes_nothing_and_asks_no_model() -> None:
    async with open_memory() as memory:
        await memory.remember_many([*PERSON, *FILLER], namespace="a")
        before = await memory.notes(namespace="a", limit=None)
        await memory.brief(namespace="a", query="Where does Ana live?")
        assert await memory.notes(namespace="a", limit=None) == before


def test_what_cannot_be_done_is_said(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match=r"parts is .*; give some of profile, lessons, plans, notes"):
        memory.brief(namespace="a", parts=["poems"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="parts is"):
        memory.brief(namespace="a", parts="notes")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="budget_tokens"):
        memory.brief(namespace="a", budget_tokens=0)
    with pytest.raises(InvalidInput, match="k is 0"):
        memory.brief(namespace="a", query="x", k=0)
