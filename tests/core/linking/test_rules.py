"""The rules that describe and judge where no model is at hand: modest, bounded, never against trust."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import DAY, START, A, B, C, D, note
from zettelmem import Decision, Neighbour, Note, Relation, Source, Trust
from zettelmem.drafts import Draft
from zettelmem.limits import MAX_CONTEXT, MAX_WORD
from zettelmem.linking import decisions, evolve, rules

ANA = Source(who="Ana")


def neighbours(*pairs: tuple[Note, float]) -> list[Neighbour]:
    return [Neighbour(number=i, note=each, similarity=cosine) for i, (each, cosine) in enumerate(pairs)]


# --- construction ----------------------------------------------------------------------------------


def test_keywords_are_names_first_then_what_says_most() -> None:
    made = rules.keywords("Yesterday Ana took her telescope to Porto; the telescope broke.")
    assert made[:3] == ("ana", "porto", "telescope")
    assert len(rules.keywords(" ".join(f"thing{i}" for i in range(50)))) == rules.MAX_KEYWORDS


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("How to descale: step 1, fill the kettle.", "procedural"),
        ("Always use tabs in Makefiles.", "procedural"),
        ("Ana is allergic to nuts.", "semantic"),
        ("Is Ana allergic to nuts?", "episodic"),
        ("Ana went to Porto yesterday.", "episodic"),
        ("", "episodic"),
    ],
)
def test_the_kind_is_told_by_the_words(content: str, kind: str) -> None:
    assert rules.kind(content) == kind


def test_the_context_is_what_came_just_before() -> None:
    before = note(B, "Where do you live?", source=Source(who="Ben"))
    assert rules.construct("In Porto.", ANA, before)["context"] == "Ben: Where do you live?"
    assert rules.construct("In Porto.", ANA, None)["context"] == ""
    assert rules.said_before(note(B, "Hello.")) == "Hello."


def test_the_speaker_is_no_keyword_and_no_tag() -> None:
    made = rules.construct("When Ana met Ben, #chess came up.", ANA, None)
    assert "ana" not in made["keywords"]
    assert "ana" not in made["tags"]
    assert made["tags"][0] == "chess"
    assert "ben" in made["keywords"]


@given(st.text(min_size=1, max_size=2_000), st.none() | st.text(max_size=200), st.text(min_size=1))
def test_any_words_give_a_description_that_a_note_takes(content: str, who: str | None, before: str) -> None:
    """Every note is constructed, whatever its words."""
    if not content.strip() or not before.strip():
        return
    made = rules.construct(content, Source(who=who), note(B, before))
    Draft.model_validate({"content": content} | made)
    assert len(made["context"]) <= MAX_CONTEXT
    assert all(len(word) <= MAX_WORD for word in (*made["keywords"], *made["tags"]))


def test_a_long_text_before_is_cut_to_a_context() -> None:
    assert len(rules.said_before(note(B, "x" * 10_000))) == MAX_CONTEXT


# --- judging ---------------------------------------------------------------------------------------


def test_notes_that_are_near_and_share_a_telling_word_are_related() -> None:
    new = note(A, "The telescope needs a new mirror.", keywords=("telescope", "mirror"))
    old = note(B, "A telescope stands in the attic.")
    decision = rules.judge(new, neighbours((old, 0.5)))
    (chosen,) = decision.links
    assert (chosen.neighbour, chosen.relation) == (0, Relation.RELATES)
    assert chosen.reason == "both about telescope"
    assert decision.changes[0].keywords == ("mirror",)


@pytest.mark.parametrize(("cosine", "linked"), [(0.44, 0), (0.46, 1)])
def test_a_shared_word_needs_some_nearness(cosine: float, linked: int) -> None:
    old = note(B, "A telescope stands in the attic.")
    assert len(rules.judge(note(A, "My telescope broke."), neighbours((old, cosine))).links) == linked


@pytest.mark.parametrize(("cosine", "linked"), [(0.61, 0), (0.63, 1)])
def test_without_one_it_takes_more(cosine: float, linked: int) -> None:
    found = rules.judge(note(A, "Paella tastes fine."), neighbours((note(B, "Rice dishes please."), cosine)))
    assert len(found.links) == linked
    assert not found.changes


def test_at_most_three_neighbours_are_related_the_nearest() -> None:
    olds = [note(x, f"Telescope story {x}.") for x in (A, B, C, D)]
    new = note("eeeeeeee", "My telescope broke.")
    found = rules.judge(new, neighbours(*zip(olds, (0.5, 0.9, 0.8, 0.7), strict=True)))
    assert [x.neighbour for x in found.links] == [1, 2, 3]


OLD = note(B, "My address: Rua Augusta, Lisbon flat.", source=ANA)
NEWS = note(A, "We moved to a flat in Porto, Rua Augusta is no longer my address.", source=ANA)


def closed(new: Note, old: Note, cosine: float = 0.8) -> bool:
    found = rules.judge(new, neighbours((old, cosine)))
    return any(x.relation is Relation.SUPERSEDES for x in found.links)


def test_news_supersedes_what_the_same_speaker_said_before() -> None:
    assert closed(NEWS.model_copy(update={"occurred_at": START + DAY}), OLD)


@pytest.mark.parametrize(
    "changed",
    [
        {"source": Source(who="Ben")},
        {"trust": Trust.VERIFIED},
        {"occurred_at": START + DAY, "recorded_at": START + DAY},
        {"invalid_at": START},
        {"content": "What is your address, is it Rua Augusta?"},
    ],
)
def test_it_closes_nothing_of_others_nothing_better_later_closed_or_asked(changed: dict[str, Any]) -> None:
    assert closed(NEWS, OLD)
    assert not closed(NEWS, OLD.model_copy(update=changed))


def test_it_closes_nothing_without_news() -> None:
    assert not closed(note(A, "The flat at Rua Augusta is small.", source=ANA), OLD)


def test_news_close_every_older_word_on_their_matter() -> None:
    found = rules.judge(NEWS, neighbours((OLD, 0.8), (OLD.model_copy(update={"id": C}), 0.7)))
    assert [x.relation for x in found.links] == [Relation.SUPERSEDES] * 2


def test_a_later_word_that_announces_nothing_updates_the_older_one_and_teaches_it_nothing() -> None:
    old = note(B, "Gym: Mondays.", source=ANA)
    new = note(A, "I go to the gym on Saturdays.", source=ANA, keywords=("gym", "saturdays"))
    found = rules.judge(new, neighbours((old, 0.9)))
    assert [(x.relation, x.reason) for x in found.links] == [
        (Relation.UPDATES, "may be the newer word on gym")
    ]
    assert found.changes == ()


def test_a_chain_of_corrections_leaves_one_valid_note() -> None:
    """FAULTS A6: what is over already is no rival of the note that is still valid."""
    notes = {A: note(A, "The release is on 1 June.", occurred_at=START, recorded_at=START)}
    for day in range(2, 8):
        at = START + day * DAY
        new = note(f"bbbbbbb{day}", f"The release was moved to {day} June.", occurred_at=at, recorded_at=at)
        around = list(notes.values())
        decision = rules.judge(new, neighbours(*((old, 0.9) for old in around)))
        notes |= {each.id: each for each in evolve.remember(new, None, around, decision, at).notes}
        assert [x.id for x in notes.values() if x.invalid_at is None] == [new.id]


def test_a_note_of_more_trust_is_linked_but_not_described_by_one_of_less() -> None:
    new = note(A, "My telescope broke.", trust=Trust.UNTRUSTED)
    found = rules.judge(new, neighbours((note(B, "A telescope in the attic."), 0.9)))
    assert len(found.links) == 1
    assert found.changes == ()


def test_keywords_do_not_grow_without_end() -> None:
    old = note(B, "A telescope stands there.", keywords=[f"k{i}" for i in range(rules.KEPT_KEYWORDS)])
    assert not rules.judge(note(A, "My telescope broke."), neighbours((old, 0.9))).changes


def test_nothing_around_means_nothing_to_decide() -> None:
    assert rules.judge(note(), []) == Decision()


WORDS = st.lists(
    st.sampled_from("moved porto lisbon no longer telescope flat Ana #tag ? cancelled".split()), min_size=1
).map(" ".join)
NOTES = st.builds(
    lambda content, trust, days, who: note(
        B, content, trust=trust, occurred_at=START + days * DAY, source=Source(who=who)
    ),
    WORDS,
    st.sampled_from(Trust),
    st.integers(0, 3),
    st.sampled_from(["Ana", "Ben", None]),
)


@given(NOTES, st.lists(st.tuples(NOTES, st.floats(-1, 1)), max_size=12))
def test_what_the_rules_decide_is_never_refused(new: Note, around: list[tuple[Note, float]]) -> None:
    ids = [f"{n:08d}" for n in range(len(around))]
    olds = [(old.model_copy(update={"id": i}), cosine) for i, (old, cosine) in zip(ids, around, strict=True)]
    decision = rules.judge(new.model_copy(update={"id": A}), neighbours(*olds))
    decisions.check(new, [old for old, _ in olds], decision)
