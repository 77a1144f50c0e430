"""From a query to hits: embed, search, look at what is linked, rank, make whole notes of the best."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from . import evolution, ranking
from .dates import span
from .embedding import Embedding
from .errors import InvalidInput, LimitExceeded, ModelError, ZettelmemError
from .note import Filter, Hit, Namespace, Note, within
from .protocols import Reranker, Vectors
from .store import Store

DEPTH = 100
"""Candidates that each of the searches brings to a recall."""
SMALL = 1_000
"""Notes up to which a namespace is read whole rather than searched."""
SPARE = 10
"""Notes read beyond the k best, because the notes linked to them may change the order."""
TELLERS = 5
"""Best notes of the first ranking whose words may name others."""
RERANKED = 50
"""Best notes that a reranker looks at once more."""
MAX_QUERY = 10_000
"""Characters of a query."""
MAX_K = 1_000
"""Hits of one recall."""
MAX_BUDGET = 10_000_000
"""Tokens that a recall may be asked to fill."""


_Found = tuple[ranking.Candidates, ranking.Ranking, dict[str, Note]]


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
        places = [
            int(i)
            for i in ranked.order
            if candidates.ids[i] in notes and (whole or ranked.scores[i] >= min_score)
        ]
        hits = ranking.hits(
            query, candidates, ranked, places if whole else places[:k], notes, explain=explain
        )
        if whole:
            return sorted(hits, key=lambda hit: (hit.note.occurred_at, hit.note.position, hit.note.id))
        return hits if budget is None else ranking.cut(hits, budget)

    async def _whole(self, query: str, sight: Filter, now: datetime, ids: list[str]) -> _Found:
        """Every note in sight."""
        candidates, vector, _ = await self._search(query, sight, len(ids))
        rest, _ = await self._store.look(set(ids) - set(candidates.ids), sight)
        candidates = candidates.plus(rest)
        ranked = ranking.rank(candidates, query, vector, span(query, now))
        return candidates, ranked, await self._store.get(candidates.ids)

    async def _best(self, query: str, sight: Filter, now: datetime, k: int, *, expand: bool) -> _Found:
        """The best notes in sight, at least k of them."""
        candidates, vector, complete = await self._search(query, sight, max(DEPTH, k))
        if not len(candidates):
            return candidates, ranking.Ranking.none(), {}
        asked = span(query, now)
        ranked = ranking.rank(candidates, query, vector, asked, expand=expand)
        if complete:
            notes = await self._store.get(candidates.ids[i] for i in ranked.order[: max(k, TELLERS)])
        else:
            # One read brings the likely hits and the notes linked to the best; those take part from here.
            likely = [candidates.ids[i] for i in ranked.order[: k + SPARE]]
            reachable = ranking.reachable(candidates, ranked) if expand else []
            linked, hydrate = await self._store.look([*likely, *reachable], sight)
            notes = hydrate(likely[: max(k, TELLERS)])
            if len(linked) and reachable:
                candidates = candidates.plus(linked)
                ranked = ranking.rank(candidates, query, vector, asked, expand=expand)
        tellers = [candidates.ids[i] for i in ranked.order[:TELLERS]]
        told = {note_id: notes[note_id].content for note_id in tellers if note_id in notes}
        ranked = ranked.plus("bridge", ranking.bridges(candidates, query, told))
        best = [candidates.ids[i] for i in ranked.order[: max(k, RERANKED) if self._reranker else k]]
        notes |= await self._store.get(note_id for note_id in best if note_id not in notes)
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

    async def _search(
        self, query: str, sight: Filter, depth: int
    ) -> tuple[ranking.Candidates, Vectors, bool]:
        """Candidates, the query's vector, and whether the candidates are all there is in sight."""
        speakers, count = await self._who_speaks(sight)
        vector = await self._embedding.query(ranking.nameless(query, speakers))
        if count <= SMALL:  # reading them all is cheaper than searching, and nothing linked is missed
            return await self._store.survey(sight, query), vector, True
        return await self._store.search(sight, query, vector, depth), vector, False

    async def _who_speaks(self, sight: Filter) -> tuple[list[str], int]:
        """Who ever said something in the namespace, and how many notes it holds; kept per table version."""
        version = await self._store.version()
        kept = self._speakers.get(sight.namespace)
        if kept is None or kept[0] != version:
            names = (await self._store.columns(Filter(namespace=sight.namespace), ["who"]))["who"]
            kept = (version, sorted({name for name in names if name}), len(names))
            self._speakers[sight.namespace] = kept
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
    then = {note_id: evolution.known_at(note, sight.known_at) for note_id, note in notes.items()}
    return {
        note_id: note
        for note_id, note in then.items()
        if sight.valid_at is None or note.invalid_at is None or note.invalid_at > sight.valid_at
    }
