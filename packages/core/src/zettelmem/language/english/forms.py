"""What an English clause states by its form: headings, arrangements, choices, how something is done."""

from __future__ import annotations

import re
from dataclasses import replace

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
from .lexicon import stem

_DONE = re.compile(
    r"^(?P<subject>.+?) (?:is|are|was|were|has been|have been)(?: now| all| completely)* (?P<again>re-?)?"
    r"(?P<verb>written|built|made|ported|implemented|hosted|deployed|done|powered|managed|led|run)"
    r"(?: up)? (?P<prep>in|with|on|by|to|using)\s+(?P<value>.+)$",
    re.I,
)
_WE_DO = re.compile(
    r"^(?:we|i) (?P<verb>deploy|build|test|host|monitor|develop|code|commute|travel|pay|communicate|chat"
    r"|track) (?:with|by|on|in|using|via) (?P<value>.+)$",
    re.I,
)
_CHOSEN = re.compile(
    r"^(?:we|i|let's)(?:'re| are|'ll|'ve| will| have)? (?:going with|go with|proceed with|proceeding with"
    r"|chose|choose|picked|selected|decided on|decided for|went with) (?P<value>.+?) for (?P<aim>.+)$",
    re.I,
)
_MEET = re.compile(
    r"^(?:let's|we|we are|we will|we'll) (?:all )?(?P<verb>meet(?:ing)?|hav(?:e|ing) (?:lunch|dinner|drinks))"
    r" (?P<value>(?:at|in|on) .+)$",
    re.I,
)
_PLANNED = re.compile(
    r"^(?P<subject>.+?) (?:(?:is|are) )?(?:scheduled|booked|planned|due|set) (?:for|on|at|in) (?P<value>.+)$",
    re.I,
)
_DECIDED = re.compile(
    r"^(?P<subject>[A-Z#].+?) (?:(?:is|are|was|were|has been|have been) )?(?P<value>approved|rejected"
    r"|signed|confirmed|completed|launched|shipped|released|merged)\b(?! by|:)",
    re.I,
)
_HOME = re.compile(
    r"^(?:(?P<here>[A-Z]\w+) is (?:now )?(?:my |our )?home"
    r"|(?:my |our )?home is (?:now )?(?P<there>[A-Z]\w+))$"
)
_REGULARLY = re.compile(
    r"^(?P<who>I|We|we) (?:go|have|do|attend) (?:to )?(?:the |a |my )?(?P<what>[\w-]+(?: \w+)?) "
    r"(?P<when>(?:on|at|every) .+)$"
)
_WANTS = re.compile(r"^(?P<who>I|We|we|User) wants? to (?P<verb>\w+) (?P<value>.+)$")
_TO_DO = re.compile(
    r"^(?i:please |(?:i|we) (?:need|have) to |let's |i am |we are |(?:i|we)(?: will|'ll) )?"
    r"(?i:renew|order|buy|purchas|book|send|submit|sign|launch|deploy|hir|extend|proceed with|go ahead with)"
    r"(?:e|ing)? (?P<subject>(?:the )?[A-Z#].*?)(?: (?:for|to|on|in|at|by|with|from|until) .+)?$"
)
"""What is to be done with something that has a name."""
_HEADING = re.compile(r"^(?P<subject>[A-Za-z][\w' -]{1,40}):\s+(?P<value>\S.*)$")
_NOTED = re.compile(r" (?:confirmed|recorded|updated|noted|decided|set)$")


def _done(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"], who)
    value = TOKEN.findall(match["value"])
    verb = lower(match["verb"])
    if subject is None:
        return None
    if verb == "done":
        return statement_of(Subject("", subject.head, subject.modifiers), "do:with", value)
    if lower(match["prep"]) == "by" and verb in ("led", "managed", "run"):
        return statement_of(subject, "lead", value)
    return statement_of(subject, f"do:{stem(verb)}", value, announced=bool(match["again"]))


def _we_do(match: re.Match[str], who: str) -> Statement | None:
    what = Subject("", stem(lower(match["verb"])), frozenset())
    return statement_of(what, "do:with", TOKEN.findall(match["value"]))


def _chosen(match: re.Match[str], who: str) -> Statement | None:
    made = statement_of(Subject("we", "", frozenset()), "choose", TOKEN.findall(match["value"]))
    return made and replace(made, qualifiers=telling(TOKEN.findall(match["aim"])))


def _meet(match: re.Match[str], who: str) -> Statement | None:
    what = Subject("", stem(lower(match["verb"]).split()[-1]), frozenset())
    value = TOKEN.findall(match["value"])
    return statement_of(what, "is" if is_time(kind_of(value)) else "is:place", value)


def _planned(match: re.Match[str], who: str) -> Statement | None:
    value = TOKEN.findall(match["value"])
    return statement_of(subject_of(match["subject"], who), "is", value) if is_time(kind_of(value)) else None


def _decided(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"], who)
    return statement_of(subject, "is:status", [match["value"]]) if subject and subject.head else None


def _home(match: re.Match[str], who: str) -> Statement | None:
    return statement_of(Subject(who, "", frozenset()), "live", [match["here"] or match["there"]])


def _regularly(match: re.Match[str], who: str) -> Statement | None:
    whose = "my" if match["who"] == "I" else "our"
    made = statement_of(subject_of(f"{whose} {match['what']}", who), "is", TOKEN.findall(match["when"]))
    return made if made and made.attribute == "is:time" else None


def _wants(match: re.Match[str], who: str) -> Statement | None:
    attribute = f"want:{lower(match['verb'])}"
    value = TOKEN.findall(match["value"])
    return statement_of(subject_of(match["who"], who), attribute, value, single=False)


def _to_do(match: re.Match[str], who: str) -> Statement | None:
    subject = subject_of(match["subject"], who)
    return statement_of(subject, "to do", ["done"], single=False) if subject and subject.head else None


def _heading(match: re.Match[str], who: str) -> Statement | None:
    if len(match["subject"].split()) > 4 or len(match["value"].split()) > 8:
        return None
    subject = subject_of(_NOTED.sub("", match["subject"]), who)
    return statement_of(subject, "is", TOKEN.findall(match["value"]))


FORMS: tuple[Form, ...] = (
    (_DONE, _done),
    (_WE_DO, _we_do),
    (_CHOSEN, _chosen),
    (_MEET, _meet),
    (_PLANNED, _planned),
    (_DECIDED, _decided),
    (_HOME, _home),
    (_REGULARLY, _regularly),
    (_WANTS, _wants),
    (_TO_DO, _to_do),
    (_HEADING, _heading),
)
"""The forms of their own, the more special first."""
