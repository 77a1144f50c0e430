"""What can be read off words without a model: the telling ones, names, times, news. Pure functions."""

from __future__ import annotations

import re

MAX_READ = 20_000
"""Characters of a text that are read; what a note is about shows early."""

STOP_WORDS = frozenset(
    """a about above absolutely actually after again against all almost also although always am amazing
    among an and another any anyone anything are around as at away awesome back be became because become
    been before being below best better between both but by bye came can cannot come cool could day days
    definitely did do does doing done down during each either else enough even ever every everyone
    everything far feel few finally first for found from full further gave get gets getting give given
    glad go goes going gone good got great guys had happen happened has have having he hear heard her
    here hers herself hey hi him himself his hope how however i if in indeed into is it its itself just
    keep kind knew know known last later least less let like little long look looked looking looks lot
    lots love loved luckily made make makes making many may maybe me mean meant might mine more most
    much must my myself need needed needs never new next nice no nobody none nor not nothing now of off
    often oh ok okay on once one ones only onto or other others our ours out over own people per perhaps
    please put quite rather really recently right said same saw say says see seem seemed seems seen
    several shall she should since so some someone something soon sorry sounds still such sure take
    taken takes taking tell thank thanks that the their theirs them themselves then there these they
    thing things think this those though thought through thus time times to today together told tomorrow
    too took totally toward tried try trying two under unfortunately until up upon us use used uses
    using very via want wanted wants was way we week weeks well went were what whatever when where
    whether which while who whom whose why will with within without wonderful would wow yeah year years
    yes yesterday yet you your yours yourself""".split()
)
_CONTRACTED = re.compile(r"(?:n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m))$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_](?:[\w'\u2019+#.-]*[\w+#])?")
_NAME = re.compile(
    r"(?:[A-Z][\w\u2019'&-]*|\d{2,}\w*)(?:\s+(?:of|the|and|de|van|von|for)?\s?(?:[A-Z][\w\u2019'&-]*|\d+))*"
)
_SENTENCE_END = re.compile(r"[.!?:;\n\"\u201c]\s*$")
_IN_NAMES = {"New", "Great", "Good", "Last", "Little", "Long", "Near"}
"""Stop words that begin names: New York, Great Britain, Good Friday."""
_HASHTAG = re.compile(r"(?<!\w)#(\w{2,})")
_NEWS = re.compile(
    r"\b(?:no longer|not \w+(?: \w+)? any ?more|n['\u2019]t \w+(?: \w+){0,4} any ?more|correction:"
    r"|changed (?:my|his|her|their|our) mind|change of plans?|moved (?:from|to|out|back|away)"
    r"|switched (?:from|to|over)|cancel+ed|renamed|replaced \w+(?: \w+){0,3} (?:with|by)"
    r"|(?:is|are|am|lives?|works?|uses?) now|now (?:lives?|works?|uses?|is called|prefers?)"
    r"|new (?:address|phone|number|email|e-mail|surname|employer|boss|apartment|flat))\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow"
    r"|(?:last|next|this|past|coming) (?:night|week|weekend|month|year|summer|winter|spring|fall|autumn"
    r"|mon|tues|wednes|thurs|fri|satur|sun)\w*|\w+ (?:day|week|month|year)s? ago|ago|(?:19|20)\d\d"
    r"|(?:january|february|march|april|june|july|august|september|october|november|december)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|in may|since)\b",
    re.IGNORECASE,
)
_ASKS_WHEN = re.compile(
    r"\b(?:when|what (?:date|day|month|year|time)|how long|which (?:day|month|year))\b", re.I
)


def words(text: str) -> list[str]:
    """The words of `text` in lower case, in order, stop words left out."""
    found = (_CONTRACTED.sub("", match).lower().rstrip(".") for match in _WORD.findall(text[:MAX_READ]))
    return [word for word in found if len(word) > 1 and word not in STOP_WORDS]


def names(text: str) -> list[str]:
    """What looks like the name of something: capitalised away from a sentence's start, numbers, acronyms."""
    head = text[:MAX_READ]
    found: list[str] = []
    for match in _NAME.finditer(head):
        start = match.start()
        phrase = _CONTRACTED.sub("", match.group())
        parts = phrase.split()
        if start == 0 or _SENTENCE_END.search(head[max(0, start - 20) : start]):
            first = parts[0]
            idle = first.lower() in STOP_WORDS and first not in _IN_NAMES
            ordinary = idle or _CONTRACTED.search(match.group().split()[0])
            if ordinary or (len(parts) == 1 and not first.isupper() and head.count(first) < 2):
                parts = parts[1:]
        while parts and parts[0].lower() in STOP_WORDS and not (parts[0] in _IN_NAMES and parts[1:]):
            parts = parts[1:]
        if parts and len(" ".join(parts)) > 1:
            found.append(" ".join(parts)[:100])
    return list(dict.fromkeys(found))


_PLAIN = re.compile(r"[^\W_]+")
_QUALIFIER = re.compile(r"\s*\([^)]*\)\s*$")


_TOPICS = {
    topic: re.compile(rf"\b(?:{forms.replace(' ', '|')})\b", re.IGNORECASE)
    for topic, forms in {
        "family": (
            r"famil\w+ mother mom mum father dad parents? sons? daughters? kids? child(?:ren)? "
            r"sisters? brothers? grand\w+ wife husband wedding cousins?"
        ),
        "health": (
            r"health\w* doctors? hospital\w* ill(?:ness)? sick pain\w* therap\w+ injur\w+ knees? "
            r"medic\w+ allerg\w+ surgery diet\w* clinic"
        ),
        "work": (
            r"jobs? work\w* career\w* office boss colleagues? project\w* meetings? interview\w* salary "
            r"business\w* clients? deadlines? promotion"
        ),
        "education": (
            r"school\w* college universit\w+ class(?:es)? cours\w+ degrees? exams? "
            r"stud(?:y|ies|ied|ying) teach\w* students? graduat\w+"
        ),
        "travel": (
            r"travel\w* trips? flights? fly hotels? vacation\w* holidays? tours? visit\w* airports? "
            r"passports? roadtrip"
        ),
        "home": (
            r"liv(?:e|es|ed|ing) homes? house\w* flats? apartment\w* rent\w* moved kitchen garden\w* "
            r"furniture neighbou?rs?"
        ),
        "food": (
            r"food\w* cook\w* recipes? dinner lunch breakfast restaurants? bak(?:e|es|ed|ing) meals? "
            r"eat\w* vegan vegetarian coffee tea"
        ),
        "sport": (
            r"sports? game\w* team\w* run(?:ning)? gym yoga swim\w* basketball football soccer hik\w+ "
            r"marathon workout\w* training"
        ),
        "music": (
            r"music\w* songs? concerts? bands? guitar piano sing(?:ing|er|ers)? albums? violin "
            r"dance\w*"
        ),
        "art": (
            r"art\w* paint\w* draw(?:ing|ings)? photo\w* museums? galler\w+ pottery films? movies? "
            r"theat\w+"
        ),
        "reading": r"books? read(?:ing)? novels? authors? poem\w* poetry writ(?:e|er|ing) librar\w+",
        "pets": r"pets? dogs? cats? pupp\w+ kittens? vet",
        "money": r"money pay\w* paid budget\w* bank\w* loans? mortgage tax\w* price\w* invoices? costs?",
        "technology": (
            r"computers? laptops? phones? software apps? code coding program\w* server\w* database\w* "
            r"internet website\w* deploy\w*"
        ),
    }.items()
}


def topics(text: str) -> list[str]:
    """The broad classes that the words of `text` belong to, the one with most words first."""
    counts = {topic: len(pattern.findall(text[:MAX_READ])) for topic, pattern in _TOPICS.items()}
    return sorted((topic for topic, count in counts.items() if count), key=lambda topic: -counts[topic])


def plain(text: str) -> str:
    """The words of `text` in lower case between single blanks, so that names can be looked for in it."""
    return f" {' '.join(_PLAIN.findall(text[:MAX_READ].lower()))} "


def name_in(tag: str) -> str:
    """The tag as it would stand in what `plain` makes; a qualifier, as in 'Winner (band)', is left out.

    Empty where it is too short or too common a word to name anything.
    """
    name = plain(_QUALIFIER.sub("", tag))
    return name if len(name) > 4 and name.strip() not in STOP_WORDS else ""


def names_it(said: str, tag: str) -> bool:
    """Whether `said`, made by `plain`, holds a tag that can name something."""
    name = name_in(tag)
    return bool(name) and name in said


def hashtags(text: str) -> list[str]:
    """The hashtags in lower case, without their sign."""
    return [match.lower() for match in _HASHTAG.findall(text[:MAX_READ])]


def says_when(text: str) -> bool:
    """Whether the words name a time, such as 'yesterday' or 'in June'."""
    return _WHEN.search(text[:MAX_READ]) is not None


def asks(text: str) -> bool:
    """Whether the words end in a question."""
    return text.rstrip().endswith(("?", "\u061f", "\uff1f"))


def asks_when(query: str) -> bool:
    """Whether the query wants to know a time."""
    return _ASKS_WHEN.search(query) is not None


def announces_change(content: str) -> bool:
    """Whether the words say that something is different from before."""
    return _NEWS.search(content[:MAX_READ]) is not None
