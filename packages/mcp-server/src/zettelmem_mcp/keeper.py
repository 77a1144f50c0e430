"""The open memory behind a running server: loaded in the background, whose it is, what is under way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Literal, Self, TypeVar, cast

import anyio
import tzlocal
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from . import core
from .settings import Settings

logger = logging.getLogger(__name__)
T = TypeVar("T")

NEIGHBOURS = 6
"""Notes that the assistant is asked about when it remembers one."""
PATIENCE = timedelta(hours=1)
"""How long a note waits for the assistant's `connect` before the offline rules link it."""
A_DAY = timedelta(days=1)
"""How often doubles are merged and weak notes put to rest, which needs nobody's judgement."""
FAREWELL = 10.0
"""Seconds that work under way may take once the client is gone."""
BEAT = 2.0
"""Seconds after which a client that waits hears again that its call goes on."""
NOBODY = "-"
"""A segment of a namespace that is no user's."""
TENDED = 10_000
"""Namespaces of which it is known when they were looked after."""
GRACE = 0.25
"""Seconds after which the memory is loaded for a client that does not ask for the list of tools.

Until then, and until the list is asked for, nothing competes with the handshake for the processor.
"""


def local_now() -> datetime:
    """The time where the user is: "on Monday" and "this morning" are meant so."""
    return datetime.now().astimezone()


class Keeper:
    """Opens the memory once, keeps background work, and knows the namespace of whoever asks.

    Args:
        settings: what the server was told.
        model: who judges, with `--judge model`; made from the settings where None.
        prepare: what is done with the memory when it is opened, before anybody gets it.
        clock: what time it is (aware), in the user's zone.
    """

    def __init__(
        self,
        settings: Settings,
        model: core.LanguageModel | None = None,
        prepare: Callable[[core.AsyncMemory], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = local_now,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self._prepare = prepare
        self._model = model
        self._users = 0
        self._opening: asyncio.Task[core.AsyncMemory] | None = None
        self._work: set[asyncio.Task[Any]] = set()
        self._upkeep: set[asyncio.Task[Any]] = set()
        self._judging = asyncio.Lock()
        self._tended: OrderedDict[tuple[str, ...], datetime] = OrderedDict()
        # Where there are many users, the memories of all are below the root, and too many to load.
        self._own = (*settings.path, NOBODY) if settings.many else settings.path
        self._kept_up: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    async def __aenter__(self) -> Self:
        self._users += 1
        asyncio.get_running_loop().call_later(GRACE, self.warm)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users:
            return
        with anyio.CancelScope(shield=True):
            if self._work:  # words that arrived are kept, even if nobody hears of it any more
                await asyncio.wait(self._work, timeout=FAREWELL)
            for task in self._upkeep:
                task.cancel()
            await asyncio.gather(*self._upkeep, return_exceptions=True)
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
            self._opening = _started(self._open(), set())

    async def memory(self) -> core.AsyncMemory:
        """The memory, as soon as it is loaded."""
        self.warm()
        if self._opening is None:
            raise RuntimeError("the server is not running")
        return await asyncio.shield(self._opening)

    async def _open(self) -> core.AsyncMemory:
        for module in ("zettelmem", "lancedb"):  # seconds of work, so not on the event loop
            await asyncio.to_thread(import_module, module)
        if self.settings.judge == "model" and self._model is None:
            self._model = await asyncio.to_thread(named_model, self.settings.model)
        judge: Literal["model", "offline"] = "model" if self.settings.judge == "model" else "offline"
        uri, audit = self.settings.uri, self.settings.audit or None
        memory = core.AsyncMemory(
            uri,
            embedder=named_embedder(self.settings.embedder),
            model=self._model,
            judge=judge,
            neighbours=NEIGHBOURS,
            audit=audit,
            resident=self.settings.resident << 20,
            timezone=self.settings.timezone or tzlocal.reload_localzone(),
            clock=self.clock,
        )
        if self._prepare is not None:
            await self._prepare(memory)
        await memory.recall("warm up", namespace=self._own, k=1)
        self.tend(self._own)
        return memory

    def namespace(self) -> tuple[str, ...]:
        """The settings' namespace; below it the subject's own, where a token proved who asks."""
        token = get_access_token()
        if token is None:
            return self.settings.path
        return (*self.settings.path, *place(token, self.settings.claims))

    async def answers(self) -> bool:
        """Whether the store can be read now."""
        memory = await self.memory()
        try:
            await memory.notes(namespace=self._own, limit=1)
        except core.ZettelmemError as error:
            logger.warning("the memory cannot be read: %s", error)
            return False
        return True

    async def finish(self, work: Coroutine[Any, Any, T], beat: Callable[[float], Awaitable[None]]) -> T:
        """Run `work` to its end even if the caller is cancelled or goes away.

        Args:
            work: what to do.
            beat: called with the seconds so far, again and again while it lasts.
        """
        task = _started(work, self._work)
        waited = 0.0
        while not (await asyncio.wait([task], timeout=BEAT))[0]:
            waited += BEAT
            await beat(waited)
        return await task

    def tend(self, namespace: tuple[str, ...]) -> None:
        """In the background: link what waits, by the model or the rules; once a day merge and let fade."""
        by_model, now = self.settings.judge == "model", self.clock()
        if _due(self._tended, namespace, now, PATIENCE) or by_model:
            _started(self._link(namespace, None if by_model else now - PATIENCE), self._upkeep)

    async def _link(self, namespace: tuple[str, ...], before: datetime | None) -> None:
        memory = await self.memory()
        async with self._judging:
            await memory.finish_pending(namespace=namespace, before=before, due=True)
            if _due(self._kept_up, namespace, self.clock(), A_DAY):
                await memory.upkeep(namespace=namespace, steps=["merge", "fade"])


def _due(
    done: OrderedDict[tuple[str, ...], datetime], namespace: tuple[str, ...], now: datetime, every: timedelta
) -> bool:
    """Whether something was not done in a namespace for so long. If so, it counts as done now."""
    before = done.get(namespace)
    if before is not None and now <= before + every:
        return False
    done[namespace] = now
    done.move_to_end(namespace)
    if len(done) > TENDED:
        done.popitem(last=False)
    return True


def place(token: AccessToken, claims: Sequence[str]) -> tuple[str, ...]:
    """Whose memory a token opens, as a path below the root: a segment for each claim.

    A segment can be read, and yet no two values share one, whatever characters they are made of; nor do
    two issuers.

    Raises:
        KeyError: the token lacks a claim.

    For instance `("acme-3f0c1d2e4b5a6978", "ana-9c2b7a1f0e3d5c4b")` for `("org", "sub")`.
    """
    told = token.claims or {}
    subject = {"sub": token.subject} if token.subject else {"client": token.client_id}
    segments = []
    for claim in claims:
        kind, value = next(iter(subject.items())) if claim == "sub" else (claim, told[claim])
        if not isinstance(value, str | int) or value == "":
            raise KeyError(claim)
        who = json.dumps([told.get("iss"), kind, value])
        readable = "".join(c for c in str(value) if c.isascii() and c.isalnum())
        segments.append(f"{readable[:40]}-{hashlib.sha256(who.encode()).hexdigest()[:16]}")
    return tuple(segments)


def named_embedder(name: str) -> core.Embedder:
    """The embedder that the core knows by `name`; nothing is loaded before its first text."""
    return cast("core.Embedder", import_module("zettelmem.providers").named_embedder(name))


def named_model(name: str) -> core.LanguageModel:
    """The language model that pydantic-ai knows by `name`; a wrong name is told now, not for every note."""
    model: Any = import_module("zettelmem.providers.pydantic_ai").PydanticAI(name)
    model.load()
    return cast("core.LanguageModel", model)


def _started(work: Coroutine[Any, Any, T], kept: set[asyncio.Task[Any]]) -> asyncio.Task[T]:
    """A task that is kept until it ends; what it died of is logged, in case nobody waits for it."""

    def ended(task: asyncio.Task[Any]) -> None:
        kept.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.info("work failed: %s: %s", type(error).__name__, error)

    task = asyncio.create_task(work)
    kept.add(task)
    task.add_done_callback(ended)
    return task
