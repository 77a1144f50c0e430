"""A note and what it is made of: links, history, source, trust. Frozen, checked at the door, free of I/O."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from .limits import MAX_LINKS, MAX_SAYINGS
from .namespace import Namespace, check_namespace
from .spending import Account
from .values import Content, Context, Data, KindName, Label, Reason, Tags, Time, Value, Weight, Words

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no letter that reads like a digit, so models copy it well."""
_FROM_RFC4648 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
KINDS = ("episodic", "semantic", "procedural", "insight")
"""Kinds that need no registration: what happened, what is so, how to, distilled from other notes."""
NoteId = Annotated[str, StringConstraints(pattern=rf"^[{ALPHABET}]{{8,12}}$")]
ChangeId = Annotated[str, StringConstraints(pattern=rf"^[{ALPHABET}]{{8,12}}\.[1-9][0-9]*(-[{ALPHABET}]+)?$")]


class Trust(IntEnum):
    """How far a note's words may be believed; nothing but an explicit `revise` raises it."""

    UNTRUSTED = 0
    """Read from a web page, a file or a tool's output: anybody may have written it."""
    REPORTED = 1
    """Said by an assistant or another agent."""
    STATED = 2
    """Said by the person whose memory this is, or stored by the application."""
    VERIFIED = 3
    """Checked by an operator."""


class Relation(StrEnum):
    """What a link says of its source about its target.

    `contradicts` flags the target, which comes behind its source: never the more trusted one of the two.
    `supersedes` closes the target. `updates` may be the later word on the same matter: both stay valid,
    and a question about now finds the later one first.
    """

    FOLLOWS = "follows"
    RELATES = "relates"
    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    SUPERSEDES = "supersedes"
    UPDATES = "updates"
    PART_OF = "part_of"
    DERIVED_FROM = "derived_from"


LATER_WORDS = (Relation.SUPERSEDES, Relation.UPDATES)
"""What a note is to another on whose matter it says the later word."""


class Source(Value):
    """Who said it, and through which door it came in."""

    who: Annotated[str, StringConstraints(max_length=200)] | None = None
    via: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "api"


class Link(Value):
    """A directed edge, kept word for word in the notes at both of its ends.

    Attributes:
        source, target: from the note that says something to the note that it is said of.
        relation: what it says.
        reason: why, in words.
        weight: how much it counts when linked notes vote in a recall, above 0 to 1.
    """

    source: NoteId
    target: NoteId
    relation: Relation
    reason: Reason = ""
    weight: Weight = 1.0

    def other(self, note_id: str) -> str:
        """The id at the other end than `note_id`."""
        return self.target if note_id == self.source else self.source


Verb = Literal[
    "remember", "connect", "revise", "forget", "undo", "judge", "evolve", "link", "erase", "repeat",
    "merge", "rest", "wake", "fall",
]  # fmt: skip


class Evolution(Value):
    """One recorded change of one note: enough to tell it, and to take it back.

    Attributes:
        change: the id of the change, shared by every note that the same commit wrote.
        verb: what was done to this note; `repeat` where its words were said again, `merge` where it took in
            notes that say the same, `fall` where it stood on one that no longer holds. Where another note was
            the cause, `evolve` or just `link`; `erase` where that note was erased since, with all that it
            had changed here.
        cause: the note that the change was about.
        at: when it was written (UTC).
        reason: why, in the judge's words.
        before, after: the fields that changed, as JSON values.
        linked, unlinked: links that this change added and removed here.
        touched: in the causing note only, the other notes that the change wrote.
        cost: what a language model was paid for it, where one was asked. What one question about several
            notes cost is told by the first of them.
        dropped: in the oldest change that a history holds, how many before it are kept no more.
    """

    change: ChangeId
    verb: Verb
    cause: NoteId
    at: Time
    reason: Reason = ""
    before: dict[str, JsonValue] = Field(default_factory=dict)
    after: dict[str, JsonValue] = Field(default_factory=dict)
    linked: tuple[Link, ...] = ()
    unlinked: tuple[Link, ...] = ()
    touched: tuple[NoteId, ...] = ()
    cost: Account | None = None
    dropped: int = Field(default=0, ge=0)


class Shown(Value):
    """A neighbour as it was shown to a judge: its id, and the revision that was seen."""

    id: NoteId
    revision: int = Field(ge=1)


Described = Literal["context", "keywords", "tags", "kind"]
"""The fields that construction makes."""


class Saying(Value):
    """One more time that a note's words were said: by whom, when, and in which note they stand."""

    note: NoteId
    source: Source
    at: Time


class Pending(Value):
    """That a judge has still to look at a note, and what construction still owes it.

    Attributes:
        reason: why, or how the last try failed.
        fields: what a model has still to describe.
        tries: how often it was tried in vain.
        until: nobody tries again before (UTC).
        holder: who has it in hand until then; "" for nobody.
        links, described: what a model would change, where a person looks at it first; `until` then.
    """

    reason: Reason
    fields: tuple[Described, ...] = ()
    tries: Annotated[int, Field(ge=0)] = 0
    until: Time | None = None
    holder: Annotated[str, StringConstraints(max_length=32)] = ""
    links: tuple[Link, ...] = ()
    described: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def proposes(self) -> bool:
        """Whether it waits for a review, and not for a judge."""
        return bool(self.links or self.described)

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.until is not None and self.until <= now


class Note(Value):
    """One atomic memory.

    Attributes:
        id: 8 to 12 characters of Crockford's base 32.
        namespace: the isolation key.
        key: the application's own name for the note, unique in its namespace.
        thread: the conversation, session or document that it came from.
        position: its place in its thread, from 0.
        kind: `episodic`, `semantic`, `procedural`, `insight`, or an application's own.
        content: the words as given; only `revise` changes them.
        context: what surrounds the content: one or two sentences, or what was said just before.
        keywords, tags: what it is about; classes it belongs to.
        data: an application's own fields, JSON.
        links: edges from and to this note.
        occurred_at: when it happened in the world (kept in UTC, given in the memory's time zone).
        recorded_at: when we learned it (as above).
        invalid_at: from when it is no longer so, or None.
        forgotten_at: set when it was forgotten; such a note is seen by `undo` alone.
        source, trust: who said it through what, and how far that may be believed.
        pending: that a judge has still to look at it, and why; None once one has.
        shown: the numbered neighbours that an agent was last asked about.
        sayings: the notes that say nearly the same and were merged into this one; they rest.
        front: the note that says the same and that this one was merged into; None if it stands for itself.
        rested_at: since when it rests: true and kept, but found only when asked for precisely. None if awake.
        uses: how often an answer used it. Like the next two it counts no revision and has no history.
        helped: how often that use helped.
        last_used_at: when it was used last (UTC).
        revision: 1 when new, one more with each write.
        history: what was done to it, oldest first; the newest 256 changes, and fewer where they are
            large (256 kB). The first tells how many older ones were dropped.
    """

    id: NoteId
    namespace: Namespace
    key: Label | None = None
    thread: Label | None = None
    position: int = Field(default=0, ge=0)
    kind: KindName = "episodic"
    content: Content
    context: Context = ""
    keywords: Words = ()
    tags: Tags = ()
    data: Data | None = None
    links: Annotated[tuple[Link, ...], Field(max_length=MAX_LINKS)] = ()
    occurred_at: Time
    recorded_at: Time
    invalid_at: Time | None = None
    forgotten_at: Time | None = None
    source: Source = Source()
    trust: Trust = Trust.STATED
    pending: Pending | None = None
    shown: tuple[Shown, ...] = ()
    sayings: Annotated[tuple[Saying, ...], Field(max_length=MAX_SAYINGS)] = ()
    front: NoteId | None = None
    rested_at: Time | None = None
    uses: int = Field(default=0, ge=0)
    helped: int = Field(default=0, ge=0)
    last_used_at: Time | None = None
    revision: int = Field(default=1, ge=1)
    history: tuple[Evolution, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_namespace(self.namespace)
        if not self.content.strip():
            raise ValueError("content is blank; give the words to remember")
        return self

    @property
    def dropped(self) -> int:
        """How many of its changes are older than those that its history keeps."""
        return self.history[0].dropped if self.history else 0

    @property
    def superseded(self) -> bool:
        """Whether another note has taken its place, and it was not brought back since."""
        return self.invalid_at is not None and any(
            link.relation is Relation.SUPERSEDES and link.target == self.id for link in self.links
        )

    @property
    def newer(self) -> tuple[str, ...]:
        """The notes that say, or may say, the later word on the same matter."""
        later = (x for x in self.links if x.relation in LATER_WORDS and x.target == self.id)
        return tuple(link.source for link in later)

    @property
    def ahead(self) -> tuple[str, ...]:
        """The notes that come before it where both answer: later words, and what contradicts it."""
        before = (*LATER_WORDS, Relation.CONTRADICTS)
        return tuple(x.source for x in self.links if x.relation in before and x.target == self.id)

    @property
    def parts(self) -> tuple[str, ...]:
        """The notes that are part of it, where it stands for a text that was cut."""
        own = (x for x in self.links if x.relation is Relation.PART_OF and x.target == self.id)
        return tuple(link.source for link in own)

    @property
    def repeats(self) -> tuple[Evolution, ...]:
        """The times that its words were said again, as far as its history reaches back."""
        return tuple(entry for entry in self.history if entry.verb == "repeat")

    @property
    def times_said(self) -> int:
        """How often its words were said: once, again as far as it tells, and in notes merged into it."""
        return 1 + len(self.repeats) + len(self.sayings)

    @property
    def last_said_at(self) -> datetime:
        """When its words were said last, as far as the note tells: in itself, again, or in a merged note."""
        times = [self.occurred_at, *(entry.at for entry in self.repeats), *(each.at for each in self.sayings)]
        return max(times)

    @property
    def met_at(self) -> datetime:
        """When it was recorded or said again last."""
        return max([self.recorded_at, *(entry.at for entry in self.repeats)])

    @property
    def disputed(self) -> bool:
        """Whether another note contradicts it."""
        return any(x.relation is Relation.CONTRADICTS and x.target == self.id for x in self.links)

    @property
    def founds(self) -> bool:
        """Whether an insight stands on it."""
        return any(x.relation is Relation.DERIVED_FROM and x.target == self.id for x in self.links)

    @property
    def status(self) -> str:
        """What is the matter with it, in words: it is no longer so, or disputed; "" if neither.

        What was given an end ahead of time is told as so until then.
        """
        if self.invalid_at is not None:
            settled = [entry.at for entry in self.history if "invalid_at" in entry.after]
            decided = settled[-1] if settled else self.recorded_at
            ahead = self.invalid_at > decided and not self.superseded
            return f"{'so until' if ahead else 'no longer so since'} {self.invalid_at:%Y-%m-%d}"
        return "contradicted by another note" if self.disputed else ""

    @property
    def description(self) -> str:
        """The text of the note's second vector: what is said about the content beyond its own words."""
        return "\n".join(part for part in (self.context, ", ".join(self.added_words())) if part)

    def added_words(self) -> list[str]:
        """Keywords and tags that are not in the content."""
        own = self.content.lower()
        return [word for word in dict.fromkeys((*self.keywords, *self.tags)) if word.lower() not in own]

    def linked_ids(self) -> tuple[str, ...]:
        """The notes at the other ends of its links, each once, in the order of the links."""
        return tuple(dict.fromkeys(link.other(self.id) for link in self.links))


def _base32(entropy: bytes) -> str:
    return base64.b32encode(entropy).decode("ascii").rstrip("=").translate(_FROM_RFC4648)


def random_id(entropy: bytes) -> str:
    """A note id of 10 characters from 6 random bytes: two of a million notes meet once in 500 stores."""
    return _base32(entropy)[:10]


def keyed_id(namespace: Namespace, key: str) -> str:
    """The note id of 12 characters that `key` always has in `namespace` (60 bits of SHA-256)."""
    digest = hashlib.sha256(json.dumps([namespace, key]).encode()).digest()
    return _base32(digest)[:12]
