"""The store under test, in both colours: what every part of the contract starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from langgraph.store.base import BaseStore, SearchItem

Later = Callable[[float], None]
USER = ("users", "ana")


class Face:
    """A store's methods, called in one colour: plainly, or as coroutines on a loop of their own."""

    def __init__(self, store: BaseStore, portal: BlockingPortal | None) -> None:
        self._store = store
        self._portal = portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self._portal is None:
            method: Callable[..., Any] = getattr(self._store, name)
            return method
        return partial(self._awaited, getattr(self._store, f"a{name}"))

    def _awaited(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        assert self._portal is not None
        return self._portal.call(partial(method, *args, **kwargs))


def keys(items: list[SearchItem]) -> list[str]:
    """The keys, in order."""
    return [item.key for item in items]


class StoreUnderTest:
    """The fixtures of the contract. A subclass gives the one named `store`.

    Attributes:
        differences: names of checks that this store is known to fail, with the reason; they are
            expected to fail.
        searches: whether the store searches text where a query is given.
    """

    differences: ClassVar[Mapping[str, str]] = {}
    searches: ClassVar[bool] = True

    @pytest.fixture
    def store(self) -> BaseStore:
        """An empty store, indexing the whole value."""
        raise NotImplementedError("give the suite a fixture named 'store'")

    @pytest.fixture
    def later(self) -> Later | None:
        """What lets minutes pass for the store; None where nothing does, and TTL is not checked."""
        return None

    @pytest.fixture(params=["sync", "async"])
    def face(self, request: pytest.FixtureRequest, store: BaseStore) -> Iterator[Face]:
        """The store in one colour."""
        name: str = request.node.originalname
        if name in self.differences:
            mark = pytest.mark.xfail(reason=self.differences[name], strict=True)
            request.applymarker(mark)
        if name.startswith("test_query") and not self.searches:
            pytest.skip("this store searches no text")
        if request.param == "sync":
            yield Face(store, None)
            return
        with start_blocking_portal() as portal:
            yield Face(store, portal)

    @pytest.fixture
    def wait(self, store: BaseStore, later: Later | None) -> Later:
        """`later`, where there is one."""
        if later is None or not store.supports_ttl:
            pytest.skip("no TTL, or no clock to turn")
        return later
