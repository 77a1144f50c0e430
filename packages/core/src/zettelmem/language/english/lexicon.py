"""The closed lists of English words that clauses are read by."""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DAYS = _set(
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays "
    "fridays saturdays sundays mon tue wed thu fri sat sun january february march april may june july "
    "august september october november december jan feb mar apr jun jul aug sep sept oct nov dec "
    "today tomorrow tonight weekend weekends weekdays easter christmas q1 q2 q3 q4 week month spring "
    "summer autumn"
)
CLOCK = re.compile(r"^\d{1,2}(?:[:.]\d\d(?:am|pm)?|am|pm|h)$|^(?:noon|midnight)$")
COLOURS = _set(
    "red green blue yellow orange purple violet pink black white grey gray brown turquoise teal beige "
    "crimson gold silver indigo maroon navy magenta cyan lilac mint burgundy"
)
NUMERALS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen".split()
    )
} | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "no": "0"}
ORDINALS = _set(
    "first second third fourth fifth sixth seventh eighth ninth tenth ground top 1st 2nd 3rd 4th 5th "
    "6th 7th 8th"
)
STATUS = _set(
    "planned planning delayed cancelled canceled done finished complete completed blocked paused hold "
    "track approved rejected open closed live down launched released postponed pending risk merged "
    "shipped active inactive archived signed revoked vacant available sold out"
)
ATTRIBUTE_NOUNS = _set(
    "name number code password pin address email e-mail phone plan design policy budget price pricing "
    "cost rent salary deadline date time location venue owner lead leader manager boss director chair "
    "captain host landlord landlady doctor dentist gp therapist teacher tutor coach trainer colour "
    "color size goal target theme topic title motto language framework database stack version status "
    "provider supplier vendor bank insurer employer job role position limit quota capacity discount "
    "rate fee weight height hobby wifi ssid host port branch platform approach strategy method format "
    "default contact dosage dose diet nickname username login plate drink dish food meal film movie "
    "book song band author artist sport team game city country season animal tea coffee flavour "
    "flavor restaurant cafe bar editor ide shell font browser car headquarters hq ceo cto cfo "
    "president mayor treasurer secretary maintainer reviewer successor"
)
ROLES = _set(
    "owner lead leader manager boss director chair captain host landlord landlady doctor dentist gp "
    "therapist teacher tutor coach trainer ceo cto cfo president mayor treasurer secretary maintainer "
    "reviewer contact head"
)
MANY = _set(
    "friend colleague cousin neighbour neighbor aunt uncle sister brother child kid son daughter cat "
    "dog pet teammate customer client student hobby"
)
"""Nouns of which one person has several, so that a second one does not replace the first."""
FAMILY = _set(
    "parents grandparents kids twins sister brother mother father mom mum dad wife husband partner "
    "girlfriend boyfriend son daughter "
    "aunt uncle cousin grandmother grandfather boss neighbour neighbor friend colleague roommate "
    "flatmate child kid niece nephew ex ex-wife ex-husband doctor landlord"
)
SEATS = _set("office desk team company headquarters hq")
FORMER = _set("old former previous original ex last first")
TENTATIVE = _set("draft tentative proposed preliminary provisional")
FRESH = _set("new current official final latest actual")
BE = _set("am is are was were 's 'm 're be been becomes became remains")
VERBS = {
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
        "timed": (
            "leave leaves depart departs arrive arrives land lands end ends finish finishes open opens "
            "close closes"
        ),
        "pay": "pay pays",
        "sleep": "sleep sleeps",
        "study": "study studies",
    }.items()
    for form in forms.split()
}
PREPOSITIONS = _set("in at on with for to from by of into near over under about as than per via during until")
FUNCTION = _set(
    "a an the my our his her their its your this that these those some any very really mr mrs ms dr"
)
NOBODY = _set(
    "it he she they you this that these those there who what which one everyone someone somebody "
    "nobody people everything something nothing here where when why how his her their your can could "
    "must might may would should shall be been is are was were got"
)
ADVERBS = _set(
    "now currently still always usually mostly just already really officially finally then only all"
)


def stem(word: str) -> str:
    """The word without the ending of a plural or of a form of a verb."""
    for ending in ("ments", "ment", "ings", "ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.removesuffix("e") if len(word) > 3 else word


NOUNS = frozenset(map(stem, ATTRIBUTE_NOUNS | ROLES))
WHEN_HEADS, WHERE_HEADS = (
    frozenset(("dat", "tim", "day", "deadlin")),
    frozenset(("location", "venu", "plac")),
)
SEAT_STEMS = frozenset(map(stem, SEATS))
FAMILY_STEMS = frozenset(map(stem, FAMILY))
MANY_STEMS = frozenset(map(stem, MANY))
SYNONYMS = {stem(word): stem("plan") for word in ("approach", "strategy")}
