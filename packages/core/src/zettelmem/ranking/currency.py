"""What is so now: the newest word on a matter comes first, the older ones come after all else. Pure."""

from __future__ import annotations

import numpy as np

from zettelmem.language.english.tense import asks_about_past

from .candidates import Candidates, Query
from .score import WEIGHTS, Ranking


def asks_about_now(query: Query) -> bool:
    """Whether the newest word on a matter is wanted, and not an older one."""
    return query.span is None and not asks_about_past(query.text)


def newest_first(candidates: Candidates, ranked: Ranking, query: Query) -> Ranking:
    """The ranking with the newest word on each matter in the best place that a word on it has.

    A question about the past, or one that names a time, leaves older words where they are: then one of them
    may be the answer. What says the same as a note in front of it, and rests, always comes after all else.
    """
    older = [place for place, newer in enumerate(candidates.newer) if newer]
    if not asks_about_now(query):
        older = [place for place in older if candidates.resting[place]]
    if not older:
        return ranked
    totals = ranked.totals
    lifted = np.zeros(len(candidates))
    outdated = np.zeros(len(candidates))
    for place in older:
        for newest in _newest(candidates, place):
            outdated[place] = 1.0
            if candidates.idle[newest]:
                continue  # it only takes back what was said; what holds instead stands elsewhere
            lifted[newest] = max(lifted[newest], (totals[place] - totals[newest]) / WEIGHTS["newest"])
    return ranked.plus("newest", lifted).plus("outdated", outdated)


def _newest(candidates: Candidates, place: int) -> list[int]:
    """The candidates that say a later word on the matter of one and have no later word themselves."""
    seen = {place}
    ahead = [place]
    newest: list[int] = []
    while ahead:
        current = ahead.pop()
        later = [candidates.places[x] for x in candidates.newer[current] if x in candidates.places]
        if not later and current != place:
            newest.append(current)
        fresh = [each for each in later if each not in seen]
        seen |= set(fresh)
        ahead += fresh
    return newest
