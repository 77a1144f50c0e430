"""What an English clause states by its verb."""

from __future__ import annotations

from dataclasses import replace

from .clauses import TOKEN, Statement, Subject, is_time, kind_of, lower, statement_of, subject_of, telling
from .lexicon import (
    ADVERBS,
    BE,
    DAYS,
    FAMILY_STEMS,
    MANY_STEMS,
    PREPOSITIONS,
    ROLE_STEMS,
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
    return statement_of(subject, attribute if subject.head else "live", tokens)


def _is(subject: Subject, tokens: list[str], who: str) -> Statement | None:
    """What a form of `be` says."""
    if not tokens:
        return None
    first = lower(tokens[0])
    rest = tokens[1:]
    if first in ("in", "on", "at", "from", "near"):
        return _place(subject, tokens, "is:place")
    if first.endswith("ing") and len(first) > 5 and tokens[0].islower() and first not in DAYS:
        return None
    person = not subject.head
    name = person or (not subject.owner and not subject.modifiers)
    if first in ("the", "our", "my") and name:
        titled = subject_of(" ".join(tokens), who)
        if titled is None or titled.head not in ROLE_STEMS:
            return None
        holder = subject.head or subject.owner
        return replace(
            Statement(titled.owner, titled.head, titled.modifiers, "is", "name", frozenset({holder})),
            announced=titled.fresh,
        )
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
    several = subject.head in MANY_STEMS and bool(subject.owner)
    loose = made.kind in ("words", "name") and made.attribute != "is"
    single = not several and not (person and not number) and (not loose or first in ("a", "an"))
    return replace(made, single=single)


def _verb(subject: Subject, attribute: str, form: str, tokens: list[str]) -> Statement | None:
    """What one of the known verbs says."""
    place = next((i for i, x in enumerate(tokens) if lower(x) in PREPOSITIONS), len(tokens))
    objects, phrase = tokens[:place], tokens[place:]
    preposition = lower(phrase[0]) if phrase else ""
    kind = kind_of(objects)
    person = not subject.head or not subject.owner or subject.head in FAMILY_STEMS
    if attribute == "live" and not objects and preposition in ("in", "at", "on", "near", "with", "to"):
        inside = [i for i, x in enumerate(phrase) if lower(x) in ("in", "at", "on", "near", "to")]
        return _place(subject, phrase[inside[0] :], "live") if inside and person else None
    if attribute == "job":
        employer = objects if form == "joined" else phrase[1:]
        known = form == "joined" or (not objects and preposition in ("at", "for", "with", "as"))
        known = known and (form != "started" or preposition in ("at", "with"))
        named = kind_of(employer) == "name" or preposition == "as"
        return statement_of(subject, "job", employer) if known and named and person else None
    if attribute in ("weigh", "cost", "earn", "pay", "have"):
        if not kind.startswith("number"):
            return None
        made = statement_of(subject, attribute, tokens)
        return made and replace(
            made, attribute=f"{attribute}:{made.kind}" if attribute == "have" else attribute
        )
    if attribute == "prefer":
        over = next((i for i, x in enumerate(tokens) if lower(x) in ("over", "to", "than")), None)
        after = (
            []
            if over is None
            else [i for i in range(over + 1, len(tokens)) if lower(tokens[i]) in ("in", "for")]
        )
        kept = tokens if over is None else tokens[:over] + (tokens[after[0] :] if after else [])
        return statement_of(subject, "prefer", kept)
    if attribute in ("use", "drive"):
        made = statement_of(subject, attribute, tokens) if objects else None
        return made and replace(made, single=made.kind == "name" or (attribute == "drive" and not phrase))
    if attribute == "lead" and objects:
        led = subject_of(" ".join(objects), "")
        holder = subject.head or subject.owner
        if led is not None:
            return Statement(led.owner, led.head, led.modifiers, "lead", "name", frozenset({holder}))
    if attribute == "happen" and is_time(kind_of(tokens)):
        return statement_of(subject, "is", tokens)
    return None


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
