"""Stores as they are where no lock keeps other writers out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from zettelmem.store import Store


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories without a lock between writers: as on an object store."""

    @asynccontextmanager
    async def nobody_waits(self: Store) -> AsyncIterator[None]:
        self._locked = True
        yield

    monkeypatch.setattr(Store, "lock", nobody_waits)
    monkeypatch.setattr(Store, "lockable", False)
