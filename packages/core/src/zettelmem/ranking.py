"""From candidates to hits, as pure functions: signals -> one score -> an order -> a cut.

Every signal is a number in [0, 1] a candidate. The score is a logistic function of their weighted sum,
so it reads as how likely the candidate is to be what was asked for, and can be compared between queries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import igraph
import numpy as np
from numpy.typing import NDArray

from .language.words import asks_when, name_in, plain, words
from .note import Note
from .protocols import Vectors
from .queries import Hit

Signal = NDArray[np.float64]
"""One number a candidate, shape (n,)."""

WEIGHTS: Mapping[str, float] = {
    "content": 1.2,
    "surroundings": 3.6,
    "meaning": 3.5,
    "speaker": 1.0,
    "thread": 6.0,
    "links": 0.3,
    "named": 3.0,
    "bridge": 5.0,
    "reranker": 3.0,
    "time": 2.0,
    "when": 0.2,
    "says_when": 0.6,
    "tells": 1.0,
    "answers": 0.6,
    "length": 0.9,
}
"""What each signal counts."""
BIAS = -9.1
"""From the weighted sum to log odds, less log(n): fitted on how often a candidate of that sum was right."""

WORDS = 0.6
"""Share of words, the rest being meaning, in what a thread says."""
DRAWN = 0.5
"""How far a note's vector is drawn towards its description."""
LONG = 40
"""Words from which a note counts as long."""
SLACK = 3 * 86_400.0
"""Seconds by which what happened near the time that is asked for still counts."""
FEW_THREADS = 10
"""Threads up to which being the best one says little."""
BEST_OF_THREAD = 5
"""Candidates of a thread that speak for it."""
FEW = 10
"""Candidates up to which the lowest cosine says little."""
SEEDS = 5
"""Candidates that the walk over the links starts from."""
DAMPING = 0.5
"""Chance that the walk goes on by a link rather than back to a seed."""


@dataclass(frozen=True)
class Matched:
    """What the words of a query matched: BM25 by note id in each lexical field; 0 where an id is missing."""

    content: Mapping[str, float] = field(default_factory=dict)
    surroundings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidates:
    """Notes that may answer, as columns: one entry a note in each. Nothing in them depends on a query.

    Attributes:
        ids, threads, speakers: who said it where.
        occurred, invalid: seconds since 1970 (UTC) when it happened and from when it was no longer so.
        lengths: words of each content.
        says_when, asks, answers: whether its words name a time, ask something, come after a question.
        tags: the tags of each note.
        linked, link_weights: ids of the notes it is linked with, and what each link counts, in (0, 1].
        vectors: unit vectors that the notes are found by, float32, shape (n, dimensions).
    """

    ids: list[str]
    threads: list[str | None]
    speakers: list[str | None]
    occurred: NDArray[np.float64]
    invalid: NDArray[np.float64]
    lengths: NDArray[np.int32]
    says_when: NDArray[np.bool_]
    asks: NDArray[np.bool_]
    answers: NDArray[np.bool_]
    tags: list[list[str]]
    linked: list[list[str]]
    link_weights: list[list[float]]
    vectors: Vectors

    @classmethod
    def none(cls) -> Self:
        """No candidates."""
        numbers, flags, nothing = np.zeros(0), np.zeros(0, bool), np.zeros((0, 1), np.float32)
        counts = np.zeros(0, np.int32)
        return cls([], [], [], numbers, numbers, counts, flags, flags, flags, [], [], [], nothing)

    def __len__(self) -> int:
        return len(self.ids)

    def _taken(self, places: Sequence[int]) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for each in fields(self):
            column = getattr(self, each.name)
            taken[each.name] = [column[i] for i in places] if isinstance(column, list) else column[places]
        return taken

    def plus(self, more: Candidates) -> Candidates:
        """These and the candidates of `more` that are not among them."""
        if not len(self):
            return more
        new = [i for i, note_id in enumerate(more.ids) if note_id not in self.places]
        if not new:
            return self
        joined: dict[str, Any] = {}
        for name, theirs in more._taken(new).items():
            ours = getattr(self, name)
            joined[name] = ours + theirs if isinstance(ours, list) else np.concatenate([ours, theirs])
        return type(self)(**joined)

    def valid(self, at: datetime) -> Candidates:
        """Those that were still so at that time."""
        kept = np.flatnonzero(self.invalid > at.timestamp())
        return self if len(kept) == len(self) else type(self)(**self._taken(kept.tolist()))

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each id stands."""
        return {note_id: i for i, note_id in enumerate(self.ids)}

    @cached_property
    def graph(self) -> igraph.Graph:
        """The candidates and the links among them, with what each counts as `weight`."""
        edges: dict[tuple[int, int], float] = {}
        for i, (linked, weights) in enumerate(zip(self.linked, self.link_weights, strict=True)):
            for other, weight in zip(linked, weights, strict=True):
                j = self.places.get(other, i)
                if j != i:
                    edge = (i, j) if i < j else (j, i)
                    edges[edge] = max(edges.get(edge, 0.0), weight)
        return igraph.Graph(n=len(self), edges=list(edges), edge_attrs={"weight": list(edges.values())})

    @cached_property
    def bearers(self) -> list[tuple[str, list[int]]]:
        """Each tag that can name a note, as it would stand in plain text, and where its bearers are."""
        found: dict[str, list[int]] = {}
        for i, each in enumerate(self.tags):
            for tag in each:
                found.setdefault(tag, []).append(i)
        named_by = ((name_in(tag), places) for tag, places in found.items())
        return [(name, places) for name, places in named_by if name]

    @cached_property
    def thread_numbers(self) -> NDArray[np.intp]:
        """A number for each thread, from 0; -1 for a note without one."""
        numbers: dict[str, int] = {}
        found = [-1 if each is None else numbers.setdefault(each, len(numbers)) for each in self.threads]
        return np.array(found, np.intp)


@dataclass(frozen=True)
class Ranking:
    """Candidates in order, best first.

    Attributes:
        order: places in the candidates, shape (n,).
        totals: weighted sum of each candidate's signals, in the candidates' own order.
        signals: each signal's values, in the candidates' own order.
    """

    order: NDArray[np.intp]
    totals: Signal
    signals: dict[str, Signal]

    @classmethod
    def none(cls) -> Self:
        """The order of no candidates."""
        return cls(np.zeros(0, np.intp), np.zeros(0), {})

    @property
    def scores(self) -> Signal:
        """Score in [0, 1] of each candidate: about how likely it is to be what was asked for.

        Before anything is known of them, one of n candidates is right with odds of about 1 to n.
        """
        odds = self.totals + BIAS - np.log(max(len(self.totals), 1))
        scores: Signal = 1.0 / (1.0 + np.exp(-odds))
        return scores

    def plus(self, name: str, signal: Signal) -> Self:
        """The ranking with one more signal."""
        totals = self.totals + WEIGHTS[name] * signal
        return type(self)(np.argsort(-totals, kind="stable"), totals, {**self.signals, name: signal})


def spread(values: Signal) -> Signal:
    """The values stretched so that the lowest is 0 and the highest is 1; all 0 where they are equal."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def share_of_best(values: Signal) -> Signal:
    """Values from 0 up as shares of the highest."""
    return values / max(float(values.max(initial=0.0)), 1e-9)


def nearness(cosines: Signal) -> Signal:
    """Cosines in [-1, 1] stretched to [0, 1], 1 for the highest.

    Among many candidates the lowest is 0, because it is about something else. Among few it may be as
    good as the others, so the foot moves towards cosine 0.
    """
    count = len(cosines)
    foot = float(cosines.min(initial=0.0 if not count else 1.0)) * count / (count + FEW)
    top = float(cosines.max(initial=-1.0))
    return np.clip((cosines - foot) / (top - foot), 0.0, 1.0) if top > foot else np.zeros_like(cosines)


def blend(content: Vectors, description: Vectors) -> Vectors:
    """The unit vector of a content drawn towards its description, so that what is around it counts.

    Args:
        content: unit vector, float32, shape (dimensions,).
        description: unit vector of the same shape, or zeros where there is none.
    """
    drawn: Vectors = content + np.float32(DRAWN) * description
    norm = np.float32(np.linalg.norm(drawn))
    unit: Vectors = drawn / norm if norm > 1e-9 else content
    return unit


def named(query: str, speakers: Sequence[str | None]) -> set[str]:
    """The speakers whose name, or a word of it, is in the query."""
    said = {word.lower() for word in re.findall(r"\w+", query)}
    return {
        who
        for who in set(speakers)
        if who and said & {part for part in re.findall(r"\w+", who.lower()) if len(part) > 1}
    }


def nameless(query: str, speakers: Sequence[str | None]) -> str:
    """The query without the names of speakers: who said it is told by metadata, not by meaning."""
    parts = {part for who in named(query, speakers) for part in re.findall(r"\w+", who)}
    if not parts:
        return query
    pattern = r"\b(?:" + "|".join(map(re.escape, parts)) + r")(?:['\u2019]s)?\b"
    return re.sub(r"\s+", " ", re.sub(pattern, "", query, flags=re.IGNORECASE)).strip() or query


def mentions(candidates: Candidates, query: str) -> Signal:
    """How plainly the query names each note by one of its tags: 1 for a tag that no other note bears.

    A tag that several candidates share says as little about each as there are sharers.
    """
    said = plain(query)
    strength = np.zeros(len(candidates))
    for name, places in candidates.bearers:
        if name in said:
            strength[places] = np.maximum(strength[places], 1.0 / len(places))
    return strength


def bridges(candidates: Candidates, query: str, told: Mapping[str, str]) -> Signal:
    """Whether the best notes name a note by a tag that it alone bears, and the query does not name.

    The second step of a question in two: who is asked about is told by a note that the question finds.

    Args:
        candidates: the notes.
        query: the question.
        told: contents of the best candidates so far by id, best first.
    """
    asked = plain(query)
    alone = [
        (name, places[0]) for name, places in candidates.bearers if len(places) == 1 and name not in asked
    ]
    strength = np.zeros(len(candidates))
    for place, (note_id, content) in enumerate(told.items()):
        said = plain(content)
        for name, i in alone:
            if name in said and candidates.ids[i] != note_id:
                strength[i] = max(strength[i], 1.0 - 0.1 * place)
    return strength


def timely(candidates: Candidates, asked: tuple[datetime, datetime]) -> Signal:
    """How near each note happened to the time that is asked for: 1 inside it, falling off with the gap."""
    start, end = asked[0].timestamp(), asked[1].timestamp()
    gap = np.maximum(np.maximum(start - candidates.occurred, candidates.occurred - end), 0.0)
    return np.exp(-gap / (end - start + SLACK))


def walk(candidates: Candidates, base: Signal) -> Signal:
    """What its links speak for each note: a personalised PageRank, less what the note had of itself.

    After HippoRAG (arXiv 2405.14831), on the candidate subgraph only; the walk starts from the best by
    `base`. In [0, 1].
    """
    count = len(candidates)
    if not candidates.graph.ecount():
        return np.zeros(count)
    seeds = np.where(base >= np.sort(base)[-min(SEEDS, count)], base**2, 0.0)
    if not seeds.any():
        return np.zeros(count)
    # ARPACK, because igraph's default runs on for 0.2 s on some graphs that take it 1 ms.
    reached = candidates.graph.personalized_pagerank(
        damping=DAMPING, reset=seeds.tolist(), directed=False, weights="weight", implementation="arpack"
    )
    return spread(np.maximum(np.asarray(reached) - (1 - DAMPING) * seeds / seeds.sum(), 0.0))


def evidence(candidates: Candidates, base: Signal) -> Signal:
    """What a note's whole thread speaks for it: the thread's best candidates together, in [0, 1).

    One of two threads is the better one by chance; one of twenty is not.
    """
    threads = candidates.thread_numbers
    count = int(threads.max(initial=-1)) + 1
    if not count:
        return np.zeros(len(candidates))
    order = np.lexsort((-base, threads))  # by thread, its best first
    ordered = threads[order]
    rank_within = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    counted = order[(rank_within < BEST_OF_THREAD) & (ordered >= 0)]
    totals = np.bincount(threads[counted], weights=base[counted], minlength=count)
    spoken = np.where(threads >= 0, totals[threads], 0.0)
    share = count / (count + FEW_THREADS)
    return share * share_of_best(spoken)


def signals(
    candidates: Candidates,
    matched: Matched,
    query: str,
    vector: Vectors,
    asked: tuple[datetime, datetime] | None = None,
    *,
    expand: bool = True,
) -> dict[str, Signal]:
    """Every signal of every candidate, each in [0, 1].

    Args:
        candidates: what the searches found.
        matched: what its words matched.
        query: the question, as asked.
        vector: unit vector of the question without speakers' names, float32, shape (dimensions,).
        asked: the time that the question names, as [start, end).
        expand: let linked notes vote.
    """
    who = named(query, candidates.speakers)
    content, around = (
        share_of_best(np.array([scores.get(note_id, 0.0) for note_id in candidates.ids]))
        for scores in (matched.content, matched.surroundings)
    )
    meaning = nearness((candidates.vectors @ vector).astype(np.float64))
    found = {
        "content": content,
        "surroundings": around,
        "meaning": meaning,
        "speaker": np.array([float(each in who) for each in candidates.speakers]),
        "when": candidates.says_when * float(asks_when(query)),
        "tells": 1.0 - candidates.asks,
        "answers": candidates.answers.astype(np.float64),
        "says_when": candidates.says_when.astype(np.float64),
        "named": mentions(candidates, query),
        "length": np.minimum(candidates.lengths / LONG, 1.0),
    }
    found["thread"] = evidence(candidates, WORDS * around + (1 - WORDS) * meaning)
    if asked is not None:
        found["time"] = timely(candidates, asked)
    if expand:
        found["links"] = walk(candidates, spread(weighted(found, len(candidates))))
    return found


def weighted(found: Mapping[str, Signal], count: int) -> Signal:
    """The weighted sum of the signals that are there."""
    return sum((WEIGHTS[name] * values for name, values in found.items()), np.zeros(count))


def reachable(candidates: Candidates, ranked: Ranking) -> list[str]:
    """The notes linked to the best candidates that are no candidates themselves."""
    linked = (other for i in ranked.order[:SEEDS] for other in candidates.linked[i])
    return [other for other in dict.fromkeys(linked) if other not in candidates.places]


def rank(
    candidates: Candidates,
    matched: Matched,
    query: str,
    vector: Vectors,
    asked: tuple[datetime, datetime] | None = None,
    *,
    expand: bool = True,
) -> Ranking:
    """Signals, score and order of the candidates; ties go to the earlier candidate."""
    found = signals(candidates, matched, query, vector, asked, expand=expand)
    totals = weighted(found, len(candidates))
    return Ranking(np.argsort(-totals, kind="stable"), totals, found)


def reranked(ranked: Ranking, places: Sequence[int], given: Sequence[float]) -> Ranking:
    """The ranking with a reranker's scores of the candidates at `places` as one more signal.

    What it did not look at stays behind what it did.
    """
    looked = np.zeros(len(ranked.totals), bool)
    looked[list(places)] = True
    signal = np.zeros(len(ranked.totals))
    signal[list(places)] = spread(np.asarray(given, np.float64))
    again = ranked.plus("reranker", signal)
    return replace(again, order=np.lexsort((-again.totals, ~looked)))


def hits(
    query: str,
    candidates: Candidates,
    ranked: Ranking,
    places: Sequence[int],
    notes: Mapping[str, Note],
    *,
    explain: bool,
) -> list[Hit]:
    """The candidates at `places` as hits, in that order, each with the reason it was found."""
    asked = list(dict.fromkeys(words(query)))
    better: set[str] = set()
    scores = ranked.scores
    found = []
    for i in places:
        note = notes[candidates.ids[i]]
        values = {name: round(float(column[i]), 4) for name, column in ranked.signals.items()}
        found.append(
            Hit(
                note=note,
                score=float(scores[i]),
                signals=values,
                weights={name: WEIGHTS[name] for name in values} if explain else {},
                why=_why(asked, note, values, better),
            )
        )
        better.add(note.id)
    return found


def _why(asked: Sequence[str], note: Note, values: Mapping[str, float], better: Collection[str]) -> str:
    """How a note was found, in words; `better` are the notes ranked above it."""
    reasons = []
    own, around = set(words(note.content)), set(words(note.description))
    said = [word for word in asked if any(_akin(word, each) for each in own)]
    near = [word for word in asked if word not in said and any(_akin(word, each) for each in around)]
    if said:
        reasons.append("matches " + ", ".join(f"'{word}'" for word in said[:4]))
    if near:
        reasons.append("what is around it matches " + ", ".join(f"'{word}'" for word in near[:4]))
    if values.get("speaker"):
        reasons.append(f"said by {note.source.who}")
    if values.get("time", 0.0) >= 0.99:
        reasons.append("happened at the time asked for")
    if values.get("bridge"):
        reasons.append("named by a note above it")
    if values["meaning"] >= 0.75:
        reasons.append("close in meaning")
    for link in note.links:
        other = link.other(note.id)
        if other in better:
            way = "linked from" if link.target == note.id else "linked to"
            reasons.append(f"{way} {other} ({link.relation.value})")
            break
    if note.superseded or note.invalid_at is not None:
        reasons.append("no longer so")
    if note.disputed:
        reasons.append("contradicted by another note")
    return "; ".join(reasons) or "near in meaning or thread"


def _akin(one: str, other: str) -> bool:
    """Whether two words look like forms of one: equal, or alike but for a short ending."""
    if one[0] != other[0]:
        return False
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) < 4 or len(long) - len(short) > 3:
        return one == other
    return long.startswith(short[: max(4, len(short) - 2)])


def cut(found: Sequence[Hit], budget: int) -> list[Hit]:
    """The best hits whose contents fit `budget` tokens together; one that does not fit is skipped."""
    kept, left = [], budget
    for hit in found:
        size = tokens(hit.note.content)
        if size <= left:
            kept.append(hit)
            left -= size
    return kept


def tokens(text: str) -> int:
    """About how many tokens a model counts in `text`: a token for every four bytes of UTF-8."""
    return tokens_of(len(text.encode()))


def tokens_of(size: int) -> int:
    """About how many tokens a model counts in `size` bytes of UTF-8."""
    return -(-size // 4)
