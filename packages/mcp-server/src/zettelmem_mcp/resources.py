"""Notes as resources: one by id, the recent ones, a thread, a tag, and figures; with change events."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.subscriptions import InMemorySubscriptionBus, ServerEvent
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    EmptyResult,
    ListResourcesResult,
    PromptReference,
    Resource,
    ResourceTemplateReference,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from . import answers
from .keeper import Keeper

if TYPE_CHECKING:
    from zettelmem import Note

PAGE = 50
"""Notes in one page of `resources/list`."""
LOOK = 300
"""Newest notes that completion looks at."""
SUBSCRIBED = 10_000
"""Resources that clients of the handshake era may subscribe to, all together."""
TOKENS = 4_000
"""Of a resource that lists notes."""


class Sealed(InMemorySubscriptionBus):
    """Change events that reach only listeners of the namespace they happened in, in both eras."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper
        self._rooms: dict[tuple[str, ...], InMemorySubscriptionBus] = {}
        self._legacy: dict[tuple[tuple[str, ...], str], dict[Any, Any]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Deliver `event` to those who may know of it."""
        namespace = self._keeper.namespace()
        if namespace in self._rooms:
            await self._rooms[namespace].publish(event)
        if isinstance(event, ResourceUpdated):
            for session in list(self._legacy.get((namespace, event.uri), {}).values()):
                await session.send_resource_updated(event.uri)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register `listener` for the namespace of whoever asks."""
        room = self._rooms.setdefault(self._keeper.namespace(), InMemorySubscriptionBus())
        return room.subscribe(listener)

    async def on_subscribe(self, ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        """`resources/subscribe` of clients up to 2025-11-25, until their connection ends."""
        key, connection = (self._keeper.namespace(), str(params.uri)), ctx.session._connection
        if key not in self._legacy and len(self._legacy) >= SUBSCRIBED:
            raise MCPError(INVALID_PARAMS, f"at most {SUBSCRIBED} resources can be subscribed to")
        self._legacy.setdefault(key, {})[connection] = ctx.session
        connection.exit_stack.callback(self._drop, key, connection)
        return EmptyResult()

    async def on_unsubscribe(self, ctx: Any, params: UnsubscribeRequestParams) -> EmptyResult:
        """`resources/unsubscribe` of clients up to 2025-11-25."""
        self._drop((self._keeper.namespace(), str(params.uri)), ctx.session._connection)
        return EmptyResult()

    def _drop(self, key: tuple[tuple[str, ...], str], connection: Any) -> None:
        listening = self._legacy.get(key, {})
        listening.pop(connection, None)
        if not listening:
            self._legacy.pop(key, None)


def add_resources(server: MCPServer[Keeper], keeper: Keeper) -> None:
    """Register the resources, their completion, their paging and subscriptions to them."""

    async def newest(limit: int, **narrower: Any) -> tuple[Note, ...]:
        memory = await keeper.memory()
        page = await memory.notes(namespace=keeper.namespace(), limit=limit, newest_first=True, **narrower)
        return page.notes

    async def text_of(limit: int, **narrower: Any) -> str:
        found, left = answers.cards(await newest(limit, **narrower), TOKENS)
        more = f"{left} more; browse lists them." if left else ""
        return answers.listed(found, f"{len(found)} notes, newest first.", more)

    @server.resource("memory://recent", title="Recent notes", mime_type="text/plain")
    async def recent() -> str:
        """The notes recorded last."""
        return await text_of(30)

    @server.resource("memory://stats", title="Figures", mime_type="application/json")
    async def stats() -> str:
        """How many notes, links and changes there are."""
        memory = await keeper.memory()
        return (await memory.stats(namespace=keeper.namespace())).model_dump_json()

    @server.resource("memory://note/{id}", title="A note", mime_type="application/json")
    async def note(id: str) -> str:  # noqa: A002 - the template's name for it
        """A note with its links and history."""
        from zettelmem import NotFound

        memory = await keeper.memory()
        try:
            found = await memory.get(id, namespace=keeper.namespace())
        except NotFound as error:
            raise ResourceNotFoundError(str(error).partition(";")[0]) from error
        graph = await memory.graph(namespace=found.namespace, start=id, hops=1, limit=21)
        each = answers.card(found, 100_000)
        each.context = found.context or None
        each.links = answers.link_lines(found, graph)
        each.history = answers.history_lines(found.history)
        return each.model_dump_json(exclude_none=True)

    @server.resource("memory://thread/{thread}", title="A thread", mime_type="text/plain")
    async def of_thread(thread: str) -> str:
        """The notes of one conversation, document or project."""
        return await narrowed(thread=thread)

    @server.resource("memory://tag/{tag}", title="A tag", mime_type="text/plain")
    async def of_tag(tag: str) -> str:
        """The notes with one tag."""
        return await narrowed(tags=[tag])

    async def narrowed(**narrower: Any) -> str:
        from zettelmem import InvalidInput

        try:
            return await text_of(50, **narrower)
        except InvalidInput as error:
            raise ResourceError(str(error)) from error

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(
        ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument, _: Any
    ) -> Completion | None:
        notes = await newest(LOOK)
        by_name = {
            "id": [each.id for each in notes],
            "thread": [each.thread for each in notes if each.thread],
            "tag": [tag for each in notes for tag in each.tags],
        }
        by_name["topic"] = by_name["tag"]
        begun = argument.value.casefold()
        fitting = [
            value
            for value in dict.fromkeys(by_name.get(argument.name, []))
            if value.casefold().startswith(begun)
        ]
        return Completion(values=fitting[:100], total=len(fitting), has_more=len(fitting) > 100)

    async def paging(ctx: Any, call_next: Any) -> Any:
        """`resources/list`: the fixed ones, then every note, a page at a time."""
        if ctx.method != "resources/list":
            return await call_next(ctx)
        from zettelmem import InvalidInput

        cursor = (ctx.params or {}).get("cursor")
        memory = await keeper.memory()
        try:
            page = await memory.notes(
                namespace=keeper.namespace(), limit=PAGE, newest_first=True, after=cursor
            )
        except (InvalidInput, AttributeError) as error:
            raise MCPError(INVALID_PARAMS, "that is no cursor of ours; begin without one") from error
        listed = [] if cursor else await server.list_resources()
        listed += [
            Resource(
                uri=f"memory://note/{each.id}",
                name=each.id,
                title=answers.line(each.content, 60),
                mime_type="application/json",
            )
            for each in page.notes
        ]
        return ListResourcesResult(resources=listed, next_cursor=page.cursor)

    server.middleware.append(paging)
    bus = server._subscriptions
    if isinstance(bus, Sealed):  # the SDK's own door for methods that only the handshake era has
        handlers = server._lowlevel_server
        handlers.add_request_handler("resources/subscribe", SubscribeRequestParams, bus.on_subscribe)
        handlers.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, bus.on_unsubscribe)
