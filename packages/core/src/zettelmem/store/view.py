"""A namespace in memory: all that finding notes in it needs, exact, brought up to date row by row."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zettelmem.namespace import Namespace
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.ranking.candidates import Candidates, Query
from zettelmem.ranking.names import Names
from zettelmem.values import tag_key

from .postings import Postings
from .schema import FLOATS, LEXICAL, NOTE_COLUMNS, Row, matrix, namespace_of, to_row

if TYPE_CHECKING:
    import pyarrow as pa

Slots = NDArray[np.intp]
"""Places of notes in a view, shape (n,)."""

_Cold = bytes | tuple[Sequence["pa.Array"], int]
"""The columns of a row that make a note: pickled, or its place in columns that were read from the table."""
FEW_VECTORS = 16
"""Vectors from which a product of matrices pays."""
KEPT_ROWS = 4_096
"""Rows that a view keeps as objects; the others are made anew from their bytes when they are asked for."""
_COLD = [*NOTE_COLUMNS, "before", "after"]
_TIMES = ("occurred_at", "recorded_at", "invalid_at", "closed_at")
_FLAGS = ("live", "resting", "waiting", "says_when", "asks", "answers", "idle")
_NUMBERS = ("position", "trust", "length", "size", "revision")
_PLAIN = (*_FLAGS, *_NUMBERS)
_CODED = ("namespace", "thread", "kind", "who", "via")
VIEW_COLUMNS = list(
    dict.fromkeys([*_COLD, *_TIMES, *_PLAIN, "linked", "link_weights", "newer", *LEXICAL, *FLOATS])
)
"""The columns that a view is filled from."""
_LISTED = ["id", "tags", "linked", "newer", *_CODED, *LEXICAL]
_ALL_LISTED = [name for name in VIEW_COLUMNS if name not in FLOATS]
MANY = 64
"""Rows from which they stay together in memory as they were read, and are not made objects one by one."""
_FACTS = np.dtype(
    [
        *((name, np.int32) for name in _CODED),
        *((name, np.float64) for name in _TIMES),
        *((name, np.bool_) for name in _FLAGS),
        *((name, np.int64) for name in _NUMBERS),
    ]
)


class View:
    """The notes of a namespace and all below it, each in a slot of its own for as long as the view lives.

    Args:
        namespace: whose notes.
        dimensions: of a vector.

    Attributes:
        version: the version of the table that it shows.
        ids: the note in each slot.
    """

    def __init__(self, namespace: Namespace, dimensions: int) -> None:
        self.namespace = namespace
        self.version = 0
        self.ids: list[str] = []
        self._slots: dict[str, int] = {}
        self._facts = np.zeros(64, _FACTS)
        self._contents = np.zeros((64, dimensions), np.float32)
        self._vectors = np.zeros((64, dimensions), np.float32)
        self._codes: dict[str, dict[str | None, int]] = {name: {None: -1} for name in _CODED}
        self._words = {name: Postings() for name in LEXICAL}
        self._terms: dict[str, list[str]] = {name: [] for name in LEXICAL}
        self._tagged: dict[str, set[int]] = {}
        self._tags: list[tuple[str, ...]] = []
        self._names = Names()
        self._linked: list[tuple[str, ...]] = []
        self._weights: list[tuple[float, ...]] = []
        self._newer: list[tuple[str, ...]] = []
        self._cold: list[_Cold] = []
        self._cold_size = 0
        self._rows: OrderedDict[str, Row] = OrderedDict()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        arrays = self._facts.nbytes + self._contents.nbytes + self._vectors.nbytes
        return arrays + self._cold_size + sum(each.size for each in self._words.values()) + 600 * len(self)

    # --- filling ---------------------------------------------------------------------------------

    def apply(
        self,
        rows: pa.Table,
        columns: Mapping[str, list[Any]] | None = None,
        fresh: Mapping[str, Row] | None = None,
    ) -> None:
        """Take in rows as they are now, the columns `VIEW_COLUMNS` given: new notes and changed ones.

        Args:
            rows: as the table holds them.
            columns: the same as lists, where they are at hand.
            fresh: the same as objects, where they are at hand.
        """
        if not len(rows):
            return
        many = columns is None and len(rows) >= MANY
        if columns is None:
            wanted = _LISTED if many else _ALL_LISTED
            columns = {name: rows[name].to_pylist() for name in wanted}
        weights = rows["link_weights"].to_pylist()  # rounded as the table holds them
        first = len(self)
        slots = np.array([self._slot(note_id) for note_id in columns["id"]], np.intp)
        facts = self._facts
        for name in _CODED:
            codes = self._codes[name]
            facts[name][slots] = [codes.setdefault(each, len(codes) - 1) for each in columns[name]]
        for name in _TIMES:
            facts[name][slots] = _seconds(rows[name]) if many else [at.timestamp() for at in columns[name]]
        for name in _PLAIN:
            facts[name][slots] = rows[name].to_numpy() if many else columns[name]
        self._contents[slots] = matrix(rows["content_vector"])
        self._vectors[slots] = matrix(rows["vector"])
        if many and np.array_equal(slots, np.arange(first, first + len(slots))):
            self._read_all_words(rows, columns)
        together = [rows[name].combine_chunks() for name in _COLD] if many else []
        self._cold_size += sum(column.nbytes for column in together)
        for place, slot in enumerate(slots.tolist()):
            self._weights[slot] = tuple(weights[place])
            self._read_lists(slot, columns, place)
            self._read_words(slot, columns, place)
            self._cold_size -= _size(self._cold[slot])
            if together:
                self._cold[slot] = together, place
            else:
                cold = tuple(columns[name][place] for name in _COLD)
                self._cold[slot] = pickle.dumps(cold, pickle.HIGHEST_PROTOCOL)
                self._cold_size += _size(self._cold[slot])
            self._rows.pop(self.ids[slot], None)
        if fresh is not None:
            for note_id in columns["id"]:
                self._keep(note_id, fresh[note_id])

    def _slot(self, note_id: str) -> int:
        slot = self._slots.get(note_id)
        if slot is not None:
            return slot
        slot = self._slots[note_id] = len(self.ids)
        self.ids.append(note_id)
        self._tags.append(())
        self._linked.append(())
        self._weights.append(())
        self._newer.append(())
        self._cold.append(b"")
        if slot == len(self._facts):
            room = (slot * 3) // 2
            self._facts = np.concatenate([self._facts, np.zeros(room - slot, _FACTS)])
            self._contents = _grown(self._contents, room)
            self._vectors = _grown(self._vectors, room)
        return slot

    def _read_lists(self, slot: int, columns: Mapping[str, list[Any]], place: int) -> None:
        self._linked[slot] = tuple(columns["linked"][place])
        self._newer[slot] = tuple(columns["newer"][place])
        keys = tuple(map(tag_key, columns["tags"][place]))
        if keys == self._tags[slot]:
            return
        for key in self._tags[slot]:
            self._tagged[key].discard(slot)
        for key in keys:
            self._tagged.setdefault(key, set()).add(slot)
        self._names.discard(self.ids[slot], self._tags[slot])
        self._names.add(self.ids[slot], keys)
        self._tags[slot] = keys

    def _read_words(self, slot: int, columns: Mapping[str, list[Any]], place: int) -> None:
        for name, postings in self._words.items():
            known, text = self._terms[name], columns[name][place]
            if slot == len(known):
                known.append(text)
                postings.add(slot, text)
            elif known[slot] != text:
                postings.replace(slot, known[slot], text)
                known[slot] = text

    def _read_all_words(self, rows: pa.Table, columns: Mapping[str, list[Any]]) -> None:
        for name, postings in self._words.items():
            postings.add_all(rows[name].combine_chunks())
            self._terms[name] += columns[name]

    # --- rows ------------------------------------------------------------------------------------

    def rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """The rows of these notes that exist, by id, forgotten ones too."""
        rows: dict[str, Row] = {}
        absent: dict[str, int] = {}
        for note_id in dict.fromkeys(ids):
            slot = self._slots.get(note_id)
            row = self._rows.get(note_id)
            if row is not None:
                rows[note_id] = row
            elif slot is not None:
                absent[note_id] = slot
        made = zip(absent, self._read_cold([*absent.values()]), strict=True)
        for note_id, row in [*rows.items(), *made]:
            self._keep(note_id, row)
            rows[note_id] = row
        return rows

    def _read_cold(self, slots: list[int]) -> list[Row]:
        """The rows in these slots, made anew."""
        made: list[Row] = []
        for slot in slots:
            cold = self._cold[slot]
            if isinstance(cold, bytes):
                cells = pickle.loads(cold)
            else:
                cells = [column[cold[1]].as_py() for column in cold[0]]
            values = dict(zip(_COLD, cells, strict=True))
            values |= {name: self._terms[name][slot] for name in LEXICAL}
            made.append(to_row(values, self._contents[slot].copy(), self._vectors[slot].copy()))
        return made

    def _keep(self, note_id: str, row: Row) -> None:
        self._rows[note_id] = row
        self._rows.move_to_end(note_id)
        if len(self._rows) > KEPT_ROWS:
            self._rows.popitem(last=False)

    # --- finding ---------------------------------------------------------------------------------

    def people(self) -> list[str]:
        """Everybody who said something here, by their code; "" for who is told as the speaker no more."""
        names = [name for name in self._codes["who"] if name is not None]
        counts = np.bincount(self._facts["who"][: len(self)] + 1, minlength=len(names) + 1)
        return [name if count else "" for name, count in zip(names, counts[1:], strict=True)]

    def last_of_thread(self, namespace: Namespace, thread: str) -> str | None:
        """The last note of a thread of exactly this namespace that was not forgotten."""
        seen = self._seen(Filter(namespace=namespace, exact=True, thread=thread))
        slots = np.flatnonzero(seen)
        if not len(slots):
            return None
        positions = self._facts["position"][slots]
        last: list[int] = slots[positions == positions.max()].tolist()
        return max(self.ids[slot] for slot in last)

    def nearest(self, sight: Filter, vectors: Vectors, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the notes with the nearest contents and their cosine, nearest first.

        Args:
            sight: which notes may be found.
            vectors: unit vectors, float32, shape (n, dimensions).
            limit: at most so many for each.
        """
        slots = np.flatnonzero(self._seen(sight))
        if not len(slots):
            return [[] for _ in vectors]
        every = len(slots) == len(self)
        contents = self._contents[: len(self)] if every else self._contents[slots]
        return [self._best(slots, each, limit) for each in _cosines(contents, vectors)]

    def worded(self, sight: Filter, queries: Sequence[Sequence[str]], limit: int) -> list[list[str]]:
        """For each list of terms the ids of the notes that they match best, best first."""
        seen = self._seen(sight)
        found: list[list[str]] = []
        for terms in queries:
            scores = self._words["around_terms"].scores(terms, seen)
            slots = np.flatnonzero(scores)
            found.append([note_id for note_id, _ in self._best(slots, scores[slots], limit)])
        return found

    def cosines(self, ids: Sequence[str], vector: Vectors) -> list[float]:
        """The cosine of each note's content to a unit vector."""
        slots = [self._slots[note_id] for note_id in ids]
        cosines: list[float] = _cosines(self._contents[slots], vector[None])[0].tolist()
        return cosines

    def _best(self, slots: Slots, scores: NDArray[Any], limit: int) -> list[tuple[str, float]]:
        pairs = [(self.ids[slots[place]], float(scores[place])) for place in _top(scores, limit)]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def search(self, sight: Filter, query: Query, depth: int, whole: int) -> tuple[Candidates, bool]:
        """The best by words of the content, by words around it and by meaning, or all notes if they are few.

        Args:
            sight: which notes may be found.
            query: what is asked.
            depth: how many each of the three searches brings.
            whole: notes in sight up to which all of them are candidates.

        Returns:
            The candidates, and whether they are all that is in sight.
        """
        seen = self._seen(sight)
        slots = np.flatnonzero(seen)
        if not len(slots):
            nothing = np.zeros(len(self))
            return self._candidates(slots, nothing, nothing), True
        content, around = (self._words[name].scores(query.terms, seen) for name in LEXICAL)
        if len(slots) <= whole:
            return self._candidates(slots, content, around), True
        (meaning,) = _cosines(self._vectors[: len(self)], query.vector[None])
        meaning[~seen] = -2.0
        best = [_top(scores, depth) for scores in (content, around, meaning)]
        found = np.unique(
            np.concatenate([best[0][content[best[0]] > 0], best[1][around[best[1]] > 0], best[2]])
        )
        return replace(self._candidates(found[seen[found]], content, around), best_of=len(slots)), False

    def look(self, ids: Iterable[str], sight: Filter, query: Query) -> Candidates:
        """The notes of these ids that are in sight, as candidates."""
        seen = self._seen(sight)
        slots = np.array([self._slots[each] for each in ids if each in self._slots], np.intp)
        slots = slots[seen[slots]] if len(slots) else slots
        content, around = (self._words[name].scores(query.terms, seen) for name in LEXICAL)
        return self._candidates(slots, content, around)

    def _candidates(self, slots: Slots, content: NDArray[Any], around: NDArray[Any]) -> Candidates:
        facts = self._facts[slots]
        places = slots.tolist()
        return Candidates(
            ids=[self.ids[slot] for slot in places],
            threads=facts["thread"],
            speakers=facts["who"],
            people=self.people(),
            occurred=facts["occurred_at"],
            lengths=facts["length"],
            says_when=facts["says_when"],
            asks=facts["asks"],
            answers=facts["answers"],
            linked=[self._linked[slot] for slot in places],
            link_weights=[self._weights[slot] for slot in places],
            newer=[self._newer[slot] for slot in places],
            resting=facts["resting"],
            idle=facts["idle"],
            vectors=self._vectors[slots],
            names=self._names,
            content=content[slots],
            around=around[slots],
        )

    def tokens(self, sight: Filter) -> int:
        """About how many tokens the contents in sight have together: a token for every four bytes."""
        sizes = self._facts["size"][: len(self)][self._seen(sight)]
        return int(np.sum(-(-sizes // 4)))

    def ids_seen(self, sight: Filter) -> list[str]:
        """The notes in sight."""
        return [self.ids[slot] for slot in np.flatnonzero(self._seen(sight)).tolist()]

    def _seen(self, sight: Filter) -> NDArray[np.bool_]:
        """Which slots a filter lets be seen, shape (slots,)."""
        facts = self._facts[: len(self)]
        seen = facts["live"].copy()
        if sight.exact or sight.namespace != self.namespace:
            covered = [code for column, code in self._codes["namespace"].items() if _covers(sight, column)]
            seen &= np.isin(facts["namespace"], covered)
        if sight.kinds is not None:
            seen &= np.isin(facts["kind"], [self._codes["kind"].get(kind, -2) for kind in sight.kinds])
        if sight.tags is not None:
            tagged = [self._tagged.get(tag_key(tag), set()) for tag in sight.tags]
            members = np.zeros(len(self), bool)
            members[list(set().union(*tagged))] = True
            seen &= members
        if sight.thread is not None:
            seen &= np.isin(facts["thread"], self._alike("thread", sight.thread))
        if sight.via is not None:
            seen &= facts["via"] == self._codes["via"].get(sight.via, -2)
        if sight.min_trust:
            seen &= facts["trust"] >= int(sight.min_trust)
        if sight.pending:
            seen &= facts["waiting"]
        return seen & self._timely(facts, sight)

    def _alike(self, name: str, value: str) -> list[int]:
        """The codes of what is written like `value` but for case."""
        folded = value.lower()
        codes = self._codes[name]
        return [code for each, code in codes.items() if each is not None and each.lower() == folded]

    def _timely(self, facts: NDArray[Any], sight: Filter) -> NDArray[np.bool_]:
        seen = np.ones(len(facts), bool)
        if sight.since is not None:
            seen &= facts["occurred_at"] >= sight.since.timestamp()
        if sight.until is not None:
            seen &= facts["occurred_at"] < sight.until.timestamp()
        if sight.over_at is not None:
            seen &= facts["invalid_at"] <= sight.over_at.timestamp()
        if sight.known_at is not None:
            seen &= facts["recorded_at"] <= sight.known_at.timestamp()
        if sight.valid_at is not None:
            valid = facts["invalid_at"] > sight.valid_at.timestamp()
            if sight.known_at is not None:  # closed by then, but nobody knew it yet
                valid |= facts["closed_at"] > sight.known_at.timestamp()
            seen &= valid
        return seen


def _cosines(contents: Vectors, vectors: Vectors) -> Vectors:
    """The cosine of each vector to each content, float32, shape (vectors, contents).

    Few vectors are not worth a BLAS: it starts threads for them that wait by spinning, and burns a
    hundred times what the sums cost.
    """
    if len(vectors) >= FEW_VECTORS:
        cosines: Vectors = vectors @ contents.T
        return cosines
    return np.stack([np.einsum("ij,j->i", contents, vector) for vector in vectors])


def _size(cold: _Cold) -> int:
    """Bytes of a row; its share of what was read with it."""
    if isinstance(cold, bytes):
        return len(cold)
    return int(sum(column.nbytes for column in cold[0])) // len(cold[0][0])


def _seconds(times: pa.ChunkedArray) -> NDArray[np.float64]:
    seconds: NDArray[np.float64] = times.cast("int64").to_numpy() / 1e6
    return seconds


def _covers(sight: Filter, column: str | None) -> bool:
    return column is not None and sight.covers(namespace_of(column))


def _grown(vectors: Vectors, room: int) -> Vectors:
    grown = np.zeros((room, vectors.shape[1]), np.float32)
    grown[: len(vectors)] = vectors
    return grown


def _top(scores: NDArray[Any], depth: int) -> Slots:
    if len(scores) <= depth:
        return np.arange(len(scores))
    return np.argpartition(-scores, depth - 1)[:depth]
