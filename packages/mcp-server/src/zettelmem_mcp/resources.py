"""Notes as resources: one by id, the recent ones, a thread, a tag, and figures; with change events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from mcp import MCPError, types
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.subscriptions import InMemorySubscriptionBus, ServerEvent
from mcp.shared.subscriptions import ResourceUpdated

from . import answers, core, picture
from .brief import brief
from .keeper import Keeper

PAGE = 50
"""Notes in one page of `resources/list`."""
LOOK = 300
"""Newest notes that completion looks at."""
SUBSCRIBED = 1_000
"""Resources that one client of the handshake era may subscribe to."""
TOKENS = 4_000
"""Of a resource that lists notes."""
BRIEF = 1_000
"""Tokens of the brief."""


class Sealed(InMemorySubscriptionBus):
    """Change events that reach only listeners of the namespace they happened in, in both eras.

    The SDK serves `resources/subscribe` of the handshake era no more, and has no public way to do so on
    an MCPServer: `Extension.methods` refuses methods of the specification and names the low-level
    server's `add_request_handler` instead, which MCPServer keeps in a private field; so is the
    connection, which alone tells when its client is gone. Both are used here and nowhere else.
    """

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper
        self._rooms: dict[Any, InMemorySubscriptionBus] = defaultdict(InMemorySubscriptionBus)
        self._legacy: dict[Any, tuple[Any, Any, set[str]]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Deliver `event` to those who may know of it."""
        here = self._keeper.namespace()
        if here in self._rooms:
            await self._rooms[here].publish(event)
        for session, namespace, uris in list(self._legacy.values()):
            if namespace == here and isinstance(event, ResourceUpdated) and event.uri in uris:
                await session.send_resource_updated(event.uri)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register `listener` for the namespace of whoever asks."""
        return self._rooms[self._keeper.namespace()].subscribe(listener)

    async def _heed(self, ctx: Any, params: Any) -> types.EmptyResult:
        """`resources/subscribe` and `unsubscribe` of clients up to 2025-11-25, until they disconnect."""
        connection = ctx.session._connection
        if connection not in self._legacy:
            self._legacy[connection] = (ctx.session, self._keeper.namespace(), set())
            connection.exit_stack.callback(self._legacy.pop, connection, None)
        uris = self._legacy[connection][2]
        if ctx.method == "resources/unsubscribe":
            uris.discard(str(params.uri))
        elif len(uris) < SUBSCRIBED:
            uris.add(str(params.uri))
        else:
            raise MCPError(types.INVALID_PARAMS, f"at most {SUBSCRIBED} resources can be subscribed to")
        return types.EmptyResult()

    def serve_legacy(self, server: MCPServer[Keeper]) -> None:
        """Let `server` take subscriptions of the handshake era."""
        add = server._lowlevel_server.add_request_handler
        add("resources/subscribe", types.SubscribeRequestParams, self._heed)
        add("resources/unsubscribe", types.UnsubscribeRequestParams, self._heed)


class Shelf:
    """What the resources tell: notes of whoever asks.

    Args:
        keeper: who opens the memory and knows who asks.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def newest(self, limit: int, **narrower: Any) -> core.Page:
        """The notes recorded last, newest first."""
        memory, namespace = await self._keeper.memory(), self._keeper.namespace()
        return await memory.notes(namespace=namespace, limit=limit, newest_first=True, **narrower)

    async def _told(self, limit: int, **narrower: Any) -> str:
        try:
            page = await self.newest(limit, **narrower)
        except core.InvalidInput as error:
            raise ResourceError(str(error)) from error
        return answers.listed(page.notes, TOKENS, ", newest first.")

    async def brief(self) -> str:
        """What to know first: who the user is, what is going on, plans, how they want things done."""
        return (await brief(await self._keeper.memory(), self._keeper.namespace(), BRIEF))[0]

    async def recent(self) -> str:
        """The notes recorded last."""
        return await self._told(30)

    async def thread(self, thread: str) -> str:
        """The notes of one conversation, document or project."""
        return await self._told(50, thread=thread)

    async def tag(self, tag: str) -> str:
        """The notes with one tag."""
        return await self._told(50, tags=[tag])

    async def stats(self) -> str:
        """How many notes, links and changes there are."""
        memory = await self._keeper.memory()
        return (await memory.stats(namespace=self._keeper.namespace())).model_dump_json()

    async def note(self, id: str) -> str:  # noqa: A002 - the template's name for it
        """A note with its links and history."""
        memory = await self._keeper.memory()
        try:
            graph = await memory.graph(namespace=self._keeper.namespace(), start=id, hops=1, limit=21)
        except core.NotFound as error:
            raise ResourceNotFoundError(str(error).partition(";")[0]) from error
        return answers.whole(graph, 100_000, history=True)[0].model_dump_json(exclude_none=True)

    async def view(self, what: str, q: str = "", id: str = "", after: str = "", name: str = "") -> str:  # noqa: A002
        """What the page of the memory shows."""
        memory, asked = await self._keeper.memory(), {"q": q, "id": id, "after": after, "name": name}
        try:
            return json.dumps(await picture.answer(memory, self._keeper.namespace(), what, asked))
        except core.ZettelmemError as error:
            return json.dumps({"error": str(error)})

    async def complete(self, _: Any, argument: types.CompletionArgument, __: Any) -> types.Completion:
        """The ids, threads and tags of the newest notes that begin as the argument does."""
        notes = (await self.newest(LOOK)).notes
        tags = [tag for each in notes for tag in each.tags]
        known = {"tag": tags, "topic": tags, "id": [each.id for each in notes]}
        known["thread"] = [each.thread for each in notes if each.thread]
        begun, values = argument.value.casefold(), dict.fromkeys(known.get(argument.name, []))
        fitting = [value for value in values if value.casefold().startswith(begun)]
        return types.Completion(values=fitting[:100], total=len(fitting), has_more=len(fitting) > 100)

    async def listed(self, cursor: str | None) -> tuple[list[types.Resource], str | None]:
        """A page of notes as resources, and the cursor of the next."""
        try:
            page = await self.newest(PAGE, after=cursor)
        except (core.InvalidInput, AttributeError) as error:
            raise MCPError(types.INVALID_PARAMS, "that is no cursor of ours; begin without one") from error
        listed = []
        for note in page.notes:
            uri, title = f"memory://note/{note.id}", core.one_line(note.content, 60)
            listed.append(types.Resource(uri=uri, name=note.id, title=title, mime_type="application/json"))
        return listed, page.cursor


def add_resources(server: MCPServer[Keeper], keeper: Keeper, events: Sealed) -> None:
    """Register the resources, their completion, their paging and subscriptions to them."""
    events.serve_legacy(server)
    shelf = Shelf(keeper)
    text, data = "text/plain", "application/json"
    for uri, title, kind, read in (
        ("memory://brief", "Brief", text, shelf.brief),
        ("memory://recent", "Recent notes", text, shelf.recent),
        ("memory://thread/{thread}", "A thread", text, shelf.thread),
        ("memory://tag/{tag}", "A tag", text, shelf.tag),
        ("memory://stats", "Figures", data, shelf.stats),
        ("memory://note/{id}", "A note", data, shelf.note),
        ("memory://view/{what}{?q,id,after,name}", "What the page shows", data, shelf.view),
    ):
        server.resource(uri, title=title, mime_type=kind)(read)
    server.completion()(shelf.complete)  # type: ignore[no-untyped-call]

    async def paging(ctx: Any, call_next: Any) -> Any:
        """`resources/list`: the fixed ones, then every note, a page at a time."""
        if ctx.method != "resources/list":
            return await call_next(ctx)
        cursor = (ctx.params or {}).get("cursor")
        listed, following = await shelf.listed(cursor)
        fixed = [] if cursor else await server.list_resources()
        return types.ListResourcesResult(resources=[*fixed, *listed], next_cursor=following)

    server.middleware.append(paging)
