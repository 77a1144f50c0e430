"""`zettelmem-mcp doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import shutil
from collections.abc import Iterator, Mapping

from . import core
from .clients import BadConfiguration, Client
from .http import build_app
from .keeper import named_model
from .settings import BadSetting, Settings


def diagnose(settings: Settings, clients: Mapping[str, Client]) -> Iterator[tuple[bool, str]]:
    """Findings, one after the other: whether it is well, and what was found in words."""
    packages = ("zettelmem-mcp", "zettelmem", "mcp", "lancedb")
    yield True, ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    yield from asyncio.run(_memory(settings))
    if settings.judge == "model":
        try:
            named_model(settings.model)
            yield True, f"model {settings.model} can be made (it was not called)"
        except Exception as error:  # noqa: BLE001 - a vendor's client may raise anything
            other = "Give another --model, or --judge ask which needs none"
            yield False, f"model {settings.model}: {error}. {other}"
    if settings.http:
        try:
            build_app(settings)
            yield True, f"HTTP on {settings.http} may be served"
        except BadSetting as error:
            yield False, str(error)
    for client in clients.values():
        yield from _client(client)


async def _memory(settings: Settings) -> list[tuple[bool, str]]:
    try:
        async with core.AsyncMemory(settings.uri, audit=settings.audit or None) as memory:
            examined = await memory.admin.examine()
            await memory.recall("Is the embedder there?", namespace=settings.path)
            stats = await memory.stats(namespace=settings.path)
    except core.ZettelmemError as error:
        return [(False, f"the memory at {settings.uri}: {error} (--db)")]
    told = f"{stats.notes} notes, {stats.pending} not connected"
    return [
        (True, f"the memory at {settings.uri}, namespace {settings.namespace}: {told}"),
        *((False, f"{each.check}: {each.count} {each.told}") for each in examined.findings if each.trouble),
    ]


def _client(client: Client) -> Iterator[tuple[bool, str]]:
    try:
        command = client.command()
    except BadConfiguration as error:
        yield False, f"{client.name}: {error}"
        return
    if command is not None and shutil.which(command):
        yield True, f"{client.name} starts {command}"
    elif command is not None:
        again = f"zettelmem-mcp install --client {client.name}"
        yield False, f"{client.name} starts {command or 'nothing'}, which is not there: {again}"
