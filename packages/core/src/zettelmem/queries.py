"""What a read may see, and what it gives back: hits, pages, graphs, figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from .errors import InvalidInput
from .namespace import Namespace, as_namespace
from .note import Link, Note, Trust
from .spending import Account
from .values import KindName, Label, Time, Value, Words, build, moment, tag_key, words

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class Where(TypedDict, total=False):
    """Which notes of a namespace a call is about, as `recall` and `notes` take it. What is left out, None,
    "" or an empty list leaves nothing out."""

    kinds: Sequence[str] | None
    """Any of these."""
    tags: Sequence[str] | None
    """Any of these, in any case, with or without "#"."""
    thread: str | None
    """This conversation, session or document only, in any case."""
    since: datetime | date | None
    """What happened then or later; a date is from its first moment on."""
    until: datetime | date | None
    """What happened before then; a date includes that whole day."""
    min_trust: Trust
    """Leave out what is trusted less."""
    via: str | None
    """Only what came in through this door (`source.via`)."""
    timezone: str | tzinfo | None
    """Whose days are meant, in the question and in dates, such as `Asia/Tokyo`; the memory's where None."""


def _some(value: Any) -> Any:
    return None if isinstance(value, str | Sequence) and not value else value


def _one_or_more(value: Any) -> Any:
    return words(_some(value))


def _keys(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    keys = (tag_key(tag) for tag in value or ())
    return tuple(dict.fromkeys(key for key in keys if key)) or None


Kinds = Annotated[tuple[KindName, ...] | None, BeforeValidator(_one_or_more)]
TagKeys = Annotated[Words | None, BeforeValidator(_some), AfterValidator(_keys)]
MaybeLabel = Annotated[Label | None, BeforeValidator(_some)]


class Filter(Value):
    """Which notes a read may see. Values are typed and never become query text.

    Attributes:
        namespace: this one and all below it; with `exact`, this one alone.
        kinds: any of these; None for all.
        tags: any of these, folded by `tag_key`; None for all.
        thread: this thread only, in any case.
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
    kinds: Kinds = None
    tags: TagKeys = None
    thread: MaybeLabel = None
    since: Time | None = None
    until: Time | None = None
    valid_at: Time | None = None
    over_at: Time | None = None
    known_at: Time | None = None
    min_trust: Trust = Trust.UNTRUSTED
    via: MaybeLabel = None
    pending: bool = False

    def covers(self, namespace: Namespace) -> bool:
        """Whether notes of `namespace` may be seen."""
        return (namespace if self.exact else namespace[: len(self.namespace)]) == self.namespace


def sight(namespace: str | Sequence[str], where: Where, zone: tzinfo | None = None, **more: Any) -> Filter:
    """The filter of a call.

    Args:
        namespace: as the caller wrote it.
        where: the caller's narrowing.
        zone: whose days its dates are; UTC where None.
        more: other fields of a `Filter`.

    Raises:
        InvalidInput: a value does not fit, or `where` holds a name that it has not.
    """
    unknown = where.keys() - Where.__annotations__.keys()
    if unknown:
        raise InvalidInput(
            f"there is nothing to narrow by called {', '.join(sorted(unknown))}; give "
            f"{', '.join(Where.__annotations__)}"
        )
    narrowed: dict[str, Any] = {name: value for name, value in where.items() if name != "timezone"}
    for name, days in (("since", 0), ("until", 1)):
        narrowed[name] = moment(narrowed.get(name), zone, days)
    return build(Filter, {"namespace": as_namespace(namespace), **narrowed, **more})


class Hit(Value):
    """A note that was found.

    Attributes:
        note: the note; with `as_of`, as it was then.
        score: in [0, 1], higher is better. That of the best hit tells about how likely the memory
            holds what was asked for; doors show nothing below `MIN_SCORE`.
        signals: each signal's value in [0, 1].
        weights: what each signal counted, where `explain` was asked for.
        why: how it was found, in words.
    """

    note: Note
    score: float = Field(ge=0, le=1)
    signals: dict[str, float] = Field(default_factory=dict)
    weights: dict[str, float] = Field(default_factory=dict)
    why: str = ""


class Known(Value):
    """What is known of one field.

    Attributes:
        value: of the field's type, as it is so now; None where it is unknown.
        notes: ids of the notes that tell it, newest first.
        lately: the value that was told most in the last weeks.
        usually: the value that was told most in the last year; another one than `lately` where a habit
            has changed.
    """

    value: Any = None
    notes: tuple[str, ...] = ()
    lately: Any = None
    usually: Any = None


class Profile(Value, Generic[SchemaT]):
    """What is known of the fields of a pydantic model.

    Attributes:
        filled: the model with what is known; what is unknown is None, whatever its type says.
        fields: each field by its name, unknown ones too.
        notes: the notes that tell it all, oldest first.
    """

    filled: SchemaT
    fields: dict[str, Known]
    notes: tuple[Note, ...] = ()


class Brief(Value):
    """What a prompt is told: each note once, in the part it belongs to.

    Attributes:
        profile: who the person is and how they want things done, oldest first.
        lessons: how to do things, and what was distilled from other notes, oldest first.
        plans: what lies ahead, soonest first.
        notes: what bears on the question, best first; without a question, what is new, newest first, or
            all of a small memory, oldest first.
        about: what `notes` are: the answer to a `question`, of which `nothing` may be known; `news`; or
            `all` of a small memory.
        text: all of it for a model, fenced, what changes least first; "" where there is nothing to tell.
    """

    profile: tuple[Note, ...] = ()
    lessons: tuple[Note, ...] = ()
    plans: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
    about: Literal["question", "nothing", "news", "all"] = "news"
    text: str = ""

    @property
    def all_notes(self) -> tuple[Note, ...]:
        """All of them, in the order of the text."""
        return (*self.profile, *self.lessons, *self.plans, *self.notes)


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
    """Figures about one namespace and everything below it.

    Attributes:
        spent: what its notes' histories tell of a language model's cost, failed attempts included.
    """

    notes: int
    links: int
    evolutions: int
    superseded: int
    pending: int
    kinds: dict[str, int]
    threads: int
    first: datetime | None
    last: datetime | None
    spent: Account = Account()
