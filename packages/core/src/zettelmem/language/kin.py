"""Other people as a person speaks of them: "my cousin", "our neighbour". English."""

from __future__ import annotations

import re

_KIN = (
    "parents? mother mum mom father dad wife husband spouse partner fianc[eé]e? boyfriend girlfriend ex "
    "ex-wife ex-husband sister brother siblings? sons? daughters? child children kids? boys? girls? baby "
    "twins aunt uncle cousins? niece nephew grand(?:mother|father|ma|pa|parents|son|daughter|child|children) "
    "(?:step|half-)?(?:mother|father|brother|sister|son|daughter) (?:mother|father|sister|brother)-in-law "
    "family relatives? friends? bestie neighbou?rs? colleagues? co-?workers? team-?mates? room-?mates? "
    "flat-?mates? class-?mates? boss manager supervisor employee assistant apprentice landlord landlady "
    "tenant doctor physician dentist therapist teacher tutor coach trainer nanny godmother godfather"
).split()
_PERSON = rf"(?:{'|'.join(_KIN)})"
_MATTER = re.compile(rf"\W*(?:my|our)\s+(?:\w+\s+){{0,2}}?{_PERSON}(?!\w)", re.IGNORECASE)
_MYSELF = re.compile(r"(?<!\w)(?:I|me|myself|mine|us|ourselves)(?!\w)")
_PEOPLE = re.compile(
    rf"(?<!\w)(?:{_PERSON}|who|whose|whom|which person|people|(?:any|some|every)(?:body|one))(?!\w)",
    re.IGNORECASE,
)


def tells_of_another(text: str) -> bool:
    """Whether the words are about somebody whom the speaker knows, and not about the speaker.

    >>> tells_of_another("My cousin lives in Braga."), tells_of_another("My doctor told me to rest.")
    (True, False)
    """
    match = _MATTER.match(text)
    return match is not None and _MYSELF.search(text, match.end()) is None


def asks_about_others(text: str) -> bool:
    """Whether a question asks about other people too: by what they are to somebody, or with "who".

    >>> asks_about_others("Where does her cousin live?"), asks_about_others("Where do I live?")
    (True, False)
    """
    return _PEOPLE.search(text) is not None
