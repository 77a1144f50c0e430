"""What a judge is shown and decides about a note, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from .note import ChangeId, Note, NoteId, Relation
from .spending import Account
from .values import Context, Reason, Tags, Value, Weight, Words


class LinkChoice(Value):
    """A judge's choice to link the note to neighbour number `neighbour`."""

    neighbour: int = Field(ge=0, description="number of the neighbour, as shown")
    relation: Relation = Field(
        default=Relation.RELATES,
        description="what the new note is to the neighbour; `supersedes` closes the neighbour",
    )
    reason: Reason = Field(default="", description="why, in a few words")
    weight: Weight = Field(default=1.0, description="how strong, above 0 to 1")


class NeighbourChange(Value):
    """A judge's choice to describe neighbour number `neighbour` differently. None leaves a field as it is."""

    neighbour: int = Field(ge=0, description="number of the neighbour, as shown")
    context: Context | None = Field(default=None, description="its new context, one sentence")
    keywords: Words | None = Field(default=None, description="all its keywords from now on")
    tags: Tags | None = Field(default=None, description="all its tags from now on")
    reason: Reason = Field(default="", description="why, in a few words")


class Decision(Value):
    """What a judge decided about one note and its numbered neighbours. Empty means: nothing to do."""

    links: tuple[LinkChoice, ...] = Field(default=(), description="neighbours to link, none if unrelated")
    changes: tuple[NeighbourChange, ...] = Field(
        default=(), description="neighbours that the new note makes us see differently"
    )


class Changes(Value):
    """The notes that one commit writes, the causing note first, each one revision on.

    Attributes:
        id: the change id, `<causing note>.<its revision>`; on an object store with `-` and a random part.
        notes: the notes as they will stand.
        restored: that the note is new here and comes with the changes that were made to it elsewhere.
    """

    id: ChangeId
    notes: tuple[Note, ...]
    restored: bool = False

    @property
    def note(self) -> Note:
        """The note that the change is about."""
        return self.notes[0]

    @property
    def touched(self) -> tuple[Note, ...]:
        """The other notes that it writes."""
        return self.notes[1:]


class Neighbour(Value):
    """A note looked at while another is remembered, under the number that judges use for it."""

    number: int = Field(ge=0)
    note: Note
    similarity: float = Field(description="cosine of the two contents, in [-1, 1], higher is nearer")


class Question(Value):
    """What is asked about a note and its numbered neighbours.

    Attributes:
        neighbours: the numbered neighbours.
        instructions: what the model that is asked has to do, and the JSON that it answers with.
        prompt: the note and its neighbours in words, fenced.
    """

    neighbours: tuple[Neighbour, ...]
    instructions: str
    prompt: str


class Remembered(Value):
    """What became of one `remember` or `connect`.

    Attributes:
        note: the note as it is stored now.
        change: the id that `undo` takes; of the earlier change if nothing was written.
        neighbours: the notes that were looked at, numbered.
        evolved: ids of neighbours that are described differently since.
        known: True if the note was there already and nothing was written.
        spent: what a language model was asked about it, failed attempts included. What one question about
            several notes cost is told by the first of them.
    """

    note: Note
    change: ChangeId
    neighbours: tuple[Neighbour, ...] = ()
    evolved: tuple[NoteId, ...] = ()
    known: bool = False
    spent: Account = Account()


class Finished(list[Remembered]):
    """The notes that are pending no more; or, of a dry run, those that a judge would look at.

    Attributes:
        spent: what a language model cost, failed attempts included; of a dry run the estimate.
    """

    def __init__(self, notes: Iterable[Remembered] = (), spent: Account | None = None) -> None:
        super().__init__(notes)
        self.spent = spent or Account()
