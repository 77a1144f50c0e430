"""`--compat reference`: the nine tools of the official reference memory server, over our store.

Same names, arguments and answers as @modelcontextprotocol/server-memory. An entity, each of its observations
and each relation is a note of its own, so two clients that write at once lose nothing. A search that finds no
text asks our recall as well. Two differences: the same entity or observation twice in one call is kept once,
and what a call is not allowed to send is refused in our words.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from . import core
from .answers import worth_telling
from .arguments import Lean
from .keeper import Keeper
from .settings import BadSetting, in_words

logger = logging.getLogger(__name__)
Ctx = Context[Keeper]

VIA = "reference"
"""The door of these notes, by which they are told from others of the same memory."""
FOUND = 10
"""Hits of our recall that a search without a match looks at."""


class Entity(BaseModel):
    """A node of the graph."""

    name: str = Field(description="The name of the entity")
    entityType: str = Field(description="The type of the entity")  # noqa: N815 - the wire's own name
    observations: list[str] = Field(description="An array of observation contents associated with the entity")


class Relation(BaseModel):
    """A directed edge of the graph."""

    from_: str = Field(alias="from", description="The name of the entity where the relation starts")
    to: str = Field(description="The name of the entity where the relation ends")
    relationType: str = Field(description="The type of the relation")  # noqa: N815 - the wire's own name


class Observations(BaseModel):
    """What is added to an entity."""

    entityName: str = Field(description="The name of the entity to add the observations to")  # noqa: N815
    contents: list[str] = Field(description="An array of observation contents to add")


class Deletion(BaseModel):
    """What is taken from an entity."""

    entityName: str = Field(description="The name of the entity containing the observations")  # noqa: N815
    observations: list[str] = Field(description="An array of observations to delete")


class Graph(BaseModel):
    """The graph, or a part of it."""

    entities: list[Entity] = []
    relations: list[Relation] = []

    def told(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return self.model_dump(by_alias=True)

    def around(self, names: Iterable[str]) -> Graph:
        """The entities of these names, and every relation that touches one of them."""
        wanted = set(names)
        return Graph(
            entities=[each for each in self.entities if each.name in wanted],
            relations=[each for each in self.relations if {each.from_, each.to} & wanted],
        )


# --- notes ---------------------------------------------------------------------------------------


def _draft(content: str, *parts: str) -> core.Draft:
    """A note for a part of the graph; `parts` tell which, and are its key."""
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return core.Draft(
        content=content.strip() or "(nothing)",
        key=f"reference:{key}",
        data={"reference": list(parts)},
        source=core.Source(who="assistant", via=VIA),
        trust=core.Trust.REPORTED,
    )


def _of_entity(entity: Entity) -> list[core.Draft]:
    node = _draft(f"{entity.name} ({entity.entityType})", "entity", entity.name, entity.entityType)
    return [node, *(_of_observation(entity.name, each) for each in entity.observations)]


def _of_observation(name: str, observation: str) -> core.Draft:
    return _draft(f"{name}: {observation}", "observation", name, observation)


def _of_relation(each: Relation) -> core.Draft:
    content = f"{each.from_} {each.relationType} {each.to}"
    return _draft(content, "relation", each.from_, each.relationType, each.to)


def _parts(note: core.Note) -> list[str]:
    """Which part of the graph a note is."""
    found: Any = (note.data or {}).get("reference")
    return found if isinstance(found, list) else ["none"]


def graph_of(notes: Sequence[core.Note]) -> Graph:
    """The graph that notes make, in the order they were recorded."""
    entities: dict[str, Entity] = {}
    relations: list[Relation] = []
    for note in notes:
        match _parts(note):
            case ["entity", name, kind]:
                entities.setdefault(name, Entity(name=name, entityType=kind, observations=[]))
            case ["relation", start, kind, end]:
                relations.append(Relation(**{"from": start}, to=end, relationType=kind))
    for note in notes:
        match _parts(note):
            case ["observation", name, observation] if name in entities:
                entities[name].observations.append(observation)
    return Graph(entities=list(entities.values()), relations=relations)


class Store:
    """The graph in a memory.

    Args:
        memory: where it is kept.
        namespace: whose it is.
    """

    def __init__(self, memory: core.AsyncMemory, namespace: tuple[str, ...]) -> None:
        self._memory = memory
        self._namespace = namespace

    async def notes(self) -> tuple[core.Note, ...]:
        """Every note of the graph, oldest first."""
        return (await self._memory.notes(namespace=self._namespace, via=VIA, limit=None)).notes

    async def graph(self) -> Graph:
        """All of it."""
        return graph_of(await self.notes())

    async def add(self, drafts: Sequence[core.Draft]) -> None:
        """Store what is new of these notes, in their order, in as few commits as there can be."""
        unique = list({draft.key: draft for draft in drafts}.values())
        await self._memory.remember_many(unique, namespace=self._namespace, judge="none")

    async def remove(self, doomed: Callable[[list[str]], bool]) -> None:
        """Forget the notes whose parts are doomed."""
        for note in await self.notes():
            if doomed(_parts(note)):
                await self._memory.forget(note.id, namespace=self._namespace)

    async def recalled(self, query: str) -> list[str]:
        """The entities that our recall names for a query."""
        if not query.strip():
            return []
        hits = await self._memory.recall(query[:10_000], namespace=self._namespace, via=VIA, k=FOUND)
        return [name for hit in worth_telling(hits, FOUND) for name in _parts(hit.note)[1:]]

    async def take_over(self, file: Path) -> int:
        """Import the reference server's file, once: what was deleted since does not come back.

        Returns:
            How many entities and relations came.

        Raises:
            BadSetting: the file cannot be read.
        """
        mark = _draft(f"Took over {file}", "import", str(file))
        if await self._memory.keyed([str(mark.key)], namespace=self._namespace, forgotten=True):
            return 0
        graph = read_file(file)
        drafts = [draft for each in graph.entities for draft in _of_entity(each)]
        await self.add([*drafts, *map(_of_relation, graph.relations)])
        await self.add([mark])
        await self.remove(lambda parts: parts[0] == "import")
        return len(graph.entities) + len(graph.relations)


def read_file(file: Path) -> Graph:
    """The graph in a `memory.json` or `memory.jsonl`: a line an entity or relation, or one object of both.

    Raises:
        BadSetting: the file is not there, or a line of it is neither.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"memory file {file}: {error.strerror}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    items = (
        [{"type": "graph", **whole}]
        if (whole := _whole(text))
        else [_line(file, *x) for x in enumerate(lines, 1)]
    )
    graph = Graph()
    for number, item in enumerate(items, 1):
        try:
            match item.get("type"):
                case "entity":
                    graph.entities.append(Entity.model_validate(item))
                case "relation":
                    graph.relations.append(Relation.model_validate(item))
                case "graph":
                    graph = Graph.model_validate(item)
        except ValidationError as error:
            raise BadSetting(f"memory file {file}, line {number}: {in_words(error)}") from error
    return graph


def _whole(text: str) -> dict[str, Any] | None:
    """One object with all entities, as old files hold it; None where the text is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "entities" in found else None


def _line(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadSetting(f"memory file {file}, line {number}: {error}") from error
    return found if isinstance(found, dict) else {}


# --- tools ---------------------------------------------------------------------------------------


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
    await store.add([draft for each in new for draft in _of_entity(each)])
    return _answer(_plain(new), {"entities": _plain(new)})


async def create_relations(relations: list[Relation], ctx: Ctx) -> CallToolResult:
    """Create multiple new relations between entities in the knowledge graph. Relations should be in active
    voice"""
    store = await _store(ctx)
    there = (await store.graph()).relations
    new = [each for each in relations if each not in there]
    await store.add([_of_relation(each) for each in new])
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
        drafts += [_of_observation(each.entityName, content) for content in new]
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
