"""One round of upkeep while it goes on: what it may spend, what it did, what it asks."""

from __future__ import annotations

from collections.abc import Iterable

from zettelmem.decisions import Changes
from zettelmem.judge import Judge
from zettelmem.linking.review import Review
from zettelmem.note import Note

from .purse import Purse
from .report import Done, Proposal, Step, UpkeepReport


class Round:
    """One round of upkeep while it goes on."""

    def __init__(self, purse: Purse, judge: Judge, *, review: Review = "none", dry_run: bool) -> None:
        self.purse = purse
        self.judge = judge
        self.review = review
        self.dry_run = dry_run
        self.done: list[Done] = []
        self.proposals: list[Proposal] = []
        self.problems: list[str] = []
        self.pending = 0

    def wrote(self, step: Step, told: str, changes: Changes) -> None:
        """Something was written."""
        notes = about(changes)
        self.done.append(Done(step=step, notes=notes, told=told, change=changes.id))

    def would(self, step: Step, told: str, notes: Iterable[Note]) -> None:
        """Something would be written."""
        self.done.append(Done(step=step, notes=tuple(note.id for note in notes), told=told))

    def report(self) -> UpkeepReport:
        """What came of it."""
        problems = [*self.problems, *([self.purse.problem] if self.purse.problem else [])]
        return UpkeepReport(
            changes=tuple(self.done),
            proposals=tuple(self.proposals),
            pending=self.pending,
            spent=self.purse.spent,
            problems=tuple(problems),
            dry_run=self.dry_run,
        )


def about(changes: Changes) -> tuple[str, ...]:
    """The causing note, and those that were changed with it; not those that only gained or lost a link."""
    changed = [note.id for note in changes.touched if note.history[-1].after]
    return (changes.note.id, *changed)
