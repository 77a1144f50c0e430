"""Which of the notes that a recall found go into a prompt: the best few, or all where they are few. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .language.sameness import carries_nothing, same_words
from .language.words import asks
from .limits import MAX_K, PER_TOKEN
from .note import ALPHABET, Note, Trust
from .queries import Hit

WHOLE = 300
"""Tokens up to which all that a memory holds is given, rather than the best few of it."""
LOOK = 40
"""Hits that a recall is asked for at least, so that a small memory is seen to be small."""
MIN_SCORE = 0.2
"""The score, in [0, 1], that a hit needs to be shown where not all are; docs/ranking.md says why."""

MAX_CITED = 50
"""Ids that are looked for in one answer."""
_ID = re.compile(rf"(?<!\w)[{ALPHABET}]{{8,12}}(?!\w)")
LONGEST_QUESTION = 300
"""Characters of words that only ask; who writes more tells something too."""
_SENTENCE = re.compile(r"[^.!?\u2026\n\u3002\uff01\uff1f\u061f]+[.!?\u2026\u3002\uff01\uff1f\u061f]*")


def only_asks(text: str) -> bool:
    """Whether each sentence of `text` is a question, greetings left out.

    >>> only_asks("Hi! Where do I live?"), only_asks("I live in Bern. And you?")
    (True, False)
    """
    if len(text) > LONGEST_QUESTION:
        return False
    sentences = [match.group().strip() for match in _SENTENCE.finditer(text)]
    telling = [sentence for sentence in sentences if sentence and not carries_nothing(sentence)]
    return bool(telling) and all(asks(sentence) for sentence in telling)


def stands_in(note: Note, present: Iterable[str]) -> bool:
    """Whether the words of a note are among those that stand in a conversation anyway."""
    own = _words(note.content)
    return any(_words(text) == own for text in present)


def tells(note: Note) -> bool:
    """Whether a note tells something: it does not only ask, nor is it an assistant's mere acknowledgement."""
    acknowledges = note.trust is Trust.REPORTED and carries_nothing(note.content)
    return not acknowledges and not only_asks(note.content)


def to_ask_for(k: int) -> int:
    """How many hits a recall is asked for, where at most `k` of them are to be shown."""
    return min(MAX_K, max(LOOK, 3 * k))


def for_prompt(
    hits: Sequence[Hit],
    k: int,
    *,
    present: Iterable[str] = (),
    min_score: float = MIN_SCORE,
    whole: int = WHOLE,
) -> list[Hit]:
    """The hits that a model should see, most telling first.

    Args:
        hits: what a recall found, best first, when it was asked for `to_ask_for(k)` hits.
        k: at most so many, where not all are shown.
        present: what stands in the conversation anyway. Words that are in it are no answer.
        min_score: hits below it, in [0, 1], are not shown.
        whole: where `hits` are all there is, and take at most so many tokens, all are shown.

    Returns:
        What people and documents told, then what the assistant said, then what only asks. In each part
        the order is that of `hits`. The assistant's words get a third of the places, and what is left.
    """
    said = {_words(text) for text in present}
    new = [hit for hit in hits if _words(hit.note.content) not in said and not _idle(hit)]
    size = sum(len(hit.note.content.encode()) for hit in new)
    if len(hits) < to_ask_for(k) and size <= PER_TOKEN * whole:
        good, k = new, len(new)
    else:
        good = [hit for hit in new if hit.score >= min_score]
    telling: list[Hit] = []
    spoken: list[Hit] = []
    asking: list[Hit] = []
    for hit in good:
        part = asking if only_asks(hit.note.content) else spoken if _assistants(hit) else telling
        part.append(hit)
    telling = telling[: max(k - k // 3, k - len(spoken))]
    return [*telling, *spoken[: k - len(telling)], *asking][:k]


def cited(answer: str) -> list[str]:
    """What may be ids of notes in an answer, each once; `used` counts those that are.

    >>> cited("Rita is allergic to peanuts [k3v9x2ab], see also k3v9x2ab and (7h2mq0zr4t).")
    ['k3v9x2ab', '7h2mq0zr4t']
    """
    return list(dict.fromkeys(_ID.findall(answer)))[:MAX_CITED]


def _words(text: str) -> str:
    """What words have in common with the same ones, asked with a question mark or without."""
    return same_words(text.rstrip("?\uff1f\u061f "))


def _assistants(hit: Hit) -> bool:
    return hit.note.trust is Trust.REPORTED


def _idle(hit: Hit) -> bool:
    return _assistants(hit) and carries_nothing(hit.note.content)
