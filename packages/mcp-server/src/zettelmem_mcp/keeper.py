"""The open memory behind a running server: loaded in the background, whose it is, what is under way."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import logging
import sys
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
from mcp.server.auth.middleware.auth_context import get_access_token

from .settings import Settings

if TYPE_CHECKING:
    from zettelmem import AsyncMemory, LanguageModel, Note

logger = logging.getLogger(__name__)
T = TypeVar("T")

NEIGHBOURS = 6
"""Notes that the assistant is asked about when it remembers one."""
PATIENCE = timedelta(hours=1)
"""How long a note waits for the assistant's `connect` before the offline rules link it."""
FAREWELL = 10.0
"""Seconds that writes under way may take once the client is gone."""


class Keeper:
    """Opens the memory once, keeps background work, and knows the namespace of whoever asks.

    Args:
        settings: what the server was told.
        model: who judges, with `--judge model`; made from the settings where None.
    """

    def __init__(self, settings: Settings, model: LanguageModel | None = None) -> None:
        self.settings = settings
        self._model = model
        self._users = 0
        self._opening: asyncio.Task[AsyncMemory] | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        self._background: set[asyncio.Task[Any]] = set()
        self._judging = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users:
            return
        with anyio.CancelScope(shield=True):
            if self._writes:  # words that arrived are kept, even if nobody hears of it any more
                await asyncio.wait(self._writes, timeout=FAREWELL)
            for task in self._background:
                task.cancel()
            await asyncio.gather(*self._background, return_exceptions=True)
            opening, self._opening = self._opening, None
            if opening is not None:
                (memory,) = await asyncio.gather(opening, return_exceptions=True)
                if not isinstance(memory, BaseException):
                    await memory.close()

    @property
    def state(self) -> str:
        """`idle`, `loading`, `ready` or `failed`."""
        if self._opening is None:
            return "idle"
        if not self._opening.done():
            return "loading"
        return "ready" if self._opening.exception() is None else "failed"

    def warm(self) -> None:
        """Start to load what answers need, if that has not happened yet."""
        if self._users and self.state in ("idle", "failed"):
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_heard)

    async def memory(self) -> AsyncMemory:
        """The memory, as soon as it is loaded."""
        self.warm()
        if self._opening is None:
            raise RuntimeError("the server is not running")
        return await asyncio.shield(self._opening)

    async def _open(self) -> AsyncMemory:
        for module in ("zettelmem", "lancedb"):  # seconds of work, so not on the event loop
            await asyncio.to_thread(importlib.import_module, module)
        zettelmem = sys.modules["zettelmem"]
        if self.settings.judge == "model" and self._model is None:
            self._model = await asyncio.to_thread(named_model, self.settings.model)
        memory: AsyncMemory = zettelmem.AsyncMemory(
            self.settings.uri, model=self._model, judge="offline", neighbours=NEIGHBOURS
        )
        await memory.recall("warm up", namespace=self.settings.path, k=1)
        self._later(self._tend(memory))
        return memory

    # --- whose memory --------------------------------------------------------------------------

    def namespace(self) -> tuple[str, ...]:
        """The settings' namespace; below it the subject's own, where a token proved who asks."""
        token = get_access_token()
        if token is None:
            return self.settings.path
        issuer = (token.claims or {}).get("iss")
        who = json.dumps([issuer, token.subject, None if token.subject else token.client_id])
        name = token.subject or token.client_id
        # readable, and yet no two subjects share one whatever characters they are made of
        mark = hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        readable = "".join(c for c in name if c.isascii() and c.isalnum())[:40]
        return (*self.settings.path, f"{readable}-{mark}")

    # --- work under way ------------------------------------------------------------------------

    async def write(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end even if the caller is cancelled or goes away."""
        task = asyncio.create_task(work)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        task.add_done_callback(_heard)
        return await asyncio.shield(task)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_heard)

    def judge_later(self, namespace: tuple[str, ...]) -> None:
        """Let the configured model look at the notes that wait, in the background."""
        self._later(self._judge(namespace))

    async def _judge(self, namespace: tuple[str, ...]) -> None:
        memory = await self.memory()
        async with self._judging:
            await memory.finish_pending(namespace=namespace, judge="model")

    async def _tend(self, memory: AsyncMemory) -> None:
        """Once an hour: notes that nobody connected are linked by the model or the rules."""
        from zettelmem import ZettelmemError

        while True:
            try:
                await self._finish(memory)
            except ZettelmemError as error:
                logger.warning("notes that wait will be linked later: %s", error)
            await asyncio.sleep(PATIENCE.total_seconds())

    async def _finish(self, memory: AsyncMemory) -> None:
        path = self.settings.path
        if self.settings.judge == "model":
            async with self._judging:
                await memory.finish_pending(namespace=path, judge="model")
            return
        page = await memory.notes(namespace=path, pending=True, limit=1000)
        overdue = [note for note in page.notes if is_overdue(note)]
        if overdue:
            await memory.finish_pending(namespace=path, judge="offline", limit=len(overdue))


def is_overdue(note: Note) -> bool:
    """Whether the assistant had its time to connect `note`."""
    return note.recorded_at < datetime.now(UTC) - PATIENCE


def named_model(name: str) -> LanguageModel:
    """The language model that pydantic-ai knows by `name`."""
    providers = importlib.import_module("zettelmem.providers.pydantic_ai")
    model: LanguageModel = providers.PydanticAI(name)
    return model


def same_words_key(content: str, details: Mapping[str, str | None]) -> str:
    """One key for the same words of one day, so that a call made twice stores one note."""
    day = datetime.now(UTC).date().isoformat()
    told = json.dumps([content, sorted(details.items(), key=lambda x: x[0]), day])
    return "mcp:" + hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _heard(task: asyncio.Task[Any]) -> None:
    """Log what a task nobody waits for any more died of."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.info("work failed: %s: %s", type(error).__name__, error)
