"""What upkeep asks whoever judges: which of two notes holds, and what some notes tell together."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from zettelmem.decisions import Changes
from zettelmem.drafts import Draft
from zettelmem.errors import ConflictError, DecisionRefused, InvalidInput, NotFound
from zettelmem.intake import Intake
from zettelmem.linking import evolve
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation, random_id
from zettelmem.spending import Account
from zettelmem.values import build
from zettelmem.writer import Writer, alive

from . import distil, prompts, settle
from .report import About, Done, Proposal
from .round import Round, about
from .settle import Answer

MOST_PROPOSALS = 20
"""Questions of one kind that one round asks about a namespace."""
LOOKED_AT = 200
"""Notes, the newest first, around which one round looks for insights."""


class Questions:
    """Asks, and does what the answers say.

    Args:
        writer: what commits.
        intake: what the words of insights have to pass.
    """

    def __init__(self, writer: Writer, intake: Intake) -> None:
        self._writer = writer
        self._intake = intake
        self._tells_nothing: set[frozenset[str]] = set()

    async def settle(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask which of two notes holds: where one may be the later word, and where they contradict."""
        open_ids = [row["id"] for row in rows if row["newer"] or row["disputed"]]
        older = await self._writer.store.notes(namespace, open_ids)
        later = [each for note in older.values() for each in note.linked_ids() if each not in older]
        notes = older | await self._writer.store.notes(namespace, later)
        newer = settle.newest_alone(settle.open_pairs(notes, Relation.UPDATES))
        against = list(settle.open_pairs(notes, Relation.CONTRADICTS))
        answered: list[tuple[Note, Note, Answer]] = []
        newer = [(first, second) for first, second in newer if not _waits(first, second)]
        for first, second in newer[-MOST_PROPOSALS:]:
            answered += await self._which_holds(this, first, second, "newer", settle.NEWER)
        for first, second in against[-MOST_PROPOSALS:]:
            answered += await self._which_holds(this, first, second, "contradiction", settle.CONTRADICTION)
        if answered:
            written, refused = await self._settled(namespace, answered, this.purse.untold())
            for changes, told in written:
                this.wrote("settle", told, changes)
            this.problems += refused

    async def _which_holds(
        self, this: Round, first: Note, second: Note, asks: About, answers: tuple[Answer, ...]
    ) -> list[tuple[Note, Note, Answer]]:
        """The pair with the model's answer; [] where it gave none and the question is left to the caller."""
        prompt = prompts.which_holds(first, second)
        choice = await this.purse.ask(prompt) if this.review == "none" else None
        if choice is not None and choice.holds in answers:
            return [(first, second, choice.holds)]
        question = f"{prompt.instructions}\n\n{prompt.text}"
        ids = (first.id, second.id)
        this.proposals.append(
            Proposal(step="settle", about=asks, notes=ids, question=question, answers=answers)
        )
        return []

    async def _settled(
        self, namespace: Namespace, answered: Sequence[tuple[Note, Note, Answer]], cost: Account | None
    ) -> tuple[list[tuple[Changes, str]], list[str]]:
        """Do what the answers say, in one commit: the changes, each in words too, and what was refused."""
        ids = [note.id for first, second, _ in answered for note in (first, second)]
        now = self._writer.clock()
        told: list[str] = []
        refused: list[str] = []

        def step(fresh: dict[str, Note]) -> list[Changes]:
            state = dict(fresh)
            made: list[Changes] = []
            told.clear()
            refused.clear()  # it may be worked out more than once
            for first, second, answer in answered:
                try:
                    changes = settle.settle(alive(state, first.id), alive(state, second.id), answer, now)
                except (ConflictError, DecisionRefused, NotFound) as error:
                    refused.append(str(error))
                    continue
                state |= {note.id: note for note in changes.notes}
                made.append(changes)
                told.append(_told_of(answer))
            return evolve.paid(made, cost)

        written = await self._writer.commit(namespace, ids, step)
        return list(zip(written, told, strict=True)), refused

    async def distil(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask what notes that belong together tell together."""
        fit = [row["id"] for row in rows if not (row["resting"] or row["waiting"] or row["founds"])]
        hubs = await self._writer.store.notes(namespace, reversed(fit[-LOOKED_AT:]))
        around = {each for hub in hubs.values() for each in hub.linked_ids()} - hubs.keys()
        notes = hubs | await self._writer.store.notes(namespace, sorted(around))
        taken: set[str] = set()
        told: list[tuple[str, list[Note]]] = []
        asked = 0
        for hub in hubs.values():
            group = distil.group_around(hub, notes, taken)
            members = frozenset(note.id for note in group)
            if not group or members in self._tells_nothing or asked == MOST_PROPOSALS:
                continue
            taken |= members
            asked += 1
            told += await self._tell_together(this, group)
        if told:
            for changes in await self._insights(namespace, told, this.purse.untold()):
                this.wrote("distil", _told_of_insight(len(changes.touched)), changes)

    async def _tell_together(self, this: Round, group: list[Note]) -> list[tuple[str, list[Note]]]:
        """What a model tells of a group, with the notes that it stands on; [] if nothing."""
        prompt = prompts.insight(group)
        answer = await this.purse.ask(prompt) if this.review != "all" else None
        if answer is None:
            ids = tuple(note.id for note in group)
            question = f"{prompt.instructions}\n\n{prompt.text}"
            this.proposals.append(Proposal(step="distil", about="insight", notes=ids, question=question))
            return []
        named = [group[number] for number in dict.fromkeys(answer.notes) if 0 <= number < len(group)]
        if not answer.insight or (answer.notes and len(named) < 2):
            self._tells_nothing.add(frozenset(note.id for note in group))
            return []
        return [(answer.insight, named or group)]

    async def _insights(
        self,
        namespace: Namespace,
        told: Sequence[tuple[str, Sequence[Note]]],
        cost: Account | None = None,
    ) -> list[Changes]:
        """Write what notes tell together, all in one commit."""
        now = self._writer.clock()
        new: list[tuple[str, str, Sequence[Note]]] = []
        for content, sources in told:
            draft = self._intake.checked(build(Draft, {"content": content}))
            new.append((random_id(secrets.token_bytes(6)), draft.content, sources))

        def step(fresh: dict[str, Note]) -> list[Changes]:
            state = dict(fresh)
            made: list[Changes] = []
            for note_id, content, sources in new:
                there = [state[note.id] for note in sources if note.id in state]
                there = [note for note in there if note.forgotten_at is None]
                if len(there) < len(sources):
                    continue  # one was forgotten meanwhile: what was told was about other notes
                changes = distil.insight(content, there, namespace, note_id, now)
                state |= {note.id: note for note in changes.notes}
                made.append(changes)
            return evolve.paid(made, cost)

        ids = [note_id for note_id, _, _ in new]
        ids += [note.id for _, sources in told for note in sources]
        return await self._writer.commit(namespace, ids, step)

    async def decide(self, proposal: Proposal, answer: str, space: Namespace) -> Done:
        """Do what the answer to a proposal says.

        Raises:
            NotFound: one of its notes is not there any more.
            InvalidInput: that is no answer to it.
        """
        notes = await self._writer.store.notes(space, proposal.notes)
        found = [alive(notes, each) for each in proposal.notes]
        if len({note.namespace for note in found}) != 1:
            raise InvalidInput("the notes are of several namespaces; give a proposal as upkeep made it")
        if proposal.about == "insight":
            if not answer.strip():
                self._tells_nothing.add(frozenset(proposal.notes))
                return Done(step="distil", notes=proposal.notes, told="they tell nothing together")
            made = await self._insights(found[0].namespace, [(answer, found)])
            if not made:
                raise NotFound("one of the notes was forgotten meanwhile; run upkeep again")
            changes = made[0]
            told = _told_of_insight(len(found))
        else:
            allowed = settle.NEWER if proposal.about == "newer" else settle.CONTRADICTION
            chosen = next((each for each in allowed if each == answer), None)
            if chosen is None or len(found) != 2:
                raise InvalidInput(f"the answer is {answer!r}; give one of {', '.join(allowed)}")
            now = self._writer.clock()

            def step(fresh: dict[str, Note]) -> list[Changes]:
                first, second = (alive(fresh, each) for each in proposal.notes)
                return [settle.settle(first, second, chosen, now)]

            (changes,) = await self._writer.commit(found[0].namespace, proposal.notes, step)
            told = _told_of(chosen)
        return Done(step=proposal.step, notes=about(changes), told=told, change=changes.id)


def _waits(first: Note, second: Note) -> bool:
    """Whether a review asks about the pair already."""
    return first.pending is not None and second.id in [link.target for link in first.pending.links]


def _told_of(answer: Answer) -> str:
    return {"first": "the first holds", "second": "the second holds", "both": "both hold"}[answer]


def _told_of_insight(count: int) -> str:
    return f"an insight from {count} notes"
