"""What speaks for a candidate: one number in [0, 1] each, higher is better. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from zettelmem.language.kin import asks_about_others, tells_of_another
from zettelmem.language.words import asks_when, is_topic
from zettelmem.protocols import Vectors

from .candidates import Candidates, Query, Signal, named

WORDS = 0.6
"""Share of words, the rest being meaning, in what a thread says."""
DRAWN = 0.5
"""How far a note's vector is drawn towards its description."""
LONG = 40
"""Words from which a note counts as long."""
_FIRST_PERSON = re.compile(r"(?<!\w)(?:I|me|my|mine|we|us|our|ours)(?!\w)", re.IGNORECASE)
SLACK = 3 * 86_400.0
"""Seconds by which what happened near the time that is asked for still counts."""
FEW_THREADS = 10
"""Threads up to which being the best one says little."""
BEST_OF_THREAD = 5
"""Candidates of a thread that speak for it."""
FEW = 10
"""Candidates up to which the lowest cosine says little."""
SMALL = 200
"""Notes below which a word may be rare by chance."""
SEEDS = 5
"""Candidates that the walk over the links starts from."""
DAMPING = 0.5
"""Chance that the walk goes on by a link rather than back to a seed."""
STEPS = 3
"""Steps of the walk; what a longer one would add is at most DAMPING ** STEPS."""
LEAST = 0.001
"""Share of the walk that is not followed any further."""


def spread(values: Signal) -> Signal:
    """The values stretched so that the lowest is 0 and the highest is 1; all 0 where they are equal."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def share_of_best(values: Signal) -> Signal:
    """Values from 0 up as shares of the highest."""
    return values / max(float(values.max(initial=0.0)), 1e-9)


def smallness(count: int) -> float:
    """How much `count` notes are too few to tell a rare word from an ordinary one, in [0, 1].

    >>> [round(smallness(count), 2) for count in (1, 30, 100, 200)]
    [1.0, 0.96, 0.56, 0.0]
    """
    return (1.0 - min(count / SMALL, 1.0) ** 2) ** 2


def matching(scores: Signal, total: int) -> Signal:
    """BM25 as shares of the best candidate's.

    Among few notes each word is rare, so there the best one has less than 1: the share of the query that it
    holds. Then one ordinary word does not outweigh the meaning.
    """
    covered = min(float(scores.max(initial=0.0)), 1.0)
    return share_of_best(scores) * (1.0 - smallness(total) * (1.0 - covered))


def alike(candidates: Candidates, places: Sequence[int], shares: Signal) -> Signal:
    """What the words of the few notes that were looked at closely speak for them; little among many notes.

    Args:
        candidates: the notes.
        places: of those that were looked at.
        shares: for each of them the share of the question's words that it holds; see `evidence.held`.
    """
    found = np.zeros(len(candidates))
    found[list(places)] = smallness(candidates.total) * shares
    return found


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


def mentions(candidates: Candidates, query: str) -> Signal:
    """How plainly the query names each note by one of its tags: 1 for a tag that no other note bears.

    A tag that several candidates share says as little about each as there are sharers.
    """
    strength = np.zeros(len(candidates))
    for places in candidates.named(query).values():
        strength[places] = np.maximum(strength[places], 1.0 / max(len(places), 1))
    return strength


def bridges(candidates: Candidates, query: str, best: Mapping[str, str]) -> Signal:
    """Whether the best notes name a note by a tag that it alone bears, and the query does not name.

    The second step of a question in two: who is asked about is told by a note that the question finds.

    Args:
        candidates: the notes.
        query: the question.
        best: contents of the best candidates so far by id, best first.
    """
    strength = np.zeros(len(candidates))
    asked = candidates.named(query)
    for rank, (note_id, content) in enumerate(best.items()):
        for name, places in candidates.named(content).items():
            if name in asked or is_topic(name):
                continue
            if len(places) == 1 and candidates.ids[places[0]] != note_id:
                strength[places[0]] = max(strength[places[0]], 1.0 - 0.1 * rank)
    return strength


def anothers(candidates: Candidates, query: str, contents: Mapping[int, str]) -> Signal:
    """Whether a note tells of somebody else than the question asks about.

    "Where does Ines live?" and "Where do I live?" ask about a speaker; "My cousin lives in Braga" tells of
    somebody else.

    Args:
        candidates: the notes.
        query: the question.
        contents: of the candidates that are looked at, by their places.
    """
    found = np.zeros(len(candidates))
    asks_about_speaker = named(query, candidates.people) or _FIRST_PERSON.search(query)
    if asks_about_speaker and not asks_about_others(query):
        for place, content in contents.items():
            found[place] = tells_of_another(content)
    return found


def timely(candidates: Candidates, asked: tuple[datetime, datetime]) -> Signal:
    """How near each note happened to the time that is asked for: 1 inside it, falling off with the gap."""
    start, end = asked[0].timestamp(), asked[1].timestamp()
    gap = np.maximum(np.maximum(start - candidates.occurred, candidates.occurred - end), 0.0)
    return np.exp(-gap / (end - start + SLACK))


def walk(candidates: Candidates, base: Signal) -> Signal:
    """What its links speak for each note: a personalised PageRank, less what the note had of itself.

    After HippoRAG (arXiv 2405.14831), on the candidates only; the walk starts from the best by `base` and
    is followed for STEPS steps. In [0, 1].
    """
    count = len(candidates)
    reached = np.zeros(count)
    if not count:
        return reached
    seeds = np.where(base >= np.sort(base)[-min(SEEDS, count)], base**2, 0.0)
    total = float(seeds.sum())
    if not total:
        return reached
    mass = {int(place): (1 - DAMPING) * float(seeds[place]) / total for place in np.flatnonzero(seeds)}
    edges: dict[int, list[tuple[int, float]]] = {}
    for _ in range(STEPS):
        onward: dict[int, float] = {}
        for place, amount in mass.items():
            for other, share in edges.setdefault(place, _edges(candidates, place)):
                onward[other] = onward.get(other, 0.0) + DAMPING * amount * share
        for place, amount in onward.items():
            reached[place] += amount
        mass = {place: amount for place, amount in onward.items() if amount > LEAST}
    return spread(reached)


def _edges(candidates: Candidates, place: int) -> list[tuple[int, float]]:
    """The candidates that one is linked with, each with its share of the weight of all its links."""
    weights: dict[int, float] = {}
    pairs = zip(candidates.linked[place], candidates.link_weights[place], strict=True)
    for note_id, weight in pairs:
        other = candidates.places.get(note_id, place)
        if other != place:
            weights[other] = max(weights.get(other, 0.0), weight)
    total = sum(weights.values())
    return [(other, weight / total) for other, weight in weights.items()]


def evidence(candidates: Candidates, base: Signal) -> Signal:
    """What a note's whole thread speaks for it: the thread's best candidates together, in [0, 1).

    One of two threads is the better one by chance; one of twenty is not.
    """
    threaded = np.flatnonzero(candidates.threads >= 0)
    spoken = np.zeros(len(candidates))
    if not len(threaded):
        return spoken
    names, threads = np.unique(candidates.threads[threaded], return_inverse=True)
    count = len(names)
    order = np.lexsort((-base[threaded], threads))  # by thread, its best first
    ordered = threads[order]
    rank_within = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    counted = order[rank_within < BEST_OF_THREAD]
    totals = np.bincount(threads[counted], weights=base[threaded[counted]], minlength=count)
    spoken[threaded] = totals[threads]
    return count / (count + FEW_THREADS) * share_of_best(spoken)


def signals(candidates: Candidates, query: Query) -> dict[str, Signal]:
    """Every signal of every candidate but for the links', each in [0, 1]."""
    people = set(named(query.text, candidates.people))
    codes = [code for code, person in enumerate(candidates.people) if person in people]
    around = matching(candidates.around, candidates.total)
    meaning = nearness(candidates.cosines(query))
    manner = 1.0 - smallness(candidates.total)
    says_when = manner * candidates.says_when.astype(np.float64)
    found: dict[str, Signal] = {
        "content": matching(candidates.content, candidates.total),
        "surroundings": around,
        "meaning": meaning,
        "speaker": np.isin(candidates.speakers, codes).astype(np.float64),
        "when": says_when if asks_when(query.text) else np.zeros(len(candidates)),
        "tells": 1.0 - candidates.asks.astype(np.float64),
        "answers": manner * candidates.answers.astype(np.float64),
        "says_when": says_when,
        "named": mentions(candidates, query.text),
        "idle": candidates.idle.astype(np.float64),
        "length": manner * np.minimum(candidates.lengths.astype(np.float64) / LONG, 1.0),
        "resting": candidates.resting.astype(np.float64),
        "thread": manner * evidence(candidates, WORDS * around + (1 - WORDS) * meaning),
    }
    if query.span is not None:
        found["time"] = timely(candidates, query.span)
    return found
