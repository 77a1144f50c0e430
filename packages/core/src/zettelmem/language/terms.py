"""From text to index terms: the one analysis of words, for notes and for questions alike.

    text -> tokens -> (language of the text) -> terms of each token

Rules, with what each is for:

- A word becomes its Snowball stem, without accents: `Müllers Häuser` and `haus` share `haus`.
- A word of another language than English also stands as it is. So a question whose language was judged
  wrongly still shares the words that it repeats.
- Function words (`the`, `und`) are left out. A text of nothing else keeps them, so that it has terms;
  such a question finds the notes that also consist of function words.
- Scripts without blanks, and Korean with its endings, become overlapping pairs of characters. A Chinese
  character also stands alone, because it can be a word.
- Identifiers, paths, addresses, versions and numbers stand whole and in parts: `ADR-16` gives `adr-16`,
  `adr` and `16`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain, zip_longest
from threading import Lock

from Stemmer import Stemmer, algorithms

from .languages import BY_SCRIPT, UNSURE, function_words, language_by_letter, language_of

MAX_TERM = 64
"""Characters of a term; a longer run of letters is known by its first ones."""
MAX_PIECES = 4
"""Runs of letters and digits into which an identifier is cut. More of them are a hash, not words."""

# Combining signs that belong to the word they stand in: vowels of Hebrew, Arabic, India and South-East Asia.
_SIGNS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f"
    r"\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d\u0a81-\u0a83\u0abc-\u0acd"
    r"\u0b01-\u0b03\u0b3c-\u0b4d\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c4d\u0c81-\u0c83\u0cbc-\u0ccd"
    r"\u0d00-\u0d03\u0d3b-\u0d4d\u0d82\u0d83\u0dca-\u0ddf\u0f71-\u0f87"
)
_CLUSTER_SIGNS = (
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
_HAN = r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean.
_UNSPACED = (
    rf"\u0e01-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
    rf"\u1100-\u11ff\u3041-\u30ff\u3130-\u318f\u31f0-\u31ff\uac00-\ud7a3{_HAN}"
)
_LETTER = rf"[\w{_SIGNS}{_CLUSTER_SIGNS}]"
_JOINT = r"(?:://|::|:\\|[-._@/\\:'+&]|(?<=\d),(?=\d{3}(?!\d)))"
_TOKEN = re.compile(rf"{_LETTER}+(?:{_JOINT}{_LETTER}+)*(?:\+\+|#(?!\w))?")
_ASCII_TOKEN = re.compile(rf"\w+(?:{_JOINT}\w+)*(?:\+\+|#(?!\w))?", re.ASCII)
_SCRIPTS = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_START = re.compile(rf"[{_UNSPACED}]")
_HAN_START = re.compile(rf"[{_HAN}]")
_CLUSTER = re.compile(rf".[{_CLUSTER_SIGNS}]*", re.DOTALL)

_ADDRESS_JOINT = re.compile(r"://|::|:\\|[/\\@:]")
_WORD_JOINT = re.compile(r"[-._'+&#]")
_JOINED = re.compile(r"[-._'+&#/\\@:]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COMPOSED = re.compile(rf"[-._'+&#/\\@:\d]|{_CAMEL.pattern}")
_LETTERS_OR_DIGITS = re.compile(r"\d+|\D+")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_CONTRACTED = re.compile(r"'(?:s|re|ve|ll|d|m)$", re.IGNORECASE)
_NEGATED = re.compile(r"n't$", re.IGNORECASE)
_ELIDED = re.compile(
    r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quest)'(?=\w\w)", re.IGNORECASE
)

# The breve of the Russian short i makes another letter of it.
_ACCENTS = re.compile(
    r"(?<!\u0438)\u0306|[\u0300-\u0305\u0307-\u036f\u0591-\u05bd\u05bf\u05c1-\u05c7\u064b-\u065f\u0670]"
)
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"}
)
# Signs that writers see as one: quotes, hyphens; invisible ones and the Arabic stretch are dropped.
_SPELLING = str.maketrans(
    {
        "\u2019": "'",
        "\u02bc": "'",
        "\u2010": "-",
        "\u00ad": None,
        "\u200c": None,
        "\u200d": None,
        "\u0640": None,
    }
)
_ACRONYMS = frozenset({"IT", "US", "WHO"})
"""Function words that are names when they stand in capitals."""

_STEMMING = Lock()  # a Snowball stemmer keeps its word in one buffer


def folded(text: str) -> str:
    """The text as it is compared: compatibility forms, case and accents folded (NFKC, casefold).

    >>> folded("Café STRASSE Łódź")
    'cafe strasse lodz'
    """
    if text.isascii():
        return text.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", _spelled(text).casefold()))
    return unicodedata.normalize("NFKC", bare).casefold().translate(_LETTERS)


def terms(text: str) -> list[str]:
    """The index terms of `text`, in order, repetitions kept; none holds white space.

    The whole text is read: 100 words of English cost about 0.05 ms, a million characters 0.2 s.

    >>> terms("Who wrote src/app/main.py, and why does ADR-16 matter?")
    ['wrote', 'src/app/main.py', 'src', 'app', 'main.py', 'main', 'py', 'adr-16', 'adr', '16', 'matter']
    """
    return list(chain.from_iterable(of_token for _, of_token in words_with_terms(text)))


def words_with_terms(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each token of `text` as it is written, with its terms: what to show for a term that matched.

    Of a run without blanks the pairs are shown, because the run may be a whole sentence.

    >>> words_with_terms("The two invoices")
    [('two', ('two',)), ('invoices', ('invoic',))]
    """
    written = _written(text)
    language = language_of(written)
    read = [(token, _terms_of(token, language, False)) for token in written]
    if not any(of_token for _, of_token in read):
        read = [(token, _terms_of(token, language, True)) for token in written]
    shown: list[tuple[str, tuple[str, ...]]] = []
    for token, of_token in read:
        if not token.isascii() and _UNSPACED_START.search(token):
            shown += [(term, (term,)) for term in of_token]
        elif of_token:
            shown.append((token, of_token))
    return shown


def telling_words(text: str) -> tuple[str, ...]:
    """The words of `text` that carry meaning, in lower case, each once. Cheaper than their terms.

    >>> telling_words("Where do the two cats sleep?")
    ('two', 'cats', 'sleep')
    """
    written = _written(text)
    if not text.isascii() and any(map(_UNSPACED_START.search, written)):
        return tuple(dict.fromkeys(word.lower() for word, _ in words_with_terms(text)))
    language = language_of(written)
    telling = [word for word in written if not _is_functional(word, language)]
    return tuple(dict.fromkeys(word.lower() for word in telling or written))


def _is_functional(word: str, language: str) -> bool:
    bare = _CONTRACTED.sub("", word) if "'" in word else word
    spoken = language if bare.isascii() else language_by_letter(folded(bare[0])) or language
    if bare.lower() in function_words(spoken) and bare not in _ACRONYMS:
        return True
    return _NEGATED.search(word) is not None


def _spelled(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_SPELLING)


def _written(text: str) -> list[str]:
    pattern = _ASCII_TOKEN
    if not text.isascii():
        text = _spelled(text)
        pattern = _TOKEN
    if text.isupper():
        text = text.lower()
    return pattern.findall(text)


def _terms_of(token: str, language: str, all_words: bool) -> tuple[str, ...]:
    # A long token comes once: it would only push words out of the cache.
    of_token = _cached_terms if len(token) <= MAX_TERM else _token_terms
    return of_token(token, language, all_words)


def _token_terms(token: str, language: str, all_words: bool) -> tuple[str, ...]:
    found: list[str] = []
    for run in [token] if token.isascii() else _SCRIPTS.findall(token):
        if _UNSPACED_START.match(run):
            found += _pairs(run, all_words)
        else:
            found += _spaced_terms(run, language, all_words)
    return tuple(found)


_cached_terms = lru_cache(maxsize=16_384)(_token_terms)


def _pairs(run: str, all_words: bool) -> list[str]:
    """Overlapping pairs of the run's characters, each with its signs; a Chinese one alone as well."""
    characters = _CLUSTER.findall(folded(run))
    if len(characters) == 1:
        return characters
    found: list[str] = []
    for character, following in zip_longest(characters, characters[1:]):
        if _HAN_START.match(character) and (all_words or character not in BY_SCRIPT["han"]):
            found.append(character)
        if following:
            found.append(character + following)
    return found


def _spaced_terms(token: str, language: str, all_words: bool) -> list[str]:
    token = token.strip("_").replace(",", "")
    if _NEGATED.search(token) and not all_words:
        return []
    token = _ELIDED.sub("", _CONTRACTED.sub("", token))
    if not _COMPOSED.search(token):
        return _word_terms(token, language, all_words)
    if _INITIALS.fullmatch(token):
        return [folded(token.replace(".", ""))[:MAX_TERM]]
    return list(dict.fromkeys(_composed_terms(token, language, all_words)))


def _composed_terms(token: str, language: str, all_words: bool) -> Iterator[str]:
    """The whole, the parts of an address, and the words and numbers of each part."""
    if not _JOINED.search(token):
        yield from _part_terms(token, language, all_words)
        return
    yield folded(token)[:MAX_TERM]
    for address_part in _ADDRESS_JOINT.split(token):
        if _WORD_JOINT.search(address_part):
            yield folded(address_part)[:MAX_TERM]
        for part in _WORD_JOINT.split(address_part):
            yield from _part_terms(part, language, all_words)


def _part_terms(part: str, language: str, all_words: bool) -> Iterator[str]:
    """The terms of a word, or of something like `InvoiceMapper` and `name42`: the whole and its pieces."""
    yield from _word_terms(part, language, all_words)
    pieces = list(chain.from_iterable(_CAMEL.split(run) for run in _LETTERS_OR_DIGITS.findall(part)))
    if 1 < len(pieces) <= MAX_PIECES:
        for piece in pieces:
            yield from _word_terms(piece, language, all_words)


def _word_terms(word: str, language: str, all_words: bool) -> list[str]:
    """The stem of a word without joints, and the word itself where it may not be English.

    Nothing for a function word, unless `all_words`.
    """
    whole = folded(word)[:MAX_TERM]
    if not whole:
        return []
    if any(character.isdigit() for character in whole):
        return [whole]
    spoken = language_by_letter(whole[0]) or language
    lowered = word.casefold()
    if not all_words and lowered in function_words(spoken) and word not in _ACRONYMS:
        return []
    stem = folded(_stem(lowered[:MAX_TERM], spoken)) or whole
    return [stem] if spoken == "english" or stem == whole else [stem, whole]


@cache
def _stemmer(language: str) -> Stemmer | None:
    name = "english" if language == UNSURE else language
    return Stemmer(name, 0) if name in algorithms() else None


def _stem(word: str, language: str) -> str:
    stemmer = _stemmer(language)
    if stemmer is None:
        return word
    with _STEMMING:
        stem: str = stemmer.stemWord(word)
    return stem
