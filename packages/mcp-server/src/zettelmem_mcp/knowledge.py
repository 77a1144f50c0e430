"""The reference server's knowledge graph, kept as notes: a note an entity, an observation, a relation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from . import core
from .answers import worth_telling
from .settings import BadSetting

VIA = "reference"
"""The door of these notes, by which they are told from others of the same memory."""
FOUND = 10
"""Hits of our recall that a search without a match looks at."""
SURELY = 0.5
"""Score from which a note that shares no word with the query is found."""


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


def of_entity(entity: Entity) -> list[core.Draft]:
    """The notes of an entity: itself, and each of its observations."""
    node = _draft(f"{entity.name} ({entity.entityType})", "entity", entity.name, entity.entityType)
    return [node, *(of_observation(entity.name, each) for each in entity.observations)]


def of_observation(name: str, observation: str) -> core.Draft:
    """The note of an observation about an entity."""
    return _draft(f"{name}: {observation}", "observation", name, observation)


def of_relation(each: Relation) -> core.Draft:
    """The note of a relation."""
    content = f"{each.from_} {each.relationType} {each.to}"
    return _draft(content, "relation", each.from_, each.relationType, each.to)


def parts_of(note: core.Note) -> list[str]:
    """Which part of the graph a note is."""
    found: Any = (note.data or {}).get("reference")
    return found if isinstance(found, list) else ["none"]


def graph_of(notes: Sequence[core.Note]) -> Graph:
    """The graph that notes make, in the order they were recorded."""
    entities: dict[str, Entity] = {}
    relations: list[Relation] = []
    for note in notes:
        match parts_of(note):
            case ["entity", name, kind]:
                entities.setdefault(name, Entity(name=name, entityType=kind, observations=[]))
            case ["relation", start, kind, end]:
                relations.append(Relation(**{"from": start}, to=end, relationType=kind))
    for note in notes:
        match parts_of(note):
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
            if doomed(parts_of(note)):
                await self._memory.forget(note.id, namespace=self._namespace)

    async def recalled(self, query: str) -> list[str]:
        """The entities that our recall names for a query."""
        if not query.strip():
            return []
        hits = await self._memory.recall(query[:10_000], namespace=self._namespace, via=VIA, k=FOUND + 1)
        # The reference server finds by words. What is only near in meaning has to be surer than usual.
        told = [hit for hit in worth_telling(hits, FOUND) if "matches" in hit.why or hit.score >= SURELY]
        return [name for hit in told for name in parts_of(hit.note)[1:]]

    async def take_over(self, file: Path) -> None:
        """Import the reference server's file, once: what was deleted since does not come back.

        Raises:
            BadSetting: the file cannot be read.
        """
        mark = _draft(f"Took over {file}", "import", str(file))
        if await self._memory.keyed([str(mark.key)], namespace=self._namespace, forgotten=True):
            return
        await self.add(read_file(file))
        await self.add([mark])
        await self.remove(lambda parts: parts[0] == "import")


def read_file(file: Path) -> list[core.Draft]:
    """The notes of a `memory.json` or `memory.jsonl`, as `zettelmem import` reads it.

    Raises:
        BadSetting: the file is not there, or a line of it is neither an entity nor a relation.
    """
    exchange = import_module("zettelmem.exchange")
    drafts = []
    try:
        with file.open("rb") as stream:
            for part in exchange.read_graph(stream, exchange.Reading()):
                if isinstance(part, exchange.BadLine):
                    raise BadSetting(f"memory file {file}, {part.told}")
                drafts.append(part.draft)
    except OSError as error:
        raise BadSetting(f"memory file {file}: {error.strerror}") from error
    return drafts
