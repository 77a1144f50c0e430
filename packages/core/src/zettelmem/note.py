"""The values that flow through a memory: frozen, typed, checked at the door, free of I/O."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal, Self, TypedDict, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from .errors import InvalidInput, LimitExceeded
from .language.talk import only_acknowledges

MAX_CONTENT = 1_000_000
"""Characters of a note's content."""
MAX_CONTEXT = 4_000
"""Characters of a note's context."""
MAX_WORDS = 64
"""Keywords a note, and tags a note."""
MAX_WORD = 100
"""Characters of one keyword or tag."""
MAX_REASON = 500
"""Characters of the reason of a link or of a change."""
MAX_LINKS = 256
"""Links a note, in both directions together."""
MAX_DATA = 1_000_000
"""Characters of a note's `data`, as JSON."""
MAX_DATA_DEPTH = 32
"""Levels of nesting in a note's `data`."""
MAX_NAMESPACE_DEPTH = 16
"""Segments of a namespace."""
MAX_CHANGES = MAX_LINKS
"""Changes in a note's history: as many as links, so that each of these can still be taken back."""
MAX_HISTORY = 256_000
"""Bytes of a note's history, as JSON; the newest change is kept however large."""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no letter that reads like a digit, so models copy it well."""
_FROM_RFC4648 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)

KINDS = ("episodic", "semantic", "procedural", "insight")
"""Kinds that need no registration: what happened, what is so, how to, distilled from other notes."""

Namespace = tuple[str, ...]
"""The isolation key: a path such as ``("acme", "ana")``. ``()`` is the whole store."""


_HALF = "holds half a surrogate pair, which is no text; decode the bytes with errors='replace'"


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(
            "has no time zone, so nobody can tell when it was; use datetime.now(UTC) or "
            "value.replace(tzinfo=...)"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC; give a time inside them") from error


def _words(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError("is one string; give a list of strings, such as ['porto', 'flat']")
    return value


def _unique(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in (raw.strip() for raw in value) if word))


Time = Annotated[datetime, AfterValidator(_utc)]
Word = Annotated[str, StringConstraints(max_length=MAX_WORD)]
Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_words),
    AfterValidator(_unique),
    Field(max_length=MAX_WORDS),
]
Content = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CONTENT)]
Context = Annotated[str, StringConstraints(max_length=MAX_CONTEXT)]
Reason = Annotated[str, StringConstraints(max_length=MAX_REASON)]
NoteId = Annotated[str, StringConstraints(pattern=rf"^[{ALPHABET}]{{8,12}}$")]
ChangeId = Annotated[str, StringConstraints(pattern=rf"^[{ALPHABET}]{{8,12}}\.[1-9][0-9]*(-[{ALPHABET}]+)?$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Weight = Annotated[float, Field(gt=0.0, le=1.0)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Value(BaseModel):
    """Base of every value here: frozen, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


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
    """What a link says of its source about its target."""

    FOLLOWS = "follows"
    RELATES = "relates"
    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    SUPERSEDES = "supersedes"
    PART_OF = "part_of"
    DERIVED_FROM = "derived_from"


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


Verb = Literal["remember", "connect", "revise", "forget", "undo", "judge", "evolve", "link", "erase"]


class Evolution(Value):
    """One recorded change of one note: enough to tell it, and to take it back.

    Attributes:
        change: the id of the change, shared by every note that the same commit wrote.
        verb: what was done to this note; where another note was the cause, `evolve` or just `link`;
            `erase` where that note was erased since, with all that it had changed here.
        cause: the note that the change was about.
        at: when it was written (UTC).
        reason: why, in the judge's words.
        before, after: the fields that changed, as JSON values.
        linked, unlinked: links that this change added and removed here.
        touched: in the causing note only, the other notes that the change wrote.
        dropped: in the oldest change that a history holds, how many before it are kept no more.
    """

    change: ChangeId
    verb: Verb
    cause: NoteId
    at: Time
    reason: Reason = ""
    before: dict[str, JsonValue] = {}
    after: dict[str, JsonValue] = {}
    linked: tuple[Link, ...] = ()
    unlinked: tuple[Link, ...] = ()
    touched: tuple[NoteId, ...] = ()
    dropped: int = Field(default=0, ge=0)


class Shown(Value):
    """A neighbour as it was shown to a judge: its id, and the revision that was seen."""

    id: NoteId
    revision: int = Field(ge=1)


Described = Literal["context", "keywords", "tags", "kind"]
"""The fields that construction makes."""


class Pending(Value):
    """That a judge has still to look at a note, and what construction still owes it."""

    reason: Reason
    fields: tuple[Described, ...] = ()


def _depth(value: JsonValue, level: int = 1) -> int:
    if level > MAX_DATA_DEPTH or not isinstance(value, dict | list):
        return level
    inner: Iterable[JsonValue] = value.values() if isinstance(value, dict) else value
    return max((_depth(each, level + 1) for each in inner), default=level)


def _sized(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if _depth(value) > MAX_DATA_DEPTH:
        raise ValueError(f"nests deeper than {MAX_DATA_DEPTH} levels; flatten it")
    size = len(json.dumps(value))
    if size > MAX_DATA:
        raise ValueError(
            f"is {size:,} characters of JSON, over {MAX_DATA:,}; split it over several notes, or keep "
            "it in a file and remember where"
        )
    return value


Data = Annotated[dict[str, JsonValue], AfterValidator(_sized)]


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
        occurred_at: when it happened in the world (UTC).
        recorded_at: when we learned it (UTC).
        invalid_at: from when it is no longer so, or None.
        forgotten_at: set when it was forgotten; such a note is seen by `undo` alone.
        source, trust: who said it through what, and how far that may be believed.
        pending: that a judge has still to look at it, and why; None once one has.
        shown: the numbered neighbours that an agent was last asked about.
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
    tags: Words = ()
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
    revision: int = Field(default=1, ge=1)
    history: tuple[Evolution, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_namespace(self.namespace)
        if not self.content.strip():
            raise ValueError("content is blank; give the words to remember")
        if self.invalid_at is not None and self.invalid_at < self.occurred_at:
            raise ValueError("invalid_at is before occurred_at; give a later time, or None")
        return self

    @property
    def dropped(self) -> int:
        """How many of its changes are older than those that its history keeps."""
        return self.history[0].dropped if self.history else 0

    @property
    def superseded(self) -> bool:
        """Whether another note has taken its place."""
        return any(x.relation is Relation.SUPERSEDES and x.target == self.id for x in self.links)

    @property
    def disputed(self) -> bool:
        """Whether another note contradicts it."""
        return any(x.relation is Relation.CONTRADICTS and x.target == self.id for x in self.links)

    @property
    def status(self) -> str:
        """What is the matter with it, in words: it is no longer so, or disputed; "" if neither."""
        if self.invalid_at is not None:
            return f"no longer so since {self.invalid_at:%Y-%m-%d}"
        if self.superseded:
            return "no longer so"
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


class Draft(Value):
    """A note before it is one: what the caller knows. Everything but `content` may be left out."""

    content: Content
    key: Label | None = None
    thread: Label | None = None
    kind: KindName | None = None
    context: Context | None = None
    keywords: Words | None = None
    tags: Words | None = None
    data: Data | None = None
    occurred_at: Time | None = None
    invalid_at: Time | None = None
    source: Source = Source()
    trust: Trust = Trust.STATED


ROLES: dict[str, tuple[str, Trust]] = {
    **dict.fromkeys(
        ("assistant", "ai", "model", "bot", "chatbot", "system", "developer"),
        ("assistant", Trust.REPORTED),
    ),
    **dict.fromkeys(("user", "human"), ("user", Trust.STATED)),
    "tool": ("tool", Trust.UNTRUSTED),
    "function": ("function", Trust.UNTRUSTED),
}
"""Who speaks in a role of a chat application, and how far such words are believed. Roles that are not
here are people's names, and believed as the user is."""


def _text_of(content: Any) -> Any:
    """The text of a message: a string, the text parts of a list, or "" for nothing."""
    if content is None:
        return ""
    if not isinstance(content, Sequence) or isinstance(content, str):
        return content
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            texts.append(text)
    return "\n".join(texts)


class Message(Value):
    """One turn of a conversation, as chat applications hold them; what else they hold of it is not read.

    Attributes:
        content: what was said; of a list of content parts the texts, "" for None.
        role: `user`, `assistant`, `tool` and the other names of `ROLES`, in any case, or a person's name.
        name: who said it; whose role it is where it is not given.
        at: when it was said.
        key: the application's id of the turn, so that it is never stored twice.

    >>> Message(role="ai", content=[{"type": "text", "text": "Mia."}, {"type": "image_url"}]).draft().trust
    <Trust.REPORTED: 1>
    """

    model_config = ConfigDict(extra="ignore")

    content: Annotated[str, StringConstraints(max_length=MAX_CONTENT), BeforeValidator(_text_of)]
    role: str = "user"
    name: str | None = None
    at: Time | None = None
    key: Label | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything to remember: words, and not an assistant's mere acknowledgement."""
        speaker, _ = self._speaker
        return bool(self.content.strip()) and not (speaker == "assistant" and only_acknowledges(self.content))

    @property
    def _speaker(self) -> tuple[str, Trust]:
        return ROLES.get(self.role.lower(), (self.role, Trust.STATED))

    def draft(self, *, thread: str | None = None, via: str = "api") -> Draft:
        """The draft that remembers this turn.

        Raises:
            InvalidInput: nothing is said in it.
        """
        speaker, trust = self._speaker
        fields = {
            "content": self.content,
            "key": self.key,
            "thread": thread,
            "occurred_at": self.at,
            "source": Source(who=self.name or speaker, via=via),
            "trust": trust,
        }
        return build(Draft, fields)


class Fields(TypedDict, total=False):
    """What `revise` can change; a field that is left out stays as it is."""

    content: str
    context: str
    keywords: Sequence[str]
    tags: Sequence[str]
    kind: str
    data: Mapping[str, JsonValue] | None
    occurred_at: datetime
    invalid_at: datetime | None
    source: Source
    trust: Trust


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
    tags: Words | None = Field(default=None, description="all its tags from now on")
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
    """

    id: ChangeId
    notes: tuple[Note, ...]

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


class Remembered(Value):
    """What became of one `remember` or `connect`.

    Attributes:
        note: the note as it is stored now.
        change: the id that `undo` takes; of the earlier change if nothing was written.
        neighbours: the notes that were looked at, numbered.
        evolved: ids of neighbours that are described differently since.
        known: True if the note was there already and nothing was written.
    """

    note: Note
    change: ChangeId
    neighbours: tuple[Neighbour, ...] = ()
    evolved: tuple[NoteId, ...] = ()
    known: bool = False


class Erasure(Value):
    """The receipt of an erasure: what went, when, and how it was made sure of.

    Attributes:
        ids: the notes that are gone, with their history.
        namespace: where they were.
        at: when (UTC).
        rewritten: other notes, from whose history, links or description something was taken out.
        said_elsewhere: notes that stay and say some of the same words in their own content.
        versions_removed: older versions of the table that were deleted.
        files_scanned, bytes_scanned: what was searched afterwards: every file of the store.
        searched_for: how many words and phrases of the erased notes were searched for. What other notes
            say too is not among them.
        exports_rewritten: files that `zettelmem export` wrote, outside the store, and that held some of the
            notes: they are as if those had never come.
        exports: other files that notes were exported to, such as pictures, which hold some of it or cannot
            be read. They are not touched: remove them.
        verified: nothing was found in the store, and no file or version from before is left.
        how: how that was made sure of, or what was found, in words.
    """

    ids: tuple[NoteId, ...]
    namespace: Namespace
    at: Time
    rewritten: tuple[NoteId, ...] = ()
    said_elsewhere: tuple[NoteId, ...] = ()
    versions_removed: int = 0
    files_scanned: int = 0
    bytes_scanned: int = 0
    searched_for: int = 0
    exports_rewritten: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    verified: bool = False
    how: str = ""


class Finding(Value):
    """One thing that was looked at.

    Attributes:
        check: what.
        trouble: something is wrong with it, or was before it was repaired.
        count: how many, of what `told` says.
        told: in words.
        repaired: it was put right.
    """

    check: str
    trouble: bool = False
    count: int = 0
    told: str = ""
    repaired: bool = False


class Examination(Value):
    """What was found when a whole store was looked over.

    Attributes:
        findings: one for each check.
        erased: receipts of the notes that were purged.
    """

    findings: tuple[Finding, ...]
    erased: tuple[Erasure, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether no trouble is left."""
        return all(each.repaired or not each.trouble for each in self.findings)


class Quota(Value):
    """What a namespace and everything below it may hold together, and what they hold.

    Attributes:
        namespace: whose; () is the whole store.
        notes: at most so many, forgotten ones included until they are erased; None for no limit.
        size: at most so many bytes of contents, contexts and data (UTF-8); None for no limit.
        notes_used, size_used: what is there now.
    """

    namespace: Namespace
    notes: int | None = Field(default=None, ge=0)
    size: int | None = Field(default=None, ge=0)
    notes_used: int = 0
    size_used: int = 0

    def covers(self, namespace: Namespace) -> bool:
        """Whether what is in `namespace` counts."""
        return namespace[: len(self.namespace)] == self.namespace


class Reembedded(Value):
    """What became of a `reembed`.

    Attributes:
        before: the model that the notes had been embedded with; None where there is nothing yet.
        after: the one they are embedded with now.
        vectors: how many were made for it this time: one for each note, less what an earlier process
            had made before it was stopped.
    """

    before: str | None
    after: str
    vectors: int


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
    signals: dict[str, float] = {}
    weights: dict[str, float] = {}
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


def check_namespace(namespace: Namespace) -> Namespace:
    """Return `namespace` if it can isolate; raise ValueError with the way out if not."""
    if len(namespace) > MAX_NAMESPACE_DEPTH:
        raise ValueError(f"namespace is deeper than {MAX_NAMESPACE_DEPTH} segments; join some of them")
    for segment in namespace:
        if not segment or len(segment) > 200 or "\0" in segment:
            raise ValueError(
                f"namespace segment {segment[:50]!r} must be 1 to 200 characters without NUL; "
                "use for instance the user's id"
            )
        try:
            segment.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"namespace segment {segment!r} {_HALF}") from error
    return namespace


def as_namespace(namespace: str | Sequence[str]) -> Namespace:
    """A namespace from what callers write: a string is one segment, a sequence is a path.

    Raises:
        InvalidInput: a segment is empty, too long or no string.
    """
    try:
        path = (namespace,) if isinstance(namespace, str) else tuple(namespace)
    except TypeError as error:
        raise InvalidInput(f"namespace is {namespace!r}; give a string or a sequence of strings") from error
    try:
        if not all(isinstance(segment, str) for segment in path):
            raise ValueError(f"namespace {path!r} holds something that is no string; use str(...)")
        return check_namespace(path)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _base32(entropy: bytes) -> str:
    return base64.b32encode(entropy).decode("ascii").rstrip("=").translate(_FROM_RFC4648)


def random_id(entropy: bytes) -> str:
    """A note id of 8 characters from 5 random bytes."""
    return _base32(entropy)[:8]


def keyed_id(namespace: Namespace, key: str) -> str:
    """The note id of 12 characters that `key` always has in `namespace` (60 bits of SHA-256)."""
    digest = hashlib.sha256(json.dumps([namespace, key]).encode()).digest()
    return _base32(digest)[:12]


def within(name: str, value: int, low: int, high: int) -> None:
    """Raise InvalidInput, naming the range, unless `value` is in [low, high]."""
    if not low <= value <= high:
        raise InvalidInput(f"{name} is {value}; give {low:,} to {high:,}")


ValueT = TypeVar("ValueT", bound=BaseModel)


def build(model: type[ValueT], fields: Mapping[str, Any] | ValueT) -> ValueT:
    """Make a value from loose fields, turning pydantic's report into one readable error.

    Raises:
        LimitExceeded: something is too long or too many.
        InvalidInput: anything else is wrong.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from error


def refusal(error: ValidationError) -> InvalidInput:
    """The readable error for pydantic's: which field, what is wrong, what to send."""
    problems: list[str] = []
    limit = False
    for each in error.errors(include_url=False):
        where = ".".join(str(part) for part in each["loc"]) or "value"
        message = each["msg"].removeprefix("Value error, ")
        limit = limit or each["type"] in {"string_too_long", "too_long"}
        if each["type"] == "extra_forbidden":
            message = "is no field here; leave it out"
        if each["type"] == "string_unicode":
            message = _HALF
        if each["type"] == "string_too_long":
            message = f"is longer than {each['ctx']['max_length']} characters; shorten or split it"
        if each["type"] == "too_long":
            message = f"has more than {each['ctx']['max_length']} items; keep the most telling ones"
        problems.append(f"{where}: {message}")
    return (LimitExceeded if limit else InvalidInput)("; ".join(problems))
