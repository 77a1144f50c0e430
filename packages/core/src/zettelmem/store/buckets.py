"""The objects of a store in a bucket, which erasing has to look into and LanceDB does not show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zettelmem.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Generator

    from obstore.store import ObjectStore

PIECE = 1 << 22
"""Bytes of an object that are fetched at a time, at least."""
_CLIENT = frozenset(
    {
        "allow_http", "allow_invalid_certificates", "connect_timeout", "http1_only", "http2_only",
        "pool_idle_timeout", "pool_max_idle_per_host", "proxy_url", "timeout", "user_agent",
    }
)  # fmt: skip
"""Options of the connection and not of the bucket, for which obstore has another place."""
_OF_LANCE = "new_table_"
"""How options begin that are about tables."""


@contextmanager
def _opened(uri: str, options: Mapping[str, str] | None) -> Generator[ObjectStore]:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise StoreError(
            f"erasing in {uri} has to look into every object there; install what it needs for that: "
            'pip install "zettelmem[buckets]"'
        ) from error
    given = {name.lower(): value for name, value in (options or {}).items()}
    if allowed := os.environ.get("AWS_ALLOW_HTTP"):  # LanceDB heeds it, and obstore does not
        given.setdefault("allow_http", allowed)
    client: Any = {name: value for name, value in given.items() if name in _CLIENT}
    config: Any = {
        name: value for name, value in given.items() if name not in _CLIENT and not name.startswith(_OF_LANCE)
    }
    try:
        yield from_url(uri, config=config, client_options=client)
    except (BaseError, OSError, ValueError) as error:
        told = str(error).partition(" Debug source:")[0]
        raise StoreError(f"looking into {uri} failed: {told}") from error


def names(uri: str, options: Mapping[str, str] | None) -> set[str]:
    """Every object, relative to the store.

    Raises:
        StoreError: obstore is not installed, or the bucket does not answer.
    """
    import obstore

    with _opened(uri, options) as bucket:
        return {each["path"] for batch in obstore.list(bucket) for each in batch}


def pieces(uri: str, options: Mapping[str, str] | None, name: str) -> Iterator[bytes]:
    """An object in pieces; nothing where it is gone by now.

    Raises:
        StoreError: the bucket does not answer.
    """
    import obstore

    with _opened(uri, options) as bucket:
        try:
            for piece in obstore.get(bucket, name).stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except FileNotFoundError:
            return
