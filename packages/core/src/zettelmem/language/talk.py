"""What a turn of a conversation does: whether it tells, only asks, or only says that it was heard. Pure."""

from __future__ import annotations

import re

LONGEST = 300
"""Characters of a turn that only asks, or only says that it was heard."""

_SENTENCE = re.compile(
    r"[^.!?\u2026\n\u3002\uff01\uff1f\u061f\u037e]+[.!?\u2026\u3002\uff01\uff1f\u061f\u037e]*"
)
_QUESTION_MARKS = "?\uff1f\u061f\u037e"
_REQUEST = re.compile(
    r"(?:please )?(?:(?:can|could|would|will) you )?(?:please )?(?:tell|remind|show) me (?!about it)\b"
    r"|(?:what|who|whom|whose|which|where|when|why|how)(?:['\u2019]s|['\u2019]re|['\u2019]d)\b"
    r"|(?:what|who|whom|whose|which|where|when|why|how)"
    r"(?: (?!(?:i|we|you|he|she|it|they)\b)\w+)? (?:is|are|am|was|were|do|does|did|can|could"
    r"|will|would|should|has|had) "
    r"|(?:is|are|am|was|were)(?:n['\u2019]t)? (?:i|we|you|he|she|it|they|there|my|our|the|this|that)\b"
    r"|(?:do|does|did|have|has|had|can|could|will|would|should|shall)(?:n['\u2019]t)? (?:i|we|you|he|she|it"
    r"|they|my|our)\b",
    re.IGNORECASE,
)
_HELLO = re.compile(
    r"(?:hi|hello|hey|hallo|hola|bonjour|ciao|thanks|thank you|good (?:morning|evening|day))[ ,]*", re.I
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_HEARD = frozenset(
    """a absolutely all alright always and anytime aye best brilliant certainly clear cool course do done
    excellent fine for get glad good got great happy have help here hear heard i i'll i'm i've in is it
    keep kept know let lovely made make me mind my no note noted of oh ok okay perfect please pleasure
    problem remember remembered right roger saved so sounds stored sure thank thanks that that's the this
    to understand understood very welcome will with wonderful worries yes you you're your
    alles bien certo claro compris d'accord danke das entendido entendu erledigt gemacht gern gerne
    gespeichert gracias grazie gut ich klar merci merke mir notado notato notiert not\u00e9 obrigado
    perfecto perfekt prima vale verstanden \u00e7a""".split()
)
_ANSWERS = frozenset({"yes", "no", "right"})
"""Words that answer a question where nothing else is said."""
_HEARD_ALONE = frozenset(
    "\u597d \u597d\u7684 \u660e\u767d\u4e86 \u4e86\u89e3 \u4e86\u89e3\u3057\u307e\u3057\u305f "
    "\u627f\u77e5\u3057\u307e\u3057\u305f \u0445\u043e\u0440\u043e\u0448\u043e "
    "\u043f\u043e\u043d\u044f\u0442\u043d\u043e".split()
)


def plain(text: str) -> str:
    """`text` as it is compared with others: no case, one blank between words, no mark at its end.

    >>> plain(" My cat  is Mia. ")
    'my cat is mia'
    """
    return " ".join(text.split()).casefold().rstrip(".!?\u2026\u3002\uff01\uff1f ")


def only_asks(text: str) -> bool:
    """Whether each sentence of `text` is a question, or a request to be told something.

    A sentence without a question mark counts where it begins as English questions do.

    >>> only_asks("Hi! Where do I live?"), only_asks("I live in Bern. And you?")
    (True, False)
    """
    sentences = [match.group().strip() for match in _SENTENCE.finditer(text[: LONGEST + 1])]
    sentences = [each for each in sentences if not _HELLO.fullmatch(each.rstrip(".!, "))]
    if len(text) > LONGEST or not sentences:
        return False
    return all(_asks(each) for each in sentences)


def _asks(sentence: str) -> bool:
    if sentence[-1] in _QUESTION_MARKS:
        return True
    opening = _HELLO.match(sentence)
    return _REQUEST.match(sentence[opening.end() :] if opening else sentence) is not None


def only_acknowledges(text: str) -> bool:
    """Whether `text` says no more than that something was heard, as assistants do after each turn.

    >>> only_acknowledges("Got it, I will remember that."), only_acknowledges("Noted: Friday at seven.")
    (True, False)
    """
    if len(text) > LONGEST or "?" in text:
        return False
    words = [word.replace("\u2019", "'").casefold() for word in _WORD.findall(text)]
    if words and _ANSWERS.issuperset(words):
        return False
    return _HEARD.issuperset(words) or plain(text) in _HEARD_ALONE
