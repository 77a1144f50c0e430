"""What an English clause states by its verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .clauses import TOKEN, Statement, Subject, is_time, kind_of, lower, statement_of, subject_of, telling
from .lexicon import (
    ADVERBS,
    BE,
    DAYS,
    FAMILY_STEMS,
    MANY_STEMS,
    NOUNS,
    PREPOSITIONS,
    SEAT_STEMS,
    VERBS,
    stem,
)


def _place(subject: Subject, tokens: list[str], attribute: str) -> Statement | None:
    """Where somebody or something is."""
    low = {lower(x) for x in tokens}
    seat = bool(low & {"floor", "room", "building"}) and subject.head in ("", *SEAT_STEMS)
    if seat:
        return statement_of(Subject(subject.owner, "", subject.modifiers, subject.fresh), "seat", tokens)
    kind = kind_of(tokens)
    if is_time(kind):
        return statement_of(subject, "is", tokens)
    if kind == "status":
        return statement_of(subject, "is", tokens)
    if not subject.head and attribute == "is:place" and kind == "words":
        return None  # "We are in it together" tells of no place.
    return statement_of(subject, attribute if subject.head else "live", tokens)


def _title(subject: Subject, tokens: list[str], who: str) -> Statement | None:
    """Who or what holds a title: "Mia is our lead" says of the lead that it is Mia."""
    titled = subject_of(" ".join(tokens), who)
    if titled is None or not (titled.head in NOUNS or titled.head.endswith(("er", "or", "ist"))):
        return None
    holder = subject.modifiers | {subject.head or subject.owner}
    made = Statement(titled.owner, titled.head, titled.modifiers, "is", "name", holder)
    return replace(made, announced=titled.fresh)


def _is(subject: Subject, tokens: list[str], who: str) -> Statement | None:
    """What a form of `be` says."""
    if not tokens:
        return None
    first = lower(tokens[0])
    rest = tokens[1:]
    if first in ("in", "on", "at", "from", "near"):
        return _place(subject, tokens, "is:place")
    if first in ("so", "very", "too", "quite", "really", "pretty"):
        return None  # "The colours are so bold" judges, and names no value.
    if first.endswith("ing") and len(first) > 5 and tokens[0].islower() and first not in DAYS:
        return None
    person = not subject.head
    if first in ("the", "our", "my") and (person or not subject.owner):
        return _title(subject, tokens, who)
    if first in ("a", "an") and person:
        at = next((i for i, x in enumerate(rest) if lower(x) in ("at", "for", "with")), None)
        if at is not None and kind_of(rest[at:]) == "name":
            employer = statement_of(subject, "job", rest[at + 1 :])
            return employer and replace(employer, qualifiers=telling(rest[:at]))
        return statement_of(subject, "is", rest, single=False)
    made = statement_of(subject, "is", tokens)
    if made is None:
        return None
    number = made.kind.startswith("number")
    if made.kind == "number:" and not (subject.owner and subject.head) and not subject.modifiers:
        made = replace(made, attribute="is:number:year", kind="number:year")
    several = subject.head in MANY_STEMS and bool(subject.owner)
    loose = made.kind in ("words", "name") and made.attribute != "is"
    single = not several and not (person and not number) and (not loose or first in ("a", "an"))
    return replace(made, single=single)


@dataclass(frozen=True, slots=True)
class _Said:
    """A verb in its clause: whose, in which form, and what stands behind it up to and from a preposition."""

    subject: Subject
    form: str
    objects: list[str]
    phrase: list[str]

    @property
    def person(self) -> bool:
        """Whether the subject may be somebody."""
        head = self.subject.head
        return not head or not self.subject.owner or head in FAMILY_STEMS | SEAT_STEMS

    @property
    def preposition(self) -> str:
        """The first one behind the verb, or ""."""
        return lower(self.phrase[0]) if self.phrase else ""

    def states(self, attribute: str) -> Statement | None:
        """The statement whose value is all that stands behind the verb."""
        return statement_of(self.subject, attribute, self.objects + self.phrase)


def _lives(said: _Said) -> Statement | None:
    if said.objects or not said.person or said.preposition not in ("in", "at", "on", "near", "with", "to"):
        return None
    places = (i for i, x in enumerate(said.phrase) if lower(x) in ("in", "at", "on", "near", "to"))
    start = next(places, None)
    return None if start is None else _place(said.subject, said.phrase[start:], "live")


def _works(said: _Said) -> Statement | None:
    joins = said.form == "joined"
    employer = said.objects if joins else said.phrase[1:]
    known = ("at", "with") if said.form == "started" else ("at", "for", "with", "as")
    if not said.person or not (joins or (not said.objects and said.preposition in known)):
        return None
    named = kind_of(employer) == "name" or said.preposition == "as"
    return statement_of(said.subject, "job", employer) if named else None


def _amounts_to(attribute: str) -> Callable[[_Said], Statement | None]:
    """A verb with an amount behind it."""

    def read(said: _Said) -> Statement | None:
        return said.states(attribute) if kind_of(said.objects).startswith("number") else None

    return read


def _has(said: _Said) -> Statement | None:
    made = _amounts_to("have")(said)
    return made and replace(made, attribute=f"have:{made.kind}")


def _prefers(said: _Said) -> Statement | None:
    """What is preferred, without what it is preferred to."""
    tokens = said.objects + said.phrase
    over = next((i for i, x in enumerate(tokens) if lower(x) in ("over", "to", "than")), None)
    if over is None:
        return said.states("prefer")
    purpose = next((i for i in range(over, len(tokens)) if lower(tokens[i]) in ("in", "for")), len(tokens))
    return statement_of(said.subject, "prefer", tokens[:over] + tokens[purpose:])


def _uses(said: _Said) -> Statement | None:
    made = said.states("use") if said.objects else None
    return made and replace(made, single=made.kind == "name")


def _drives(said: _Said) -> Statement | None:
    made = said.states("drive") if said.objects else None
    return made and replace(made, single=made.kind == "name" or not said.phrase)


def _leads(said: _Said) -> Statement | None:
    led = subject_of(" ".join(said.objects), "") if said.objects else None
    if led is None:
        return None
    holder = said.subject.head or said.subject.owner
    return Statement(led.owner, led.head, led.modifiers, "lead", "name", frozenset({holder}))


def _sleeps(said: _Said) -> Statement | None:
    placed = not said.objects and said.preposition in ("in", "at", "on")
    return said.states("sleep") if placed and not is_time(kind_of(said.phrase)) else None


def _studies(said: _Said) -> Statement | None:
    return statement_of(said.subject, "study", said.objects) if said.objects else None


def _happens(said: _Said) -> Statement | None:
    return said.states("is") if is_time(kind_of(said.objects + said.phrase)) else None


def _timed(said: _Said) -> Statement | None:
    """When something leaves, opens or ends."""
    return said.states(f"time:{stem(said.form)}") if is_time(kind_of(said.phrase or said.objects)) else None


_READ: dict[str, Callable[[_Said], Statement | None]] = {
    "live": _lives,
    "job": _works,
    "weigh": _amounts_to("weigh"),
    "cost": _amounts_to("cost"),
    "earn": _amounts_to("earn"),
    "pay": _amounts_to("pay"),
    "have": _has,
    "prefer": _prefers,
    "use": _uses,
    "drive": _drives,
    "lead": _leads,
    "happen": _happens,
    "timed": _timed,
    "sleep": _sleeps,
    "study": _studies,
}


def _verb(subject: Subject, attribute: str, form: str, tokens: list[str]) -> Statement | None:
    """What one of the known verbs says."""
    place = next((i for i, x in enumerate(tokens) if lower(x) in PREPOSITIONS), len(tokens))
    return _READ[attribute](_Said(subject, form, tokens[:place], tokens[place:]))


def scanned(clause: str, who: str, before: Subject | None) -> tuple[Statement | None, Subject | None]:
    """The statement of a clause by its verb, and its subject; a clause without one has the one before."""
    tokens = TOKEN.findall(clause)
    for i, token in enumerate(tokens):
        form = lower(token)
        if form not in BE and form not in VERBS:
            continue
        subject = subject_of(" ".join(tokens[:i]), who) if i else before
        if subject is None:
            continue
        rest = [x for j, x in enumerate(tokens[i + 1 :]) if j > 1 or lower(x) not in ADVERBS]
        if form in ("was", "were", "been"):
            return None, subject
        future = i > 0 and lower(tokens[i - 1]) in ("will", "'ll")
        made = _is(subject, rest, who) if form in BE else _verb(subject, VERBS[form], form, rest)
        if made is not None and future and made.attribute not in ("is:time", "is:place", "is"):
            made = replace(made, asserted=False)
        if made is not None or form in BE:
            return made, subject
    tokens = tokens[:1] + [x for x in tokens[1:] if lower(x) not in ADVERBS | {"also", "really"}]
    low = [lower(x) for x in tokens[:2]]
    if len(low) == 2 and low[0] in ("i", "we", "user") and low[1].isalpha():
        subject = subject_of(tokens[0], who)
        return statement_of(subject, f"v:{stem(low[1])}", tokens[2:] or tokens[1:], single=False), subject
    return None, None
