"""The configuration files of MCP clients: where they are, and our entry in them."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "memory"
"""What our entry is called in a client."""
PLACES = {"darwin": ("", "Library/Application Support"), "win32": ("APPDATA", "AppData/Roaming")}
"""Where programs keep their settings: the variable that tells, or the folder below the user's own."""


class BadConfiguration(ValueError):
    """A client's configuration that cannot be changed safely; the text says what to do by hand."""


@dataclass(frozen=True)
class Client:
    """A client, where its configuration is, and under which key it lists servers."""

    name: str
    path: Path
    key: str = "mcpServers"
    typed: bool = False

    def read(self) -> tuple[str, dict[str, Any]]:
        """The file's text and what it says; empty where there is none.

        Raises:
            BadConfiguration: it is no plain JSON object.
        """
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
            found = json.loads(text.strip() or "{}")
        except (OSError, ValueError) as error:
            told = f"{self.path} cannot be read as plain JSON (comments?): {error}"
            raise BadConfiguration(f"{told}. Add the entry by hand") from error
        if not isinstance(found, dict) or not isinstance(found.get(self.key, {}), dict):
            raise BadConfiguration(f"{self.path} holds no object {self.key!r}; add it by hand")
        return text, found

    def command(self) -> str | None:
        """What our entry starts, "" if that cannot be told, None where there is no entry.

        Raises:
            BadConfiguration: as `read` does.
        """
        entry = self.read()[1].get(self.key, {}).get(NAME)
        return None if entry is None else str(entry.get("command", "")) if isinstance(entry, dict) else ""

    def changed(self, command: Sequence[str] | None) -> tuple[str, str]:
        """The file's text now, and with an entry that starts `command`, or without one where it is None."""
        text, found = self.read()
        before = found.get(self.key, {})
        servers = {name: each for name, each in before.items() if name != NAME}
        if command is not None:
            kind = {"type": "stdio"} if self.typed else {}
            servers[NAME] = {**kind, "command": command[0], "args": list(command[1:])}
        if before == servers:
            return text, text
        return text, json.dumps({**found, self.key: servers}, indent=2, ensure_ascii=False) + "\n"

    def write(self, text: str) -> Path | None:
        """Put `text` in the file's place at once, and return where the old one was kept."""
        target = self.path.resolve()  # a linked file stays a link
        target.parent.mkdir(parents=True, exist_ok=True)
        backup = None
        if target.exists():
            stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            backup = target.with_name(f"{target.name}.{stamp}.bak")
            shutil.copy2(target, backup)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
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
    """The clients we can set up, by name, with the files of `home`."""
    variable, folder = PLACES.get(platform, ("XDG_CONFIG_HOME", ".config"))
    apps = Path(environment.get(variable) or home / folder)
    known = (
        Client("claude-desktop", apps / "Claude" / "claude_desktop_config.json"),
        Client("claude-code", home / ".claude.json", typed=True),
        Client("cursor", home / ".cursor" / "mcp.json"),
        Client("vscode", apps / "Code" / "User" / "mcp.json", key="servers", typed=True),
    )
    return {each.name: each for each in known}


def own_command(arguments: Sequence[str]) -> list[str]:
    """How a client starts us, by absolute paths: clients have a PATH of their own."""
    uvx = shutil.which("uvx")
    if uvx and "archive-v" in sys.prefix:
        return [uvx, "zettelmem-mcp", *arguments]  # this environment is uvx's, and will be gone
    return [sys.executable, "-m", "zettelmem_mcp", *arguments]
