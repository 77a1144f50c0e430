"""What an English clause states by its form where it tells of a change, or of what is over."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile

from .clauses import (
    TOKEN,
    Form,
    Statement,
    Subject,
    is_time,
    kind_of,
    lower,
    statement_of,
    subject_of,
    telling,
)
from .lexicon import COLOURS, FAMILY_STEMS, NOUNS, PREPOSITIONS

_WAS = r"(?:is|are|was|were|has been|have been|got|gets|will be)(?: now| just)?"
_HAVE = r"(?:(?:'ve|have|has) )?(?:just )?"
_CHANGED = (
    r"moved|postponed|rescheduled|pushed(?: back)?|put (?:back|off|forward)|brought forward|shifted|changed"
    r"|set|delayed|raised|increased|lowered|cut|reduced|extended|shortened|upgraded|renamed|switched"
    r"|migrated|updated|finali[sz]ed|fixed|corrected|confirmed"
)
_CHANGE = (
    r"moved?|postponed?|rescheduled?|pushed?|shift(?:ed)?|chang(?:ed?)|set|raised?|increased?|lowered?|cut"
    r"|reduced?|extend(?:ed)?|renamed?|finali[sz]ed?|fix(?:ed)?|schedul(?:ed?)|switch(?:ed)?|migrat(?:ed?)"
    r"|books?|booked|update[ds]?"
)
_PASSIVE = re.compile(
    rf"^(?P<subject>.+?) {_WAS} (?:{_CHANGED})(?: \w+day)? (?:to|until|till|for|at|as)\s+(?P<value>.+)$", re.I
)
_ACTIVE = re.compile(
    rf"^(?:[\w' -]+? )?(?:(?:'ve|have|has|will|'ll) )?(?P<verb>(?i:{_CHANGE})) "
    r"(?P<subject>(?:that|it|this|(?:the|my|our|his|her|their|[A-Z]\w+'s) [\w' -]+?)) "
    r"(?:from .+? )?(?:to|until|for|at)\s+(?P<value>.+)$"
)
_ROSE = re.compile(
    r"^(?P<subject>.+?) (?:(?:has|have) )?(?:went up|gone up|went down|gone down|rose|risen|fell"
    r"|fallen|increased|dropped|climbed|grew|grown|shrank) (?:from .+? )?to (?P<value>.+)$",
    re.I,
)
_MADE = re.compile(
    r"^[\w' -]+? (?:made|painted|turned|coloured|dyed) (?P<subject>(?:the|my|our) [\w' -]+?) "
    rf"(?P<value>{'|'.join(sorted(COLOURS))})$",
    re.I,
)
_SWITCHED = re.compile(
    rf"^(?P<subject>.+?) {_HAVE}(?P<verb>switched|changed|migrated|moved|upgraded)(?: over| back)? "
    r"(?:from (?P<old>.+?) )?to (?P<value>.+)$",
    re.I,
)
_INSTEAD = re.compile(
    r"^(?:let's|lets|please|(?:we|i)(?:'ll| will| should))?\s*(?:just )?"
    r"(?P<verb>try|use|do|take|go (?:with|for|to)|(?:go|switch|change|move) back to|switch to"
    r"|(?:change|move|push|switch|make) (?:it|that)(?: to)?)\s+(?P<value>.+?)(?P<instead> instead)?$",
    re.I,
)
_BACK_TO = re.compile(r"^(?:switching|changing|moving|going)(?: back| over)? to (?P<value>.+)$", re.I)
_TURNED = re.compile(r"^(?P<subject>.+?) (?:just )?turned (?P<value>\d\d?|[a-z]+)$", re.I)
_NEW_JOB = re.compile(
    rf"^(?P<subject>.+?) {_HAVE}(?:got|found|accepted|took|started|begun?) (?:a|an|my) (?:new )?"
    r"(?:job|position|role) (?:at|with) (?P<value>.+)$",
    re.I,
)
_CALLED_OFF = re.compile(
    rf"^(?:(?P<subject>.+?) (?:{_WAS} )?(?:cancel+ed|called off|scrapped|discontinued|closed down|shut down)"
    r"(?: (?:due|because|by|for|as|after|on|this|until|at|in)\b.*)?|cancel (?P<what>(?:the|my|our) .+))$",
    re.I,
)
_TAKEN_BACK = re.compile(
    r"^(?:cancel|scrap|drop|abort|withdraw|call off|hold off on|forget) (?:that|this) (?P<what>[a-z]+)$",
    re.I,
)
_HELD = re.compile(
    r"^(?i:hold off(?: on)?|put a hold on|halt|pause) (?P<subject>(?:the )?[A-Z#].*)$"
    r"|^(?i:put) (?P<what>(?:the )?[A-Z#].*) on (?:hold|ice)$"
)
_GONE = re.compile(
    r"^(?:the |my |our )?(?P<value>[\w'-]+(?: [\w'-]+)?) (?:was stolen|got stolen|was sold|was scrapped|died"
    r"|has died|is dead|is gone|is broken|is history|broke down|can wait)$",
    re.I,
)
_GAVE_UP = re.compile(
    rf"^(?P<subject>.+?) {_HAVE}(?:quit|left|gave up|given up|stopped|resigned from|sold|cancel+ed|dropped"
    r"|got rid of|broke up with|ended)(?: (?:being|doing|working (?:at|for)|my|our|the|a|an))?"
    r" (?P<value>.+)$",
    re.I,
)

THAT = Subject("", "it", frozenset())
"""What was just said."""
_IS_SET = re.compile(r"\b(?:is|are) set (?:to|at|for)\b", re.I)
_JUST_SAID = frozenset(
    ("that", "it", "this", "the quantity", "the amount", "the date", "the time", "the location", "the place")
)


def _called_off(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"] or match["what"], who)
    if subject is None or not subject.head:
        return None
    anything = Statement(subject.owner, subject.head, subject.modifiers, "*", "", frozenset())
    return replace(anything, announced=True, denied=True)


def _taken_back(match: re.Match[str], who: str) -> Statement | None:
    """What was wanted just before is wanted no more; the value is what it was called."""
    value = telling([match["what"]])
    return Statement("", "it", frozenset(), "*", "", value, announced=True, denied=True)


def _held(match: re.Match[str], who: str) -> Statement | None:
    """What was to be done with something is not to be done now."""
    subject = subject_of(match["subject"] or match["what"], who)
    if subject is None or not subject.head:
        return None
    return Statement(
        subject.owner, subject.head, subject.modifiers, "to do", "", frozenset(), announced=True, denied=True
    )


def _gone(match: re.Match[str], who: str) -> Statement | None:
    value = telling(TOKEN.findall(match["value"]))
    return Statement(who, "", frozenset(), "gone", "", value, announced=True, denied=True)


def _given_up(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"], who)
    if subject is None or subject.head:
        return None
    value = telling(TOKEN.findall(match["value"]))
    return Statement(subject.owner, "", frozenset(), "*", "", value, announced=True, denied=True)


def _changed_to(match: re.Match[str], who: str) -> Statement | None:
    """Something was changed, or somebody changed it, to another value."""
    value = TOKEN.findall(match["value"])
    if lower(match["subject"]) in _JUST_SAID:
        return statement_of(THAT, "it", value, announced=True)
    subject = subject_of(match["subject"], who)
    if subject is None or not subject.head:
        return None
    attribute = "is" if kind_of(value) != "name" or subject.head in NOUNS else "is:place"
    verb = lower(match.groupdict().get("verb") or "")
    arranged = verb.startswith(("schedul", "book", "set")) or _IS_SET.search(match[0]) is not None
    return statement_of(subject, attribute, value, announced=not arranged)


def _switched(match: re.Match[str], who: str) -> Statement | None:
    """Somebody or something moved, or uses something else from now on."""
    subject = subject_of(match["subject"], who)
    value = TOKEN.findall(match["value"])
    left = telling(TOKEN.findall(match["old"] or ""))
    if subject is None:
        return None
    if lower(match["verb"]) != "moved" or (left and subject.owner == "we"):
        made = statement_of(subject, "is" if is_time(kind_of(value)) else "use", value, announced=True)
        return made and replace(made, qualifiers=made.qualifiers | left)
    place = list(takewhile(lambda word: lower(word) not in PREPOSITIONS, value))
    if is_time(kind_of(place)):
        return statement_of(subject, "is", value, announced=True)
    person = not subject.head or subject.head in FAMILY_STEMS or not (subject.owner or subject.modifiers)
    placed = kind_of(place) == "name" or kind_of(place).startswith("ordinal")
    return statement_of(subject, "live" if person else "is:place", place, announced=True) if placed else None


def _instead(match: re.Match[str], who: str) -> Statement | None:
    """Something else in the place of what was just said."""
    value = TOKEN.findall(match["value"])
    verb = lower(match["verb"])
    counted = is_time(kind_of(value)) or kind_of(value).startswith("number")
    back = verb.endswith(("back to", "it to", "that to", "switch to"))
    makes = verb.endswith(("it", "that")) and counted
    meant = bool(match["instead"]) or back or makes
    return statement_of(THAT, "it", value, announced=True) if meant else None


def _back_to(match: re.Match[str], who: str) -> Statement | None:
    return statement_of(THAT, "it", TOKEN.findall(match["value"]), announced=True)


def _turned(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"], who)
    if not kind_of([match["value"]]).startswith("number"):
        return None
    return statement_of(subject, "is:number:year", [match["value"], "years"], announced=True)


def _new_job(match: re.Match[str], who: str) -> Statement | None:
    return statement_of(
        subject_of(match["subject"], who), "job", TOKEN.findall(match["value"]), announced=True
    )


CHANGES: tuple[Form, ...] = (
    (_CALLED_OFF, _called_off),
    (_TAKEN_BACK, _taken_back),
    (_HELD, _held),
    (_NEW_JOB, _new_job),
    (_TURNED, _turned),
    (_GONE, _gone),
    (_PASSIVE, _changed_to),
    (_MADE, _changed_to),
    (_ROSE, _changed_to),
    (_ACTIVE, _changed_to),
    (_SWITCHED, _switched),
    (_INSTEAD, _instead),
    (_BACK_TO, _back_to),
    (_GAVE_UP, _given_up),
)
"""The forms of changes, the more special first."""
