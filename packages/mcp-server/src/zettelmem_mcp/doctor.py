"""`zettelmem-mcp doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import core
from .clients import NAME, BadConfiguration, Client
from .http import build_app
from .keeper import named_embedder, named_model
from .settings import BadSetting, Settings

Finding = tuple[bool, str]
"""Whether it is well, and what was found in words."""

PATIENCE = 20.0
"""Seconds that the memory, and a client's command, may take."""
PLACE = ("zettelmem-doctor",)
"""The namespace of the note that is written to try it, which is forgotten again."""
PROBE = "The doctor of zettelmem wrote this note to see whether it can."


def diagnose(settings: Settings, clients: Mapping[str, Client]) -> Iterator[Finding]:
    """Findings, one after the other."""
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


async def _memory(settings: Settings) -> list[Finding]:
    where = f"the memory at {settings.uri}"
    try:
        embedder = named_embedder(settings.embedder)
        async with asyncio.timeout(PATIENCE), core.AsyncMemory(settings.uri, embedder=embedder) as memory:
            examined = await memory.admin.examine()
            stats = await memory.stats(namespace=settings.path)
            tried = await _tried(memory)
    except TimeoutError:
        told = f"does not answer for {PATIENCE:.0f} s: another process holds its lock"
        return [(False, f"{where} {told}. Close the other programs that use it")]
    except core.StoreMismatch as error:
        return [(False, f"{where} was written with another embedding model or version: {error} (--embedder)")]
    except core.ZettelmemError as error:
        return [(False, f"{where}: {error} (--db)")]
    told = f"{stats.notes} notes, {stats.pending} not connected"
    return [
        (True, f"{where}, namespace {settings.namespace}: {told}"),
        *((well, f"{where} {text}") for well, text in tried),
        *((False, f"{each.check}: {each.count} {each.told}") for each in examined.findings if each.trouble),
    ]


async def _tried(memory: core.AsyncMemory) -> list[Finding]:
    """A real write and a real recall of what was written."""
    # Other words each time: the same words under the same key would leave the note forgotten.
    probe = f"{PROBE} It was {memory.clock():%Y-%m-%d %H:%M:%S.%f}."
    try:
        written = await memory.remember(probe, namespace=PLACE, key="doctor", judge="none")
    except core.StoreMismatch:
        raise
    except core.ZettelmemError as error:
        return [(False, f"cannot be written, so nothing would be remembered: {error}")]
    try:
        hits = await memory.recall("Did the doctor write a note?", namespace=PLACE, k=1)
    finally:
        await memory.forget(written.note.id, namespace=PLACE)
    if not hits or hits[0].note.id != written.note.id:
        return [(False, "was written, but the note is not found again: run zettelmem doctor --repair")]
    return [(True, "was written to and read from")]


def _client(client: Client) -> Iterator[Finding]:
    try:
        servers = client.servers(client.text())
    except BadConfiguration as error:
        yield False, f"{client.name}: {error}"
        return
    if NAME not in servers:
        return
    entry = servers[NAME]
    again = f"zettelmem-mcp install --client {client.name}"
    if not isinstance(entry, dict):
        yield False, f"{client.name} has an entry {NAME!r} that is no object: {again}"
    elif "command" in entry:
        yield _started(client, entry, again)
    elif client.url and client.url in entry:
        yield True, f"{client.name} calls {entry[client.url]}"
    else:
        yield False, f"{client.name} has an entry {NAME!r} that starts nothing: {again}"


def _started(client: Client, entry: Mapping[str, Any], again: str) -> Finding:
    """Whether the command of an entry is there and starts."""
    command = str(entry["command"])
    found = shutil.which(command)
    if found is None:
        where = "not there" if Path(command).is_absolute() else "not on the PATH"
        return False, f"{client.name} starts {command or 'nothing'}, which is {where}: {again}"
    line = [found, *map(str, entry.get("args", ())), "--version"]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"{client.name} starts {command}, which does not run ({error}): {again}"
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no word about why"])[-1]
        return False, f"{client.name} starts {command}, which fails: {told[:200]}. {again}"
    if not Path(command).is_absolute():
        return True, f"{client.name} starts {command} by its own PATH; if it does not find it: {again}"
    return True, f"{client.name} starts {command}"
