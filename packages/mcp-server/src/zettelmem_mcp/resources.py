"""Notes as resources: one by id, the recent ones, a thread, a tag, and figures; with change events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from mcp import MCPError, types
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.subscriptions import InMemorySubscriptionBus, ServerEvent
from mcp.shared.subscriptions import ResourceUpdated

from . import answers, core
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


def add_resources(server: MCPServer[Keeper], keeper: Keeper, events: Sealed) -> None:
    """Register the resources, their completion, their paging and subscriptions to them."""
    events.serve_legacy(server)

    async def newest(limit: int, **narrower: Any) -> core.Page:
        memory = await keeper.memory()
        return await memory.notes(namespace=keeper.namespace(), limit=limit, newest_first=True, **narrower)

    async def told(limit: int, **narrower: Any) -> str:
        try:
            page = await newest(limit, **narrower)
        except core.InvalidInput as error:
            raise ResourceError(str(error)) from error
        return answers.listed(page.notes, TOKENS, ", newest first.")

    @server.resource("memory://brief", title="Brief", mime_type="text/plain")
    async def first() -> str:
        """What to know first: who the user is, what is going on, plans, how they want things done."""
        return (await brief(await keeper.memory(), keeper.namespace(), BRIEF))[0]

    @server.resource("memory://recent", title="Recent notes", mime_type="text/plain")
    async def recent() -> str:
        """The notes recorded last."""
        return await told(30)

    @server.resource("memory://thread/{thread}", title="A thread", mime_type="text/plain")
    async def of_thread(thread: str) -> str:
        """The notes of one conversation, document or project."""
        return await told(50, thread=thread)

    @server.resource("memory://tag/{tag}", title="A tag", mime_type="text/plain")
    async def of_tag(tag: str) -> str:
        """The notes with one tag."""
        return await told(50, tags=[tag])

    @server.resource("memory://stats", title="Figures", mime_type="application/json")
    async def stats() -> str:
        """How many notes, links and changes there are."""
        memory = await keeper.memory()
        return (await memory.stats(namespace=keeper.namespace())).model_dump_json()

    @server.resource("memory://note/{id}", title="A note", mime_type="application/json")
    async def note(id: str) -> str:  # noqa: A002 - the template's name for it
        """A note with its links and history."""
        memory = await keeper.memory()
        try:
            graph = await memory.graph(namespace=keeper.namespace(), start=id, hops=1, limit=21)
        except core.NotFound as error:
            raise ResourceNotFoundError(str(error).partition(";")[0]) from error
        return answers.whole(graph, 100_000, history=True)[0].model_dump_json(exclude_none=True)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(_: Any, argument: types.CompletionArgument, __: Any) -> types.Completion:
        notes = (await newest(LOOK)).notes
        tags = [tag for each in notes for tag in each.tags]
        known = {"tag": tags, "topic": tags, "id": [each.id for each in notes]}
        known["thread"] = [each.thread for each in notes if each.thread]
        begun, values = argument.value.casefold(), dict.fromkeys(known.get(argument.name, []))
        fitting = [value for value in values if value.casefold().startswith(begun)]
        return types.Completion(values=fitting[:100], total=len(fitting), has_more=len(fitting) > 100)

    async def paging(ctx: Any, call_next: Any) -> Any:
        """`resources/list`: the fixed ones, then every note, a page at a time."""
        if ctx.method != "resources/list":
            return await call_next(ctx)
        cursor = (ctx.params or {}).get("cursor")
        try:
            page = await newest(PAGE, after=cursor)
        except (core.InvalidInput, AttributeError) as error:
            raise MCPError(types.INVALID_PARAMS, "that is no cursor of ours; begin without one") from error
        listed = [] if cursor else await server.list_resources()
        listed += [
            types.Resource(
                uri=f"memory://note/{each.id}",
                name=each.id,
                title=core.one_line(each.content, 60),
                mime_type="application/json",
            )
            for each in page.notes
        ]
        return types.ListResourcesResult(resources=listed, next_cursor=page.cursor)

    server.middleware.append(paging)
