"""What a read may see, and what it gives back: hits, pages, graphs, figures."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .namespace import Namespace
from .note import Link, Note, Trust
from .values import KindName, Label, Time, Value, Words


class Filter(Value):
    """Which notes a read may see. Values are typed and never become query text.

    Attributes:
        namespace: this one and all below it; with `exact`, this one alone.
        kinds, tags: any of these; None for all.
        thread: this thread only.
        since, until: `occurred_at` in [since, until).
        valid_at: leave out what was no longer so then; None keeps it.
        over_at: only what was no longer so then.
        known_at: leave out what was not recorded yet then.
        min_trust: leave out what is trusted less.
        via: what came in through this door only.
        pending: only notes that a judge has still to look at.
    """

    namespace: Namespace
    exact: bool = False
    kinds: tuple[KindName, ...] | None = None
    tags: Words | None = None
    thread: Label | None = None
    since: Time | None = None
    until: Time | None = None
    valid_at: Time | None = None
    over_at: Time | None = None
    known_at: Time | None = None
    min_trust: Trust = Trust.UNTRUSTED
    via: str | None = None
    pending: bool = False

    def covers(self, namespace: Namespace) -> bool:
        """Whether notes of `namespace` may be seen."""
        return (namespace if self.exact else namespace[: len(self.namespace)]) == self.namespace


class Hit(Value):
    """A note that was found.

    Attributes:
        note: the note; with `as_of`, as it was then.
        score: in [0, 1], higher is better; comparable between queries of one memory.
        signals: each signal's value in [0, 1].
        weights: what each signal counted, where `explain` was asked for.
        why: how it was found, in words.
    """

    note: Note
    score: float = Field(ge=0, le=1)
    signals: dict[str, float] = Field(default_factory=dict)
    weights: dict[str, float] = Field(default_factory=dict)
    why: str = ""


class Page(Value):
    """Some notes, and where to go on.

    Attributes:
        notes: in the order they were recorded.
        cursor: give it as `after` to get the next page; None on the last.
    """

    notes: tuple[Note, ...]
    cursor: str | None = None


class Graph(Value):
    """Notes and the links between them: both ends of every link are in `notes`."""

    notes: tuple[Note, ...]
    links: tuple[Link, ...]


class Stats(Value):
    """Figures about one namespace and everything below it."""

    notes: int
    links: int
    evolutions: int
    superseded: int
    pending: int
    kinds: dict[str, int]
    threads: int
    first: datetime | None
    last: datetime | None
