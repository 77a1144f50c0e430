"""From a query to hits: candidates -> expansion -> ranking -> hits. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

import numpy as np

from .embedding import Embedding
from .errors import InvalidInput, LimitExceeded, ModelError, ZettelmemError
from .language.dates import span
from .language.general import asks_for_all
from .language.measure import without_measure
from .language.sameness import carries_nothing
from .language.terms import terms
from .limits import MAX_BUDGET, MAX_K, MAX_QUERY, within
from .linking import evolve
from .local import told_in
from .note import Note
from .protocols import Reranker
from .queries import Filter, Hit
from .ranking import evidence
from .ranking.candidates import Candidates, Query, name_words, nameless
from .ranking.currency import asks_about_now, newest_first
from .ranking.explain import cut, hits
from .ranking.score import Ranking, rank, reachable, reranked
from .ranking.signals import alike, anothers, bridges
from .store import Store
from .store.schema import Row
from .store.search import Search

DEPTH = 100
"""Candidates that each of the three searches brings to a recall."""
OLDER = 20
"""Notes that are no longer so, that each of the three searches brings."""
WHOLE = 1_000
"""Notes in sight up to which all of them are candidates."""
TELLERS = 5
"""Best notes of the first ranking whose words may name others."""
RERANKED = 50
"""Best notes that a reranker looks at once more."""


@dataclass(frozen=True)
class Wanted:
    """What a caller wants of a recall.

    Attributes:
        k: at most so many hits.
        expand: let the notes linked to the candidates vote and be found.
        budget: at most so many tokens of content; None for no limit.
        min_score: leave out hits below it, in [0, 1].
        explain: tell the weight of each signal.
        zone: whose days the reasons tell; UTC where None.
    """

    k: int = 10
    expand: bool = True
    budget: int | None = None
    min_score: float = 0.0
    explain: bool = False
    zone: tzinfo | None = None

    def check(self) -> None:
        """Raise InvalidInput, naming the range, unless all of it can be done."""
        within("k", self.k, 1, MAX_K)
        if not 0.0 <= self.min_score <= 1.0:
            raise InvalidInput(f"min_score is {self.min_score}; give 0 to 1")
        if self.budget is not None:
            within("budget_tokens", self.budget, 1, MAX_BUDGET)


class Recall:
    """Everything that finds notes.

    Args:
        store: where they are kept.
        embedding: what makes the query's vector.
        reranker: what looks at the best once more, if anything does.
    """

    def __init__(self, store: Store, embedding: Embedding, reranker: Reranker | None) -> None:
        self._store = store
        self._embedding = embedding
        self._reranker = reranker

    async def recall(self, query: str, sight: Filter, now: datetime, wanted: Wanted) -> list[Hit]:
        """The notes in sight that answer `query` best, best first; all of them if they fit the budget.

        Raises:
            InvalidInput: the query is blank or no text, `k` or `budget` out of range.
            LimitExceeded: the query is too long.
        """
        _check_query(query)
        wanted.check()
        search = await self._store.search(sight.namespace)
        if wanted.budget is not None:
            ids, size = await search.in_sight(sight)
            if size <= wanted.budget:
                return await self._all(query, ids, search, sight, now, wanted)
        asked = await self._query(query, search, now)
        candidates, older = await asyncio.gather(
            self._candidates(asked, search, sight, wanted), self._older(asked, search, sight)
        )
        if candidates is None:
            return []
        seen = len(candidates)
        candidates = candidates if older is None else candidates.plus(older)
        ranked, rows = await self._ranked(asked, candidates, seen, search, wanted)
        good_enough = ranked.scores[ranked.order] >= wanted.min_score
        places = ranked.order[good_enough].tolist()
        found = _hits(asked, candidates, ranked, places[: wanted.k], rows, sight, wanted)
        return found if wanted.budget is None else cut(found, wanted.budget)

    async def _query(self, query: str, search: Search, now: datetime) -> Query:
        people = await search.people()
        vector = await self._embedding.query(nameless(query, people))
        return Query(query, tuple(dict.fromkeys(terms(without_measure(query)))), vector, span(query, now))

    async def _candidates(
        self, query: Query, search: Search, sight: Filter, wanted: Wanted
    ) -> Candidates | None:
        """What the searches bring, and what the best of it is linked with; None where nothing is in sight."""
        depth = max(DEPTH, wanted.k)
        candidates, complete = await search.candidates(sight, query, depth, WHOLE)
        if candidates is None or not len(candidates):
            return None
        if complete or not wanted.expand:
            return candidates
        beyond = reachable(candidates, rank(candidates, query, expand=False))
        linked = await search.look(beyond, sight, query) if beyond else None
        return candidates if linked is None else candidates.plus(linked)

    async def _older(self, query: Query, search: Search, sight: Filter) -> Candidates | None:
        """Older words on some matter that are no longer so; None where there are none, or they are wanted.

        Nobody sees them, but their words lead to the newest: "I live in Porto." finds "Braga is home."
        """
        if sight.valid_at is None or sight.known_at is not None or not asks_about_now(query):
            return None
        over = sight.model_copy(update={"valid_at": None, "over_at": sight.valid_at})
        older, _ = await search.candidates(over, query, OLDER, OLDER)
        return older if older is not None and any(older.newer) else None

    async def _ranked(
        self, query: Query, candidates: Candidates, seen: int, search: Search, wanted: Wanted
    ) -> tuple[Ranking, dict[str, Row]]:
        """The order of the first `seen` candidates, and the rows of the best, at least k of them."""
        ranked = rank(candidates, query, expand=wanted.expand)
        looked = evidence.looked_at(ranked)
        places = [*ranked.order[: max(wanted.k, TELLERS)].tolist(), *looked]
        rows = await _rows(candidates, places, search, {})
        ranked = await self._weighed(query, candidates, ranked, looked, rows)
        tellers = (candidates.ids[place] for place in ranked.order[:TELLERS])
        best = {note_id: rows[note_id].note.content for note_id in tellers if note_id in rows}
        ranked = ranked.plus("bridge", bridges(candidates, query.text, best))
        ranked = newest_first(candidates, ranked, query).only(seen)
        count = wanted.k if self._reranker is None else max(wanted.k, RERANKED)
        places = ranked.order[:count].tolist()
        rows = await _rows(candidates, places, search, rows)
        if self._reranker is not None:
            ranked = await self._reranked(self._reranker, query.text, candidates, ranked, places, rows)
        return ranked, rows

    async def _weighed(
        self,
        query: Query,
        candidates: Candidates,
        ranked: Ranking,
        places: Sequence[int],
        rows: Mapping[str, Row],
    ) -> Ranking:
        """The order after a closer look at the words of the candidates at `places`, and its evidence.

        A greeting asks for nothing: there is no evidence for it.
        """
        if carries_nothing(query.text):
            return ranked
        asked = evidence.words_of(without_measure(query.text))
        there = [place for place in places if candidates.ids[place] in rows]
        found = [rows[candidates.ids[place]] for place in there]
        words = [evidence.words_told(row.note.content) for row in found]
        every = [word for word, _ in asked]
        for of_note in words:
            every += of_note
        units, lengths = await self._embedding.words(every)
        count = len(asked)
        likest = evidence.likest(units[:count], units[count:], [len(each) for each in words])
        pairs = zip(found, likest, strict=True)
        shares = np.array(
            [evidence.held(asked, lengths[:count], row.around_terms, like) for row, like in pairs]
        )
        contents = {place: row.note.content for place, row in zip(there, found, strict=True)}
        ranked = ranked.plus("another", anothers(candidates, query.text, contents))
        strongest = evidence.strongest(candidates, query, there, shares)
        if asks_for_all((word for word, _ in asked), name_words(candidates.people)):
            strongest = max(strongest, evidence.ANY)
        return replace(ranked.plus("likeness", alike(candidates, there, shares)), evidence=strongest)

    async def _reranked(
        self,
        reranker: Reranker,
        query: str,
        candidates: Candidates,
        ranked: Ranking,
        places: Sequence[int],
        rows: Mapping[str, Row],
    ) -> Ranking:
        """The order after the reranker's second look at the notes at `places`."""
        places = [place for place in places if candidates.ids[place] in rows]
        texts = [rows[candidates.ids[place]].note.content for place in places]
        try:
            given = await asyncio.to_thread(reranker.score, query, texts)
        except ZettelmemError:
            raise
        except Exception as error:  # a vendor's code may raise anything
            raise ModelError(f"reranker {reranker.name} failed: {error!r}"[:500]) from error
        if len(given) != len(texts):
            raise ModelError(f"reranker {reranker.name} gave {len(given)} scores for {len(texts)} texts")
        return reranked(ranked, places, given)

    async def _all(
        self,
        query: str,
        ids: Sequence[str],
        search: Search,
        sight: Filter,
        now: datetime,
        wanted: Wanted,
    ) -> list[Hit]:
        """Every note in sight, in the order it happened."""
        if not ids:
            return []
        asked = await self._query(query, search, now)
        candidates = await search.look(ids, sight, asked)
        if candidates is None:
            return []
        ranked = rank(candidates, asked)
        rows = await search.rows(candidates.ids)
        looked = evidence.looked_at(ranked)
        ranked = await self._weighed(asked, candidates, ranked, looked, rows)
        found = _hits(asked, candidates, ranked, ranked.order.tolist(), rows, sight, wanted)
        return sorted(found, key=lambda hit: (hit.note.occurred_at, hit.note.position, hit.note.id))


async def _rows(
    candidates: Candidates, places: Iterable[int], search: Search, have: Mapping[str, Row]
) -> dict[str, Row]:
    """The rows of the candidates at these places, and those that are at hand."""
    ids = (candidates.ids[place] for place in places)
    lacking = [note_id for note_id in ids if note_id not in have]
    return {**have, **await search.rows(lacking)}


def _hits(
    query: Query,
    candidates: Candidates,
    ranked: Ranking,
    places: Iterable[int],
    rows: Mapping[str, Row],
    sight: Filter,
    wanted: Wanted,
) -> list[Hit]:
    """The candidates at these places as hits, as they stood when the filter asks."""
    notes: dict[str, Note] = {}
    words: dict[str, tuple[set[str], set[str]]] = {}
    for place in places:
        row = rows.get(candidates.ids[place])
        note = None if row is None else _as_known(row.note, sight)
        if row is not None and note is not None:
            notes[note.id] = told_in(wanted.zone, note)
            words[note.id] = {*row.content_terms.split()}, {*row.around_terms.split()}
    there = [place for place in places if candidates.ids[place] in notes]
    return hits(without_measure(query.text), candidates, ranked, there, notes, words, explain=wanted.explain)


def _as_known(note: Note, sight: Filter) -> Note | None:
    """The note as it stood when the filter asks; None if it was known to be over by then."""
    if sight.known_at is None:
        return note
    then = evolve.known_at(note, sight.known_at)
    over = sight.valid_at is not None and then.invalid_at is not None and then.invalid_at <= sight.valid_at
    return None if over else then


def _check_query(query: str) -> None:
    if len(query) > MAX_QUERY:
        raise LimitExceeded(f"query is over {MAX_QUERY:,} characters; ask with its gist")
    if not query.strip():
        raise InvalidInput("query is blank; ask something, or list notes with `notes`")
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "query holds half a surrogate pair, which is no text; decode the bytes with errors='replace'"
        ) from error
