"""The LangGraph store contract, on our store and, with its differences on record, on LangGraph's own."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.memory import InMemoryStore

from langchain_zettelmem import ZettelmemStore
from langchain_zettelmem.testing import Face, StoreContract
from zettelmem import Memory
from zettelmem.testing import HashEmbedder


class Clock:
    """The time, and minutes more where a test lets them pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def later(self, minutes: float) -> None:
        self.ahead += timedelta(minutes=minutes)


class TestZettelmemStore(StoreContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def later(self, clock: Clock) -> Callable[[float], None]:
        return clock.later

    @pytest.fixture
    def store(self, clock: Clock) -> Iterator[BaseStore]:
        with Memory("memory://", embedder=HashEmbedder(), clock=clock) as memory:
            yield ZettelmemStore(memory)


class TestZettelmemStoreThatLinks(TestZettelmemStore):
    """Linking and evolving the items changes nothing of the contract; one colour will do."""

    @pytest.fixture(params=["sync"])
    def face(self, store: BaseStore) -> Face:
        return Face(store, None)

    @pytest.fixture
    def store(self, clock: Clock) -> Iterator[BaseStore]:
        with Memory("memory://", embedder=HashEmbedder(), clock=clock) as memory:
            yield ZettelmemStore(memory, links=True)


def words(texts: Sequence[str]) -> list[list[float]]:
    """Bags of words in 256 numbers: alike where texts share words."""
    vectors = []
    for text in texts:
        vector = [1e-3] * 256
        for word in text.lower().replace('"', " ").split():
            vector[hashlib.sha256(word.encode()).digest()[0]] += 1.0
        vectors.append(vector)
    return vectors


class TestInMemoryStore(StoreContract):
    differences: ClassVar[dict[str, str]] = {
        "test_a_read_value_is_a_copy": "the store gives out its own value; a reader can change it",
        "test_an_update_keeps_created_at": "an update is stored as a new item",
        "test_an_emptied_namespace_is_not_listed": "the last delete leaves the namespace's dict behind",
        "test_search_takes_a_list_for_a_prefix": "it compares the prefix with tuples",
        "test_search_gives_the_last_updated_first": "items come in the order they were first put",
        "test_a_missing_field_compares_with_nothing": "float(None) raises TypeError",
        "test_unlike_types_compare_with_nothing": "float('many') raises ValueError",
        "test_equal_values_in_one_batch": "it counts one embedding for each text and one index for each item",
        "test_a_batch_checks_namespaces_too": "only put, get, ... check; batch does not",
    }

    @pytest.fixture
    def store(self) -> BaseStore:
        return InMemoryStore(index=IndexConfig(dims=256, embed=words))
