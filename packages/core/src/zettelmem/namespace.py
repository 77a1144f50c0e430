"""The isolation key of a note: a path such as ``("acme", "ana")``."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import InvalidInput
from .limits import MAX_NAMESPACE_DEPTH, MAX_SEGMENT
from .values import HALF_SURROGATE

Namespace = tuple[str, ...]
"""The isolation key: a path such as ``("acme", "ana")``. ``()`` is the whole store."""

DEFAULT_NAMESPACE = "me"
"""The namespace of the command line and of the MCP server where nobody names one."""


def check_namespace(namespace: Namespace) -> Namespace:
    """Return `namespace` if it can isolate; raise ValueError with the way out if not."""
    if len(namespace) > MAX_NAMESPACE_DEPTH:
        raise ValueError(f"namespace is deeper than {MAX_NAMESPACE_DEPTH} segments; join some of them")
    for segment in namespace:
        if not segment or len(segment) > MAX_SEGMENT or "\0" in segment:
            raise ValueError(
                f"namespace segment {segment[:50]!r} must be 1 to {MAX_SEGMENT} characters without NUL; "
                "use for instance the user's id"
            )
        try:
            segment.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"namespace segment {segment!r} {HALF_SURROGATE}") from error
    return namespace


def as_namespace(namespace: str | Sequence[str]) -> Namespace:
    """A namespace from what callers write, the same at every door.

    A string is a path with "/" between its segments, so ``"acme/ana"`` is ``("acme", "ana")``; ``"/"`` and
    ``()`` are the whole store. A sequence is taken segment by segment and may hold a "/" inside one: give
    ids that you do not choose yourself as ``[user_id]``, or somebody's ``"ana/work"`` lies inside ``"ana"``.

    Raises:
        InvalidInput: a segment is empty, too long or no string.
    """
    try:
        path = _segments(namespace) if isinstance(namespace, str) else tuple(namespace)
    except TypeError as error:
        raise InvalidInput(f"namespace is {namespace!r}; give a string or a sequence of strings") from error
    try:
        if not all(isinstance(segment, str) for segment in path):
            raise ValueError(f"namespace {path!r} holds something that is no string; use str(...)")
        return check_namespace(path)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _segments(path: str) -> Namespace:
    return () if path == "/" else tuple(path.split("/"))
