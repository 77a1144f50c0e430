"""How notes change each other: reach, trust, bounds, undo, rebasing and looking back, all without I/O."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import DAY, START, A, B, C, D, note
from zettelmem import (
    ConflictError,
    Decision,
    DecisionRefused,
    Evolution,
    InvalidInput,
    LimitExceeded,
    Link,
    Note,
    Relation,
    Trust,
)
from zettelmem.admin.redact import scrub
from zettelmem.decisions import Changes
from zettelmem.limits import MAX_CHANGES, MAX_HISTORY
from zettelmem.linking import evolve, undo
from zettelmem.linking.sheet import Sheet, size_at_most
from zettelmem.note import Pending
from zettelmem.testing import hold
from zettelmem.values import build

NOW = START + 10 * DAY


def born(note_id: str, content: str = "", **fields: Any) -> Note:
    """A note as `remember` leaves it, alone."""
    made = evolve.remember(note(note_id, content or f"About {note_id}.", **fields), None, (), Decision(), NOW)
    return made.note


def decided(**fields: Any) -> Decision:
    return build(Decision, fields)


def link(number: int, relation: str = "relates", reason: str = "") -> dict[str, Any]:
    return {"neighbour": number, "relation": relation, "reason": reason}


def after(state: dict[str, Note], changes: Changes) -> dict[str, Note]:
    """The state with the changes in it; what must hold, holds."""
    fresh = state | {each.id: each for each in changes.notes}
    hold(fresh.values())
    return fresh


def state_of(*notes: Note) -> dict[str, Note]:
    return {each.id: each for each in notes}


# --- what a decision reaches ---------------------------------------------------------------------


def test_a_decision_changes_exactly_the_neighbours_that_it_names() -> None:
    """Numbers are places among the neighbours shown, not among all notes."""
    neighbours = [born(B), born(C), born(D)]
    decision = decided(changes=[{"neighbour": 1, "context": "New.", "keywords": ["k"], "tags": ["t"]}])
    changes = evolve.remember(note(), None, neighbours, decision, NOW)
    assert [each.id for each in changes.notes] == [A, C]
    (evolved,) = changes.touched
    assert (evolved.context, evolved.keywords, evolved.tags) == ("New.", ("k",), ("t",))
    assert evolved.content == neighbours[1].content
    hold(after(state_of(*neighbours), changes).values())


def test_links_stand_at_both_ends_with_relation_and_reason() -> None:
    changes = evolve.remember(note(), None, [born(B)], decided(links=[link(0, "supports", "why")]), NOW)
    made = Link(source=A, target=B, relation=Relation.SUPPORTS, reason="why")
    assert [each.links for each in changes.notes] == [(made,), (made,)]


def test_a_link_is_made_once_however_often_it_is_chosen() -> None:
    twice = decided(links=[link(0, reason="one"), link(0, reason="two"), link(0, "supports")])
    changes = evolve.remember(note(), None, [born(B)], twice, NOW)
    assert [(x.relation, x.reason) for x in changes.note.links] == [
        (Relation.RELATES, "one"),
        (Relation.SUPPORTS, ""),
    ]


def test_a_new_note_follows_the_one_before_it() -> None:
    previous = born(B, thread="t")
    changes = evolve.remember(note(thread="t"), previous, [previous], Decision(), NOW)
    (follows,) = changes.note.links
    assert (follows.source, follows.target, follows.relation) == (A, B, Relation.FOLLOWS)
    assert changes.touched[0].links == (follows,)


def test_a_new_note_is_at_revision_one_and_each_write_adds_one() -> None:
    changes = evolve.remember(note(), None, [born(B)], decided(links=[link(0)]), NOW)
    assert [each.revision for each in changes.notes] == [1, 2]
    assert changes.id == f"{A}.1"
    shown = evolve.show(changes.note, [changes.touched[0]], NOW)
    assert (shown.note.revision, shown.id) == (2, f"{A}.2")


def test_history_tells_cause_time_reason_before_and_after() -> None:
    neighbour = born(B, context="Old.")
    decision = decided(changes=[{"neighbour": 0, "context": "New.", "reason": "it moved"}])
    changes = evolve.remember(note(), None, [neighbour], decision, NOW)
    entry = changes.touched[0].history[-1]
    assert (entry.change, entry.verb, entry.cause, entry.at, entry.reason) == (
        f"{A}.1",
        "evolve",
        A,
        NOW,
        "it moved",
    )
    assert (entry.before, entry.after) == ({"context": "Old."}, {"context": "New."})
    assert changes.note.history[0].touched == (B,)


def test_an_empty_field_is_no_change_and_an_equal_one_is_not_recorded() -> None:
    neighbour = born(B, context="Old.", tags=("t",))
    decision = decided(changes=[{"neighbour": 0, "context": "", "keywords": [], "tags": ["t"]}])
    changes = evolve.remember(note(), None, [neighbour], decision, NOW)
    assert changes.touched == ()


def test_an_empty_decision_about_a_stored_note_ends_its_pending() -> None:
    stored = born(A, pending=Pending(reason="waiting"))
    changes = evolve.apply(stored, [], Decision(), NOW, context="Described.")
    assert (changes.note.pending, changes.note.context) == (None, "Described.")
    after(state_of(stored), changes)


def said_on(day: int) -> dict[str, Any]:
    """The times of a note that was said on this day."""
    return {"occurred_at": START + day * DAY, "recorded_at": START + day * DAY}


# --- what is so now --------------------------------------------------------------------------------


def test_what_supersedes_is_decided_by_when_it_was_said_not_by_when_the_event_is() -> None:
    """FAULTS A10: a plan dated by its event is moved to an earlier day."""
    plan = born(B, occurred_at=START + 30 * DAY)
    moved = note(A, occurred_at=START + 20 * DAY, recorded_at=START + 5 * DAY)
    changes = evolve.remember(moved, None, [plan], decided(links=[link(0, "supersedes")]), NOW)
    assert changes.touched[0].invalid_at == START + 5 * DAY


def test_a_plan_can_be_ended_before_its_day() -> None:
    ended = evolve.revise(
        born(A, occurred_at=START + 30 * DAY), {"invalid_at": START + DAY}, START + DAY
    ).note
    assert ended.status == "no longer so since 2026-01-02"


def test_an_end_ahead_of_time_leaves_a_note_so_until_then() -> None:
    """FAULTS A14."""
    ends = evolve.revise(born(A), {"invalid_at": START + 30 * DAY}, START + DAY).note
    assert ends.status == "so until 2026-01-31"
    assert note(invalid_at=START + 30 * DAY).status == "so until 2026-01-31"


def test_a_note_that_is_brought_back_is_so_again_at_every_door() -> None:
    """FAULTS A15: one notion of what is so now."""
    changes = evolve.remember(note(), None, [born(B)], decided(links=[link(0, "supersedes")]), NOW)
    closed = changes.touched[0]
    assert (closed.superseded, closed.status) == (True, "no longer so since 2026-01-01")
    back = evolve.revise(closed, {"invalid_at": None}, NOW + DAY).note
    assert (back.superseded, back.status, back.newer) == (False, "", (A,))


# --- what a decision may not -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"links": [link(2)]}, "no neighbour has number 2; they are numbered 0 to 1"),
        ({"changes": [{"neighbour": 9, "context": "x"}]}, "no neighbour has number 9"),
        ({"links": [link(0)] * 17}, "at most 16 links and 8 changes"),
        ({"changes": [{"neighbour": 0, "context": str(i)} for i in range(9)]}, "at most 16 links and 8"),
        ({"changes": [{"neighbour": 0, "context": x} for x in "ab"]}, "changes one neighbour twice"),
        ({"links": [link(0, "follows")]}, "`follows` is kept by the thread itself"),
        ({"links": [link(1, "supersedes")]}, "neighbour 1 was said after this note"),
    ],
)
def test_a_decision_that_reaches_too_far_is_refused_as_a_whole(decision: dict[str, Any], told: str) -> None:
    """Unknown numbers; bounds."""
    neighbours = [born(B), born(C, recorded_at=START + 5 * DAY)]
    with pytest.raises(DecisionRefused) as refused:
        evolve.remember(note(), None, neighbours, decided(**decision), NOW)
    assert told in str(refused.value)


def test_numbers_are_refused_where_nothing_was_shown() -> None:
    with pytest.raises(DecisionRefused, match="none were shown"):
        evolve.remember(note(), None, [], decided(links=[link(0)]), NOW)


@pytest.mark.parametrize("field", ["content", "id", "trust", "namespace", "links", "invalid_at", "kind"])
def test_a_decision_has_no_words_for_what_it_may_not_change(field: str) -> None:
    with pytest.raises(InvalidInput, match=f"changes.0.{field}: is no field here"):
        decided(changes=[{"neighbour": 0, field: "x"}])


@pytest.mark.parametrize(
    "decision",
    [
        {"changes": [{"neighbour": 0, "tags": ["x"]}]},
        {"links": [link(0, "supersedes")]},
        {"links": [link(0, "updates")]},
    ],
)
def test_a_note_of_less_trust_may_not_change_close_or_update_one_of_more(decision: dict[str, Any]) -> None:
    neighbour = born(B, trust=Trust.STATED)
    with pytest.raises(DecisionRefused, match=r"trusted more \(stated\) than this note \(reported\)"):
        evolve.remember(note(trust=Trust.REPORTED), None, [neighbour], decided(**decision), NOW)
    evolve.remember(note(trust=Trust.STATED), None, [neighbour], decided(**decision), NOW)


def test_of_two_that_contradict_each_other_the_less_trusted_one_is_flagged() -> None:
    """FAULTS A13: the other is not touched but for the link."""
    disputes = decided(links=[link(0, "contradicts")])
    trusted = born(B, trust=Trust.VERIFIED)
    changes = evolve.remember(note(trust=Trust.STATED), None, [trusted], disputes, NOW)
    guess, kept = changes.note, changes.touched[0]
    assert (guess.disputed, guess.ahead) == (True, (B,))
    assert (kept.disputed, kept.ahead, kept.status) == (False, (), "")
    alike = evolve.remember(note(), None, [born(B)], disputes, NOW)
    assert (alike.note.disputed, alike.touched[0].disputed) == (False, True)


def test_a_note_of_less_trust_may_be_related_to_one_of_more() -> None:
    changes = evolve.remember(
        note(trust=Trust.UNTRUSTED), None, [born(B, trust=Trust.VERIFIED)], decided(links=[link(0)]), NOW
    )
    assert changes.touched[0].trust is Trust.VERIFIED


def test_a_note_takes_256_links_and_no_more() -> None:
    many = [
        Link(source=f"{n:08d}".replace("l", "0"), target=B, relation=Relation.RELATES) for n in range(255)
    ]
    full = born(B).model_copy(update={"links": tuple(many)})
    made = evolve.remember(note(), None, [full], decided(links=[link(0)]), NOW)
    assert len(made.touched[0].links) == 256
    with pytest.raises(LimitExceeded, match="would have 257 links, more than 256; link to a more specific"):
        evolve.remember(note(C), None, [made.touched[0]], decided(links=[link(0)]), NOW)


# --- validity ----------------------------------------------------------------------------------------


def test_superseding_closes_the_older_note_when_the_newer_happened() -> None:
    changes = evolve.remember(
        note(**said_on(1)), None, [born(B)], decided(links=[link(0, "supersedes", "moved")]), NOW
    )
    (older,) = changes.touched
    assert older.invalid_at == START + DAY
    assert older.superseded
    assert not older.disputed


def test_superseding_does_not_put_off_an_earlier_end() -> None:
    older = born(B, invalid_at=START + DAY)
    changes = evolve.remember(note(**said_on(2)), None, [older], decided(links=[link(0, "supersedes")]), NOW)
    assert changes.touched[0].invalid_at == START + DAY
    earlier = born(B, invalid_at=START + 3 * DAY)
    changes = evolve.remember(
        note(**said_on(2)), None, [earlier], decided(links=[link(0, "supersedes")]), NOW
    )
    assert changes.touched[0].invalid_at == START + 2 * DAY


def test_contradicting_flags_and_closes_nothing() -> None:
    changes = evolve.remember(note(), None, [born(B)], decided(links=[link(0, "contradicts")]), NOW)
    (other,) = changes.touched
    assert other.disputed
    assert other.invalid_at is None


# --- revise and forget ---------------------------------------------------------------------------------


def test_a_revision_is_recorded_with_its_reason() -> None:
    before = born(A, "Old words.")
    changes = evolve.revise(before, {"content": "New words.", "tags": ["a", "a"]}, NOW, "typo")
    assert changes.note.content == "New words."
    assert changes.note.tags == ("a",)
    entry = changes.note.history[-1]
    assert (entry.verb, entry.reason, entry.before["content"]) == ("revise", "typo", "Old words.")
    after(state_of(before), changes)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"content": "About aaaaaaaa."}, "says so already"),
        ({}, "says so already"),
        ({"content": " "}, "content is blank"),
        ({"keywords": "porto"}, "one string"),
    ],
)
def test_a_revision_that_does_nothing_or_does_not_fit_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        evolve.revise(born(A), fields, NOW)


def test_the_reason_of_a_revision_has_a_limit() -> None:
    with pytest.raises(LimitExceeded, match="reason: is longer than 500"):
        evolve.revise(born(A), {"context": "x"}, NOW, "r" * 501)


def test_forgetting_takes_the_links_to_a_note_with_it() -> None:
    made = evolve.remember(
        note(), born(C, thread="t"), [born(B)], decided(links=[link(0), link(0, "supports")]), NOW
    )
    state = after(state_of(born(B), born(C, thread="t")), made)
    gone = after(state, evolve.forget(state[A], [state[B], state[C]], NOW + DAY))
    assert [each.links for each in gone.values()] == [(), (), ()]
    assert gone[A].forgotten_at == NOW + DAY


# --- undo ----------------------------------------------------------------------------------------------


def bare(each: Note) -> dict[str, Any]:
    """What `undo` restores: all but the bookkeeping; links in no order."""
    fields = each.model_dump(exclude={"history", "revision", "links", "pending", "shown"})
    return fields | {"links": set(each.links)}


@pytest.fixture
def evolved() -> dict[str, Note]:
    """A superseded B and changed C; both knew each other before."""
    b = born(B, context="Where she lives.")
    with_c = evolve.remember(note(C, "About C."), None, [b], decided(links=[link(0)]), NOW)
    return after(state_of(b), with_c)


DECISION = {
    "links": [link(0, "supersedes", "moved"), link(1, "supports")],
    "changes": [{"neighbour": 1, "context": "New.", "keywords": ["k"], "reason": "r"}],
}


def test_undo_restores_every_note_that_the_change_wrote(evolved: dict[str, Note]) -> None:
    stored = born(A, occurred_at=START + DAY, pending=Pending(reason="waiting"))
    before = evolved | {A: stored}
    changed = after(before, evolve.apply(stored, [before[B], before[C]], decided(**DECISION), NOW))
    undone = after(changed, undo.undo(f"{A}.2", changed, NOW + DAY))
    assert {x: bare(undone[x]) for x in undone} == {x: bare(before[x]) for x in before}
    assert undone[B].history[-1].verb == "undo"
    assert undone[A].pending is None, "an undone decision does not put the question back"


def test_undo_of_the_undo_restores_the_change(evolved: dict[str, Note]) -> None:
    made = evolve.remember(
        note(occurred_at=START + DAY), None, [evolved[B], evolved[C]], decided(**DECISION), NOW
    )
    changed = after(evolved, made)
    undone = after(changed, undo.undo(f"{A}.1", changed, NOW + DAY))
    assert undone[A].forgotten_at == NOW + DAY
    assert {x: bare(undone[x]) for x in (B, C)} == {x: bare(evolved[x]) for x in (B, C)}
    redone = after(undone, undo.undo(f"{A}.2", undone, NOW + 2 * DAY))
    assert {x: bare(redone[x]) for x in redone} == {x: bare(changed[x]) for x in changed}


def test_undo_of_a_forgetting_brings_note_and_links_back(evolved: dict[str, Note]) -> None:
    gone = after(evolved, evolve.forget(evolved[B], [evolved[C]], NOW))
    back = after(gone, undo.undo(gone[B].history[-1].change, gone, NOW))
    assert {x: bare(back[x]) for x in back} == {x: bare(evolved[x]) for x in evolved}


def test_undo_names_the_later_change_that_stands_on_it(evolved: dict[str, Note]) -> None:
    made = evolve.remember(
        note(occurred_at=START + DAY), None, [evolved[B], evolved[C]], decided(**DECISION), NOW
    )
    changed = after(evolved, made)
    later = after(changed, evolve.revise(changed[C], {"context": "Newer."}, NOW))
    with pytest.raises(ConflictError, match=rf"context of note {C} was changed again by {C}.3") as conflict:
        undo.undo(f"{A}.1", later, NOW)
    assert conflict.value.note_ids == (C,)
    back = after(later, undo.undo(f"{C}.3", later, NOW))
    after(back, undo.undo(f"{A}.1", back, NOW))


def test_undo_of_what_is_undone_already_is_refused(evolved: dict[str, Note]) -> None:
    linked = after(evolved, evolve.apply(evolved[B], [evolved[C]], decided(links=[link(0, "supports")]), NOW))
    change = linked[B].history[-1].change
    undone = after(linked, undo.undo(change, linked, NOW))
    with pytest.raises(ConflictError, match="nothing of change"):
        undo.undo(change, undone, NOW)
    revised = after(evolved, evolve.revise(evolved[C], {"context": "x"}, NOW))
    back = after(revised, undo.undo(f"{C}.2", revised, NOW))
    with pytest.raises(ConflictError, match=f"changed again by {C}.3"):
        undo.undo(f"{C}.2", back, NOW)


def test_undo_of_a_remember_takes_later_links_along(evolved: dict[str, Note]) -> None:
    later = evolve.remember(note(), None, [evolved[C]], decided(links=[link(0)]), NOW)
    state = after(evolved, later)
    undone = after(state, undo.undo(f"{C}.1", state, NOW))
    assert undone[C].forgotten_at == NOW
    assert undone[A].links == ()
    with pytest.raises(ConflictError, match=f"note {C} is forgotten already"):
        undo.undo(f"{C}.1", undone, NOW)


def test_a_note_that_is_hidden_again_loses_the_links_made_since(evolved: dict[str, Note]) -> None:
    gone = after(evolved, evolve.forget(evolved[C], [evolved[B]], NOW))
    back = after(gone, undo.undo(gone[C].history[-1].change, gone, NOW))
    newer = note(occurred_at=START + DAY)
    linked = after(back, evolve.remember(newer, None, [back[C]], decided(links=[link(0)]), NOW))
    hidden = after(linked, undo.undo(back[C].history[-1].change, linked, NOW))
    assert hidden[C].forgotten_at == gone[C].forgotten_at
    assert [hidden[x].links for x in (A, B, C)] == [(), (), ()]


@pytest.mark.parametrize("how", ["forget", "undo"])
def test_what_a_note_superseded_is_so_again_when_it_is_gone(how: str) -> None:
    stored = after(state_of(born(B)), Changes(id=f"{A}.1", notes=(born(A, **said_on(1)),)))
    decision = decided(links=[link(0, "supersedes")])
    closed = after(stored, evolve.apply(stored[A], [stored[B]], decision, NOW))
    assert closed[B].invalid_at == START + DAY
    made = evolve.forget(closed[A], [closed[B]], NOW) if how == "forget" else undo.undo(f"{A}.1", closed, NOW)
    gone = after(closed, made)
    assert gone[B].invalid_at is None
    again = after(gone, undo.undo(made.id, gone, NOW))
    assert {x: bare(again[x]) for x in again} == {x: bare(closed[x]) for x in closed}


def test_what_was_closed_for_another_reason_stays_closed() -> None:
    stored = state_of(born(B), born(A, occurred_at=START + DAY))
    decision = decided(links=[link(0, "supersedes")])
    closed = after(stored, evolve.apply(stored[A], [stored[B]], decision, NOW))
    revised = after(closed, evolve.revise(closed[B], {"invalid_at": START + 2 * DAY}, NOW))
    gone = after(revised, evolve.forget(revised[A], [revised[B]], NOW))
    assert gone[B].invalid_at == START + 2 * DAY


def test_undo_needs_the_other_end_of_a_link_to_be_there(evolved: dict[str, Note]) -> None:
    gone = after(evolved, evolve.forget(evolved[C], [evolved[B]], NOW))
    both = after(gone, evolve.forget(gone[B], [], NOW))
    with pytest.raises(ConflictError, match=rf"note {B}, which a link of {C} needs, was forgotten by {B}.4"):
        undo.undo(gone[C].history[-1].change, both, NOW)
    erased = {C: gone[C]}
    with pytest.raises(ConflictError, match="is gone for good"):
        undo.undo(gone[C].history[-1].change, erased, NOW)


def test_undo_knows_its_own_history_only(evolved: dict[str, Note]) -> None:
    with pytest.raises(ConflictError, match="is not in the history"):
        undo.undo(f"{B}.99", evolved, NOW)


# --- decisions about what changed meanwhile -----------------------------------------------------------


def test_stale_changes_are_dropped_and_their_links_kept() -> None:
    decision = decided(
        links=[link(0), link(1)],
        changes=[{"neighbour": 0, "context": "x"}, {"neighbour": 1, "context": "y"}],
    )
    kept = evolve.without(decision, [0])
    assert [x.neighbour for x in kept.links] == [0, 1]
    assert [x.neighbour for x in kept.changes] == [1]


def test_a_decision_is_renumbered_to_the_neighbours_still_there() -> None:
    decision = decided(
        links=[link(0), link(2)],
        changes=[{"neighbour": 1, "context": "x"}, {"neighbour": 2, "context": "y"}],
    )
    renumbered = evolve.renumber(decision, [2, 1])
    assert [x.neighbour for x in renumbered.links] == [0]
    assert {x.neighbour: x.context for x in renumbered.changes} == {1: "x", 0: "y"}


# --- rebase: two writers, one note -----------------------------------------------------------------------

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "context": st.sampled_from(["", "ours", "theirs"]),
        "keywords": st.lists(st.sampled_from("abc"), max_size=2),
        "trust": st.sampled_from(Trust),
    },
)


def write(each: Note, fields: dict[str, Any], ids: list[str], at: datetime, cause: str) -> Note:
    """Some write of a note: fields set and links made, as another note's decision or its own revision."""
    sheet = Sheet(each, [born(x) for x in ids], "revise", at)
    sheet.set(each.id, "", **{name: getattr(build(Note, {**dict(each), **fields}), name) for name in fields})
    for other in ids:
        sheet.link(Link(source=each.id, target=other, relation=Relation.RELATES))
    made = sheet.changes().note
    entry = made.history[-1].model_copy(update={"change": cause})
    return made.model_copy(update={"history": (*made.history[:-1], entry)})


@given(FIELDS, st.sets(st.sampled_from([B, C, D])), FIELDS, st.sets(st.sampled_from([B, C, D])))
def test_rebasing_keeps_what_both_wrote_and_the_history_true(
    our_fields: dict[str, Any], our_ids: set[str], their_fields: dict[str, Any], their_ids: set[str]
) -> None:
    base = born(A, context="base", keywords=("base",))
    ours = write(base, our_fields, sorted(our_ids), NOW, f"{D}.7")
    fresh = write(base, their_fields, sorted(their_ids), NOW + DAY, f"{A}.2")
    made = evolve.rebase(base, ours, fresh)
    assert made.revision == fresh.revision + 1
    assert {x.target for x in made.links} == our_ids | their_ids
    assert [x.change for x in made.history] == [f"{A}.1", f"{A}.2", f"{D}.7"]
    for name in ("context", "keywords", "trust"):
        theirs, mine, old = (getattr(x, name) for x in (fresh, ours, base))
        assert getattr(made, name) == (mine if theirs == old else theirs), "the other writer wins"
    others = [
        born(x).model_copy(update={"links": tuple(y for y in made.links if y.target == x), "history": ()})
        for x in (B, C, D)
    ]
    assert all(set(x.links) <= set(made.links) for x in others)
    assert evolve.known_at(made, START).links == ()
    hold_history(made)


def hold_history(each: Note) -> None:
    from zettelmem.testing import history_replays, revisions_counted

    history_replays([each])
    revisions_counted([each])


def test_rebasing_on_itself_changes_nothing_but_the_revision() -> None:
    base = born(A)
    ours = write(base, {"context": "x"}, [B], NOW, f"{A}.2")
    assert evolve.rebase(base, ours, base) == ours


# --- known_at: the note as it stood ----------------------------------------------------------------------


@given(st.lists(st.tuples(FIELDS, st.sets(st.sampled_from([B, C, D]))), max_size=6))
def test_a_note_is_seen_as_it_stood_after_each_of_its_writes(
    writes: list[tuple[dict[str, Any], set[str]]],
) -> None:
    now = born(A)
    stood = [now]
    for i, (fields, ids) in enumerate(writes):
        now = write(now, fields, sorted(ids), NOW + (i + 1) * DAY, f"{A}.{i + 2}")
        stood.append(now)
    for i, then in enumerate(stood):
        for at in (NOW + i * DAY, NOW + (i + 1) * DAY - timedelta(seconds=1)):
            assert evolve.known_at(now, at) == then


def test_a_link_exchanged_for_another_is_seen_as_it_stood() -> None:
    one = Link(source=A, target=B, relation=Relation.RELATES)
    other = Link(source=A, target=C, relation=Relation.RELATES)
    first = Evolution(change=f"{A}.1", verb="remember", cause=A, at=START, linked=(one,))
    second = Evolution(change=f"{A}.2", verb="undo", cause=A, at=NOW, linked=(other,), unlinked=(one,))
    now = note(links=(other,), history=(first, second), revision=2)
    then = evolve.known_at(now, NOW - DAY)
    assert then.links == (one,)
    assert then.history == (first,)
    assert then.revision == 1


# --- a history that is bounded ---------------------------------------------------------------------


def revised(each: Note, times: int, size: int = 1) -> Note:
    """The note after so many revisions of its data, each `size` characters, a day apart."""
    for i in range(times):
        each = evolve.revise(each, {"data": {"n": i, "text": "x" * size}}, NOW + i * DAY).note
    return each


def test_a_history_keeps_its_newest_changes_and_counts_the_rest() -> None:
    short = revised(born(A), MAX_CHANGES - 1)
    assert (short.dropped, len(short.history)) == (0, MAX_CHANGES)
    kept = revised(short, 16)
    assert [each.change for each in kept.history] == [f"{A}.{17 + i}" for i in range(MAX_CHANGES)]
    assert (kept.dropped, kept.revision) == (16, MAX_CHANGES + 16)
    hold([kept])


def test_large_changes_are_dropped_sooner_but_never_the_newest() -> None:
    kept = revised(born(A), 20, size=20_000)
    assert sum(len(each.model_dump_json(exclude_defaults=True)) for each in kept.history) <= MAX_HISTORY
    assert 1 < len(kept.history) < 10
    hold([kept])
    huge = revised(born(A), 3, size=2 * MAX_HISTORY)
    assert [each.dropped for each in huge.history] == [3]
    assert undo.undo(huge.history[-1].change, {A: huge}, NOW).note.data == huge.history[-1].before["data"]
    hold([huge])


TEXT = st.text(max_size=50)


@given(TEXT, st.lists(TEXT), TEXT, st.integers(0, 3))
def test_a_change_is_never_larger_than_it_is_taken_for(
    content: str, words: list[str], reason: str, links: int
) -> None:
    made = (
        born(A)
        .history[-1]
        .model_copy(
            update={
                "before": {
                    "content": content,
                    "keywords": words,
                    "data": {content: words},
                    "invalid_at": None,
                },
                "after": {"content": reason},
                "reason": reason,
                "linked": (Link(source=A, target=B, relation=Relation.DERIVED_FROM, reason=reason),) * links,
                "touched": (B,) * links,
            }
        )
    )
    size = len(made.model_dump_json(exclude_defaults=True).encode("utf-8", "surrogatepass"))
    assert size <= size_at_most(made)


def test_a_change_that_a_neighbour_has_dropped_cannot_be_undone() -> None:
    state = after(state_of(born(A)), evolve.remember(note(B), None, [born(A)], decided(links=[link(0)]), NOW))
    state[A] = revised(state[A], MAX_CHANGES + 1)
    with pytest.raises(ConflictError, match=f"older than the {MAX_CHANGES} changes that note {A} keeps"):
        undo.undo(f"{B}.1", state, NOW)


def test_before_its_oldest_kept_change_a_note_is_seen_as_that_found_it() -> None:
    kept = revised(born(A), MAX_CHANGES + 9)
    for at in (NOW - DAY, kept.history[0].at - DAY / 2):
        assert evolve.known_at(kept, at).data == kept.history[0].before["data"]
    assert evolve.known_at(kept, kept.history[0].at).data == kept.history[0].after["data"]


def test_rebasing_a_bounded_note_keeps_what_both_wrote() -> None:
    base = revised(born(A), MAX_CHANGES + 4)
    ours = evolve.revise(base, {"context": "ours"}, NOW + 999 * DAY).note
    fresh = evolve.revise(base, {"tags": ("theirs",)}, NOW + 998 * DAY).note
    made = evolve.rebase(base, ours, fresh)
    assert (made.context, made.tags, made.revision) == ("ours", ("theirs",), base.revision + 2)
    assert made.dropped + len(made.history) == made.revision


def test_erasing_leaves_a_bounded_history_counted() -> None:
    state = after(state_of(born(A)), evolve.remember(note(B), None, [born(A)], decided(links=[link(0)]), NOW))
    state[A] = revised(state[A], MAX_CHANGES - 2)
    state = after(state, evolve.forget(state[B], [state[A]], NOW + 999 * DAY))
    kept = state[A]
    scrubbed = scrub({B: state[B]}, {A: kept})[A]
    assert (scrubbed.dropped, scrubbed.revision, len(scrubbed.history)) == (1, kept.revision, MAX_CHANGES)
    assert [each.change for each in scrubbed.history if each.verb == "erase"] == [
        f"{A}.2",
        f"{A}.{kept.revision}",
    ]
    hold([scrubbed])
