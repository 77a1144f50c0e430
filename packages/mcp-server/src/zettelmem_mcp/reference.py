"""`--compat reference`: the nine tools of the official reference memory server, over our store.

Same names, arguments and answers as @modelcontextprotocol/server-memory. An entity, each of its observations
and each relation is a note of its own, so two clients that write at once lose nothing. A search that finds no
text asks our recall as well. Two differences: the same entity or observation twice in one call is kept once,
and what a call is not allowed to send is refused in our words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field, TypeAdapter

from .arguments import Lean
from .calls import Ctx
from .knowledge import (
    Deletion,
    Entity,
    Graph,
    Observations,
    Relation,
    Store,
    of_entity,
    of_observation,
    of_relation,
)


async def _store(ctx: Ctx) -> Store:
    keeper = ctx.request_context.lifespan_context
    return Store(await keeper.memory(), keeper.namespace())


def _answer(text: Any, structure: Mapping[str, Any]) -> CallToolResult:
    """As the reference server answers: indented JSON, or a sentence."""
    written = text if isinstance(text, str) else json.dumps(text, indent=2, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(type="text", text=written)], structured_content=dict(structure)
    )


def _deleted(what: str) -> CallToolResult:
    message = f"{what} deleted successfully"
    return _answer(message, {"success": True, "message": message})


def _plain(values: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [value.model_dump(by_alias=True) for value in values]


async def create_entities(entities: list[Entity], ctx: Ctx) -> CallToolResult:
    """Create multiple new entities in the knowledge graph"""
    store = await _store(ctx)
    there = {each.name for each in (await store.graph()).entities}
    new = [each for each in entities if each.name not in there]
    await store.add([draft for each in new for draft in of_entity(each)])
    return _answer(_plain(new), {"entities": _plain(new)})


async def create_relations(relations: list[Relation], ctx: Ctx) -> CallToolResult:
    """Create multiple new relations between entities in the knowledge graph. Relations should be in active
    voice"""
    store = await _store(ctx)
    there = (await store.graph()).relations
    new = [each for each in relations if each not in there]
    await store.add([of_relation(each) for each in new])
    return _answer(_plain(new), {"relations": _plain(new)})


async def add_observations(observations: list[Observations], ctx: Ctx) -> CallToolResult:
    """Add new observations to existing entities in the knowledge graph"""
    store = await _store(ctx)
    known = {each.name: list(each.observations) for each in (await store.graph()).entities}
    results, drafts = [], []
    for each in observations:
        if each.entityName not in known:
            text = TextContent(type="text", text=f"Entity with name {each.entityName} not found")
            return CallToolResult(content=[text], is_error=True)
        new = [content for content in each.contents if content not in known[each.entityName]]
        known[each.entityName] += new
        drafts += [of_observation(each.entityName, content) for content in new]
        results.append({"entityName": each.entityName, "addedObservations": new})
    await store.add(drafts)
    return _answer(results, {"results": results})


async def delete_entities(
    entityNames: Annotated[list[str], Field(description="An array of entity names to delete")],  # noqa: N803
    ctx: Ctx,
) -> CallToolResult:
    """Delete multiple entities and their associated relations from the knowledge graph"""
    store, names = await _store(ctx), set(entityNames)

    def doomed(parts: list[str]) -> bool:
        if parts[0] == "relation":
            return parts[1] in names or parts[3] in names
        return parts[0] in ("entity", "observation") and parts[1] in names

    await store.remove(doomed)
    return _deleted("Entities")


async def delete_observations(deletions: list[Deletion], ctx: Ctx) -> CallToolResult:
    """Delete specific observations from entities in the knowledge graph"""
    gone = {("observation", each.entityName, words) for each in deletions for words in each.observations}
    await (await _store(ctx)).remove(lambda parts: tuple(parts) in gone)
    return _deleted("Observations")


async def delete_relations(
    relations: Annotated[list[Relation], Field(description="An array of relations to delete")], ctx: Ctx
) -> CallToolResult:
    """Delete multiple relations from the knowledge graph"""
    gone = {("relation", each.from_, each.relationType, each.to) for each in relations}
    await (await _store(ctx)).remove(lambda parts: tuple(parts) in gone)
    return _deleted("Relations")


async def read_graph(ctx: Ctx) -> CallToolResult:
    """Read the entire knowledge graph"""
    graph = (await (await _store(ctx)).graph()).told()
    return _answer(graph, graph)


async def search_nodes(
    query: Annotated[
        str,
        Field(description="The search query to match against entity names, types, and observation content"),
    ],
    ctx: Ctx,
) -> CallToolResult:
    """Search for nodes in the knowledge graph based on a query"""
    store = await _store(ctx)
    graph, asked = await store.graph(), query.lower()
    names = [
        each.name
        for each in graph.entities
        if any(asked in text.lower() for text in (each.name, each.entityType, *each.observations))
    ]
    found = graph.around(names or await store.recalled(query)).told()
    return _answer(found, found)


async def open_nodes(
    names: Annotated[list[str], Field(description="An array of entity names to retrieve")], ctx: Ctx
) -> CallToolResult:
    """Open specific nodes in the knowledge graph by their names"""
    found = (await (await _store(ctx)).graph()).around(names).told()
    return _answer(found, found)


class Entities(BaseModel):
    """What `create_entities` answers."""

    entities: list[Entity]


class Relations(BaseModel):
    """What `create_relations` answers."""

    relations: list[Relation]


class Added(BaseModel):
    """What was added to one entity."""

    entityName: str  # noqa: N815 - the wire's own name
    addedObservations: list[str]  # noqa: N815


class Results(BaseModel):
    """What `add_observations` answers."""

    results: list[Added]


class Success(BaseModel):
    """What deletions answer."""

    success: bool
    message: str


def _hints(*, reads: bool = False, destroys: bool = False) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=reads,
        destructive_hint=destroys,
        idempotent_hint=reads or destroys,
        open_world_hint=False,
    )


ADDS, DELETES, READS = _hints(), _hints(destroys=True), _hints(reads=True)
_ROWS: tuple[tuple[Callable[..., Any], ToolAnnotations, type[BaseModel]], ...] = (
    (create_entities, ADDS, Entities),
    (create_relations, ADDS, Relations),
    (add_observations, ADDS, Results),
    (delete_entities, DELETES, Success),
    (delete_observations, DELETES, Success),
    (delete_relations, DELETES, Success),
    (read_graph, READS, Graph),
    (search_nodes, READS, Graph),
    (open_nodes, READS, Graph),
)


def _listed(function: Callable[..., Any], hints: ToolAnnotations, answer: type[BaseModel]) -> Tool:
    tool = Tool.from_function(
        function,
        title=function.__name__.replace("_", " ").title(),
        description=" ".join((function.__doc__ or "").split()),
        annotations=hints,
        structured_output=False,
    )
    tool.parameters = tool.fn_metadata.arg_model.model_json_schema(schema_generator=Lean, by_alias=True)
    tool.fn_metadata.output_schema = TypeAdapter(answer).json_schema(
        schema_generator=Lean, by_alias=True, mode="serialization"
    )
    return tool


TOOLS = [_listed(*row) for row in _ROWS]
"""The tools, as the reference server lists them."""
