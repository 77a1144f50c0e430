"""From candidates to hits: every signal and score in [0, 1], the better first, links and budgets minded."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.doubles import DAY, START, A, B, C, D, note
from zettelmem import Hit, Link, Note, Relation, Source, ranking
from zettelmem.ranking import Candidates, Matched
from zettelmem.testing import HashEmbedder

EMBEDDER = HashEmbedder(64)
FINITE = st.floats(-1e6, 1e6)


def candidates(*notes: Note) -> Candidates:
    """Notes as the store would hand them over."""
    return Candidates(
        ids=[x.id for x in notes],
        threads=[x.thread for x in notes],
        speakers=[x.source.who for x in notes],
        occurred=np.array([x.occurred_at.timestamp() for x in notes]),
        invalid=np.array([np.inf if x.invalid_at is None else x.invalid_at.timestamp() for x in notes]),
        lengths=np.array([len(x.content.split()) for x in notes], np.int32),
        says_when=np.zeros(len(notes), bool),
        asks=np.zeros(len(notes), bool),
        answers=np.zeros(len(notes), bool),
        tags=[list(x.tags) for x in notes],
        linked=[list(x.linked_ids()) for x in notes],
        link_weights=[[1.0] * len(x.linked_ids()) for x in notes],
        vectors=EMBEDDER.embed_documents([x.content for x in notes]),
    )


def ranked(
    found: Candidates, query: str, content: Sequence[float] = (), around: Sequence[float] = (), **how: Any
) -> ranking.Ranking:
    """The candidates ranked; lexical scores, in their order, are 0 where they are not given."""
    matched = Matched(dict(zip(found.ids, content, strict=False)), dict(zip(found.ids, around, strict=False)))
    return ranking.rank(found, matched, query, EMBEDDER.embed_queries([query])[0], **how)


@given(hnp.arrays(np.float64, st.integers(0, 8), elements=FINITE))
def test_spread_keeps_the_order_in_zero_to_one(values: ranking.Signal) -> None:
    made = ranking.spread(values)
    assert len(made) == len(values)
    assert all(0 <= x <= 1 for x in made)
    for i, one in enumerate(values):
        assert all(made[i] <= made[j] for j, other in enumerate(values) if one <= other)
    if len(set(values.tolist())) > 1:
        assert (made.min(), made.max()) == (0, 1)


def test_spread_of_equals_is_nothing() -> None:
    assert ranking.spread(np.array([3.0, 3.0])).tolist() == [0, 0]
    assert ranking.spread(np.zeros(0)).tolist() == []


@given(hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(-1, 1)))
def test_nearness_is_in_zero_to_one_and_keeps_the_order(cosines: ranking.Signal) -> None:
    made = ranking.nearness(cosines)
    assert all(0 <= x <= 1 for x in made)
    order = np.argsort(cosines, kind="stable")
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(made[order]))


def test_the_best_candidate_comes_first_whatever_the_order_they_came_in() -> None:
    one, two, three = note(A, "cats purr"), note(B, "dogs bark"), note(C, "rain falls")
    for order in ((one, two, three), (three, one, two), (two, three, one)):
        found = candidates(*order)
        made = ranked(found, "do cats purr", [2.0 if x is one else 0.0 for x in order])
        assert found.ids[made.order[0]] == A
        assert made.scores[made.order[0]] == made.scores.max()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cats purr", "dogs bark", "rain", "?"]),
            st.floats(0, 50),
            st.floats(0, 50),
            st.sampled_from([None, "t", "u"]),
            st.sampled_from([None, "Ana"]),
            st.lists(st.sampled_from([A, B, C, D]), max_size=3),
        ),
        max_size=4,
    ),
    st.sampled_from(["cats", "what did Ana say", "when", "?"]),
    st.booleans(),
)
def test_every_signal_and_score_is_in_zero_to_one(rows: list[Any], query: str, expand: bool) -> None:
    """No distance is called a score."""
    notes = [
        note(
            note_id,
            text,
            thread=thread,
            source=Source(who=who),
            links=[Link(source=note_id, target=x, relation=Relation.RELATES) for x in dict.fromkeys(to)],
        )
        for note_id, (text, _, _, thread, who, to) in zip((A, B, C, D), rows, strict=False)
    ]
    found = candidates(*notes)
    made = ranked(found, query, [x[1] for x in rows], [x[2] for x in rows], expand=expand)
    for name, values in made.signals.items():
        assert name in ranking.WEIGHTS
        assert values.shape == (len(rows),)
        assert all(-1e-9 <= x <= 1 + 1e-9 for x in values), name
    assert all(0 <= x <= 1 for x in made.scores)
    assert sorted(made.order.tolist()) == list(range(len(rows)))
    totals = made.totals[made.order]
    assert all(a >= b for a, b in itertools.pairwise(totals))


def test_nothing_is_ranked_as_nothing() -> None:
    none = Candidates.none()
    assert len(none) == 0
    assert ranking.Ranking.none().order.tolist() == []
    assert ranking.Ranking.none().scores.tolist() == []
    assert candidates(note()).plus(none).ids == [A]


def test_nothing_and_something_is_something() -> None:
    assert Candidates.none().plus(candidates(note())).ids == [A]


def test_candidates_are_joined_each_once() -> None:
    joined = candidates(note(A), note(B)).plus(candidates(note(B), note(C)))
    assert joined.ids == [A, B, C]
    assert joined.vectors.shape == (3, 64)
    assert len(joined.linked) == len(joined.threads) == len(joined.occurred) == 3


def test_what_was_no_longer_so_is_left_out() -> None:
    found = candidates(note(A, invalid_at=START + DAY), note(B), note(C, invalid_at=START + 3 * DAY))
    assert found.valid(START) is found
    later = found.valid(START + 2 * DAY)
    assert later.ids == [B, C]
    assert later.vectors.shape == (2, 64)
    assert found.valid(START + DAY).ids == [B, C], "from invalid_at on"


def test_the_query_names_a_note_by_a_tag_the_better_the_fewer_bear_it() -> None:
    found = candidates(
        note(A, tags=["Winner (band)"]), note(B, tags=["porto"]), note(C, tags=["porto", "the"]), note(D)
    )
    assert ranking.mentions(found, "Is Winner from Porto? The one.").tolist() == [1, 0.5, 0.5, 0]
    assert ranking.mentions(found, "winners export").tolist() == [0, 0, 0, 0]


def test_a_good_note_names_the_next_one() -> None:
    found = candidates(
        note(A, "She sang with Winner in Porto."), note(B, tags=["Winner (band)"]), note(C, tags=["porto"])
    )
    told = {A: "She sang with Winner in Porto."}
    assert ranking.bridges(found, "Who sang?", told).tolist() == [0, 1, 1]
    assert ranking.bridges(found, "Who sang in Porto?", told).tolist() == [0, 1, 0], "porto is asked for"
    assert ranking.bridges(found, "Who sang?", {B: "Winner", **told})[1] == 0.9, "not by itself"


def test_the_best_of_its_thread_speak_for_a_note() -> None:
    threads = ["t", "t", "u", None]
    found = candidates(*(note(x, thread=t) for x, t in zip((A, B, C, D), threads, strict=True)))
    made = ranking.evidence(found, np.array([0.5, 0.25, 0.25, 1.0]))
    assert made[0] == made[1] > made[2] > 0
    assert made[2] == pytest.approx(made[0] / 3)
    assert made[3] == 0, "a note without a thread has no evidence from one"
    many = candidates(*(note(f"{i:08d}", thread="t") for i in range(9)), note(A, thread="u"))
    base = np.array([1.0] * 9 + [float(ranking.BEST_OF_THREAD)])
    assert len(set(ranking.evidence(many, base))) == 1, "more than the best few do not count"


def test_notes_without_threads_have_no_evidence() -> None:
    assert ranking.evidence(candidates(note(A), note(B)), np.ones(2)).tolist() == [0, 0]
    assert ranking.evidence(Candidates.none(), np.zeros(0)).tolist() == []


def linked_pair() -> tuple[Note, Note]:
    link = Link(source=B, target=A, relation=Relation.SUPPORTS)
    return note(A, "cats purr", links=[link]), note(B, "rain falls", links=[link])


def test_a_note_rises_by_its_link_to_a_better_one() -> None:
    one, two = linked_pair()
    other = note(C, "snow falls")
    found = candidates(one, other, two)
    with_links = ranked(found, "do cats purr", [3.0, 0, 0])
    without = ranked(found, "do cats purr", [3.0, 0, 0], expand=False)
    assert with_links.signals["links"][2] > with_links.signals["links"][1]
    assert "links" not in without.signals
    assert with_links.totals[2] - without.totals[2] > with_links.totals[1] - without.totals[1]


def test_what_is_linked_to_the_best_is_reachable_once() -> None:
    one, two = linked_pair()
    found = candidates(one, note(C, "snow falls"))
    assert ranking.reachable(found, ranked(found, "cats")) == [two.id]
    both = candidates(one, two)
    assert ranking.reachable(both, ranked(both, "cats")) == []


@pytest.mark.parametrize(
    ("query", "speakers", "told", "left"),
    [
        ("What did Ana say?", ["Ana", "Ben", None], {"Ana"}, "What did say?"),
        ("Ana's cat", ["Ana"], {"Ana"}, "cat"),
        ("Ana", ["Ana"], {"Ana"}, "Ana"),
        ("analysis", ["Ana"], set(), "analysis"),
        ("does Smith ski", ["Ana Smith"], {"Ana Smith"}, "does ski"),
        ("a (b", ["(b"], set(), "a (b"),
        ("x", [None, ""], set(), "x"),
    ],
)
def test_speakers_are_told_from_what_is_asked(
    query: str, speakers: list[str | None], told: set[str], left: str
) -> None:
    assert ranking.named(query, speakers) == told
    assert ranking.nameless(query, speakers) == left


@given(st.text(max_size=40), st.lists(st.text(max_size=8) | st.none(), max_size=3))
def test_any_name_can_be_looked_for(query: str, speakers: list[str | None]) -> None:
    assert ranking.named(query, speakers) <= set(speakers)
    assert ranking.nameless(query, speakers) == query or ranking.nameless(query, speakers)


def test_what_happened_in_the_time_asked_for_is_timely() -> None:
    found = candidates(*(note(x, occurred_at=START + i * DAY) for i, x in enumerate((A, B, C, D))))
    made = ranking.timely(found, (START + DAY, START + 1.5 * DAY))
    assert made[1] == 1
    assert 1 > made[2] > made[3] > 0
    assert 0 < made[0] < 1


def test_a_blend_is_a_unit_vector_drawn_towards_the_description() -> None:
    content, description = EMBEDDER.embed_documents(["cats purr", "rain falls"])
    made = ranking.blend(content, description)
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-5)
    assert made @ content > made @ description > content @ description
    zeros = np.zeros_like(content)
    assert np.allclose(ranking.blend(content, zeros), content)
    assert np.allclose(ranking.blend(zeros, zeros), zeros)


# --- budget --------------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=60).filter(str.strip), max_size=8), st.integers(1, 60))
def test_a_cut_keeps_the_best_that_fit(texts: list[str], budget: int) -> None:
    hits = [Hit(note=note(f"{i:08d}", text), score=0.5) for i, text in enumerate(texts)]
    kept = ranking.cut(hits, budget)
    assert sum(ranking.tokens(x.note.content) for x in kept) <= budget
    places = [hits.index(x) for x in kept]
    assert places == sorted(places)
    left = budget
    for hit in hits:
        size = ranking.tokens(hit.note.content)
        assert (hit in kept) == (size <= left), "one that does not fit is skipped, nothing else"
        left -= size if hit in kept else 0


@given(st.text(max_size=200))
def test_a_token_is_four_bytes(text: str) -> None:
    assert ranking.tokens(text) == -(-len(text.encode()) // 4) == ranking.tokens_of(len(text.encode()))


# --- why -----------------------------------------------------------------------------------------------


def why(found: list[Note], query: str, content: Sequence[float] = ()) -> list[str]:
    box = candidates(*found)
    made = ranked(box, query, content)
    places = [int(i) for i in made.order]
    hits = ranking.hits(query, box, made, places, {x.id: x for x in found}, explain=False)
    by_id = {x.note.id: x.why for x in hits}
    return [by_id[x.id] for x in found]


def test_the_reason_names_words_speaker_and_links() -> None:
    link = Link(source=B, target=A, relation=Relation.SUPPORTS)
    closed = Link(source=C, target=B, relation=Relation.SUPERSEDES)
    doubt = Link(source=C, target=B, relation=Relation.CONTRADICTS)
    one = note(A, "The telescope moved to Porto.", source=Source(who="Ana"), links=[link], tags=["home"])
    two = note(B, "Rain falls.", links=[link, closed, doubt], invalid_at=START + timedelta(1))
    first, second = why([one, two], "Did Ana's telescopes move home?", [5.0, 0])
    assert "matches 'telescopes', 'move'" in first
    assert "what is around it matches 'home'" in first
    assert "said by Ana" in first
    assert f"linked to {A} (supports)" in second
    assert "no longer so" in second
    assert "contradicted by another note" in second


def test_there_is_always_a_reason() -> None:
    reasons = why([note(A, "cats"), note(B, "dogs"), note(C, "rain")], "xyzzy")
    assert all(reasons)
