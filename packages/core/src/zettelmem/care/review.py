"""What models propose about notes, for a person to accept or refuse."""

from __future__ import annotations

from zettelmem.decisions import Changes
from zettelmem.errors import ConflictError, InvalidInput
from zettelmem.linking import review
from zettelmem.namespace import Namespace
from zettelmem.note import Link, Note, Relation
from zettelmem.queries import Filter
from zettelmem.render import diff
from zettelmem.writer import Writer, alive

from .report import About, Done, Proposal
from .round import about

TOLD = {"accept": "accepted", "refuse": "refused"}
"""The answers to a proposal, and what was done then."""


class Reviews:
    """Tells what waits for a review, and does what the answers say. What waits is told by the notes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def proposals(self, space: Namespace) -> list[Proposal]:
        """What waits in a namespace and below it, oldest first."""
        store, now = self._writer.store, self._writer.clock()
        ids = [note_id for _, _, note_id in await store.order(Filter(namespace=space, pending=True))]
        waiting = await store.notes(space, ids)
        ends = [link.target for note in waiting.values() if note.pending for link in note.pending.links]
        others = await store.notes(space, ends)
        found: list[Proposal] = []
        for note in (waiting[note_id] for note_id in ids if note_id in waiting):
            if note.pending is None or not note.pending.proposes or note.pending.ended(now):
                continue
            found += [_of_link(note, x, others[x.target]) for x in note.pending.links if x.target in others]
            found += [_of_description(note)] if note.pending.described else []
        return found

    async def decide(self, proposal: Proposal, answer: str, space: Namespace) -> Done:
        """Do what the answer to a proposal says, in one commit.

        Raises:
            NotFound: one of its notes is not there any more.
            InvalidInput: that is no answer to it.
            DecisionRefused: what it would close may not be closed any more.
            ConflictError: it was answered meanwhile, or is too old.
        """
        if answer not in TOLD or not 1 <= len(proposal.notes) <= 2:
            raise InvalidInput(f"the answer is {answer!r}; give 'accept' or 'refuse'")
        rows = await self._writer.store.rows(space, proposal.notes)
        notes = {note_id: row.note for note_id, row in rows.items()}
        namespace = alive(notes, proposal.notes[0]).namespace
        first, *rest = proposal.notes
        vectors = [rows[each].content_vector for each in proposal.notes if each in rows]
        similarity = float(vectors[0] @ vectors[-1])
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            note = alive(fresh, first)
            if note.pending is None or note.pending.ended(now):
                raise _answered(proposal)
            accepted = answer == "accept"
            if not rest and note.pending.described:
                return [review.describe(note, now, accepted=accepted)]
            link = next((x for x in note.pending.links if [x.target] == rest), None)
            if link is None:
                raise _answered(proposal)
            other = alive(fresh, link.target)
            if accepted:
                return [review.accept(note, link, other, similarity, now)]
            return [review.refuse(note, link, other, now)]

        (changes,) = await self._writer.commit(namespace, proposal.notes, step)
        return Done(step="review", notes=about(changes), told=TOLD[answer], change=changes.id)


def _answered(proposal: Proposal) -> ConflictError:
    return ConflictError(f"proposal {proposal.id} was answered meanwhile, or is too old", proposal.notes)


def _of_link(note: Note, link: Link, other: Note) -> Proposal:
    asks: About = "link"
    if review.closes(link, note):
        asks = "closing" if link.relation is Relation.SUPERSEDES else "reopening"
    return _proposal(note, asks, f"{note.id}-{other.id}", (note.id, other.id), diff(note, link, other))


def _of_description(note: Note) -> Proposal:
    return _proposal(note, "description", f"{note.id}-description", (note.id,), diff(note))


def _proposal(note: Note, asks: About, name: str, ids: tuple[str, ...], question: str) -> Proposal:
    until = note.pending.until if note.pending else None
    return Proposal(
        id=name,
        step="review",
        about=asks,
        notes=ids,
        question=question,
        answers=tuple(TOLD),
        expires_at=until,
    )
