"""A memory of real LanceDB with a counting embedder, and sessions over it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.storage.chat_store.sql import DEFAULT_ASYNC_DATABASE_URI
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from llama_index.memory.zettelmem import ZettelmemMemory
from tests.llamaindex.doubles import NS, Counting
from zettelmem import Memory


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def memory(embedder: Counting) -> Iterator[Memory]:
    with Memory("memory://", embedder=embedder) as opened:
        yield opened


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[[], Memory]]:
    """Open the store on disk anew, as another process would, after closing it."""
    opened: list[Memory] = []

    def again() -> Memory:
        for each in opened:
            each.close()
        opened.append(Memory(str(tmp_path / "notes"), embedder=Counting()))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    """The database of a short-term memory, closed at the end: LlamaIndex leaves its own open."""
    made = create_async_engine(DEFAULT_ASYNC_DATABASE_URI)
    yield made
    await made.dispose()


@pytest.fixture
def session(memory: Memory) -> Iterator[Callable[..., ZettelmemMemory]]:
    """Open a session over the notes, as often as wanted."""
    opened: list[ZettelmemMemory] = []

    def start(session_id: str = "monday", notes: Memory = memory, **kwargs: Any) -> ZettelmemMemory:
        opened.append(ZettelmemMemory.from_defaults(notes, namespace=NS, session_id=session_id, **kwargs))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
