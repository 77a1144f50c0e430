"""What upkeep asks whoever judges: which of two notes holds, and what some notes tell together."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from zettelmem.decisions import Changes
from zettelmem.drafts import Draft
from zettelmem.errors import ConflictError, DecisionRefused, InvalidInput, NotFound
from zettelmem.intake import Intake
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation, random_id
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

    async def _notes(self, namespace: Namespace, ids: Iterable[str]) -> dict[str, Note]:
        return await self._writer.store.notes(namespace, ids)

    async def settle(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask which of two notes holds: where one may be the later word, and where they contradict."""
        open_ids = [row["id"] for row in rows if row["newer"] or row["disputed"]]
        older = await self._notes(namespace, open_ids)
        later = [each for note in older.values() for each in note.linked_ids() if each not in older]
        notes = older | await self._notes(namespace, later)
        newer = settle.newest_alone(settle.open_pairs(notes, Relation.UPDATES))
        against = list(settle.open_pairs(notes, Relation.CONTRADICTS))
        for pair in newer[-MOST_PROPOSALS:]:
            await self._ask_which(this, *pair, "newer", settle.NEWER)
        for pair in against[-MOST_PROPOSALS:]:
            await self._ask_which(this, *pair, "contradiction", settle.CONTRADICTION)

    async def _ask_which(
        self, this: Round, first: Note, second: Note, asks: About, answers: tuple[Answer, ...]
    ) -> None:
        prompt = prompts.which_holds(first, second)
        choice = await this.purse.ask(prompts.WHICH_HOLDS, prompt, prompts.Choice)
        if choice is not None and choice.holds in answers:
            try:
                changes = await self._settled(first, second, choice.holds)
            except (ConflictError, DecisionRefused, NotFound) as error:
                this.problems.append(str(error))
            else:
                this.wrote("settle", _told_of(choice.holds), changes)
            return
        question = f"{prompts.WHICH_HOLDS}\n\n{prompt}"
        ids = (first.id, second.id)
        this.proposals.append(
            Proposal(step="settle", about=asks, notes=ids, question=question, answers=answers)
        )

    async def _settled(self, first: Note, second: Note, answer: Answer) -> Changes:
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            return [settle.settle(alive(fresh, first.id), alive(fresh, second.id), answer, now)]

        return (await self._writer.commit(first.namespace, [first.id, second.id], step))[0]

    async def distil(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask what notes that belong together tell together."""
        fit = [row["id"] for row in rows if not (row["resting"] or row["waiting"] or row["founds"])]
        hubs = await self._notes(namespace, reversed(fit[-LOOKED_AT:]))
        around = {each for hub in hubs.values() for each in hub.linked_ids()} - hubs.keys()
        notes = hubs | await self._notes(namespace, sorted(around))
        taken: set[str] = set()
        asked = 0
        for hub in hubs.values():
            group = distil.group_around(hub, notes, taken)
            members = frozenset(note.id for note in group)
            if not group or members in self._tells_nothing:
                continue
            taken |= members
            asked += 1
            await self._ask_what(this, namespace, group)
            if asked == MOST_PROPOSALS:
                return

    async def _ask_what(self, this: Round, namespace: Namespace, group: Sequence[Note]) -> None:
        prompt = prompts.insight(group)
        answer = await this.purse.ask(prompts.INSIGHT, prompt, prompts.Insight)
        if answer is None:
            ids = tuple(note.id for note in group)
            question = f"{prompts.INSIGHT}\n\n{prompt}"
            this.proposals.append(Proposal(step="distil", about="insight", notes=ids, question=question))
            return
        named = [group[number] for number in dict.fromkeys(answer.notes) if 0 <= number < len(group)]
        if not answer.insight or (answer.notes and len(named) < 2):
            self._tells_nothing.add(frozenset(note.id for note in group))
            return
        changes = await self._insight(namespace, answer.insight, named or list(group))
        this.wrote("distil", f"an insight from {len(named or group)} notes", changes)

    async def _insight(self, namespace: Namespace, content: str, sources: Sequence[Note]) -> Changes:
        """Write what these notes tell together."""
        draft = self._intake.checked(build(Draft, {"content": content}))
        note_id = random_id(secrets.token_bytes(6))
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            there = [alive(fresh, note.id) for note in sources]
            return [distil.insight(draft.content, there, namespace, note_id, now)]

        return (await self._writer.commit(namespace, [note_id, *(note.id for note in sources)], step))[0]

    async def decide(self, proposal: Proposal, answer: str, space: Namespace) -> Done:
        """Do what the answer to a proposal says.

        Raises:
            NotFound: one of its notes is not there any more.
            InvalidInput: that is no answer to it.
        """
        notes = await self._notes(space, proposal.notes)
        found = [alive(notes, each) for each in proposal.notes]
        if len({note.namespace for note in found}) != 1:
            raise InvalidInput("the notes are of several namespaces; give a proposal as upkeep made it")
        if proposal.about == "insight":
            if not answer.strip():
                self._tells_nothing.add(frozenset(proposal.notes))
                return Done(step="distil", notes=proposal.notes, told="they tell nothing together")
            changes = await self._insight(found[0].namespace, answer, found)
            told = f"an insight from {len(found)} notes"
        else:
            allowed = settle.NEWER if proposal.about == "newer" else settle.CONTRADICTION
            chosen = next((each for each in allowed if each == answer), None)
            if chosen is None or len(found) != 2:
                raise InvalidInput(f"the answer is {answer!r}; give one of {', '.join(allowed)}")
            changes = await self._settled(found[0], found[1], chosen)
            told = _told_of(chosen)
        return Done(step=proposal.step, notes=about(changes), told=told, change=changes.id)


def _told_of(answer: Answer) -> str:
    return {"first": "the first holds", "second": "the second holds", "both": "both hold"}[answer]
