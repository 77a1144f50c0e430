"""What the sentences of an English text state."""

from __future__ import annotations

import re
from dataclasses import replace

from zettelmem.language.words import asks

from .changes import CHANGES
from .clauses import Statement, Subject, statement_of, subject_of
from .forms import FORMS
from .lexicon import NOUNS
from .verbs import scanned

LONGEST = 60
"""Words of a text that is read for statements; a longer one tells more than one can replace."""

LISTS = re.compile(
    r"\b(?:also|too|as well|another|an? (?:second|third)|besides|in addition|either|sometimes|both)\b", re.I
)

NO_LONGER = re.compile(r"\bno longer\b|(?:n't|\bnot) (?=.*\bany ?more\b)|\bnever again\b", re.I)
NEGATION = re.compile(r"^no\b|\b(?:not|never|hardly|cannot|neither|nor|without)\b|n't\b", re.I)
HEDGE = re.compile(
    r"\b(?:if|unless|whether|would|could|should|might|(?-i:may)(?! \d)|maybe|perhaps|probably"
    r"|possibly|likely|apparently"
    r"|supposedly|allegedly|hopes?|hoping|wish\w*|plan(?:s|ning|ned)? to|going to|gonna|intends?"
    r"|consider(?:s|ing|ed)?"
    r"|thinking (?:of|about)?|i (?:think|guess|suppose|believe|heard|read)|they say|rumou?rs?"
    r"|supposed to|suggest\w*"
    r"|propos(?:e|es|ed|al)|wonder\w*|according to|seems?|looks? like|sounds? like|told me|says?"
    r"|said|imagine|pretend"
    r"|joking|almost|nearly|as if|draft|tentative\w*|wants? to|try(?:ing)? to|what if|in case"
    r"|in the event|otherwise|as (?:soon|long) as|depending on|provided|assum\w+|suspects?|insists?"
    r"|claims?|believes?|thinks?|ask(?:s|ed|ing)?|gossip|dreams?|prays?|(?:i|we) (?:hear|gather)"
    r"|(?:need|needs|have|has|remember|forgot|about) to)\b|\buntil .+,"
    r"|^\W*(?:when(?:ever)?|once|(?:had|were|should) (?:i|we|you|he|she|it|they|the|my|our))\b",
    re.I,
)
_HOW_SURE = re.compile(r"\b(?:probably|possibly|perhaps|maybe|apparently|supposedly|allegedly) ", re.I)
LEAD = re.compile(
    r"^(?:(?P<change>correction|update|edit|erratum|change of plans?|scratch that|(?:no,? )?wait"
    r"|actually|in fact"
    r"|as of (?:today|now|\w+day)|from now on|since \w+|effective (?:today|immediately)|now"
    r"|nowadays|these days|at last"
    r"|no(?=[,:.!-]))|well|ok(?:ay)?|oh|so|and|but|btw|by the way|fyi|anyway|unfortunately|sadly|good news"
    r"|bad news|great news"
    r"|note|reminder|to be (?:absolutely )?clear|to recap|today|yesterday|this (?:week|month"
    r"|year)|last (?:week|month|year)|please|just|then|"
    r"based on [\w -]+?|per the \w+|\[[^\]]*\])\s*[,:.!-]*\s+(?=\S)",
    re.I,
)
ANNOUNCES = re.compile(
    r"\b(?:now|no longer|any ?more|instead|from now on|these days|nowadays|as of|correction|actually|not any|"
    r"(?:is|are|was|were|has|have) (?:now )?chang\w+|changed|overrid\w+)\b",
    re.I,
)
TRAIL = re.compile(
    r"\s+(?:now|these days|nowadays|at the moment|currently|again|any ?more|from now on"
    r"|for now|already|finally"
    r"|since \w+(?: \w+)?|as of \w+|as from \w+|right now|today|at present|yesterday|recently"
    r"|lately|last (?:week|month|year|spring|summer|autumn|winter))$",
    re.I,
)
CLAUSE_END = re.compile(
    r"(?<=[a-z0-9)'\u2019])[.!;](?=\s|$)|[\n;]|\s[-\u2013\u2014]\s|,\s+(?!\d)(?:and |but |so )?"
    r"|\s+(?:and|but|so|because)\s+(?=(?:i|we|my|our|the|there|started|joined|moved|switched"
    r"|became|now|he|she|they)\b)"
    r"|:\s+(?=(?:i|we|my|our|the|it|he|she|they)\b)",
    re.I,
)


def _expanded(text: str) -> str:
    text = text.replace("\u2019", "'")
    text = re.sub(r"\b(Dr|Mr|Mrs|Ms|St|Prof)\.", r"\1", text)
    text = re.sub(r"\b(I)'m\b", r"\1 am", text)
    text = re.sub(r"\b([Ww]e|[Tt]hey|[Yy]ou)'re\b", r"\1 are", text)
    text = re.sub(r"\b([Ww]hat|[Tt]here|[Ii]t|[Tt]hat|[Hh]e|[Ss]he)'s\b", r"\1 is", text)
    text = re.sub(r"\btakes? place\b", "is", text)
    return re.sub(r"\b(I|[Ww]e)'ve\b", r"\1 have", text)


CUE = re.compile(r"\b(?:correction|overrid\w+|change of plans?|scratch that|i was wrong|i misspoke)\b", re.I)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")


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
    for sentence in SENTENCE.split(_expanded(text)):
        if not sentence or asks(sentence):
            continue
        made += _of_sentence(sentence, who or "me", cue)
        cue = cue or CUE.search(sentence) is not None
    return tuple(made)


def _of_sentence(sentence: str, who: str, cue: bool) -> list[Statement]:
    hedged = HEDGE.search(re.sub(r"\bwants? to\b", "", sentence)) is not None
    lists = LISTS.search(sentence) is not None
    before: Subject | None = None
    made = []
    for part in CLAUSE_END.split(sentence):
        clause = re.sub(r"^[^\w$\u20ac\u00a3#\[('\"]+", "", part).rstrip(" .!,;")
        while (lead := LEAD.match(clause)) is not None:
            cue = cue or bool(lead["change"])
            clause = clause[lead.end() :].strip()
        each, subject = _of_clause(clause, who, before)
        before = subject or before
        if each is not None:
            read = sentence[: sentence.index(part) + len(part)]
            announced = each.announced or cue or ANNOUNCES.search(read) is not None
            single = each.single and not lists
            asserted = each.asserted and not hedged
            made.append(replace(each, announced=announced, single=single, asserted=asserted))
    return made + [replace(x, asserted=not hedged) for x in _amounts(sentence, who, {y.head for y in made})]


def _amounts(sentence: str, who: str, known: set[str]) -> list[Statement]:
    """Amounts that are named with what they are of: "the $500 budget", "a discount of 20%"."""
    made = []
    for match in AMOUNT.finditer(sentence):
        subject = subject_of(match["after"] or match["before"], who)
        amount = match["one"] or match["other"]
        if subject is not None and subject.head in NOUNS and subject.head not in known:
            each = statement_of(subject, "is", [amount])
            made += [each] if each else []
    return made


SUM = r"(?:[$\u20ac\u00a3]\d[\d.,]*\d?[kKmM]?|\d[\d.,]*%)"
AMOUNT = re.compile(rf"(?P<one>{SUM}) (?P<after>[a-z]+)\b|\b(?P<before>[A-Za-z]+) of (?P<other>{SUM})")


def _by_form(clause: str, who: str) -> Statement | None:
    """What the clause states by the first form that it has."""
    for pattern, read in (*CHANGES, *FORMS):
        match = pattern.match(clause)
        made = read(match, who) if match else None
        if made is not None:
            return made
    return None


def _of_clause(clause: str, who: str, before: Subject | None) -> tuple[Statement | None, Subject | None]:
    if not clause:
        return None, None
    clause = _HOW_SURE.sub("", clause)
    denied = NO_LONGER.search(clause) is not None
    if denied:
        clause = re.sub(r"\b(?:no longer|any ?more|never again)\b", "", clause, flags=re.I)
        clause = re.sub(r"\b(do|does|is|are|am|have|has)(?:n't| not)\b", r"\1", clause)
        clause = re.sub(r"\b(I|we|We|They) (?:do|have) (?=\w)", r"\1 ", clause)
        clause = re.sub(r"\s+", " ", clause).strip(" ,")
    elif NEGATION.search(clause):
        return None, None
    while (shorter := TRAIL.sub("", clause)) != clause:
        clause = shorter
    subject = None
    # "Instead" at the end belongs to one form of its own, and is in the way of all others.
    short = clause.removesuffix(" instead")
    made = None if denied else _by_form(short, who)
    if made is None and not denied and short != clause:
        made = _by_form(clause, who)
    if made is None:
        made, subject = scanned(short, who, before)
    if made is not None and denied:
        made = replace(made, denied=True, announced=True)
    if subject is None and made is not None and made.head != "it":
        subject = Subject(made.owner, made.head, made.modifiers)
    return made, subject


def is_plain(text: str) -> bool:
    """Whether a text is one sentence that asserts something: no question, denial, hedge or list."""
    one = len([part for part in SENTENCE.split(text.strip()) if part]) == 1
    marks = (NEGATION, HEDGE, LISTS)
    return one and not asks(text) and not any(mark.search(text) for mark in marks)
