"""The notes that a new note is compared with: near in meaning, and named by it or naming it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .decisions import Decision, Neighbour
from .language.words import name_in, names, plain, topics
from .limits import MAX_LINKS
from .linking import evolve
from .note import Described, Note
from .protocols import Vectors
from .queries import Filter
from .ranking.names import Names
from .store.search import Search

MAX_NAMES = 8
"""Names in a content by which other notes are looked up."""


@dataclass
class Plan:
    """One new note on its way into the store.

    Attributes:
        note: as it is constructed.
        previous: the id of the note before it in its thread.
        near: the neighbours that it is compared with, and the cosine of each.
        asked: the fields of its description that the caller left out.
        neighbours: those that were numbered for the caller.
    """

    note: Note
    previous: str | None
    near: list[tuple[str, float]] = field(default_factory=list)
    asked: tuple[Described, ...] = ()
    neighbours: list[Neighbour] = field(default_factory=list)


async def look_around(search: Search, plans: Sequence[Plan], vectors: Mapping[str, Vectors], k: int) -> None:
    """Find each plan's neighbours, in the store and earlier in the batch: by meaning, and by names."""
    own = np.stack([vectors[plan.note.content] for plan in plans])
    sight = Filter(namespace=search.namespace, exact=True)
    by_meaning = await search.nearest(sight, own, k)
    texts = [_names_told(plan.note) for plan in plans]
    by_name = await search.worded(sight, texts, own, k)
    alike = own @ own.T
    earlier = _Earlier()
    for place, plan in enumerate(plans):
        in_batch = [(plans[other].note.id, float(alike[place, other])) for other in range(place)]
        near = sorted([*by_meaning[place], *in_batch], key=lambda pair: -pair[1])[:k]
        named = [*by_name[place], *(in_batch[other] for other in earlier.named_with(plan.note))]
        plan.near = list((dict(near) | dict(named[-k:])).items())
        earlier.add(plan.note)


class _Earlier:
    """The earlier notes of a batch, by the names that they bear and by those that they say."""

    def __init__(self) -> None:
        self._names = Names()
        self._places: dict[str, int] = {}
        self._texts: list[str] = []
        self._sayers: dict[str, set[int]] = {}

    def add(self, note: Note) -> None:
        """Add the next note of the batch."""
        place = self._places[note.id] = len(self._texts)
        text = plain(note.content)
        self._texts.append(text)
        self._names.add(note.id, note.tags)
        for word in set(text.split()):
            self._sayers.setdefault(word, set()).add(place)

    def named_with(self, note: Note) -> list[int]:
        """The places of notes that say a name that `note` bears, or bear one that it says; in order."""
        places: set[int] = set()
        for name in filter(None, map(name_in, note.tags)):
            sayers = self._sayers.get(name.split()[0], set())
            places.update(place for place in sayers if name in self._texts[place])
        for bearers in self._names.said(note.content).values():
            places.update(self._places[note_id] for note_id in bearers)
        return sorted(places)


def _names_told(note: Note) -> str:
    """The names that a note says, and its tags that can name one thing: a class would bring all of it."""
    tags = {*note.tags} - {*topics(note.content)}
    return " ".join((*names(note.content)[:MAX_NAMES], *sorted(tags)))


def numbered(around: Iterable[tuple[Note, float]]) -> list[Neighbour]:
    """Notes with their cosine as numbered neighbours; those that can take no more links are left out."""
    shown: list[Neighbour] = []
    for note, cosine in around:
        if len(note.links) < MAX_LINKS:
            shown.append(Neighbour.model_construct(number=len(shown), note=note, similarity=cosine))
    return shown


def as_they_are(
    neighbours: Sequence[Neighbour], decision: Decision, state: Mapping[str, Note]
) -> tuple[list[Note], Decision]:
    """The neighbours as they stand now, and a decision about those that are still there and have room.

    A description decided on an outdated view is dropped, its link kept: the other writer wins.
    """
    kept: list[int] = []
    stale: list[int] = []
    for each in neighbours:
        now = state.get(each.note.id)
        if now is None or now.forgotten_at is not None or len(now.links) >= MAX_LINKS:
            continue
        kept.append(each.number)
        if now.revision != each.note.revision:
            stale.append(each.number)
    fitting = evolve.renumber(evolve.without(decision, stale), kept)
    return [state[neighbours[number].note.id] for number in kept], fitting
