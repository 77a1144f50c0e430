"""What English clauses state: of whom or what, which attribute, which value. Pure.

A statement is read from a clause by closed lists of verbs and of values. A clause that the lists do not
know states nothing, and neither does one of another language: no statement is better than a wrong one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

LANGUAGES = ("en",)
"""The languages whose clauses are read."""
LONGEST = 60
"""Words of a text that is read for statements; a longer one tells more than one can replace."""
SUBJECT = 8
"""Words of a subject."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one clause says.

    Attributes:
        owner: whose it is or who does it: "@ana" for Ana's own or herself, "we", a name in lower case;
            "" for a thing that belongs to nobody named.
        head: the thing itself, such as "landlord"; "" for the owner in person, "it" for what was just said.
        modifiers: other words of the subject, such as "team" in "team meeting".
        attribute: what is said of it, such as "live", "job", "is"; "*" for a denial of anything about it.
        kind: what sort of value it has: day, clock, number, colour, name, status, place or words.
        value: the telling words of the value.
        qualifiers: words that narrow it down, such as "production" in "use Postgres in production".
        single: a later statement of the same subject and attribute takes the place of this one.
        announced: the words say that it is different from before.
        denied: the words say that it is so no more.
        asserted: it is said to be so: no plan, hope, condition or hearsay.
    """

    owner: str
    head: str
    modifiers: frozenset[str]
    attribute: str
    kind: str
    value: frozenset[str]
    qualifiers: frozenset[str] = frozenset()
    single: bool = True
    announced: bool = False
    denied: bool = False
    asserted: bool = True


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DAYS = _set(
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays "
    "saturdays sundays mon tue wed thu fri sat sun january february march april may june july august september "
    "october november december jan feb mar apr jun jul aug sep sept oct nov dec today tomorrow tonight weekend "
    "weekends weekdays easter christmas q1 q2 q3 q4 week month spring summer autumn"
)
_CLOCK = re.compile(r"^\d{1,2}(?:[:.]\d\d(?:am|pm)?|am|pm|h)$|^(?:noon|midnight)$")
_COLOURS = _set(
    "red green blue yellow orange purple violet pink black white grey gray brown turquoise teal beige crimson "
    "gold silver indigo maroon navy magenta cyan lilac mint burgundy"
)
_NUMERALS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
    )
} | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "no": "0"}
_ORDINALS = _set(
    "first second third fourth fifth sixth seventh eighth ninth tenth ground top 1st 2nd 3rd 4th 5th 6th 7th 8th"
)
_STATUS = _set(
    "planned planning delayed cancelled canceled done finished complete completed blocked paused hold track "
    "approved rejected open closed live down launched released postponed pending risk merged shipped active "
    "inactive archived signed revoked vacant available sold out"
)
_ATTRIBUTE_NOUNS = _set(
    "name number code password pin address email e-mail phone plan design policy budget price pricing cost rent "
    "salary deadline date time location venue owner lead leader manager boss director chair captain host landlord "
    "landlady doctor dentist gp therapist teacher tutor coach trainer colour color size goal target theme topic "
    "title motto language framework database stack version status provider supplier vendor bank insurer employer "
    "job role position limit quota capacity discount rate fee weight height hobby wifi ssid host port branch "
    "platform approach strategy method format default contact dosage dose diet nickname username login plate "
    "drink dish food meal film movie book song band author artist sport team game city country season animal tea "
    "coffee flavour flavor restaurant cafe bar editor ide shell font browser car headquarters hq ceo cto cfo "
    "president mayor treasurer secretary maintainer reviewer successor"
)
_ROLES = _set(
    "owner lead leader manager boss director chair captain host landlord landlady doctor dentist gp therapist "
    "teacher tutor coach trainer ceo cto cfo president mayor treasurer secretary maintainer reviewer contact head"
)
_MANY = _set(
    "friend colleague cousin neighbour neighbor aunt uncle sister brother child kid son daughter cat dog pet "
    "teammate customer client student hobby"
)
"""Nouns of which one person has several, so that a second one does not replace the first."""
_FAMILY = _set(
    "sister brother mother father mom mum dad wife husband partner girlfriend boyfriend son daughter aunt uncle "
    "cousin grandmother grandfather boss neighbour neighbor friend colleague roommate flatmate child kid niece "
    "nephew ex ex-wife ex-husband doctor landlord"
)
_PLACES = _set(
    "flat house apartment room floor street village town city country district suburb home dorm office"
)
_SEATS = _set("office desk team company headquarters hq")
_FORMER = _set("old former previous original ex last first")
_FRESH = _set("new current official final latest actual")
_LISTS = re.compile(
    r"\b(?:also|too|as well|another|an? (?:second|third)|besides|in addition|either|sometimes|both)\b", re.I
)

_BE = _set("am is are was were 's 'm 're be been becomes became remains")
_VERBS = {
    form: attribute
    for attribute, forms in {
        "live": "live lives sit sits living reside resides settled relocated",
        "job": "work works working started joined employed",
        "weigh": "weigh weighs",
        "cost": "cost costs",
        "earn": "earn earns",
        "prefer": "prefer prefers",
        "use": "use uses using run runs",
        "drive": "drive drives ride rides",
        "lead": "lead leads manage manages chair chairs",
        "have": "have has",
        "happen": "happen happens start starts begin begins",
        "study": "study studies",
        "pay": "pay pays",
    }.items()
    for form in forms.split()
}
_EVENTS = _set("happen")
_CHANGES = (
    r"moved|postponed|rescheduled|pushed(?: back)?|put (?:back|off|forward)|brought forward|shifted|changed|set"
    r"|delayed|raised|increased|lowered|cut|reduced|extended|shortened|upgraded|renamed|switched|migrated|updated"
    r"|finali[sz]ed|fixed|corrected|confirmed"
)
_PASSIVE = re.compile(
    rf"^(?P<subject>.+?) (?:is|are|was|were|has been|have been|got|gets|will be)(?: now| just)? (?:{_CHANGES})"
    r"(?: \w+day)? (?:to|until|till|for|at|as)\s+(?P<value>.+)$",
    re.I,
)
_ACTIVE = re.compile(
    r"^(?:(?P<agent>[\w' -]+?) )?(?:(?:'ve|have|has|will|'ll) )?"
    r"(?P<verb>moved?|postponed?|rescheduled?|pushed?|shift(?:ed)?|chang(?:ed?)|set|raised?|increased?|lowered?|cut"
    r"|reduced?|extend(?:ed)?|renamed?|finali[sz]ed?|fix(?:ed)?|schedul(?:ed?)|books?|booked|update[ds]?) "
    r"(?P<subject>(?:that|it|this|(?:the|my|our|his|her|their|[A-Z]\w+'s) [\w' -]+?)) "
    r"(?:from .+? )?(?:to|until|for|at)\s+(?P<value>.+)$"
)
_PLANNED = re.compile(
    r"^(?P<subject>.+?) (?:(?:is|are) )?(?:scheduled|booked|planned|due|set) (?:for|on|at|in) (?P<value>.+)$",
    re.I,
)
_DECIDED = re.compile(
    r"^(?P<subject>[A-Z#].+?) (?:(?:is|are|was|were|has been|have been) )?(?P<value>approved|rejected|signed|confirmed"
    r"|completed|launched|shipped|released|merged)\b(?! by|:)",
    re.I,
)
_TURNED = re.compile(r"^(?P<subject>.+?) (?:just )?turned (?P<value>\d\d?)$", re.I)
_BACK_TO = re.compile(r"^(?:switching|changing|moving|going)(?: back| over)? to (?P<value>.+)$", re.I)
_MADE = re.compile(
    r"^[\w' -]+? (?:made|painted|turned|coloured|dyed) (?P<subject>(?:the|my|our) [\w' -]+?) "
    rf"(?P<value>{'|'.join(sorted(_COLOURS))})$",
    re.I,
)
_SWITCH = re.compile(
    r"^(?P<subject>.+?) (?:(?:'ve|have|has) )?(?:just )?(?:switched|changed|migrated|moved|upgraded|went)(?: over| back)? "
    r"(?:from (?P<old>.+?) )?to (?P<value>.+)$",
    re.I,
)
_WRITTEN = re.compile(
    r"^(?P<subject>.+?) (?:is|are|was|were|has been|have been)(?: now| all| completely)* "
    r"(?P<again>re-?)?(?P<verb>written|built|made|ported|implemented|hosted|deployed|done|powered|managed|led|run)"
    r"(?: up)? (?P<prep>in|with|on|by|to|using)\s+(?P<value>.+)$",
    re.I,
)
_WE_DO = re.compile(
    r"^(?P<who>we|i) (?P<verb>deploy|build|test|host|monitor|develop|code|commute|travel|pay|communicate|chat|track)"
    r" (?P<prep>with|by|on|in|using|via) (?P<value>.+)$",
    re.I,
)
_CHOICE = re.compile(
    r"^(?P<subject>we|i|let's)(?:'re| are|'ll|'ve| will| have)? (?:going with|go with|proceed with|proceeding with"
    r"|chose|choose|picked|selected|decided on|decided for|went with) (?P<value>.+?)(?: for (?P<aim>.+))?$",
    re.I,
)
_INSTEAD = re.compile(
    r"^(?:let's|lets|we|i|please)?\s*(?:'ll|should|will)?\s*(?:just )?"
    r"(?:try|go (?:back )?(?:to|with)|switch (?:back )?(?:to|over to)|make (?:it|that)|change (?:it|that) to|use|do"
    r"|move (?:it|that) to|push (?:it|that) to)\s+(?P<value>.+?)(?: instead)?$",
    re.I,
)
_GONE = re.compile(
    r"^(?:the |my |our )?(?P<value>[\w'-]+(?: [\w'-]+)?) (?:was stolen|died|can wait|broke down|is gone|got stolen"
    r"|was sold|is broken|is history|is dead|has died|was scrapped)$",
    re.I,
)
_QUIT = re.compile(
    r"^(?P<subject>.+?) (?:(?:'ve|have|has) )?(?:just )?(?:quit|left|gave up|given up|stopped|resigned from|sold"
    r"|cancel+ed|dropped|got rid of|broke up with|ended)(?: (?:being|doing|working (?:at|for)|my|our|the|a|an))?"
    r"(?: (?P<value>.+))?$",
    re.I,
)
_CALLED_OFF = re.compile(
    r"^(?:(?P<subject>.+?) (?:(?:is|was|were|are|has been|have been|got)(?: now| just)? )?(?:cancel+ed|called off"
    r"|scrapped|discontinued|closed down|shut down)(?: (?:due|because|by|for|as|after|on|this|until|at|in)\b.*)?"
    r"|cancel (?P<what>(?:the|my|our) .+))$",
    re.I,
)
_NO_LONGER = re.compile(r"\bno longer\b|(?:n't|\bnot) (?=.*\bany ?more\b)|\bnever again\b", re.I)
_NEGATION = re.compile(r"\b(?:not|never|hardly|cannot|neither|nor|without)\b|n't\b", re.I)
_HEDGE = re.compile(
    r"\b(?:if|unless|whether|would|could|should|might|(?-i:may)(?! \d)|maybe|perhaps|probably|possibly|likely|apparently"
    r"|supposedly|allegedly|hopes?|hoping|wish\w*|plan(?:s|ning|ned)? to|going to|gonna|intends?|consider(?:s|ing|ed)?"
    r"|thinking (?:of|about)?|i (?:think|guess|suppose|believe|heard|read)|they say|rumou?rs?|supposed to|suggest\w*"
    r"|propos(?:e|es|ed|al)|wonder\w*|according to|seems?|looks? like|sounds? like|told me|says?|said|imagine|pretend"
    r"|joking|almost|nearly|as if|draft|tentative\w*|wants? to|try(?:ing)? to|what if|in case)\b",
    re.I,
)
_LEAD = re.compile(
    r"^(?:(?P<change>correction|update|edit|erratum|change of plans?|scratch that|(?:no,? )?wait|actually|in fact"
    r"|as of (?:today|now|\w+day)|from now on|since \w+|effective (?:today|immediately)|now|nowadays|these days|at last"
    r"|no)|well|ok(?:ay)?|oh|so|and|but|btw|by the way|fyi|anyway|unfortunately|sadly|good news|bad news|great news"
    r"|note|reminder|to be (?:absolutely )?clear|to recap|today|yesterday|this (?:week|month|year)|last (?:week|month|year)|please|just|then|"
    r"based on [\w -]+?|per the \w+|\[[^\]]*\])\s*[,:.!-]*\s+(?=\S)",
    re.I,
)
_ANNOUNCES = re.compile(
    r"\b(?:now|no longer|any ?more|instead|from now on|these days|nowadays|as of|correction|actually|not any|"
    r"(?:is|are|was|were|has|have) (?:now )?chang\w+|changed|overrid\w+)\b",
    re.I,
)
_TRAIL = re.compile(
    r"\s+(?:now|these days|nowadays|at the moment|currently|again|instead|any ?more|from now on|for now|already|finally"
    r"|since \w+(?: \w+)?|as of \w+|as from \w+|right now|today|at present)$",
    re.I,
)
_CLAUSE_END = re.compile(
    r"(?<=[a-z0-9)'\u2019])[.!;](?=\s|$)|[\n;]|\s[-\u2013\u2014]\s|,\s+(?!\d)(?:and |but |so )?"
    r"|\s+(?:and|but|so|because)\s+(?=(?:i|we|my|our|the|there|started|joined|moved|switched|became|now|he|she|they)\b)",
    re.I,
)
_TOKEN = re.compile(
    r"[$\u20ac\u00a3]?\d+(?:,\d{3})+|[$\u20ac\u00a3#]?[^\W_](?:[\w'+#/:%.-]*[\w+#%])?|[$\u20ac\u00a3]\d[\d.,]*"
)
_PREPOSITIONS = _set(
    "in at on with for to from by of into near over under about as than per via during until"
)
_FUNCTION = _set(
    "a an the my our his her their its your this that these those some any very really mr mrs ms dr"
)
_NOBODY = _set(
    "it he she they you this that these those there who what which one everyone someone somebody nobody people "
    "everything something nothing here where when why how his her their your can could must might may would should "
    "shall be been is are was were got"
)
_ADVERBS = _set(
    "now currently still always usually mostly just already really officially finally then only all"
)


def stem(word: str) -> str:
    """The word without the ending of a plural or of a form of a verb."""
    for ending in ("ments", "ment", "ings", "ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.removesuffix("e") if len(word) > 3 else word


@dataclass(frozen=True, slots=True)
class _Subject:
    owner: str
    head: str
    modifiers: frozenset[str]
    fresh: bool = False


def _plain(token: str) -> str:
    return token.lower().replace("\u2019", "'")


def _telling(tokens: list[str]) -> frozenset[str]:
    """The words of a value that tell it from another one."""
    words = (_NUMERALS.get(word, word) for word in map(_plain, tokens))
    idle = _FUNCTION | _PREPOSITIONS | _ADVERBS
    return frozenset(stem(word) if word.isalpha() else word for word in words if word not in idle)


def _is_day(token: str) -> bool:
    word = _plain(token)
    return word in _DAYS and (word != "may" or token[0].isupper())


def kind_of(tokens: list[str]) -> str:
    """What sort of value the words are."""
    content = [x for x in tokens if _plain(x) not in _FUNCTION | _PREPOSITIONS | _ADVERBS]
    low = [_NUMERALS.get(_plain(x), _plain(x)) for x in content]
    if not low:
        return ""
    if any(_is_day(x) for x in content):
        return "day"
    after_at = [tokens[i + 1] for i, x in enumerate(tokens[:-1]) if _plain(x) == "at"]
    if any(_CLOCK.match(x) for x in low) or any(x.isdigit() for x in after_at):
        return "clock"
    if all(x in _STATUS for x in low):
        return "status"
    if all(x in _COLOURS for x in low):
        return "colour"
    if low[0] in _ORDINALS and len(low) > 1:
        return f"ordinal:{stem(low[1])}"
    if low[0][0] in "$\u20ac\u00a3":
        return "number:$"
    if low[0].replace(",", "").replace(".", "").rstrip("%").isdigit():
        if len(low) > 1 and low[1].isalpha():
            return f"number:{stem(low[1])}"
        return "number:%" if low[0].endswith("%") else "number:"
    measure = re.fullmatch(r"\d[\d.,]*([a-z]+)", low[0])
    if measure:
        return f"number:{stem(measure[1])}"
    if any(x[0].isupper() or any(map(str.isdigit, x)) for x in content):
        return "name"
    return "words"


def _subject(text: str, who: str) -> _Subject | None:
    """Whose and what the words before a verb are; None where they are a pronoun, or too many."""
    tokens = _TOKEN.findall(text)
    while tokens and _plain(tokens[-1]) in _ADVERBS | {"will", "have", "has", "do", "does"}:
        tokens.pop()
    low = [_plain(x) for x in tokens]
    if not low or len(low) > SUBJECT or _NOBODY & set(low):
        return None
    if low[-1] in ("i", "we", "let's") and len(low) <= 2:
        return _Subject("we" if low[-1] != "i" else who, "", frozenset())
    if low[0] in ("the", "a", "this") and len(low) > 1:
        tokens, low = tokens[1:], low[1:]
    owner = ""
    if low[0] in ("my", "our"):
        owner = who if low[0] == "my" else "we"
        tokens, low = tokens[1:], low[1:]
    while low and low[0].endswith("'s") and len(low) > 1:
        name = low[0][:-2]
        owner = name if not owner else f"{owner}/{stem(name)}"
        tokens, low = tokens[1:], low[1:]
    place = next((i for i, x in enumerate(low) if x in _PREPOSITIONS), len(low))
    before = low[:place]
    after = [x for x in low[place:] if x not in _PREPOSITIONS | _FUNCTION]
    if not before or before[0] in _FUNCTION:
        return None
    if len(before) > 1 and before[-2] in _FAMILY and tokens[place - 1][0].isupper():
        return _Subject("", stem(before[-1]), frozenset())
    fresh = bool(_FRESH & set(before[:-1]))
    before = [x for x in before if x not in _FRESH or x == before[-1]]
    if _FORMER & set(before[:-1]):
        return None
    if len(before) > 1 and before[-1] == "status":
        before = before[:-1]
    if " ".join(before) == who:
        return _Subject(who, "", frozenset(), fresh)
    modifiers = frozenset(map(stem, (*before[:-1], *after)))
    return _Subject(owner, stem(before[-1]), modifiers, fresh)


def _time(kind: str) -> bool:
    return kind in ("day", "clock")


def _made(
    subject: _Subject | None, attribute: str, tokens: list[str], *, single: bool = True, **more: bool
) -> Statement | None:
    """The statement of a subject, an attribute and the words of a value; what narrows it down goes apart."""
    kind = kind_of(tokens)
    if subject is None or not kind:
        return None
    qualifiers: frozenset[str] = frozenset()
    if not _time(kind):
        cut = next(
            (i for i, x in enumerate(tokens) if i and _plain(x) in _PREPOSITIONS - {"of"}), len(tokens)
        )
        qualifiers = _telling(tokens[cut:])
        tokens = tokens[:cut]
        kind = kind_of(tokens) or kind
    value = _telling(tokens)
    aspect = "is:time" if subject.head in _WHEN_HEADS and _time(kind) else ""
    aspect = "is:place" if subject.head in _WHERE_HEADS else aspect
    if attribute == "is" and aspect and len(subject.modifiers) == 1:
        attribute = aspect
        subject = _Subject(subject.owner, next(iter(subject.modifiers)), frozenset(), subject.fresh)
    if attribute == "is" and subject.head not in _NOUNS:
        attribute = "is:time" if _time(kind) else f"is:{kind}"
    if not value:
        return None
    made = Statement(
        subject.owner, subject.head, subject.modifiers, attribute, kind, value, qualifiers, single
    )
    return replace(made, announced=subject.fresh or more.get("announced", False))


_NOUNS = frozenset(map(stem, _ATTRIBUTE_NOUNS))
_WHEN_HEADS, _WHERE_HEADS = (
    frozenset(("dat", "tim", "day", "deadlin")),
    frozenset(("location", "venu", "plac")),
)
_SEAT_STEMS = frozenset(map(stem, _SEATS))
_FAMILY_STEMS = frozenset(map(stem, _FAMILY))
_MANY_STEMS = frozenset(map(stem, _MANY))


def _place(subject: _Subject, tokens: list[str], attribute: str) -> Statement | None:
    """Where somebody or something is."""
    low = {_plain(x) for x in tokens}
    seat = bool(low & {"floor", "room", "building"}) and subject.head in ("", *_SEAT_STEMS)
    if seat:
        return _made(_Subject(subject.owner, "", subject.modifiers, subject.fresh), "seat", tokens)
    kind = kind_of(tokens)
    if _time(kind):
        return _made(subject, "is", tokens)
    if kind == "status":
        return _made(subject, "is", tokens)
    return _made(subject, attribute if subject.head else "live", tokens)


def _is(subject: _Subject, tokens: list[str], who: str) -> Statement | None:
    """What a form of `be` says."""
    if not tokens:
        return None
    first = _plain(tokens[0])
    rest = tokens[1:]
    if first in ("in", "on", "at", "from", "near"):
        return _place(subject, tokens, "is:place")
    if first.endswith("ing") and len(first) > 5 and tokens[0].islower() and first not in _DAYS:
        return None
    person = not subject.head
    name = person or (not subject.owner and not subject.modifiers)
    if first in ("the", "our", "my") and name:
        titled = _subject(" ".join(tokens), who)
        if titled is None or titled.head not in _ROLE_STEMS:
            return None
        holder = subject.head or subject.owner
        return replace(
            Statement(titled.owner, titled.head, titled.modifiers, "is", "name", frozenset({holder})),
            announced=titled.fresh,
        )
    if first in ("a", "an") and person:
        at = next((i for i, x in enumerate(rest) if _plain(x) in ("at", "for", "with")), None)
        if at is not None and kind_of(rest[at:]) == "name":
            employer = _made(subject, "job", rest[at + 1 :])
            return employer and replace(employer, qualifiers=_telling(rest[:at]))
        return _made(subject, "is", rest, single=False)
    made = _made(subject, "is", tokens)
    if made is None:
        return None
    number = made.kind.startswith("number")
    several = subject.head in _MANY_STEMS and bool(subject.owner)
    loose = made.kind in ("words", "name") and made.attribute != "is"
    single = not several and not (person and not number) and (not loose or first in ("a", "an"))
    return replace(made, single=single)


def _verb(subject: _Subject, attribute: str, form: str, tokens: list[str]) -> Statement | None:
    """What one of the known verbs says."""
    place = next((i for i, x in enumerate(tokens) if _plain(x) in _PREPOSITIONS), len(tokens))
    objects, phrase = tokens[:place], tokens[place:]
    preposition = _plain(phrase[0]) if phrase else ""
    kind = kind_of(objects)
    person = not subject.head or not subject.owner or subject.head in _FAMILY_STEMS
    if attribute == "live" and not objects and preposition in ("in", "at", "on", "near", "with", "to"):
        inside = [i for i, x in enumerate(phrase) if _plain(x) in ("in", "at", "on", "near", "to")]
        return _place(subject, phrase[inside[0] :], "live") if inside and person else None
    if attribute == "job":
        employer = objects if form == "joined" else phrase[1:]
        known = form == "joined" or (not objects and preposition in ("at", "for", "with", "as"))
        known = known and (form != "started" or preposition in ("at", "with"))
        named = kind_of(employer) == "name" or preposition == "as"
        return _made(subject, "job", employer) if known and named and person else None
    if attribute in ("weigh", "cost", "earn", "pay", "have"):
        if not kind.startswith("number"):
            return None
        made = _made(subject, attribute, tokens)
        return made and replace(
            made, attribute=f"{attribute}:{made.kind}" if attribute == "have" else attribute
        )
    if attribute == "prefer":
        over = next((i for i, x in enumerate(tokens) if _plain(x) in ("over", "to", "than")), None)
        after = (
            []
            if over is None
            else [i for i in range(over + 1, len(tokens)) if _plain(tokens[i]) in ("in", "for")]
        )
        kept = tokens if over is None else tokens[:over] + (tokens[after[0] :] if after else [])
        return _made(subject, "prefer", kept)
    if attribute in ("use", "drive"):
        made = _made(subject, attribute, tokens) if objects else None
        return made and replace(made, single=made.kind == "name" or (attribute == "drive" and not phrase))
    if attribute == "lead" and objects:
        led = _subject(" ".join(objects), "")
        holder = subject.head or subject.owner
        if led is not None:
            return Statement(led.owner, led.head, led.modifiers, "lead", "name", frozenset({holder}))
    if attribute == "happen" and _time(kind_of(tokens)):
        return _made(subject, "is", tokens)
    return None


def _scanned(clause: str, who: str, before: _Subject | None) -> tuple[Statement | None, _Subject | None]:
    """The statement of a clause by its verb, and its subject; a clause without one has the one before."""
    tokens = _TOKEN.findall(clause)
    for i, token in enumerate(tokens):
        form = _plain(token)
        if form not in _BE and form not in _VERBS:
            continue
        subject = _subject(" ".join(tokens[:i]), who) if i else before
        if subject is None:
            continue
        rest = [x for j, x in enumerate(tokens[i + 1 :]) if j > 1 or _plain(x) not in _ADVERBS]
        if form in ("was", "were", "been"):
            return None, subject
        future = i > 0 and _plain(tokens[i - 1]) in ("will", "'ll")
        made = _is(subject, rest, who) if form in _BE else _verb(subject, _VERBS[form], form, rest)
        if made is not None and future and made.attribute not in ("is:time", "is:place", "is"):
            made = replace(made, asserted=False)
        if made is not None or form in _BE:
            return made, subject
    tokens = tokens[:1] + [x for x in tokens[1:] if _plain(x) not in _ADVERBS | {"also", "really"}]
    low = [_plain(x) for x in tokens[:2]]
    if len(low) == 2 and low[0] in ("i", "we", "user") and low[1].isalpha():
        subject = _subject(tokens[0], who)
        return _made(subject, f"v:{stem(low[1])}", tokens[2:] or tokens[1:], single=False), subject
    return None, None


def _nothing_of(subject: _Subject) -> Statement:
    """A statement about anything of a subject, for a denial."""
    return Statement(subject.owner, subject.head, subject.modifiers, "*", "", frozenset())


def _changed(clause: str, who: str, *, instead: bool) -> Statement | None:
    """The statement of a clause that tells of a change, by its form."""
    match = _CALLED_OFF.match(clause)
    if match:
        subject = _subject(match["subject"] or match["what"], who)
        if subject is None or not subject.head:
            return None
        return replace(_nothing_of(subject), announced=True, denied=True)
    match = _TURNED.match(clause)
    if match:
        subject = _subject(match["subject"], who)
        return _made(subject, "is:number:year", [match["value"], "years"], announced=True)
    match = _GONE.match(clause)
    if match:
        value = _telling(_TOKEN.findall(match["value"]))
        return Statement(who, "", frozenset(), "gone", "", value, announced=True, denied=True)
    for pattern in (_PASSIVE, _MADE, _ACTIVE):
        match = pattern.match(clause[:1].lower() + clause[1:] if pattern is _ACTIVE else clause)
        if match:
            tokens = _TOKEN.findall(match["value"])
            if _plain(match["subject"]) in _JUST_SAID:
                return _made(_Subject("", "it", frozenset()), "it", tokens, announced=True)
            subject = _subject(match["subject"], who)
            if subject is not None and subject.head:
                attribute = "is" if kind_of(tokens) != "name" or subject.head in _NOUNS else "is:place"
                planned = _plain(match.groupdict().get("verb") or "").startswith(("schedul", "book", "set"))
                return _made(subject, attribute, tokens, announced=not planned)
    match = _SWITCH.match(clause)
    subject = _subject(match["subject"], who) if match else None
    if match and subject is not None:
        tokens = _TOKEN.findall(match["value"])
        if _time(kind_of(tokens)):
            return _made(subject, "is", tokens, announced=True)
        moved = "moved" in clause.lower() and not match["old"]
        person = not subject.head or subject.head in _FAMILY_STEMS or not (subject.owner or subject.modifiers)
        attribute = "use" if not moved else ("live" if person else "is:place")
        if kind_of(tokens) != "name" and attribute != "use":
            return None
        made = _made(subject, attribute, tokens, announced=True)
        left = _telling(_TOKEN.findall(match["old"] or ""))
        return made and replace(made, qualifiers=made.qualifiers | left)
    match = _WRITTEN.match(clause)
    subject = _subject(match["subject"], who) if match else None
    if match and subject is not None:
        tokens = _TOKEN.findall(match["value"])
        if match["verb"].lower() == "done":
            return _made(_Subject("", subject.head, subject.modifiers), "do:with", tokens)
        if _plain(match["prep"]) == "by" and match["verb"].lower() in ("led", "managed", "run"):
            return _made(subject, "lead", tokens)
        attribute = f"do:{stem(match['verb'].lower())}"
        return _made(subject, attribute, tokens, announced=bool(match["again"]))
    match = _WE_DO.match(clause)
    if match:
        return _made(
            _Subject("", stem(match["verb"].lower()), frozenset()), "do:with", _TOKEN.findall(match["value"])
        )
    match = _CHOICE.match(clause)
    if match and match["aim"]:
        chosen = _made(_Subject("we", "", frozenset()), "choose", _TOKEN.findall(match["value"]))
        return chosen and replace(chosen, qualifiers=_telling(_TOKEN.findall(match["aim"])))
    match = _INSTEAD.match(clause)
    if match and (instead or re.search(r"\b(?:that|it|back)\b", clause, re.I)):
        return _made(_Subject("", "it", frozenset()), "it", _TOKEN.findall(match["value"]), announced=True)
    match = _BACK_TO.match(clause)
    if match:
        return _made(_Subject("", "it", frozenset()), "it", _TOKEN.findall(match["value"]), announced=True)
    match = _PLANNED.match(clause)
    if match and _time(kind_of(_TOKEN.findall(match["value"]))):
        return _made(_subject(match["subject"], who), "is", _TOKEN.findall(match["value"]))
    match = _DECIDED.match(clause)
    if match:
        subject = _subject(match["subject"], who)
        return _made(subject, "is:status", [match["value"]]) if subject and subject.head else None
    return None


def _given_up(clause: str, who: str) -> Statement | None:
    """The statement of a clause that says that somebody does or has something no more."""
    match = _QUIT.match(clause)
    subject = _subject(match["subject"], who) if match else None
    if match is None or subject is None or subject.head or not match["value"]:
        return None
    value = _telling(_TOKEN.findall(match["value"]))
    return Statement(subject.owner, "", frozenset(), "*", "", value, announced=True, denied=True)


_JUST_SAID = frozenset(
    ("that", "it", "this", "the quantity", "the amount", "the date", "the time", "the location", "the place")
)
_NOUN_COLON = re.compile(r"^(?P<subject>[A-Za-z][\w' -]{1,40}):\s+(?P<value>\S.*)$")
_HOME = re.compile(
    r"^(?:(?P<here>[A-Z]\w+) is (?:now )?(?:my |our )?home|(?:my |our )?home is (?:now )?(?P<there>[A-Z]\w+))$"
)
_GO_ON = re.compile(
    r"^(?P<who>I|We|we) (?:go|have|do|attend) (?:to )?(?:the |a |my )?(?P<what>[\w-]+(?: \w+)?) (?P<when>(?:on|at|every) .+)$"
)
_WANT = re.compile(r"^(?P<who>I|We|we|User) wants? to (?P<verb>\w+) (?P<value>.+)$")
_ROLE_STEMS = frozenset(map(stem, _ROLES))


def _special(clause: str, who: str) -> Statement | None:
    """The statement of a clause of a form of its own."""
    match = _HOME.match(clause)
    if match:
        return _made(_Subject(who, "", frozenset()), "live", [match["here"] or match["there"]])
    match = _GO_ON.match(clause)
    if match:
        subject = _subject(f"my {match['what']}" if match["who"] == "I" else f"our {match['what']}", who)
        made = _made(subject, "is", _TOKEN.findall(match["when"]))
        return made if made and made.attribute == "is:time" else None
    match = _WANT.match(clause)
    if match:
        subject = _subject(match["who"], who)
        return _made(subject, f"want:{match['verb'].lower()}", _TOKEN.findall(match["value"]), single=False)
    match = _NOUN_COLON.match(clause)
    if match and len(match["subject"].split()) <= 4 and len(match["value"].split()) <= 8:
        named = re.sub(r" (?:confirmed|recorded|updated|noted|decided|set)$", "", match["subject"])
        return _made(_subject(named, who), "is", _TOKEN.findall(match["value"]))
    return None


def _expanded(text: str) -> str:
    text = text.replace("\u2019", "'")
    text = re.sub(r"\b(Dr|Mr|Mrs|Ms|St|Prof)\.", r"\1", text)
    text = re.sub(r"\b(I)'m\b", r"\1 am", text)
    text = re.sub(r"\b([Ww]e|[Tt]hey|[Yy]ou)'re\b", r"\1 are", text)
    text = re.sub(r"\b([Ww]hat|[Tt]here|[Ii]t|[Tt]hat|[Hh]e|[Ss]he)'s\b", r"\1 is", text)
    return re.sub(r"\b(I|[Ww]e)'ve\b", r"\1 have", text)


_CUE = re.compile(r"\b(?:correction|overrid\w+|change of plans?|scratch that|i was wrong|i misspoke)\b", re.I)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")


def statements(text: str, who: str) -> tuple[Statement, ...]:
    """What the clauses of a text state, in their order; nothing of a question, a denial or a long text.

    Args:
        text: English; other words state nothing.
        who: who says it, in lower case; first persons are theirs.
    """
    if len(text) > 20 * LONGEST or len(text.split()) > LONGEST:
        return ()
    made: list[Statement] = []
    cue = False
    for sentence in _SENTENCE.split(_expanded(text)):
        if not sentence or sentence.rstrip().endswith("?"):
            continue
        made += _of_sentence(sentence, who or "me", cue)
        cue = cue or _CUE.search(sentence) is not None
    return tuple(made)


def _of_sentence(sentence: str, who: str, cue: bool) -> list[Statement]:
    hedged = _HEDGE.search(re.sub(r"\bwants? to\b", "", sentence)) is not None
    lists = _LISTS.search(sentence) is not None
    before: _Subject | None = None
    made = []
    for part in _CLAUSE_END.split(sentence):
        clause = re.sub(r"^[^\w$\u20ac\u00a3#\[('\"]+", "", part).rstrip(" .!,;")
        while (lead := _LEAD.match(clause)) is not None:
            cue = cue or bool(lead["change"])
            clause = clause[lead.end() :].strip()
        each, subject = _of_clause(clause, who, before)
        before = subject or before
        if each is not None:
            read = sentence[: sentence.index(part) + len(part)]
            announced = each.announced or cue or _ANNOUNCES.search(read) is not None
            single = each.single and not lists
            asserted = each.asserted and not hedged
            made.append(replace(each, announced=announced, single=single, asserted=asserted))
    return made + [replace(x, asserted=not hedged) for x in _amounts(sentence, who, {y.head for y in made})]


def _amounts(sentence: str, who: str, known: set[str]) -> list[Statement]:
    """Amounts that are named with what they are of: "the $500 budget", "a discount of 20%"."""
    made = []
    for match in _AMOUNT.finditer(sentence):
        subject = _subject(match["after"] or match["before"], who)
        amount = match["one"] or match["other"]
        if subject is not None and subject.head in _NOUNS and subject.head not in known:
            each = _made(subject, "is", [amount])
            made += [each] if each else []
    return made


_SUM = r"(?:[$\u20ac\u00a3]\d[\d.,]*\d?[kKmM]?|\d[\d.,]*%)"
_AMOUNT = re.compile(rf"(?P<one>{_SUM}) (?P<after>[a-z]+)\b|\b(?P<before>[A-Za-z]+) of (?P<other>{_SUM})")


def _of_clause(clause: str, who: str, before: _Subject | None) -> tuple[Statement | None, _Subject | None]:
    if not clause:
        return None, None
    denied = _NO_LONGER.search(clause) is not None
    if denied:
        clause = re.sub(r"\b(?:no longer|any ?more|never again)\b", "", clause, flags=re.I)
        clause = re.sub(r"\b(do|does|is|are|am|have|has)(?:n't| not)\b", r"\1", clause)
        clause = re.sub(r"\b(I|we|We|They) (?:do|have) (?=\w)", r"\1 ", clause)
        clause = re.sub(r"\s+", " ", clause).strip(" ,")
    elif _NEGATION.search(clause):
        return None, None
    instead = clause.lower().endswith(" instead")
    while (shorter := _TRAIL.sub("", clause)) != clause:
        clause = shorter
    subject = None
    made = _changed(clause, who, instead=instead) if not denied else None
    if made is None and not denied:
        made = _given_up(clause, who) or _special(clause, who)
    if made is None:
        made, subject = _scanned(clause, who, before)
    if made is not None and denied:
        made = replace(made, denied=True, announced=True)
    if subject is None and made is not None and made.head != "it":
        subject = _Subject(made.owner, made.head, made.modifiers)
    return made, subject
