"""Moving to another model where writers cannot be kept out: here in directories without their lock."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import check_store, contents, open_memory
from zettelmem import StoreError, StoreMismatch
from zettelmem.store import migrate
from zettelmem.store.metadata import Claim, claim_in
from zettelmem.testing import HashEmbedder

NEW = 48

pytestmark = pytest.mark.usefixtures("unlocked")


async def test_once_it_closes_no_write_of_others_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = migrate._switch
    async with (
        open_memory(str(tmp_path)) as old,
        open_memory(str(tmp_path), embedder=HashEmbedder(NEW)) as new,
    ):
        kept = (await old.remember("Ana lives in Porto.", namespace="ana")).note
        refused = []

        async def late(*arguments: Any) -> None:
            for call in (
                old.remember("Too late.", namespace="ana"),
                old.revise(kept.id, namespace="ana", context="too late"),
                old.admin.set_quota(namespace="ana", notes=5),
                old.admin.erase_note(kept.id, namespace="ana"),
            ):
                with pytest.raises(StoreError) as error:
                    await call
                refused.append(str(error.value))
            assert (await old.recall("Porto", namespace="ana"))[0].note.id == kept.id
            await switch(*arguments)

        monkeypatch.setattr(migrate, "_switch", late)
        assert (await new.admin.reembed()).vectors == 1
        assert len(refused) == 4
        assert all("another embedding model" in each for each in refused)
        notes = await check_store(new)
        assert contents([*notes.values()]) == ["Ana lives in Porto."]
        assert (await new.admin.quota(namespace="ana")).notes is None
        with pytest.raises(StoreMismatch):
            await old.remember("Ben lives in Lyon.", namespace="ana")
        await new.remember("Ben lives in Lyon.", namespace="ana")


async def test_a_write_that_began_before_it_closed_is_kept_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, waiting, closed = migrate._switch, asyncio.Event(), asyncio.Event()
    async with (
        open_memory(str(tmp_path)) as old,
        open_memory(str(tmp_path), embedder=HashEmbedder(NEW)) as new,
    ):
        await old.remember("Ana lives in Porto.", namespace="ana")
        settled = old._store.settled

        async def slow(table: Any) -> int:
            version = await settled(table)
            if not waiting.is_set():
                waiting.set()
                await closed.wait()
            return version

        monkeypatch.setattr(old._store, "settled", slow)
        writing = asyncio.create_task(old.remember("In between.", namespace="ana"))
        await waiting.wait()

        async def late(*arguments: Any) -> None:
            closed.set()
            with pytest.raises(StoreError, match="another embedding model"):
                await writing
            await switch(*arguments)

        monkeypatch.setattr(migrate, "_switch", late)
        await new.admin.reembed()  # what was written after it closed has no vector, and is not moved
        assert "Ana lives in Porto." in contents([*(await check_store(new)).values()])


async def test_two_at_once_are_refused_and_a_claim_of_a_dead_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        open_memory(str(tmp_path)) as old,
        open_memory(str(tmp_path), embedder=HashEmbedder(NEW)) as new,
    ):
        kept = (await old.remember("Ana lives in Porto.", namespace="ana")).note
        table = await old._store.table()
        assert table is not None
        dead = Claim("dead", time.time(), closing=True)
        await old._store.describe(table, lambda _: dead.metadata())
        assert claim_in(await table.schema()) == dead
        with pytest.raises(StoreError, match="another process moves"):
            await new.admin.reembed()
        with pytest.raises(StoreError, match="another process moves"):
            await old.admin.erase_note(kept.id, namespace="ana")
        with pytest.raises(StoreError, match="another embedding model"):
            await old.remember("Ben lives in Lyon.", namespace="ana")
        monkeypatch.setattr(migrate, "LEASE", -1.0)
        # Its own claim is as old, so only the first look is taken with this.
        claim = migrate._claim

        async def lasting(*arguments: Any, **named: Any) -> None:
            await claim(*arguments, **named)
            monkeypatch.setattr(migrate, "LEASE", 600.0)

        monkeypatch.setattr(migrate, "_claim", lasting)
        assert (await new.admin.reembed()).vectors == 1
        await new.remember("Ben lives in Lyon.", namespace="ana")
        assert len(await check_store(new)) == 2


async def test_a_move_that_fails_lets_writers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: Any) -> None:
        raise RuntimeError("the bucket is gone")

    monkeypatch.setattr(migrate, "_switch", failing)
    async with (
        open_memory(str(tmp_path)) as old,
        open_memory(str(tmp_path), embedder=HashEmbedder(NEW)) as new,
    ):
        await old.remember("Ana lives in Porto.", namespace="ana")
        with pytest.raises(StoreError, match="the bucket is gone"):
            await new.admin.reembed()
        await old.remember("Ben lives in Lyon.", namespace="ana")
        assert len(await check_store(old)) == 2
