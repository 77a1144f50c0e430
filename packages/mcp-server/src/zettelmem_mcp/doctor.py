"""`zettelmem-mcp doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .clients import NAME, BadConfiguration, Client
from .keeper import named_model
from .settings import BadSetting, Settings

ROOM = 200 * 1024 * 1024
"""Free bytes below which the disk counts as full."""


def diagnose(settings: Settings, clients: Mapping[str, Client]) -> Iterator[tuple[bool, str]]:
    """Findings, one after the other: whether it is well, and what was found in words."""
    for package in ("mcp", "zettelmem", "lancedb"):
        try:
            yield True, f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            yield False, f"{package} is not installed: pip install zettelmem-mcp"
    yield from _place(settings)
    yield from _memory(settings)
    if settings.judge == "model":
        try:
            model = named_model(settings.model)
            getattr(model, "load", lambda: None)()
            yield True, f"model {settings.model} can be made (it was not called)"
        except Exception as error:  # noqa: BLE001 - a vendor's client may raise anything
            yield (
                False,
                f"model {settings.model}: {error}. Give another --model, or --judge ask which needs none",
            )
    if settings.http:
        yield from _http(settings)
    for client in clients.values():
        yield from _client(client)


def _place(settings: Settings) -> Iterator[tuple[bool, str]]:
    if "://" in settings.uri:
        return
    folder = Path(settings.uri)
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        yield False, f"{there} is a file; give another --db"
        return
    try:
        with tempfile.TemporaryFile(dir=there):
            yield True, f"{folder} can be written"
    except OSError as error:
        yield False, f"{there} cannot be written ({error.strerror}); give another --db"
        return
    if shutil.disk_usage(there).free < ROOM:
        yield False, f"the disk of {there} is nearly full; make room or give another --db"


def _memory(settings: Settings) -> Iterator[tuple[bool, str]]:
    from zettelmem import AsyncMemory, ZettelmemError

    async def look() -> str:
        async with AsyncMemory("memory://") as trial:
            await trial.remember("Ana lives in Porto.", namespace="doctor")
            if not await trial.recall("Where does Ana live?", namespace="doctor"):
                raise ZettelmemError("a note that was just remembered is not recalled")
        start = time.perf_counter()
        async with AsyncMemory(settings.uri) as memory:
            stats = await memory.stats(namespace=settings.path)
        seconds = time.perf_counter() - start
        return f"{stats.notes} notes, {stats.pending} not connected, read in {seconds:.2f} s"

    try:
        found = asyncio.run(look())
    except ZettelmemError as error:
        yield False, f"the memory at {settings.uri}: {error}"
    else:
        yield True, f"the memory at {settings.uri}, namespace {settings.namespace}: {found}"


def _http(settings: Settings) -> Iterator[tuple[bool, str]]:
    from .http import build_app

    try:
        build_app(settings)
        yield True, f"HTTP on {settings.http} may be served"
    except BadSetting as error:
        yield False, str(error)


def _client(client: Client) -> Iterator[tuple[bool, str]]:
    try:
        _, found = client.read()
    except BadConfiguration as error:
        yield False, f"{client.name}: {error}"
        return
    entry = found.get(client.key, {}).get(NAME)
    if entry is None:
        return  # not set up there, which is nothing wrong
    command = str(entry.get("command", "")) if isinstance(entry, dict) else ""
    if command and shutil.which(command):
        yield True, f"{client.name} starts {command}"
    else:
        yield (
            False,
            f"{client.name} starts {command or 'nothing'}, which is not there: "
            f"zettelmem-mcp install --client {client.name}",
        )
