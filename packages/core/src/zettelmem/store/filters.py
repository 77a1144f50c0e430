"""A `Filter` as LanceDB expression objects, and its times as numpy compares them."""

from __future__ import annotations

import json
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zettelmem.note import Trust
from zettelmem.queries import Filter

from .schema import namespace_column

if TYPE_CHECKING:
    from lancedb.expr import Expr


def where_of(sight: Filter, *, forgotten: bool = False) -> Expr:
    """The filter as LanceDB expression objects; values are literals, never text of a query."""
    from lancedb.expr import col, lit

    terms = [] if forgotten else [col("live") == lit(True)]
    prefix = namespace_column(sight.namespace)
    if sight.exact:
        terms.append(col("namespace") == lit(prefix))
    elif prefix:  # every string that begins with "a/" sorts from "a/" up to, not including, "a0"
        terms += [col("namespace") >= lit(prefix), col("namespace") < lit(f"{prefix[:-1]}0")]
    if sight.kinds is not None:
        terms.append(col("kind").isin([lit(kind) for kind in sight.kinds]))
    if sight.tags is not None:
        any_tag = [col("tag_text").contains(lit(f"\n{json.dumps(tag)}\n")) for tag in sight.tags]
        terms.append(reduce(or_, any_tag, lit(False)))
    if sight.thread is not None:
        terms.append(col("thread").lower() == lit(sight.thread.lower()))
    if sight.since is not None:
        terms.append(col("occurred_at") >= lit(sight.since))
    if sight.until is not None:
        terms.append(col("occurred_at") < lit(sight.until))
    if sight.over_at is not None:
        terms.append(col("invalid_at") <= lit(sight.over_at))
    if sight.known_at is not None:
        terms.append(col("recorded_at") <= lit(sight.known_at))
    if sight.valid_at is not None:
        open_then = col("invalid_at") > lit(sight.valid_at)
        if sight.known_at is not None:  # closed by then, but nobody knew it yet
            open_then = open_then | (col("closed_at") > lit(sight.known_at))
        terms.append(open_then)
    if sight.min_trust > Trust.UNTRUSTED:
        terms.append(col("trust") >= lit(int(sight.min_trust)))
    if sight.via is not None:
        terms.append(col("via") == lit(sight.via))
    if sight.pending:
        terms.append(col("waiting") == lit(True))
    return reduce(and_, terms) if terms else lit(True)


def in_time(facts: NDArray[Any], sight: Filter) -> NDArray[np.bool_]:
    """Which notes fit the times of a filter, by their times in seconds: what `where_of` asks of LanceDB."""
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
