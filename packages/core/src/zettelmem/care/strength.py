"""How much a note still counts: one pure number from age, use, what helped, repetition, kind and trust.

After MemoryBank (Zhong et al., arXiv 2305.10250): retention falls with the time since a note was last met,
by R = e^(-t/S), and each meeting makes S larger and begins t anew. After SEDM (Xu et al., arXiv 2509.09498):
a note whose use did not help loses weight. Ours: half-lives by kind, S grows with the logarithm of the
meetings, so that no note becomes eternal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp2, log2
from types import MappingProxyType
from typing import Any

from zettelmem.errors import InvalidInput
from zettelmem.note import Note, Trust

HALF_LIVES: Mapping[str, timedelta] = MappingProxyType(
    {
        "episodic": timedelta(days=90),
        "semantic": timedelta(days=365),
        "procedural": timedelta(days=365),
        "insight": timedelta(days=365),
    }
)
"""After how long without use half of a note's strength is left. A kind that is not named has `semantic`'s."""
TRUSTED: Mapping[Trust, float] = MappingProxyType(
    {Trust.UNTRUSTED: 0.5, Trust.REPORTED: 0.75, Trust.STATED: 1.0, Trust.VERIFIED: 1.0}
)
"""What a note's trust leaves of its strength."""
HELP = 2
"""Meetings that one use which helped is worth."""
UNPROVEN = 4
"""Uses that may fail to help before they count for half."""
WEAK = 0.1
"""Strength below which a note rests."""


def half_lives(given: Mapping[str, Any] | None) -> Mapping[str, timedelta]:
    """The half-life of each kind: those given, and `HALF_LIVES` for the others.

    Raises:
        InvalidInput: one is no positive span of time.
    """
    for kind, span in (given or {}).items():
        if not isinstance(span, timedelta) or span <= timedelta(0):
            raise InvalidInput(f"half_lives[{kind!r}] is {span!r}; give a timedelta above 0, such as 90 days")
    return MappingProxyType({**HALF_LIVES, **(given or {})})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a note's strength is worked out of.

    Attributes:
        kind, trust: the note's.
        met_at: when it was recorded, said again or used last.
        again: how often it was said again.
        uses, helped: how often it was used, and how often that helped.
    """

    kind: str
    trust: Trust
    met_at: datetime
    again: int
    uses: int
    helped: int


def strength(note: Note, now: datetime, half_lives: Mapping[str, timedelta] = HALF_LIVES) -> float:
    """How much a note still counts, in (0, 1]: 1 when it is new, stated, and its use helped.

        strength  = trust * worth * 2 ** (-age / stability)
        stability = half_life * (1 + log2(1 + meetings))
        worth     = (helped + UNPROVEN) / (uses + UNPROVEN)

    Age is the time since the note was recorded, said again or used last. Meetings are the times that it was
    said again or used; one that helped counts `HELP` times.

    Args:
        note: the note.
        now: when (aware).
        half_lives: by kind.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> note = Note(id="k3v9x2ab", namespace=("ana",), content="We met Ben.", occurred_at=at, recorded_at=at)
    >>> [round(strength(note, at + timedelta(days=days)), 2) for days in (0, 90, 360)]
    [1.0, 0.5, 0.06]
    """
    met = note.met_at if note.last_used_at is None else max(note.met_at, note.last_used_at)
    standing = Standing(note.kind, note.trust, met, note.times_said - 1, note.uses, note.helped)
    return strength_of(standing, now, half_lives)


def strength_of(standing: Standing, now: datetime, half_lives: Mapping[str, timedelta]) -> float:
    """The strength of a note of which only this is at hand."""
    half_life = half_lives.get(standing.kind, half_lives["semantic"])
    meetings = standing.again + standing.uses + (HELP - 1) * standing.helped
    age = max(now - standing.met_at, timedelta(0))
    kept = exp2(-(age / half_life) / (1 + log2(1 + meetings)))
    worth = (standing.helped + UNPROVEN) / (standing.uses + UNPROVEN)
    return TRUSTED[standing.trust] * worth * kept
