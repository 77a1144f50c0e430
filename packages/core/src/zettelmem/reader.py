"""What a memory can be asked without changing it: recall, and everything that looks at notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any, Literal, Unpack, get_args

from . import connect
from .decisions import Neighbour
from .deep import MOST_ROUNDS, SHOWN, Effort, Sift, by_model, deep
from .errors import InvalidInput, NotFound
from .judge import Judging
from .language.follow_up import in_context
from .limits import MAX_HOPS, MAX_PAGE, within
from .linking import undo
from .local import in_zone, zone_of
from .namespace import Namespace, as_namespace
from .note import ALPHABET, Evolution, Link, Note, keyed_id
from .queries import Filter, Graph, Hit, Page, Stats, Where, sight
from .ranking.explain import cut
from .recall import Recall, Wanted
from .revise import Revise
from .spending import Account, spent_in
from .store import Store
from .values import moment

Order = Literal["recorded_at", "occurred_at"]
"""A time of a note that notes are put in order by."""
_Place = tuple[str, int, str]


class Reader:
    """The verbs that only read. `AsyncMemory` has them, and those that write."""

    clock: Callable[[], datetime]
    zone: tzinfo | None
    """Whose days are meant; that of the clock, and UTC in what is told, where None."""
    _judging: Judging
    _store: Store
    _recalling: Recall
    _revise: Revise

    async def recall(
        self,
        query: str,
        *,
        namespace: str | Sequence[str],
        said: Sequence[str] = (),
        k: int = 10,
        as_of: datetime | None = None,
        superseded: bool = False,
        expand: bool = True,
        budget_tokens: int | None = None,
        min_score: float = 0.0,
        explain: bool = False,
        effort: Effort = "plain",
        rounds: int = 3,
        sift: Sift | None = None,
        **where: Unpack[Where],
    ) -> list[Hit]:
        """The notes that answer `query` best, best first.

        Args:
            query: a question or some words.
            namespace: this one and all below it; nothing else is seen.
            said: the turns just before, oldest first. A question such as "When does she arrive?" is asked
                with the names that they hold.
            k: at most so many hits, 1 to 1,000.
            as_of: what was valid and known then, as the notes stood then; a note whose history does not
                reach so far back, as its oldest kept change found it.
            superseded: also what is no longer so.
            expand: let the notes linked to the candidates vote and be found.
            budget_tokens: at most so many tokens of content (a token for every four bytes). If all that
                is in sight fits, all of it is returned, in the order it happened.
            min_score: leave out hits below this score, in [0, 1]; docs/ranking.md tells what to expect.
            explain: tell the weight of each signal.
            effort: `deep` searches in rounds: after each a judge says which notes to keep, what to ask next,
                or that it is enough. Kept notes come first; `why` tells the round and what it asked.
            rounds: searches of a deep recall at most, 1 to 10.
            sift: the judge of a deep recall, a function of the question and a round's hits; the
                memory's model where None.
            where: `kinds`, `tags`, `thread`, `since`, `until`, `min_trust`, `via`: see `Where`.

        Raises:
            InvalidInput: a value does not fit.
            StoreError: the store cannot be read.
        """
        if not isinstance(query, str):
            raise InvalidInput(f"query is {type(query).__name__}; give a question or some words as a string")
        if not isinstance(min_score, int | float):
            raise InvalidInput(f"min_score is {min_score!r}; give a number from 0 to 1")
        if isinstance(said, str):
            raise InvalidInput("said is one string; give the list of the turns before")
        query = in_context(query, said)
        zone = self._zone(where)
        as_of = moment(as_of, zone)
        now = as_of or self.clock()
        visible = sight(namespace, where, zone, known_at=as_of, valid_at=None if superseded else now)
        now = now if zone is None else now.astimezone(zone)
        # Hits are made in the zone, because their reasons tell days.
        wanted = Wanted(k, expand, budget_tokens, min_score, explain, zone)
        if effort == "plain":
            return await self._recalling.recall(query, visible, now, wanted)
        return await self._deep(query, visible, now, wanted, effort, rounds, sift)

    async def _deep(
        self,
        query: str,
        sight: Filter,
        now: datetime,
        wanted: Wanted,
        effort: str,
        rounds: int,
        sift: Sift | None,
    ) -> list[Hit]:
        """A recall in rounds, which takes its rounds together before it is cut to what is wanted."""
        if effort != "deep":
            raise InvalidInput(f"effort is {effort!r}; use 'plain' or 'deep'")
        within("rounds", rounds, 1, MOST_ROUNDS)
        if sift is not None and not callable(sift):
            raise InvalidInput(f"sift is {sift!r}; give a function of the question and a round's hits")
        if sift is None and not self._judging.has_model:
            raise InvalidInput(
                "effort='deep' needs a judge of its rounds: give model=... to the memory, or sift=... here"
            )
        wanted.check()
        each = replace(wanted, k=max(wanted.k, SHOWN), budget=None)

        async def find(ask: str) -> list[Hit]:
            return await self._recalling.recall(ask, sight, now, each)

        sift = sift or by_model(self._judging, sight.namespace)
        hits = (await deep(query, find, sift, rounds))[: wanted.k]
        return hits if wanted.budget is None else cut(hits, wanted.budget)

    def _zone(self, where: Where) -> tzinfo | None:
        """Whose days a call means."""
        return zone_of(where.get("timezone")) or self.zone

    @in_zone
    async def get(self, note_id: str, *, namespace: str | Sequence[str], forgotten: bool = False) -> Note:
        """One note; with `forgotten`, also one that is out of sight.

        Raises:
            NotFound: no such note in this namespace or below it.
        """
        return await self._found(note_id, as_namespace(namespace), forgotten=forgotten)

    async def _found(self, note_id: str, namespace: Namespace, *, forgotten: bool = False) -> Note:
        note = await self._find(note_id, namespace, forgotten=forgotten)
        if note is None:
            raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
        return note

    async def _find(self, note_id: str, namespace: Namespace, *, forgotten: bool = False) -> Note | None:
        if not isinstance(note_id, str):
            raise InvalidInput(f"the note id is {note_id!r}; give it as a string, such as hit.note.id")
        if not 8 <= len(note_id) <= 12 or set(note_id) - set(ALPHABET):
            return None
        note = (await self._store.get([note_id], forgotten=forgotten)).get(note_id)
        return note if note and Filter(namespace=namespace).covers(note.namespace) else None

    async def _caused(self, change: str, namespace: Namespace) -> tuple[Note, Evolution]:
        """The note that a change was about, and what was done to it."""
        if not isinstance(change, str):
            raise InvalidInput(f"the change is {change!r}; give its id as a string, as history lists it")
        note_id, _, revision = change.partition(".")
        note = await self._find(note_id, namespace, forgotten=True)
        entry = undo.entry_of(note, change) if note else None
        number = revision.partition("-")[0]
        if note and not entry and number.isdecimal() and 0 < int(number) <= note.dropped:
            raise undo.too_old(change, note)
        if note is None or entry is None or entry.cause != note.id:
            raise NotFound(f"no change {change!r} here; history lists the changes of a note")
        return note, entry

    @in_zone
    async def keyed(
        self, keys: Iterable[str], *, namespace: str | Sequence[str], forgotten: bool = False
    ) -> dict[str, Note]:
        """The notes that were remembered under these keys in exactly this namespace, by key.

        Args:
            keys: as they were given to `remember`.
            namespace: whose memory.
            forgotten: also notes that are out of sight; their `forgotten_at` is set.
        """
        space = as_namespace(namespace)
        ids = {keyed_id(space, key): key for key in keys}
        notes = await self._store.get(ids, forgotten=forgotten)
        return {ids[note_id]: note for note_id, note in notes.items()}

    async def namespaces(
        self, *, under: str | Sequence[str] = (), via: str | None = None, valid: bool | None = None
    ) -> list[Namespace]:
        """Every namespace at or below `under` that holds a note, sorted.

        Args:
            under: a namespace; the whole store where ().
            via, valid: that holds such a note, as for `notes`.
        """
        return await self._store.namespaces(sight(under, {"via": via}, **self._validity(valid)))

    def _validity(self, valid: bool | None) -> dict[str, Any]:
        """The field of a filter for what is so now (`valid`), or no longer is; none for both."""
        return {} if valid is None else {"valid_at" if valid else "over_at": self.clock()}

    @in_zone
    async def notes(
        self,
        *,
        namespace: str | Sequence[str],
        valid: bool | None = None,
        pending: bool = False,
        limit: int | None = 100,
        after: str | None = None,
        newest_first: bool = False,
        by: Order = "recorded_at",
        **where: Unpack[Where],
    ) -> Page:
        """Notes in the order they were recorded or happened, a page at a time.

        Args:
            namespace: this one and all below it.
            valid: True for what is so now, False for what no longer is; None for both.
            pending: only those that a judge has still to look at.
            limit: notes a page, 1 to 1,000; None is all that there are, at once and as of one moment.
            after: the cursor of the page before.
            newest_first: the other way round.
            by: the time that they are ordered by.
            where: as for `recall`.

        Raises:
            InvalidInput: a value does not fit, or the cursor is none of ours.
        """
        if by not in get_args(Order):
            raise InvalidInput(f"by is {by!r}; use {' or '.join(map(repr, get_args(Order)))}")
        visible = sight(namespace, where, self._zone(where), pending=pending, **self._validity(valid))
        if limit is None:
            return await self._all(visible, by, after=after, newest_first=newest_first)
        within("limit", limit, 1, MAX_PAGE)
        order = _from(await self._store.order(visible, by), after, newest_first=newest_first)
        notes = await self._store.get(note_id for *_, note_id in order[:limit])
        return Page(
            notes=tuple(notes[note_id] for *_, note_id in order[:limit] if note_id in notes),
            cursor="|".join(map(str, order[limit - 1])) if len(order) > limit else None,
        )

    async def _all(self, visible: Filter, by: Order, *, after: str | None, newest_first: bool) -> Page:
        """All notes of one version, so that no note is missing that another one is linked with."""
        notes = {note.id: note for note in await self._store.all_notes(visible)}
        places = sorted((getattr(note, by), note.position, note.id) for note in notes.values())
        order = _from(places, after, newest_first=newest_first)
        return Page(notes=tuple(notes[note_id] for *_, note_id in order))

    @in_zone
    async def history(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Evolution, ...]:
        """What was done to a note, oldest first, forgotten or not.

        The newest 256 changes are kept, and fewer where they are large (256 kB, but always the newest
        one); `dropped` of the first that is given tells how many older ones there were.

        Raises:
            NotFound: no such note here.
        """
        return (await self._found(note_id, as_namespace(namespace), forgotten=True)).history

    async def links(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Link, ...]:
        """The links from and to a note.

        Raises:
            NotFound: no such note here.
        """
        return (await self.get(note_id, namespace=namespace)).links

    @in_zone
    async def neighbours(self, note_id: str, *, namespace: str | Sequence[str]) -> list[Neighbour]:
        """The note's nearest notes, nearest first; those that `ask` numbered while they stand. Reads only.

        Raises:
            NotFound: no such note here.
        """
        note = await self._found(note_id, as_namespace(namespace))
        return await connect.waiting(self._store, note) or await self._revise.around(note)

    @in_zone
    async def graph(
        self,
        *,
        namespace: str | Sequence[str],
        start: str | None = None,
        hops: int = 2,
        limit: int = 200,
    ) -> Graph:
        """Notes and the links between them: around `start`, or the newest of the namespace.

        Args:
            namespace: this one and all below it.
            start: a note to walk from.
            hops: how far, 0 to 10.
            limit: at most so many notes, 1 to 1,000.

        Raises:
            NotFound: no such note here.
        """
        within("limit", limit, 1, MAX_PAGE)
        within("hops", hops, 0, MAX_HOPS)
        if start is None:
            page = await self.notes(namespace=namespace, limit=limit, newest_first=True)
            notes = {note.id: note for note in page.notes}
        else:
            notes = {start: await self.get(start, namespace=namespace)}
            for _ in range(hops):
                edge = {note_id for note in notes.values() for note_id in note.linked_ids()} - notes.keys()
                notes |= await self._store.get(sorted(edge)[: limit - len(notes)])
        links: dict[Link, None] = {}
        for note in notes.values():
            whole = [link for link in note.links if link.other(note.id) in notes]
            links |= dict.fromkeys(whole)
        return Graph(notes=tuple(notes.values()), links=tuple(links))

    @in_zone
    async def stats(self, *, namespace: str | Sequence[str]) -> Stats:
        """Figures about a namespace and all below it."""
        names = ["kind", "thread", "linked", "history", "waiting", "invalid_at", "occurred_at"]
        columns: dict[str, list[Any]] = await self._store.columns(sight(namespace, {}), names)
        now = self.clock()
        return Stats(
            notes=len(columns["kind"]),
            links=sum(map(len, columns["linked"])) // 2,
            evolutions=sum(history.count('"verb":"evolve"') for history in columns["history"]),
            superseded=sum(at <= now for at in columns["invalid_at"]),
            pending=sum(columns["waiting"]),
            kinds=dict(Counter(columns["kind"])),
            threads=len(set(filter(None, columns["thread"]))),
            first=min(columns["occurred_at"], default=None),
            last=max(columns["occurred_at"], default=None),
            spent=sum(map(spent_in, columns["history"]), Account()),
        )


def _from(
    places: Iterable[tuple[datetime, int, str]], after: str | None, *, newest_first: bool
) -> list[_Place]:
    """The places in the order that was asked for, from behind a cursor on."""
    order = [(at.isoformat(), position, note_id) for at, position, note_id in places]
    if newest_first:
        order.reverse()
    if after is None:
        return order
    start = _place(after)
    return [place for place in order if (place < start if newest_first else place > start)]


def _place(cursor: str) -> _Place:
    try:
        at, position, note_id = cursor.split("|")
        datetime.fromisoformat(at)
        return at, int(position), note_id
    except (AttributeError, ValueError) as error:
        raise InvalidInput("that is no cursor of ours; give the `cursor` of the page before") from error
