"""Edits of TOML that leave every other byte as it is. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any


def put(text: str, path: tuple[str, str], fields: Mapping[str, Any], gone: Sequence[str] = ()) -> str:
    """`text` where the table at `path` has these fields, and none of `gone`; its other fields stay.

    A new table goes to the end of the text.

    Raises:
        ValueError: `text` is no TOML.
    """
    import tomlkit  # only who sets up Codex waits for it; the server's start does not

    document = tomlkit.parse(text)
    table = document.get(path[0], {}).get(path[1])
    if table is not None:
        for name, value in fields.items():
            if table.get(name) != value:
                table[name] = value
        for name in gone:
            table.pop(name, None)
        return tomlkit.dumps(document)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [f"[{path[0]}.{path[1]}]", *tomlkit.dumps(fields).splitlines(), ""]
    return text + (newline if text else "") + newline.join(lines)


def drop(text: str, path: tuple[str, str]) -> str:
    """`text` without the table at `path` and the tables below it.

    Raises:
        ValueError: `text` is no TOML.
    """
    tables = tomllib.loads(text).get(path[0], {})
    if path[1] not in tables:
        return text
    name = re.escape(".".join(path))
    # From the line break that `put` made in front, to the last line before another table or its comments.
    block = rf"(?:\r?\n)?^[ \t]*\[{name}[.\]][^\n]*\n?(?:(?![ \t]*(?:\[|#|\r?\n))[^\n]*(?:\n|\Z))*"
    return re.sub(block, "", text, flags=re.MULTILINE)
