"""Words that say the same again, and words that say nothing. Pure."""

from __future__ import annotations

import hashlib
import re

from .kept import kept

_END = re.compile(r"[\s.!\u3002\u2026]+$")


@kept
def same_words(content: str) -> str:
    """A digest that contents have in common which differ in case, white space and final full stops alone."""
    text = _END.sub("", " ".join(content.split())).casefold()
    return hashlib.sha256((text or content).encode()).hexdigest()


_ACKNOWLEDGES = re.compile(
    r"(?:(?:ok(?:ay)?|k|yes|yep|yeah|sure(?: thing)?|fine|great|perfect|nice|cool|good|excellent"
    r"|awesome|wonderful"
    r"|thanks?(?: (?:you|a lot|so much|again))?|noted|understood|acknowledged|got it|gotcha"
    r"|roger(?: that)?|done"
    r"|will do|i will|i'll do (?:that|so|it)|of course|certainly|absolutely|alright|all right"
    r"|sounds good|no problem"
    r"|you're welcome|my pleasure|i see|right|hello|hi|hey|good (?:morning|evening|night|afternoon)"
    r"|bye|goodbye"
    r"|see you(?: (?:later|soon|tomorrow))?|i(?:'ve| have)? (?:noted|saved|recorded|stored) (?:that"
    r"|it|this)"
    r"|i(?:'ll| will) (?:remember|keep|note) (?:that|it|this)(?: in mind)?|i got it"
    r"|thanks for (?:telling me|letting me know)"
    r"|ok danke|danke|verstanden|alles klar|notiert|gern(?: geschehen)?|merci|d'accord|compris"
    r"|gracias|entendido|vale"
    r")[\s,.!:;\u2026-]*)+",
    re.IGNORECASE,
)


def carries_nothing(content: str) -> bool:
    """Whether the words are a bare acknowledgement or greeting, such as "Noted." or "Will do."

    English, and the commonest words of German, French and Spanish.
    """
    text = content.replace("\u2019", "'").strip()
    return len(text) <= 100 and _ACKNOWLEDGES.fullmatch(text) is not None


_EVENT = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|went|did|was|were|had|got|made|met|saw|bought|started"
    r"|finished|visited|\w+ed)\b",
    re.IGNORECASE,
)


def tells_event(text: str) -> bool:
    """Whether English words tell what happened, or happens, at a time of its own."""
    return _EVENT.search(text) is not None
