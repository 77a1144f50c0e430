"""The configuration files of MCP clients: where they are, and our entry in them."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import stat
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import jsonc, toml

NAME = "zettelmem"
"""What our entry is called in a client; nobody else's server is called so."""


class BadConfiguration(ValueError):
    """A client's configuration that cannot be changed safely; the text says why."""


@dataclass(frozen=True)
class Client:
    """A client, where its configuration is, and how it writes a server down.

    Attributes:
        name: what `--client` calls it.
        path: its configuration, JSON with comments, or TOML where the name ends so.
        key: the object that holds its servers.
        url: the field of a server's URL; "" where its file takes no servers over HTTP.
        typed: whether each server tells its `type`.
    """

    name: str
    path: Path
    key: str = "mcpServers"
    url: str = "url"
    typed: bool = False

    def text(self) -> str:
        """The file as it is, "" where there is none.

        Raises:
            BadConfiguration: it cannot be read as UTF-8.
        """
        try:
            return self.path.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise BadConfiguration(f"{self.path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadConfiguration(f"{self.path} cannot be read: it is no UTF-8") from error

    def servers(self, text: str) -> dict[str, Any]:
        """Every server in a text of this client's configuration, by name.

        Raises:
            BadConfiguration: it cannot be understood.
        """
        found = self._parsed(text).get(self.key, {})
        if not isinstance(found, dict):
            raise BadConfiguration(f"{self.path} holds {self.key!r} that is no object")
        return found

    def _parsed(self, text: str) -> dict[str, Any]:
        if not text.strip("\ufeff \t\r\n"):
            return {}
        try:
            found = tomllib.loads(text) if self._is_toml else jsonc.parse(text).plain
        except ValueError as error:
            raise BadConfiguration(f"{self.path} cannot be understood: {error}") from error
        if not isinstance(found, dict):
            raise BadConfiguration(f"{self.path} holds no object")
        return found

    @property
    def _is_toml(self) -> bool:
        return self.path.suffix == ".toml"

    def entry(self, server: Sequence[str] | str) -> dict[str, Any]:
        """How this client writes down a server: a command with its arguments, or a URL.

        Raises:
            BadConfiguration: its file takes no servers over HTTP.
        """
        if not isinstance(server, str):
            return {**self._type("stdio"), "command": server[0], "args": list(server[1:])}
        if not self.url:
            raise BadConfiguration(
                f"{self.name} takes no servers over HTTP from its file; install without --http, or add "
                f"{server} in its settings"
            )
        return {**self._type("http"), self.url: server}

    def _type(self, transport: str) -> dict[str, str]:
        return {"type": transport} if self.typed else {}

    def changed(self, server: Sequence[str] | str | None) -> tuple[str, str]:
        """The file's text now, and with our entry for `server`, or without one where it is None.

        Fields of our entry that are not ours, such as `env`, stay.

        Raises:
            BadConfiguration: it cannot be done without changing what is not ours.
        """
        old = self.text()
        before = self.servers(old)
        entry = None if server is None else self.entry(server)
        try:
            new = (self._in_toml if self._is_toml else self._in_json)(old, before.get(NAME), entry)
        except ValueError as error:
            raise BadConfiguration(f"{self.path} cannot be changed: {error}") from error
        if self._others(old) != self._others(new) or (entry is None) == (NAME in self.servers(new)):
            raise BadConfiguration(f"{self.path} cannot be changed without touching what is not ours")
        return old, new

    def _in_json(self, text: str, present: Any, entry: dict[str, Any] | None) -> str:
        path = (self.key, NAME)
        if entry is None:
            return jsonc.drop(text, path) if text.strip("\ufeff \t\r\n") else text
        if not isinstance(present, dict):
            whole = text if text.strip("\ufeff \t\r\n") else f"{text.rstrip()}{{}}\n"
            return jsonc.put(whole, path, entry)
        for name, value in entry.items():
            text = jsonc.put(text, (*path, name), value)
        for name in self._gone(entry):
            text = jsonc.drop(text, (*path, name))
        return text

    def _in_toml(self, text: str, _: Any, entry: dict[str, Any] | None) -> str:
        path = (self.key, NAME)
        return toml.drop(text, path) if entry is None else toml.put(text, path, entry, self._gone(entry))

    def _gone(self, entry: Mapping[str, Any]) -> list[str]:
        """The fields of the other transport, which would contradict `entry`."""
        return [name for name in ("command", "args", self.url) if name and name not in entry]

    def _others(self, text: str) -> dict[str, Any]:
        """All that a text says, without our entry, and without servers where there are no others."""
        found = self._parsed(text)
        servers = {name: each for name, each in self.servers(text).items() if name != NAME}
        rest = {name: each for name, each in found.items() if name != self.key}
        return {**rest, self.key: servers} if servers else rest

    def by_hand(self, server: Sequence[str] | str) -> str:
        """What to add to the file, for somebody who does it by hand."""
        if self._is_toml:
            return toml.put("", (self.key, NAME), self.entry(server)).rstrip()
        return json.dumps({self.key: {NAME: self.entry(server)}}, indent=2, ensure_ascii=False)

    def write(self, old: str, new: str) -> Path | None:
        """Put `new` in the place of `old` at once, and return where the old file was kept.

        Raises:
            BadConfiguration: the file is read-only, a circle of links, or no longer what `old` says.
            OSError: the disk failed.
        """
        try:
            target = self.path.resolve()  # a linked file stays a link
        except (OSError, RuntimeError) as error:
            raise BadConfiguration(f"{self.path} is a link that leads to itself") from error
        if self.text() != old:
            raise BadConfiguration(f"{self.path} was changed meanwhile; try again")
        target.parent.mkdir(parents=True, exist_ok=True)
        backup = None
        if target.exists():
            if not target.stat().st_mode & stat.S_IWUSR:
                raise BadConfiguration(f"{target} is read-only")
            stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            backup = target.with_name(f"{target.name}.{stamp}.bak")
            shutil.copy2(target, backup)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        with os.fdopen(handle, "wb") as file:
            file.write(new.encode())
        if backup is not None:
            shutil.copymode(backup, name)
        Path(name).replace(target)
        return backup


def difference(old: str, new: str, path: Path) -> str:
    """What would change, as a diff."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), str(path), f"{path} (new)"
    )
    return "".join(each if each.endswith("\n") else each + "\n" for each in lines)


def known_clients(
    home: Path, environment: Mapping[str, str], platform: str = sys.platform
) -> dict[str, Client]:
    """The clients we can set up, by name, with the files of `home`.

    A client is added by a line here: its name, its file, and how that differs from most.
    """
    windows, mac = platform == "win32", platform == "darwin"
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    roaming = Path(environment.get("APPDATA") or home / "AppData/Roaming")
    apps = roaming if windows else home / "Library/Application Support" if mac else config
    claude = Path(environment.get("CLAUDE_CONFIG_DIR") or home)
    codex = Path(environment.get("CODEX_HOME") or home / ".codex")
    known = (
        Client("claude-desktop", apps / "Claude/claude_desktop_config.json", url=""),
        Client("claude-code", claude / ".claude.json", typed=True),
        Client("cursor", home / ".cursor/mcp.json"),
        Client("vscode", apps / "Code/User/mcp.json", key="servers", typed=True),
        Client("windsurf", home / ".codeium/windsurf/mcp_config.json", url="serverUrl"),
        Client("codex", codex / "config.toml", key="mcp_servers"),
        Client("gemini-cli", home / ".gemini/settings.json", url="httpUrl"),
        Client("zed", (roaming / "Zed" if windows else config / "zed") / "settings.json", "context_servers"),
    )
    return {each.name: each for each in known}


def own_command(arguments: Sequence[str], embedder: str = "wordllama") -> list[str]:
    """How a client starts us, by absolute paths: clients have a PATH of their own."""
    kind = embedder.partition(":")[0]
    extra = [] if kind == "wordllama" else ["--with", f"zettelmem[{kind}]"]
    uvx = shutil.which("uvx")
    if uvx and "archive-v" in sys.prefix:
        return [uvx, *extra, "zettelmem-mcp", *arguments]  # this environment is uvx's, and will be gone
    return [sys.executable, "-m", "zettelmem_mcp", *arguments]
