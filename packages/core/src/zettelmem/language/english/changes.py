"""What an English clause states by its form: changes, choices, what is over, headings."""

from __future__ import annotations

import re
from dataclasses import replace

from .clauses import TOKEN, Statement, Subject, is_time, kind_of, lower, statement_of, subject_of, telling
from .lexicon import COLOURS, FAMILY_STEMS, NOUNS, stem

CHANGES = (
    r"moved|postponed|rescheduled|pushed(?: back)?|put (?:back|off|forward)|brought forward"
    r"|shifted|changed|set"
    r"|delayed|raised|increased|lowered|cut|reduced|extended|shortened|upgraded|renamed|switched"
    r"|migrated|updated"
    r"|finali[sz]ed|fixed|corrected|confirmed"
)
PASSIVE = re.compile(
    rf"^(?P<subject>.+?) (?:is|are|was|were|has been|have been|got|gets|will be)(?: now| just)? (?:{CHANGES})"
    r"(?: \w+day)? (?:to|until|till|for|at|as)\s+(?P<value>.+)$",
    re.I,
)
ACTIVE = re.compile(
    r"^(?:(?P<agent>[\w' -]+?) )?(?:(?:'ve|have|has|will|'ll) )?"
    r"(?P<verb>moved?|postponed?|rescheduled?|pushed?|shift(?:ed)?|chang(?:ed?)|set|raised?"
    r"|increased?|lowered?|cut"
    r"|reduced?|extend(?:ed)?|renamed?|finali[sz]ed?|fix(?:ed)?|schedul(?:ed?)|books?|booked|update[ds]?) "
    r"(?P<subject>(?:that|it|this|(?:the|my|our|his|her|their|[A-Z]\w+'s) [\w' -]+?)) "
    r"(?:from .+? )?(?:to|until|for|at)\s+(?P<value>.+)$"
)
PLANNED = re.compile(
    r"^(?P<subject>.+?) (?:(?:is|are) )?(?:scheduled|booked|planned|due|set) (?:for|on|at|in) (?P<value>.+)$",
    re.I,
)
DECIDED = re.compile(
    r"^(?P<subject>[A-Z#].+?) (?:(?:is|are|was|were|has been|have been) )?(?P<value>approved"
    r"|rejected|signed|confirmed"
    r"|completed|launched|shipped|released|merged)\b(?! by|:)",
    re.I,
)
TURNED = re.compile(r"^(?P<subject>.+?) (?:just )?turned (?P<value>\d\d?)$", re.I)
BACK_TO = re.compile(r"^(?:switching|changing|moving|going)(?: back| over)? to (?P<value>.+)$", re.I)
MADE = re.compile(
    r"^[\w' -]+? (?:made|painted|turned|coloured|dyed) (?P<subject>(?:the|my|our) [\w' -]+?) "
    rf"(?P<value>{'|'.join(sorted(COLOURS))})$",
    re.I,
)
SWITCH = re.compile(
    r"^(?P<subject>.+?) (?:(?:'ve|have|has) )?(?:just )?(?:switched|changed|migrated|moved"
    r"|upgraded|went)(?: over| back)? "
    r"(?:from (?P<old>.+?) )?to (?P<value>.+)$",
    re.I,
)
WRITTEN = re.compile(
    r"^(?P<subject>.+?) (?:is|are|was|were|has been|have been)(?: now| all| completely)* "
    r"(?P<again>re-?)?(?P<verb>written|built|made|ported|implemented|hosted|deployed|done"
    r"|powered|managed|led|run)"
    r"(?: up)? (?P<prep>in|with|on|by|to|using)\s+(?P<value>.+)$",
    re.I,
)
WE_DO = re.compile(
    r"^(?P<who>we|i) (?P<verb>deploy|build|test|host|monitor|develop|code|commute|travel|pay"
    r"|communicate|chat|track)"
    r" (?P<prep>with|by|on|in|using|via) (?P<value>.+)$",
    re.I,
)
CHOICE = re.compile(
    r"^(?P<subject>we|i|let's)(?:'re| are|'ll|'ve| will| have)? (?:going with|go with"
    r"|proceed with|proceeding with"
    r"|chose|choose|picked|selected|decided on|decided for|went with) (?P<value>.+?)(?: for (?P<aim>.+))?$",
    re.I,
)
INSTEAD = re.compile(
    r"^(?:let's|lets|we|i|please)?\s*(?:'ll|should|will)?\s*(?:just )?"
    r"(?:try|go (?:back )?(?:to|with)|switch (?:back )?(?:to|over to)|make (?:it|that)"
    r"|change (?:it|that) to|use|do"
    r"|move (?:it|that) to|push (?:it|that) to)\s+(?P<value>.+?)(?: instead)?$",
    re.I,
)
GONE = re.compile(
    r"^(?:the |my |our )?(?P<value>[\w'-]+(?: [\w'-]+)?) (?:was stolen|died|can wait|broke down"
    r"|is gone|got stolen"
    r"|was sold|is broken|is history|is dead|has died|was scrapped)$",
    re.I,
)
QUIT = re.compile(
    r"^(?P<subject>.+?) (?:(?:'ve|have|has) )?(?:just )?(?:quit|left|gave up|given up|stopped"
    r"|resigned from|sold"
    r"|cancel+ed|dropped|got rid of|broke up with|ended)(?: (?:being|doing|working (?:at|for)|my"
    r"|our|the|a|an))?"
    r"(?: (?P<value>.+))?$",
    re.I,
)
CALLED_OFF = re.compile(
    r"^(?:(?P<subject>.+?) (?:(?:is|was|were|are|has been|have been|got)(?: now"
    r"| just)? )?(?:cancel+ed|called off"
    r"|scrapped|discontinued|closed down|shut down)(?: (?:due|because|by|for|as|after|on|this"
    r"|until|at|in)\b.*)?"
    r"|cancel (?P<what>(?:the|my|our) .+))$",
    re.I,
)


THAT = Subject("", "it", frozenset())
"""What was just said."""


def _nothing_of(subject: Subject) -> Statement:
    """A statement about anything of a subject, for a denial."""
    return Statement(subject.owner, subject.head, subject.modifiers, "*", "", frozenset())


def changed(clause: str, who: str, *, instead: bool) -> Statement | None:
    """The statement of a clause that tells of a change, by its form."""
    match = CALLED_OFF.match(clause)
    if match:
        subject = subject_of(match["subject"] or match["what"], who)
        if subject is None or not subject.head:
            return None
        return replace(_nothing_of(subject), announced=True, denied=True)
    match = TURNED.match(clause)
    if match:
        subject = subject_of(match["subject"], who)
        return statement_of(subject, "is:number:year", [match["value"], "years"], announced=True)
    match = GONE.match(clause)
    if match:
        value = telling(TOKEN.findall(match["value"]))
        return Statement(who, "", frozenset(), "gone", "", value, announced=True, denied=True)
    for pattern in (PASSIVE, MADE, ACTIVE):
        match = pattern.match(clause[:1].lower() + clause[1:] if pattern is ACTIVE else clause)
        if match:
            tokens = TOKEN.findall(match["value"])
            if lower(match["subject"]) in JUST_SAID:
                return statement_of(THAT, "it", tokens, announced=True)
            subject = subject_of(match["subject"], who)
            if subject is not None and subject.head:
                attribute = "is" if kind_of(tokens) != "name" or subject.head in NOUNS else "is:place"
                planned = lower(match.groupdict().get("verb") or "").startswith(("schedul", "book", "set"))
                return statement_of(subject, attribute, tokens, announced=not planned)
    match = SWITCH.match(clause)
    subject = subject_of(match["subject"], who) if match else None
    if match and subject is not None:
        tokens = TOKEN.findall(match["value"])
        if is_time(kind_of(tokens)):
            return statement_of(subject, "is", tokens, announced=True)
        moved = "moved" in clause.lower() and not match["old"]
        person = not subject.head or subject.head in FAMILY_STEMS or not (subject.owner or subject.modifiers)
        attribute = "use" if not moved else ("live" if person else "is:place")
        if kind_of(tokens) != "name" and attribute != "use":
            return None
        made = statement_of(subject, attribute, tokens, announced=True)
        left = telling(TOKEN.findall(match["old"] or ""))
        return made and replace(made, qualifiers=made.qualifiers | left)
    match = WRITTEN.match(clause)
    subject = subject_of(match["subject"], who) if match else None
    if match and subject is not None:
        tokens = TOKEN.findall(match["value"])
        if match["verb"].lower() == "done":
            return statement_of(Subject("", subject.head, subject.modifiers), "do:with", tokens)
        if lower(match["prep"]) == "by" and match["verb"].lower() in ("led", "managed", "run"):
            return statement_of(subject, "lead", tokens)
        attribute = f"do:{stem(match['verb'].lower())}"
        return statement_of(subject, attribute, tokens, announced=bool(match["again"]))
    match = WE_DO.match(clause)
    if match:
        return statement_of(
            Subject("", stem(match["verb"].lower()), frozenset()), "do:with", TOKEN.findall(match["value"])
        )
    match = CHOICE.match(clause)
    if match and match["aim"]:
        chosen = statement_of(Subject("we", "", frozenset()), "choose", TOKEN.findall(match["value"]))
        return chosen and replace(chosen, qualifiers=telling(TOKEN.findall(match["aim"])))
    match = INSTEAD.match(clause)
    if match and (instead or re.search(r"\b(?:that|it|back)\b", clause, re.I)):
        return statement_of(
            Subject("", "it", frozenset()), "it", TOKEN.findall(match["value"]), announced=True
        )
    match = BACK_TO.match(clause)
    if match:
        return statement_of(
            Subject("", "it", frozenset()), "it", TOKEN.findall(match["value"]), announced=True
        )
    match = PLANNED.match(clause)
    if match and is_time(kind_of(TOKEN.findall(match["value"]))):
        return statement_of(subject_of(match["subject"], who), "is", TOKEN.findall(match["value"]))
    match = DECIDED.match(clause)
    if match:
        subject = subject_of(match["subject"], who)
        return statement_of(subject, "is:status", [match["value"]]) if subject and subject.head else None
    return None


def given_up(clause: str, who: str) -> Statement | None:
    """The statement of a clause that says that somebody does or has something no more."""
    match = QUIT.match(clause)
    subject = subject_of(match["subject"], who) if match else None
    if match is None or subject is None or subject.head or not match["value"]:
        return None
    value = telling(TOKEN.findall(match["value"]))
    return Statement(subject.owner, "", frozenset(), "*", "", value, announced=True, denied=True)


JUST_SAID = frozenset(
    ("that", "it", "this", "the quantity", "the amount", "the date", "the time", "the location", "the place")
)
NOUN_COLON = re.compile(r"^(?P<subject>[A-Za-z][\w' -]{1,40}):\s+(?P<value>\S.*)$")
HOME = re.compile(
    r"^(?:(?P<here>[A-Z]\w+) is (?:now )?(?:my |our )?home|(?:my "
    r"|our )?home is (?:now )?(?P<there>[A-Z]\w+))$"
)
GO_ON = re.compile(
    r"^(?P<who>I|We|we) (?:go|have|do|attend) (?:to )?(?:the |a "
    r"|my )?(?P<what>[\w-]+(?: \w+)?) (?P<when>(?:on|at|every) .+)$"
)
WANT = re.compile(r"^(?P<who>I|We|we|User) wants? to (?P<verb>\w+) (?P<value>.+)$")


def special(clause: str, who: str) -> Statement | None:
    """The statement of a clause of a form of its own."""
    match = HOME.match(clause)
    if match:
        return statement_of(Subject(who, "", frozenset()), "live", [match["here"] or match["there"]])
    match = GO_ON.match(clause)
    if match:
        subject = subject_of(f"my {match['what']}" if match["who"] == "I" else f"our {match['what']}", who)
        made = statement_of(subject, "is", TOKEN.findall(match["when"]))
        return made if made and made.attribute == "is:time" else None
    match = WANT.match(clause)
    if match:
        subject = subject_of(match["who"], who)
        return statement_of(
            subject, f"want:{match['verb'].lower()}", TOKEN.findall(match["value"]), single=False
        )
    match = NOUN_COLON.match(clause)
    if match and len(match["subject"].split()) <= 4 and len(match["value"].split()) <= 8:
        named = re.sub(r" (?:confirmed|recorded|updated|noted|decided|set)$", "", match["subject"])
        return statement_of(subject_of(named, who), "is", TOKEN.findall(match["value"]))
    return None
