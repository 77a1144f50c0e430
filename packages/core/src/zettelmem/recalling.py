"""From a query to hits: embed, search, look at what is linked, rank, make whole notes of the best."""

from __future__ import annotations

from collections.abc import Mapping

from . import evolution, ranking
from .embedding import Embedding
from .errors import InvalidInput, LimitExceeded
from .note import Filter, Hit, Namespace, Note, within
from .protocols import Vectors
from .store import Store

DEPTH = 100
"""Candidates that each of the searches brings to a recall."""
SPARE = 10
"""Notes read beyond the k best, because the notes linked to them may change the order."""
TELLERS = 5
"""Best notes of the first ranking whose words may name others."""
MAX_QUERY = 10_000
"""Characters of a query."""
MAX_K = 1_000
"""Hits of one recall."""
MAX_BUDGET = 10_000_000
"""Tokens that a recall may be asked to fill."""


class Recalling:
    """Everything that finds notes.

    Args:
        store: where they are kept.
        embedding: what makes the query's vector.
    """

    def __init__(self, store: Store, embedding: Embedding) -> None:
        self._store = store
        self._embedding = embedding
        self._speakers: dict[Namespace, tuple[int, list[str]]] = {}

    async def recall(
        self, query: str, sight: Filter, *, k: int, expand: bool, budget: int | None, explain: bool
    ) -> list[Hit]:
        """The notes in sight that answer `query` best, best first; all of them if they fit the budget.

        Raises:
            InvalidInput: the query is blank or no text, `k` or `budget` out of range.
            LimitExceeded: the query is too long.
        """
        _check_query(query)
        within("k", k, 1, MAX_K)
        if budget is not None:
            within("budget_tokens", budget, 1, MAX_BUDGET)
            found = await self._store.columns(sight, ["id", "size"])
            if not found["id"]:
                return []
            if sum(map(ranking.tokens_of, found["size"])) <= budget:
                return await self._whole(query, sight, found["id"], explain=explain)
        candidates, ranked, notes = await self._ranked(query, sight, k, expand=expand)
        places = [int(i) for i in ranked.order[:k] if candidates.ids[i] in notes]
        hits = ranking.hits(query, candidates, ranked, places, notes, explain=explain)
        return hits if budget is None else ranking.cut(hits, budget)

    async def _whole(self, query: str, sight: Filter, ids: list[str], *, explain: bool) -> list[Hit]:
        """Every note in sight, in the order it happened."""
        candidates, vector = await self._search(query, sight, max(len(ids), 1))
        rest, _ = await self._store.look(set(ids) - set(candidates.ids), sight)
        candidates = candidates.plus(rest)
        notes = _as_known(await self._store.get(candidates.ids), sight)
        places = [i for i, note_id in enumerate(candidates.ids) if note_id in notes]
        ranked = ranking.rank(candidates, query, vector)
        hits = ranking.hits(query, candidates, ranked, places, notes, explain=explain)
        return sorted(hits, key=lambda hit: (hit.note.occurred_at, hit.note.position, hit.note.id))

    async def _ranked(
        self, query: str, sight: Filter, k: int, *, expand: bool
    ) -> tuple[ranking.Candidates, ranking.Ranking, dict[str, Note]]:
        candidates, vector = await self._search(query, sight, max(DEPTH, 2 * k))
        if not len(candidates):
            return candidates, ranking.Ranking.none(), {}
        ranked = ranking.rank(candidates, query, vector, expand=expand)
        # One read brings the likely hits and the notes linked to the best; those take part from here.
        likely = [candidates.ids[i] for i in ranked.order[: k + SPARE]]
        reachable = ranking.reachable(candidates, ranked) if expand else []
        linked, hydrate = await self._store.look([*likely, *reachable], sight)
        told = {note_id: note.content for note_id, note in hydrate(likely[:TELLERS]).items()}
        told = {note_id: told[note_id] for note_id in likely if note_id in told}
        if expand:
            candidates = candidates.plus(linked)
        ranked = ranking.rank(candidates, query, vector, told, expand=expand)
        best = [candidates.ids[i] for i in ranked.order[:k]]
        notes = hydrate(best)
        notes |= await self._store.get(note_id for note_id in best if note_id not in notes)
        return candidates, ranked, _as_known(notes, sight)

    async def _search(self, query: str, sight: Filter, depth: int) -> tuple[ranking.Candidates, Vectors]:
        asked = ranking.nameless(query, await self._who_speaks(sight))
        vector = await self._embedding.query(asked)
        return await self._store.search(sight, query, vector, depth), vector

    async def _who_speaks(self, sight: Filter) -> list[str]:
        """The names of all who ever said something in the namespace; read again when the table changed."""
        version = await self._store.version()
        kept = self._speakers.get(sight.namespace)
        if kept is None or kept[0] != version:
            names = (await self._store.columns(Filter(namespace=sight.namespace), ["who"]))["who"]
            kept = (version, sorted({name for name in names if name}))
            self._speakers[sight.namespace] = kept
        return kept[1]


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
