"""The notes that may answer a question, as columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zettelmem.protocols import Vectors

from .names import Names

Signal = NDArray[np.float64]
"""One number a candidate, shape (n,)."""


@dataclass(frozen=True)
class Query:
    """A question as it is searched for.

    Attributes:
        text: the words as asked.
        terms: their index terms, each once.
        vector: unit vector of the words without speakers' names, float32, shape (dimensions,).
        span: the time that the question names, as [start, end), or None.
    """

    text: str
    terms: tuple[str, ...]
    vector: Vectors
    span: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Candidates:
    """Notes that may answer, as columns: one entry a note in each.

    Attributes:
        ids: the notes.
        threads: a number for each thread, from 0; -1 for a note without one.
        speakers: who said it, as a place in `people`; -1 where nobody is told.
        people: the names of the speakers.
        occurred: seconds since 1970 (UTC) when it happened.
        lengths: words of each content.
        says_when, asks, answers: whether its words name a time, ask something, come after a question.
        linked, link_weights: ids of the notes it is linked with, and what each link counts, in (0, 1].
        newer: ids of the notes that say the later word on its matter, or the same and stand in front of it.
        resting: whether it rests: kept, but not to be offered first.
        idle: whether its words only ask, acknowledge or take back.
        vectors: unit vectors that the notes are found by, float32, shape (n, dimensions).
        names: the names that these notes bear, perhaps among others.
        content, around: BM25 of the query in the words of the content and in those around it, from 0 up;
            where the store can tell, 1 for a note of average length that holds all words of the query.
        best_of: notes that these are the best of, about; 0 if these are all.
    """

    ids: list[str]
    threads: NDArray[np.int32]
    speakers: NDArray[np.int32]
    people: list[str]
    occurred: Signal
    lengths: NDArray[np.int32]
    says_when: NDArray[np.bool_]
    asks: NDArray[np.bool_]
    answers: NDArray[np.bool_]
    linked: list[tuple[str, ...]]
    link_weights: list[tuple[float, ...]]
    newer: list[tuple[str, ...]]
    resting: NDArray[np.bool_]
    idle: NDArray[np.bool_]
    vectors: Vectors
    names: Names
    content: Signal
    around: Signal
    best_of: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def total(self) -> int:
        """How many notes were searched, about."""
        return max(len(self), self.best_of)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each id stands."""
        return {note_id: place for place, note_id in enumerate(self.ids)}

    def cosines(self, query: Query) -> Signal:
        """The cosine of the query and each note's vector, in [-1, 1]."""
        found: Signal = (self.vectors @ query.vector).astype(np.float64)
        return found

    def named(self, text: str) -> dict[str, list[int]]:
        """Each name that the text says, and the places of the candidates that bear it."""
        named: dict[str, list[int]] = {}
        for name, note_ids in self.names.said(text).items():
            named[name] = [self.places[note_id] for note_id in note_ids if note_id in self.places]
        return named

    def plus(self, more: Candidates) -> Self:
        """These and those of `more` that are not among them; both number threads and people alike."""
        new = [place for place, note_id in enumerate(more.ids) if note_id not in self.places]
        if not new:
            return self
        joined: dict[str, Any] = {}
        for each in fields(self):
            ours, theirs = getattr(self, each.name), getattr(more, each.name)
            if each.name == "best_of":
                joined[each.name] = max(ours, theirs)
            elif each.name == "people":
                joined[each.name] = max(ours, theirs, key=len)
            elif each.name == "names":
                joined[each.name] = ours if ours is theirs else ours.plus(theirs)
            elif isinstance(ours, list):
                joined[each.name] = ours + [theirs[place] for place in new]
            else:
                joined[each.name] = np.concatenate([ours, theirs[new]])
        return type(self)(**joined)


def named(query: str, people: Sequence[str]) -> list[str]:
    """The people whose name, or a word of it, is in the query."""
    said = {word.lower() for word in re.findall(r"\w+", query)}
    return [person for person in people if said & name_words([person])]


def name_words(people: Iterable[str]) -> set[str]:
    """The words of names, in lower case."""
    return {word for person in people for word in re.findall(r"\w+", person.lower()) if len(word) > 1}


def nameless(query: str, people: Sequence[str]) -> str:
    """The query without the names of speakers: who said it is told by metadata, not by meaning."""
    parts = {part for person in named(query, people) for part in re.findall(r"\w+", person)}
    if not parts:
        return query
    pattern = r"\b(?:" + "|".join(map(re.escape, parts)) + r")(?:['\u2019]s)?\b"
    return re.sub(r"\s+", " ", re.sub(pattern, "", query, flags=re.IGNORECASE)).strip() or query
