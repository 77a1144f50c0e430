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
from zettelmem import Hit, Link, Note, Relation, Source
from zettelmem.language.terms import terms
from zettelmem.ranking import explain, score, signals
from zettelmem.ranking.candidates import Candidates, Query, Signal, named, nameless
from zettelmem.ranking.names import Names
from zettelmem.testing import HashEmbedder

EMBEDDER = HashEmbedder(64)
FINITE = st.floats(-1e6, 1e6)


def candidates(*notes: Note, content: Sequence[float] = (), around: Sequence[float] = ()) -> Candidates:
    """Notes as the store would hand them over; lexical scores, in their order, are 0 where not given."""
    threads: dict[str | None, int] = {None: -1}
    people: dict[str | None, int] = {None: -1}
    missing = [0.0] * len(notes)
    names = Names()
    for each in notes:
        names.add(each.id, each.tags)
    return Candidates(
        ids=[x.id for x in notes],
        threads=np.array([threads.setdefault(x.thread, len(threads) - 1) for x in notes], np.int32),
        speakers=np.array([people.setdefault(x.source.who, len(people) - 1) for x in notes], np.int32),
        people=[name for name in people if name],
        occurred=np.array([x.occurred_at.timestamp() for x in notes]),
        lengths=np.array([len(x.content.split()) for x in notes], np.int32),
        says_when=np.zeros(len(notes), bool),
        asks=np.zeros(len(notes), bool),
        answers=np.zeros(len(notes), bool),
        linked=[x.linked_ids() for x in notes],
        link_weights=[tuple(1.0 for _ in x.linked_ids()) for x in notes],
        newer=[x.newer for x in notes],
        resting=np.zeros(len(notes), bool),
        idle=np.zeros(len(notes), bool),
        vectors=EMBEDDER.embed_documents([x.content for x in notes]),
        names=names,
        content=np.array([*content, *missing[len(content) :]], np.float64),
        around=np.array([*around, *missing[len(around) :]], np.float64),
    )


def asking(text: str) -> Query:
    """A question as it is searched for."""
    return Query(text, tuple(dict.fromkeys(terms(text))), EMBEDDER.embed_queries([text])[0])


@given(hnp.arrays(np.float64, st.integers(0, 8), elements=FINITE))
def test_spread_keeps_the_order_in_zero_to_one(values: Signal) -> None:
    made = signals.spread(values)
    assert len(made) == len(values)
    assert all(0 <= x <= 1 for x in made)
    for i, one in enumerate(values):
        assert all(made[i] <= made[j] for j, other in enumerate(values) if one <= other)
    if len(set(values.tolist())) > 1:
        assert (made.min(), made.max()) == (0, 1)


def test_spread_of_equals_is_nothing() -> None:
    assert signals.spread(np.array([3.0, 3.0])).tolist() == [0, 0]
    assert signals.spread(np.zeros(0)).tolist() == []


@given(hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(-1, 1)))
def test_nearness_is_in_zero_to_one_and_keeps_the_order(cosines: Signal) -> None:
    made = signals.nearness(cosines)
    assert all(0 <= x <= 1 for x in made)
    order = np.argsort(cosines, kind="stable")
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(made[order]))


def test_the_best_candidate_comes_first_whatever_the_order_they_came_in() -> None:
    one, two, three = note(A, "cats purr"), note(B, "dogs bark"), note(C, "rain falls")
    for order in ((one, two, three), (three, one, two), (two, three, one)):
        found = candidates(*order, content=[2.0 if x is one else 0.0 for x in order])
        made = score.rank(found, asking("do cats purr"))
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
    found = candidates(*notes, content=[x[1] for x in rows], around=[x[2] for x in rows])
    made = score.rank(found, asking(query), expand=expand)
    for name, values in made.signals.items():
        assert name in score.WEIGHTS
        assert values.shape == (len(rows),)
        assert all(-1e-9 <= x <= 1 + 1e-9 for x in values), name
    assert all(0 <= x <= 1 for x in made.scores)
    assert sorted(made.order.tolist()) == list(range(len(rows)))
    totals = made.totals[made.order]
    assert all(a >= b for a, b in itertools.pairwise(totals))


def test_nothing_is_ranked_as_nothing() -> None:
    none = candidates()
    assert len(none) == 0
    made = score.rank(none, asking("cats"))
    assert (made.order.tolist(), made.scores.tolist()) == ([], [])
    assert candidates(note()).plus(none).ids == [A]
    assert none.plus(candidates(note())).ids == [A]


def test_candidates_are_joined_each_once() -> None:
    joined = candidates(note(A), note(B)).plus(candidates(note(B), note(C)))
    assert joined.ids == [A, B, C]
    assert joined.vectors.shape == (3, 64)
    assert len(joined.linked) == len(joined.threads) == len(joined.occurred) == 3
    assert joined.places == {A: 0, B: 1, C: 2}
    assert candidates(note(A)).plus(candidates(note(A))).ids == [A]


def test_a_joined_candidate_keeps_its_names() -> None:
    joined = candidates(note(A, tags=["winner"])).plus(candidates(note(B, tags=["porto"])))
    assert signals.mentions(joined, "Is it Porto?").tolist() == [0, 1]
    assert signals.mentions(joined, "Is it Winner?").tolist() == [1, 0]


def test_a_name_that_no_note_bears_any_more_is_not_said() -> None:
    names = Names()
    names.add(A, ["Porto", "Winner (band)"])
    names.add(B, ["porto"])
    assert [*names.said("Porto with Winner").values()] == [{A, B}, {A}]
    names.discard(A, ["Porto", "Winner (band)"])
    assert [*names.said("Porto with Winner").values()] == [{B}]


def test_a_joined_candidate_keeps_its_speaker() -> None:
    """Both sides number the people alike; the side that was read later may know more of them."""
    ana, ben = note(A, source=Source(who="Ana")), note(B, source=Source(who="Ben"))
    both = candidates(ana, ben)
    joined = candidates(ana).plus(both)
    assert [joined.people[code] for code in joined.speakers] == ["Ana", "Ben"]


def test_the_query_names_a_note_by_a_tag_the_better_the_fewer_bear_it() -> None:
    found = candidates(
        note(A, tags=["Winner (band)"]), note(B, tags=["porto"]), note(C, tags=["porto", "the"]), note(D)
    )
    assert signals.mentions(found, "Is Winner from Porto? The one.").tolist() == [1, 0.5, 0.5, 0]
    assert signals.mentions(found, "winners export").tolist() == [0, 0, 0, 0]


def test_a_good_note_names_the_next_one() -> None:
    found = candidates(
        note(A, "She sang with Winner in Porto."), note(B, tags=["Winner (band)"]), note(C, tags=["porto"])
    )
    told = {A: "She sang with Winner in Porto."}
    assert signals.bridges(found, "Who sang?", told).tolist() == [0, 1, 1]
    assert signals.bridges(found, "Who sang in Porto?", told).tolist() == [0, 1, 0], "porto is asked for"
    assert signals.bridges(found, "Who sang?", {B: "Winner", **told})[1] == 0.9, "not by itself"


def test_a_topic_leads_to_no_other_note() -> None:
    found = candidates(note(A, "Braga is home."), note(B, "The landlord is Mrs Leal.", tags=["home"]))
    assert signals.bridges(found, "Where is it?", {A: "Braga is home."}).tolist() == [0, 0]


def test_among_few_notes_words_count_by_the_share_of_the_question_that_they_are() -> None:
    few, many = np.zeros(12), np.zeros(600)
    few[0] = many[0] = 0.3
    assert signals.matching(few, 12)[0] < 0.35
    assert signals.matching(many, 600)[0] > 0.97, (
        "among many, a word that one note alone holds is rare indeed"
    )
    assert signals.matching(np.array([1.2, 0.6]), 2).tolist() == [1.0, 0.5]
    assert signals.matching(np.zeros(3), 3).tolist() == [0, 0, 0]


def test_only_the_few_that_were_looked_at_are_alike() -> None:
    assert signals.alike(candidates(*map(note, (A, B, C, D))), [2, 0], np.array([0.5, 1.0])) == pytest.approx(
        [1.0, 0, 0.5, 0], abs=0.01
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("Where does Ana live?", [1, 0, 0]),
        ("Where do I live?", [1, 0, 0]),
        ("Where does Ana's cousin live?", [0, 0, 0]),
        ("Who lives in Braga?", [0, 0, 0]),
        ("What is the door code?", [0, 0, 0]),
    ],
)
def test_kin_of_who_is_asked_about_are_somebody_else(query: str, told: list[int]) -> None:
    texts = ["My cousin lives in Braga.", "My doctor told me to rest.", "I live in Porto."]
    found = candidates(
        *(note(x, text, source=Source(who="Ana")) for x, text in zip((A, B, C), texts, strict=True))
    )
    assert signals.anothers(found, query, dict(enumerate(texts))).tolist() == told


def test_the_best_of_its_thread_speak_for_a_note() -> None:
    threads = ["t", "t", "u", None]
    found = candidates(*(note(x, thread=t) for x, t in zip((A, B, C, D), threads, strict=True)))
    made = signals.evidence(found, np.array([0.5, 0.25, 0.25, 1.0]))
    assert made[0] == made[1] > made[2] > 0
    assert made[2] == pytest.approx(made[0] / 3)
    assert made[3] == 0, "a note without a thread has no evidence from one"
    many = candidates(*(note(f"{i:08d}", thread="t") for i in range(9)), note(A, thread="u"))
    base: Signal = np.array([1.0] * 9 + [float(signals.BEST_OF_THREAD)])
    assert len(set(signals.evidence(many, base))) == 1, "more than the best few do not count"


def test_notes_without_threads_have_no_evidence() -> None:
    assert signals.evidence(candidates(note(A), note(B)), np.ones(2)).tolist() == [0, 0]
    assert signals.evidence(candidates(), np.zeros(0)).tolist() == []


def linked_pair() -> tuple[Note, Note]:
    link = Link(source=B, target=A, relation=Relation.SUPPORTS)
    return note(A, "cats purr", links=[link]), note(B, "rain falls", links=[link])


def test_a_note_rises_by_its_link_to_a_better_one() -> None:
    one, two = linked_pair()
    other = note(C, "snow falls")
    found = candidates(one, other, two, content=[3.0, 0, 0])
    with_links = score.rank(found, asking("do cats purr"))
    without = score.rank(found, asking("do cats purr"), expand=False)
    assert with_links.signals["links"][2] > with_links.signals["links"][1]
    assert "links" not in without.signals
    assert with_links.totals[2] - without.totals[2] > with_links.totals[1] - without.totals[1]


def test_what_is_linked_to_the_best_is_reachable_once() -> None:
    one, two = linked_pair()
    found = candidates(one, note(C, "snow falls"))
    assert score.reachable(found, score.rank(found, asking("cats"))) == [two.id]
    both = candidates(one, two)
    assert score.reachable(both, score.rank(both, asking("cats"))) == []
    twice = candidates(one, note(D, links=[Link(source=B, target=D, relation=Relation.RELATES)]))
    assert score.reachable(twice, score.rank(twice, asking("cats"))) == [B]


def test_what_a_reranker_did_not_look_at_stays_behind_what_it_did() -> None:
    found = candidates(*(note(x, "cats purr") for x in (A, B, C)), content=[3.0, 2.0, 1.0])
    first = score.rank(found, asking("cats"))
    again = score.reranked(first, [1, 2], [0.1, 0.9])
    assert first.order.tolist() == [0, 1, 2]
    assert again.order.tolist()[-1] == 0
    assert again.signals["reranker"].tolist() == [0, 0, 1]
    assert "reranker" not in first.signals


def test_one_signal_more_raises_what_it_speaks_for() -> None:
    found = candidates(note(A, "cats purr"), note(B, "cats purr"))
    first = score.rank(found, asking("cats"))
    made = first.plus("bridge", np.array([0.0, 1.0]))
    assert made.order[0] == 1
    assert made.totals[1] - first.totals[1] == pytest.approx(score.WEIGHTS["bridge"])
    assert made.totals[0] == first.totals[0]


def test_a_score_falls_with_the_number_of_candidates_that_could_be_meant() -> None:
    few = candidates(*(note(f"{i:08d}", "cats purr") for i in range(2)))
    many = candidates(*(note(f"{i:08d}", "cats purr") for i in range(200)))
    assert score.rank(many, asking("cats")).scores[0] < score.rank(few, asking("cats")).scores[0]


@pytest.mark.parametrize(
    ("query", "speakers", "told", "left"),
    [
        ("What did Ana say?", ["Ana", "Ben"], ["Ana"], "What did say?"),
        ("Ana's cat", ["Ana"], ["Ana"], "cat"),
        ("Ana", ["Ana"], ["Ana"], "Ana"),
        ("analysis", ["Ana"], [], "analysis"),
        ("does Smith ski", ["Ana Smith"], ["Ana Smith"], "does ski"),
        ("a (b", ["(b"], [], "a (b"),
        ("x", [""], [], "x"),
    ],
)
def test_speakers_are_told_from_what_is_asked(
    query: str, speakers: list[str], told: list[str], left: str
) -> None:
    assert named(query, speakers) == told
    assert nameless(query, speakers) == left


def test_what_a_speaker_said_speaks_for_it_where_the_speaker_is_named() -> None:
    found = candidates(note(A, source=Source(who="Ana")), note(B, source=Source(who="Ben")), note(C))
    assert signals.signals(found, asking("What did Ben say?"))["speaker"].tolist() == [0, 1, 0]
    assert signals.signals(found, asking("What was said?"))["speaker"].tolist() == [0, 0, 0]


@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=3))
def test_any_name_can_be_looked_for(query: str, speakers: list[str]) -> None:
    assert set(named(query, speakers)) <= set(speakers)
    assert nameless(query, speakers) == query or nameless(query, speakers)


def test_what_happened_in_the_time_asked_for_is_timely() -> None:
    found = candidates(*(note(x, occurred_at=START + i * DAY) for i, x in enumerate((A, B, C, D))))
    made = signals.timely(found, (START + DAY, START + 1.5 * DAY))
    assert made[1] == 1
    assert 1 > made[2] > made[3] > 0
    assert 0 < made[0] < 1


def test_a_blend_is_a_unit_vector_drawn_towards_the_description() -> None:
    content, description = EMBEDDER.embed_documents(["cats purr", "rain falls"])
    made = signals.blend(content, description)
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-5)
    assert made @ content > made @ description > content @ description
    zeros = np.zeros_like(content)
    assert np.allclose(signals.blend(content, zeros), content)
    assert np.allclose(signals.blend(zeros, zeros), zeros)


# --- budget --------------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=60).filter(str.strip), max_size=8), st.integers(1, 60))
def test_a_cut_keeps_the_best_that_fit(texts: list[str], budget: int) -> None:
    hits = [Hit(note=note(f"{i:08d}", text), score=0.5) for i, text in enumerate(texts)]
    kept = explain.cut(hits, budget)
    assert sum(explain.tokens(x.note.content) for x in kept) <= budget
    places = [hits.index(x) for x in kept]
    assert places == sorted(places)
    left = budget
    for hit in hits:
        size = explain.tokens(hit.note.content)
        assert (hit in kept) == (size <= left), "one that does not fit is skipped, nothing else"
        left -= size if hit in kept else 0


@given(st.text(max_size=200))
def test_a_token_is_four_bytes(text: str) -> None:
    assert explain.tokens(text) == -(-len(text.encode()) // 4)


# --- why -----------------------------------------------------------------------------------------------


def why(found: list[Note], query: str, content: Sequence[float] = ()) -> list[str]:
    box = candidates(*found, content=content)
    made = score.rank(box, asking(query))
    words = {x.id: ({*terms(x.content)}, {*terms(" ".join((x.content, *x.tags)))}) for x in found}
    notes = {x.id: x for x in found}
    hits = explain.hits(query, box, made, made.order.tolist(), notes, words, explain=False)
    by_id = {x.note.id: x.why for x in hits}
    return [by_id[x.id] for x in found]


def test_the_reason_names_words_speaker_and_links() -> None:
    link = Link(source=B, target=A, relation=Relation.SUPPORTS)
    closed = Link(source=C, target=B, relation=Relation.SUPERSEDES)
    doubt = Link(source=D, target=C, relation=Relation.CONTRADICTS)
    one = note(A, "The telescope moved to Porto.", source=Source(who="Ana"), links=[link], tags=["home"])
    two = note(B, "Rain falls.", links=[link, closed], invalid_at=START + timedelta(1))
    three = note(C, "Snow falls.", links=[closed, doubt])
    first, second, third = why([one, two, three], "Did Ana's telescopes move home?", [5.0, 0, 0])
    assert "matches 'telescopes', 'move'" in first
    assert "what is around it matches 'home'" in first
    assert "said by Ana" in first
    assert f"linked to {A} (supports)" in second
    assert f"newer: {C}" in second
    assert "no longer so since 2026-01-02" in second
    assert "the newer word on its matter" in third
    assert "contradicted by another note" in third


def test_there_is_always_a_reason() -> None:
    reasons = why([note(A, "cats"), note(B, "dogs"), note(C, "rain")], "xyzzy")
    assert all(reasons)


def test_an_explained_hit_tells_the_weight_of_each_of_its_signals() -> None:
    one = note(A, "cats purr")
    box = candidates(one)
    made = score.rank(box, asking("cats"))
    words = {A: ({*terms("cats purr")}, {*terms("cats purr")})}
    (plain,) = explain.hits("cats", box, made, [0], {A: one}, words, explain=False)
    (told,) = explain.hits("cats", box, made, [0], {A: one}, words, explain=True)
    assert plain.weights == {}
    assert told.weights == {name: score.WEIGHTS[name] for name in told.signals}
    assert Hit.model_validate(told.model_dump()) == told
