"""What can be read off words without a model: telling words, names, topics, times, questions.

Pure functions. Words, names, hashtags and question marks are read in every language; what English says
with words of its own is listed in `english`. What is not recognised is not there: no name, no topic.
"""

from __future__ import annotations

import re
from functools import cache
from sys import intern

from .english import vocabulary as english
from .kept import kept
from .languages import BY_SCRIPT, function_words, language_of
from .terms import terms

MAX_READ = 20_000
"""Characters of a text that are read; what a note is about shows early."""
MAX_NAME = 100
"""Characters of a name."""
MAX_HAN = 4
"""Chinese characters up to which a run is taken for one word."""
MIN_NAMING = 3
"""Characters from which a tag can name something."""
ENOUGH = 2
"""Different words of a topic that show it, where no word shows it alone."""
MAX_QUESTION = 300
"""Characters of a question that has no mark; a longer sentence tells something."""

_CONTRACTED = re.compile(r"(?:n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m))$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_](?:[\w'\u2019+#.-]*[\w+#])?")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]+")
# Words inside of a Japanese or Chinese run: in katakana, or in Chinese characters between small words. One
# character alone is a word where a particle or nothing follows; before an ending it is the stem of a verb.
_RUN_WORD = re.compile(
    r"[\u30a1-\u30fa\u30fc]{2,}|[\u3005\u3400-\u9fff]{2,}|[\u3400-\u9fff](?=[はがをのにへとでもや]|$)"
)
_CHINESE_SMALL = re.compile(rf"[{''.join(sorted(BY_SCRIPT['han']))}我你他她它有把被从对很还去到给]+")
_CAPITAL = "A-ZÀ-ÖØ-ÞĄĆČĎĐĘĚĞİŁŃŇŐŘŚŠŞŤŮŰŹŻŽΆ-ΏΑ-ΩЀ-Я"
_NAME = re.compile(
    rf"(?:[{_CAPITAL}][\w\u2019'&-]*|\d{{2,}}\w*)"
    rf"(?:\s+(?:of|the|and|de|van|von|for)?\s?(?:[{_CAPITAL}][\w\u2019'&-]*|\d+))*"
)
_SENTENCE_END = re.compile(r"[.!?:;\n\"\u201c]\s*$")
_SENTENCE_BREAK = re.compile(r"[.!?\u3002]\s|\n")
_PLAIN = re.compile(r"[^\W_]+")
_QUALIFIER = re.compile(r"\s*\([^)]*\)\s*$")
_HASHTAG = re.compile(r"(?<!\w)#(\w{2,})")

# Latin and Greek, Arabic, full-width and small, Ethiopic, Vai, Bamum, and the doubled and old marks.
_QUESTION_MARKS = frozenset("?\u037e\u061f\uff1f\ufe56\u1367\ua60f\ua6f7\u2047\u2048\u2049\u203d\u2e2e")
_SIGNS_AT_END = re.compile(r"[^\w.\u3002]+$")
# Greek also asks with a semicolon; the Armenian mark stands inside the word.
_OTHER_MARK = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]\s*;[^\w.]*$|\u055e[^.!?\u0589]*\u0589?\s*$")
# The particles with which Chinese, Japanese, Korean and Thai ask, with a mark or without.
_ASKING_PARTICLE = re.compile(
    r"(?:[吗嗎]|(?:です|ます|でした|ました|ません|でしょう)か|(?:습니|입니|합니|읍니)까|ไหม|มั้ย)[\s\u3002.]*$"
)


def _any_of(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for whole words: any of the alternatives, in any case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)", re.IGNORECASE)


_WHEN = _any_of(english.WHEN)
_ASKS_WHEN = _any_of(english.ASKS_WHEN)
_QUESTION = re.compile(rf"\s*{english.QUESTION_LEAD}(?:{'|'.join(english.QUESTION)})(?!\w)", re.IGNORECASE)
_STOP_WORDS_BY_SCRIPT = frozenset[str]().union(*BY_SCRIPT.values())


def words(text: str) -> list[str]:
    """The words of `text` in lower case, in order, stop words of its language left out.

    Chinese and Japanese words are taken from between the small words, as far as that shows them. Thai and
    its neighbours give none; `terms` reads them all.

    >>> words("The Cat didn't eat Ana's fish"), words("犬の名前はハチです")
    (['cat', 'eat', 'ana', 'fish'], ['犬', '名前', 'ハチ'])
    """
    return list(_words(text[:MAX_READ]))


@kept
def _words(head: str) -> tuple[str, ...]:
    if head.isascii():
        written = _WORD.findall(head.lower())
        if "'" in head:
            written = [_CONTRACTED.sub("", word).rstrip(".") if "'" in word else word for word in written]
    else:
        apart = _UNSPACED.sub(r" \g<0> ", head)
        written = [_CONTRACTED.sub("", word).lower().rstrip(".") for word in _WORD.findall(apart)]
    stop_words = _stop_words(language_of(written))
    telling: list[str] = []
    for word in written:
        if not word.isascii() and _UNSPACED.match(word):
            telling += _unspaced_words(word)
        elif len(word) > 1 and word not in stop_words:
            telling.append(intern(word))  # many notes have it
    return tuple(telling)


@cache
def _stop_words(language: str) -> frozenset[str]:
    return function_words(language) | english.STOP_WORDS | _STOP_WORDS_BY_SCRIPT


def _unspaced_words(run: str) -> list[str]:
    found: list[str] = []
    for piece in _CHINESE_SMALL.split(run):
        found += _RUN_WORD.findall(piece)
    return [word for word in found if len(word) <= MAX_HAN or word[0] < "\u3100"]


def names(text: str) -> list[str]:
    """What looks like the name of something: capitalised away from a sentence's start, numbers, acronyms.

    >>> names("Yesterday Ana met Ben Howard in New York.")
    ['Ana', 'Ben Howard', 'New York']
    """
    return list(_names(text[:MAX_READ]))


@kept
def _names(head: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for match in _NAME.finditer(head):
        starts_sentence = not match.start() or _SENTENCE_END.search(
            head, max(0, match.start() - 20), match.start()
        )
        parts = _CONTRACTED.sub("", match.group()).split()
        if starts_sentence and _is_ordinary(match.group().split()[0], parts, head):
            parts = parts[1:]
        while parts and _is_idle(parts):
            parts = parts[1:]
        name = " ".join(parts)[:MAX_NAME]
        if len(name) > 1:
            found[name] = None
    return tuple(found)


def _is_ordinary(written: str, parts: list[str], text: str) -> bool:
    """Whether the first word of a sentence has its capital from there only."""
    first = parts[0]
    if first.lower() in english.STOP_WORDS and first not in english.STOP_WORDS_IN_NAMES:
        return True
    if _CONTRACTED.search(written):
        return True
    return len(parts) == 1 and not first.isupper() and text.count(first) < 2


def _is_idle(parts: list[str]) -> bool:
    """Whether the first of these words is a stop word that begins no name."""
    begins_name = parts[0] in english.STOP_WORDS_IN_NAMES and len(parts) > 1
    return parts[0].lower() in english.STOP_WORDS and not begins_name


@cache
def _topic_words() -> dict[str, tuple[str, str]]:
    """Topic and stem of each word that can show a topic; the stem is empty where the word is enough."""
    shown: dict[str, tuple[str, str]] = {}
    for topic, (sure, likely) in english.TOPICS.items():
        shown |= dict.fromkeys(sure.split(), (topic, ""))
        shown |= {word: (topic, terms(word)[0]) for word in likely.split()}
    return shown


def topics(text: str) -> list[str]:
    """The broad classes that the words of `text` belong to, the one with most words first.

    One word with a single sense is enough, of the others it takes two different ones. English.

    >>> topics("My doctor looked at my knee"), topics("The operations team"), topics("We saw two dogs")
    (['health'], [], ['pets'])
    """
    stems: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for word in _PLAIN.findall(text[:MAX_READ].lower()):
        if word in _topic_words():
            topic, stem = _topic_words()[word]
            stems.setdefault(topic, set()).add(stem)
            counts[topic] = counts.get(topic, 0) + 1
    shown = [topic for topic, seen in stems.items() if "" in seen or len(seen) >= ENOUGH]
    return sorted(shown, key=lambda topic: (-counts[topic], topic))


@kept
def plain(text: str) -> str:
    """The words of `text` in lower case between single blanks, so that names can be looked for in it.

    >>> plain("Ana's flat, in Porto!")
    ' ana s flat in porto '
    """
    return f" {' '.join(_PLAIN.findall(text[:MAX_READ].lower()))} "


@kept
def name_in(tag: str) -> str:
    """The tag as it would stand in what `plain` makes; a qualifier, as in 'Winner (band)', is left out.

    Empty where it is too short or too common a word to name anything.
    """
    name = plain(_QUALIFIER.sub("", tag))
    can_name = len(name) >= MIN_NAMING + 2 and name.strip() not in english.STOP_WORDS
    return name if can_name else ""


def is_topic(name: str) -> bool:
    """Whether what `name_in` made is a topic, such as "home", which a text says without naming anything."""
    return name.strip() in english.TOPICS


def names_it(said: str, tag: str) -> bool:
    """Whether `said`, made by `plain`, holds a tag that can name something."""
    name = name_in(tag)
    return bool(name) and name in said


def hashtags(text: str) -> list[str]:
    """The hashtags in lower case, without their sign."""
    return [tag.lower() for tag in _HASHTAG.findall(text[:MAX_READ])]


@kept
def says_when(text: str) -> bool:
    """Whether the words name a time, such as 'yesterday' or 'in June'. English."""
    return _WHEN.search(text[:MAX_READ]) is not None


@kept
def asks(text: str) -> bool:
    """Whether the words end in a question.

    That is a question mark of any script, closing signs behind it left out; a particle that asks, as in
    Chinese; or an English sentence without a mark that begins as questions do.

    >>> asks("Is it far? :)"), asks("what is my address"), asks("What a day")
    (True, True, False)
    """
    ending = text[-MAX_QUESTION:].rstrip()
    signs = _SIGNS_AT_END.search(ending)
    if signs and not _QUESTION_MARKS.isdisjoint(signs.group()):
        return True
    if _ASKING_PARTICLE.search(ending) or _OTHER_MARK.search(ending):
        return True
    # Typed without a mark, so without a full stop either.
    sentence = _SENTENCE_BREAK.split(ending)[-1].replace("\u2019", "'")
    is_whole = len(sentence) < MAX_QUESTION
    return is_whole and not sentence.endswith((".", "!")) and _QUESTION.match(sentence) is not None


def asks_when(query: str) -> bool:
    """Whether the query wants to know a time. English."""
    return _ASKS_WHEN.search(query) is not None
