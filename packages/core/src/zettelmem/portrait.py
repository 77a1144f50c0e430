"""What notes say of the fields of a pydantic model: by rules, or as a model read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from .language.dates import span
from .language.english.lexicon import FAMILY
from .language.terms import terms
from .note import Note
from .queries import Hit, Known
from .render import DATA, cut, fence, tell
from .selection import MIN_SCORE, tells

LATELY = timedelta(days=14)
"""Half-life of what is told as lately so."""
USUALLY = timedelta(days=180)
"""Half-life of what is told as usually so."""
FAR = 0.4
"""Share of the best hit's odds below which another one is not about the field."""
SUBJECT = 4
"""First words of a note, among which it is looked for somebody else whom it is about."""
PREVIEW = 300
"""Characters of a note that a model is shown."""
_NUMBER = re.compile(r"(?<![\w.,-])-?\d+(?:[.,]\d+)?(?![\w-]|[.,]\d)")
_DAY = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
_LISTS = (list, tuple, set, frozenset)
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a day, ISO 8601",
}

INSTRUCTIONS = f"""You read notes about a person, each with a number, and fill in a form about that person.
Answer with a list of what the notes tell: for each value the name of the field, the value, and the numbers
of the notes that say it. A field may have several values, if the notes say different ones. Leave out what
no note says; never guess, and never take what is said of somebody else.
{DATA}"""


class Told(BaseModel):
    """A value that a model read in notes."""

    field: str = Field(description="name of the field")
    value: JsonValue = Field(description="its value, of the field's type")
    notes: tuple[int, ...] = Field(description="numbers of the notes that say so")


class Filled(BaseModel):
    """What a model read in notes."""

    told: tuple[Told, ...] = ()


def question(name: str, field: FieldInfo) -> str:
    """What a field is recalled by: its title or its name in words, and its description."""
    said = field.title or name.replace("_", " ")
    return f"{said}: {field.description}" if field.description else said


def about(name: str, field: FieldInfo, hits: Sequence[Hit]) -> list[Hit]:
    """The hits of a field's question that are about the field by the rules, best first.

    A note is, if it shares a telling word with the question, and tells something of the person, not of a
    relative that nobody asked for. It has to score `MIN_SCORE`, but where the description lists words with
    commas between them: one of these is enough, and little of such a question. For a field with one value
    a note is not far behind the best one either.
    """
    asked = question(name, field)
    words = set(terms(asked))
    least = 0.0 if "," in asked else MIN_SCORE
    relatives = {term for relative in FAMILY for term in terms(relative)} - words
    found = [hit for hit in hits if hit.score >= least and _is_about(hit.note, words, relatives)]
    if found and not _one(field.annotation)[1]:
        near = FAR * _odds(found[0].score)
        found = [hit for hit in found if _odds(hit.score) >= near]
    return found


def _is_about(note: Note, words: set[str], relatives: set[str]) -> bool:
    """Whether a note holds one of these words and is not about one of these relatives."""
    subject = terms(" ".join(note.content.split()[:SUBJECT]))
    stands = not note.newer and note.rested_at is None and tells(note)
    return stands and not words.isdisjoint(terms(note.content)) and relatives.isdisjoint(subject)


def _odds(score: float) -> float:
    return score / max(1.0 - score, 1e-9)


def known(field: FieldInfo, told: Iterable[tuple[Any, Note, float]], now: datetime) -> Known:
    """What is known of a field: the value told most of late, and the one told most in the long run.

    Args:
        field: of the model.
        told: values as they were read, each with the note that tells it and how much that counts, above 0.
        now: a note counts half as much each half-life (`LATELY`, `USUALLY`) before it; each time that its
            words were said counts.
    """
    many, checks = _shape(field)
    values: dict[str, Any] = {}
    lately: dict[str, float] = {}
    usually: dict[str, float] = {}
    notes: dict[str, Note] = {}
    for raw, note, counts in told:
        value = _fits(checks, raw)
        if value is None:
            continue
        key = str(value).casefold()
        values.setdefault(key, value)
        notes[note.id] = note
        lately[key] = lately.get(key, 0.0) + counts * _weight(note, now, LATELY)
        usually[key] = usually.get(key, 0.0) + counts * _weight(note, now, USUALLY)
    if not values:
        return Known()
    of_late = sorted(values, key=lambda key: -lately[key])
    newest = sorted(notes.values(), key=lambda note: (note.occurred_at, note.id), reverse=True)
    whole = [values[key] for key in of_late]
    return Known(
        value=_fits(TypeAdapter(_whole(field)), whole) if many else whole[0],
        notes=tuple(note.id for note in newest),
        lately=whole[0],
        usually=values[max(usually, key=lambda key: usually[key])],
    )


def _weight(note: Note, now: datetime, half_life: timedelta) -> float:
    """What the times that a note's words were said count together."""
    again = [entry.at for entry in note.repeats]
    times = [note.occurred_at, *again, *(saying.at for saying in note.sayings)]
    weights: list[float] = [0.5 ** (max(now - at, timedelta()) / half_life) for at in times]
    return sum(weights)


def _fits(checks: TypeAdapter[Any], raw: Any) -> Any:
    """The value as the field's type has it, or None where it is none."""
    try:
        return checks.validate_python(raw)
    except ValidationError:
        return None


# --- types --------------------------------------------------------------------------------------------


def _whole(field: FieldInfo) -> Any:
    """The field's type with its constraints."""
    bounds = tuple(field.metadata)
    return Annotated[(field.annotation, *bounds)] if bounds else field.annotation


def _one(annotation: Any) -> tuple[Any, bool]:
    """The type of one value of a field, and whether the field takes several of them."""
    if get_origin(annotation) is Annotated:
        return _one(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [each for each in get_args(annotation) if each is not NoneType]
        return _one(kinds[0]) if len(kinds) == 1 else (annotation, False)
    if get_origin(annotation) in _LISTS:
        kinds = [each for each in get_args(annotation) if each is not Ellipsis]
        return (kinds[0] if len(kinds) == 1 else Any), True
    return annotation, False


def _shape(field: FieldInfo) -> tuple[bool, TypeAdapter[Any]]:
    """Whether the field takes several values, and what checks one of them."""
    kind, many = _one(field.annotation)
    return many, TypeAdapter(kind if many else _whole(field))


def read(field: FieldInfo, note: Note) -> Any:
    """The value that a note tells of a field by the rules, or None where its type cannot be read off words.

    Read are a number or a day where the note names exactly one, and a choice (an `Enum`, a `Literal`) where
    it names exactly one of them. For text it is the note's own words. A yes or no is not read.
    """
    kind, _ = _one(field.annotation)
    content = note.content.strip()
    if kind is str:
        return content
    if kind in (int, float):
        return _only([each.replace(",", ".") for each in _NUMBER.findall(content)])
    if kind in (date, datetime):
        return _day(content, note, kind)
    if get_origin(kind) is Literal:
        return _only([each for each in get_args(kind) if _names(content, str(each))])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _only(
            [each for each in kind if _names(content, str(each.value)) or _names(content, each.name)]
        )
    return None


def _only(found: Sequence[Any]) -> Any:
    return found[0] if len(found) == 1 else None


def _names(content: str, choice: str) -> bool:
    said = re.escape(choice.replace("_", " "))
    return re.search(rf"(?<!\w){said}(?!\w)", content, re.IGNORECASE) is not None


def _day(content: str, note: Note, kind: type[date]) -> date | None:
    """The one day that a note names, at its first moment (UTC) for a `datetime`."""
    written = _only(_DAY.findall(content))
    named = None if written else span(content, note.occurred_at)
    if written:
        try:
            day = date.fromisoformat(written)
        except ValueError:  # people write days that are in no calendar, such as 2026-02-30
            return None
    elif named is not None and named[1] - named[0] == timedelta(days=1):
        day = named[0].date()
    else:
        return None
    return datetime.combine(day, time(), note.occurred_at.tzinfo) if kind is datetime else day


# --- a model ------------------------------------------------------------------------------------------


def prompt(fields: Mapping[str, FieldInfo], notes: Sequence[Note]) -> str:
    """The form and the numbered notes that a model is shown."""
    lines = [f"- {name} ({_said(field)}): {question(name, field)}" for name, field in fields.items()]
    found = "\n".join(tell(cut(note, PREVIEW), f"{number}.", brief=True) for number, note in enumerate(notes))
    return "\n".join(["The fields:", *lines, "", "The notes:", fence(found, "notes")])


def _said(field: FieldInfo) -> str:
    """The type of a field in words."""
    kind, many = _one(field.annotation)
    if get_origin(kind) is Literal:
        name = "one of " + ", ".join(map(str, get_args(kind)))
    elif isinstance(kind, type) and issubclass(kind, Enum):
        name = "one of " + ", ".join(str(each.value) for each in kind)
    else:
        name = _NAMES.get(kind, getattr(kind, "__name__", "any value"))
    return f"several, each {name}" if many else name


def as_told(name: str, answer: Filled, notes: Sequence[Note]) -> list[tuple[Any, Note, float]]:
    """The values of a field in a model's answer that stand on notes which it was shown."""
    found: list[tuple[Any, Note, float]] = []
    for each in answer.told:
        numbers = [number for number in dict.fromkeys(each.notes) if 0 <= number < len(notes)]
        if each.field == name:
            found += [(each.value, notes[number], 1.0) for number in numbers]
    return found
