"""From a query to hits: embed, search, look at what is linked, rank, make whole notes of the best."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from . import ranking
from .embedding import Embedding
from .errors import InvalidInput, LimitExceeded, ModelError, ZettelmemError
from .language.dates import span
from .limits import MAX_BUDGET, MAX_K, MAX_QUERY, within
from .linking import evolve
from .namespace import Namespace
from .note import Note
from .protocols import Reranker, Vectors
from .queries import Filter, Hit
from .store import Hydrate, Store

DEPTH = 100
"""Candidates that each of the searches brings to a recall."""
SMALL = 1_000
"""Notes up to which a namespace is read whole rather than searched."""
KEPT = 16
"""Namespaces read whole that stay in memory for as long as the table does not change: 2 MB each at most."""
KNOWN = 1_000
"""Namespaces whose speakers and number of notes stay in memory."""
ROOM = 4 << 20
"""Bytes that the notes of such a namespace may take, too, once it is asked again."""
SPARE = 10
"""Notes read beyond the k best, because the notes linked to them may change the order."""
TELLERS = 5
"""Best notes of the first ranking whose words may name others."""
RERANKED = 50
"""Best notes that a reranker looks at once more."""


_Found = tuple[ranking.Candidates, ranking.Ranking, dict[str, Note]]


@dataclass
class _Kept:
    """A namespace in memory as it was at a version of the table."""

    version: int
    candidates: ranking.Candidates
    notes: Hydrate | None = None
    again: bool = False


@dataclass(frozen=True)
class _Searched:
    """What a query found: candidates, whether they are all there is in sight, and how they match."""

    candidates: ranking.Candidates
    notes: Hydrate | None
    complete: bool
    matched: ranking.Matched
    query: str
    vector: Vectors
    asked: tuple[datetime, datetime] | None

    def plus(self, more: ranking.Candidates) -> _Searched:
        return replace(self, candidates=self.candidates.plus(more))

    def ranked(self, *, expand: bool) -> ranking.Ranking:
        return ranking.rank(self.candidates, self.matched, self.query, self.vector, self.asked, expand=expand)


class Recalling:
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
        self._speakers: dict[Namespace, tuple[int, list[str], int]] = {}
        self._surveys: dict[Filter, _Kept] = {}

    async def recall(
        self,
        query: str,
        sight: Filter,
        now: datetime,
        *,
        k: int,
        expand: bool,
        budget: int | None,
        min_score: float,
        explain: bool,
    ) -> list[Hit]:
        """The notes in sight that answer `query` best, best first; all of them if they fit the budget.

        Raises:
            InvalidInput: the query is blank or no text, `k` or `budget` out of range.
            LimitExceeded: the query is too long.
        """
        _check_query(query)
        within("k", k, 1, MAX_K)
        if not 0.0 <= min_score <= 1.0:
            raise InvalidInput(f"min_score is {min_score}; give 0 to 1")
        whole = False
        if budget is not None:
            within("budget_tokens", budget, 1, MAX_BUDGET)
            found = await self._store.columns(sight, ["id", "size"])
            whole = sum(map(ranking.tokens_of, found["size"])) <= budget
            if not found["id"]:
                return []
        candidates, ranked, notes = (
            await self._whole(query, sight, now, found["id"])
            if whole
            else await self._best(query, sight, now, k, expand=expand)
        )
        notes = _as_known(notes, sight)
        scores = ranked.scores
        places = [
            int(i) for i in ranked.order if candidates.ids[i] in notes and (whole or scores[i] >= min_score)
        ]
        hits = ranking.hits(
            query, candidates, ranked, places if whole else places[:k], notes, explain=explain
        )
        if whole:
            return sorted(hits, key=lambda hit: (hit.note.occurred_at, hit.note.position, hit.note.id))
        return hits if budget is None else ranking.cut(hits, budget)

    async def _whole(self, query: str, sight: Filter, now: datetime, ids: list[str]) -> _Found:
        """Every note in sight."""
        found = await self._search(query, sight, now, len(ids))
        rest, _ = await self._store.look(set(ids) - set(found.candidates.ids), sight)
        found = found.plus(rest)
        return found.candidates, found.ranked(expand=True), await self._get(found, found.candidates.ids)

    async def _best(self, query: str, sight: Filter, now: datetime, k: int, *, expand: bool) -> _Found:
        """The best notes in sight, at least k of them."""
        found = await self._search(query, sight, now, max(DEPTH, k))
        candidates = found.candidates
        if not len(candidates):
            return candidates, ranking.Ranking.none(), {}
        ranked = found.ranked(expand=expand)
        if found.complete:
            notes = await self._get(found, (candidates.ids[i] for i in ranked.order[: max(k, TELLERS)]))
        else:
            # One read brings the likely hits and the notes linked to the best; those take part from here.
            likely = [candidates.ids[i] for i in ranked.order[: k + SPARE]]
            reachable = ranking.reachable(candidates, ranked) if expand else []
            linked, hydrate = await self._store.look([*likely, *reachable], sight)
            notes = hydrate(likely[: max(k, TELLERS)])
            if len(linked) and reachable:
                found = found.plus(linked)
                candidates, ranked = found.candidates, found.ranked(expand=expand)
        tellers = [candidates.ids[i] for i in ranked.order[:TELLERS]]
        told = {note_id: notes[note_id].content for note_id in tellers if note_id in notes}
        ranked = ranked.plus("bridge", ranking.bridges(candidates, query, told))
        best = [candidates.ids[i] for i in ranked.order[: max(k, RERANKED) if self._reranker else k]]
        notes |= await self._get(found, (note_id for note_id in best if note_id not in notes))
        if self._reranker is not None:
            ranked = await self._reranked(query, candidates, ranked, notes)
        return candidates, ranked, notes

    async def _reranked(
        self,
        query: str,
        candidates: ranking.Candidates,
        ranked: ranking.Ranking,
        notes: Mapping[str, Note],
    ) -> ranking.Ranking:
        """The same order after the reranker's second look at the notes."""
        assert self._reranker is not None
        places = [i for i, note_id in enumerate(candidates.ids) if note_id in notes]
        texts = [notes[candidates.ids[i]].content for i in places]
        try:
            given = await asyncio.to_thread(self._reranker.score, query, texts)
        except ZettelmemError:
            raise
        except Exception as error:  # a vendor's code may raise anything
            raise ModelError(f"reranker {self._reranker.name} failed: {error!r}"[:500]) from error
        if len(given) != len(texts):
            raise ModelError(
                f"reranker {self._reranker.name} gave {len(given)} scores for {len(texts)} texts"
            )
        return ranking.reranked(ranked, places, given)

    async def _search(self, query: str, sight: Filter, now: datetime, depth: int) -> _Searched:
        version = await self._store.version()
        speakers, count = await self._who_speaks(sight.namespace, version)
        embedded = self._embedding.query(ranking.nameless(query, speakers))
        asked = span(query, now)
        if count > SMALL:
            vector = await embedded
            candidates, matched = await self._store.search(sight, query, vector, depth)
            return _Searched(candidates, None, False, matched, query, vector, asked)
        # Reading them all is cheaper than searching, and nothing linked is missed.
        vector, (candidates, notes), matched = await asyncio.gather(
            embedded, self._survey(sight, version), self._store.match(sight, query)
        )
        return _Searched(candidates, notes, True, matched, query, vector, asked)

    async def _survey(self, sight: Filter, version: int) -> tuple[ranking.Candidates, Hydrate | None]:
        """Every note in sight; what was read stays until the table changes.

        The first time only what ranks them is read. Whoever asks again before anything is written will ask
        more, so then the notes themselves are kept as well.
        """
        if sight.known_at is not None:  # then what was valid depends on what was known
            return await self._store.survey(sight), None
        wider = sight.model_copy(update={"valid_at": None})
        kept = self._surveys.get(wider)
        if kept is None or kept.version != version:
            kept = _Kept(version, await self._store.survey(wider))
        elif not kept.again:
            kept.again = True  # first, so that of recalls at the same time one reads them
            kept.notes = await self._store.hydrate(wider, ROOM)
        self._surveys.pop(wider, None)
        self._surveys[wider] = kept  # the one asked last stands last
        while len(self._surveys) > KEPT:
            self._surveys.pop(next(iter(self._surveys)))
        found = kept.candidates if sight.valid_at is None else kept.candidates.valid(sight.valid_at)
        return found, kept.notes

    async def _get(self, found: _Searched, ids: Iterable[str]) -> dict[str, Note]:
        return await self._store.get(ids) if found.notes is None else found.notes(ids)

    async def _who_speaks(self, namespace: Namespace, version: int) -> tuple[list[str], int]:
        """Who ever said something in the namespace, and how many notes it holds; kept per table version."""
        kept = self._speakers.get(namespace)
        if kept is None or kept[0] != version:
            names = (await self._store.columns(Filter(namespace=namespace), ["who"]))["who"]
            kept = (version, sorted({name for name in names if name}), len(names))
            self._speakers.pop(namespace, None)
            self._speakers[namespace] = kept
            if len(self._speakers) > KNOWN:
                del self._speakers[next(iter(self._speakers))]
        return kept[1], kept[2]


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


def _as_known(notes: Mapping[str, Note], sight: Filter) -> dict[str, Note]:
    """The notes as they stood when the filter asks, without those that were known to be over by then."""
    if sight.known_at is None:
        return dict(notes)
    then = {note_id: evolve.known_at(note, sight.known_at) for note_id, note in notes.items()}
    return {
        note_id: note
        for note_id, note in then.items()
        if sight.valid_at is None or note.invalid_at is None or note.invalid_at > sight.valid_at
    }
