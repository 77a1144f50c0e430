"""Every limit of the product, in one place. What is larger is refused with an error that names the limit."""

from __future__ import annotations

from .errors import InvalidInput

MAX_CONTENT = 1_000_000
"""Characters of a note's content."""
MAX_CONTEXT = 4_000
"""Characters of a note's context."""
MAX_WORDS = 64
"""Keywords a note, and tags a note."""
MAX_WORD = 100
"""Characters of one keyword or tag."""
MAX_REASON = 500
"""Characters of the reason of a link or of a change."""
MAX_LINKS = 256
"""Links a note, in both directions together."""
MAX_SAYINGS = 64
"""Notes that can be merged into one."""
MAX_DATA = 1_000_000
"""Characters of a note's `data`, as JSON."""
MAX_DATA_DEPTH = 32
"""Levels of nesting in a note's `data`."""
MAX_NAMESPACE_DEPTH = 16
"""Segments of a namespace."""
MAX_CHANGES = MAX_LINKS
"""Changes in a note's history: as many as links, so that each of these can still be taken back."""
MAX_HISTORY = 256_000
"""Bytes of a note's history, as JSON; the newest change is kept however large."""
MAX_SEGMENT = 200
"""Characters of one segment of a namespace."""
MAX_QUERY = 10_000
"""Characters of a query."""
MAX_K = 1_000
"""Hits of one recall."""
MAX_BUDGET = 10_000_000
"""Tokens that a recall may be asked to fill."""
MAX_PAGE = 1_000
"""Notes of one page, and of one graph."""
MAX_HOPS = 10
"""Steps from the start of a graph."""
MAX_NEIGHBOURS = 50
"""Notes that are looked at by meaning while one is remembered."""
MAX_DECISION_LINKS = 16
"""Links that one decision may make."""
MAX_DECISION_CHANGES = 8
"""Neighbours that one decision may describe differently."""
MAX_CALLS = 10_000
"""Calls of a model that one round of upkeep may make."""
MAX_TOKENS = 100_000_000
"""Tokens that one round of upkeep may spend."""
MAX_LINE = 8_000_000
"""Bytes of one line of an imported file."""
RESIDENT = 1 << 30
"""Bytes that namespaces may take in memory together, unless a memory is told otherwise."""
BATCH = 256
"""Notes that `remember_many` writes in one commit."""


PER_TOKEN = 4
"""Characters that count as a token."""


def within(name: str, value: int, low: int, high: int) -> None:
    """Raise InvalidInput, naming the range, unless `value` is a whole number in [low, high]."""
    if type(value) is not int:
        raise InvalidInput(f"{name} is {value!r}; give a whole number from {low:,} to {high:,}")
    if not low <= value <= high:
        raise InvalidInput(f"{name} is {value}; give {low:,} to {high:,}")
