"""An `.mcpb` bundle: one file that Claude Desktop and others install with a click."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from . import __version__
from .tools import TOOLS

FORMAT = "0.4"
"""Version of the manifest; the first in which the host brings Python and the packages, by uv."""
SERVER = "server.py"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the bundle, so that the same version makes the same bytes."""


def manifest() -> dict[str, Any]:
    """What the host reads of the bundle."""
    return {
        "manifest_version": FORMAT,
        "name": "zettelmem",
        "display_name": "Zettelmem: long-term memory",
        "version": __version__,
        "description": "Linked notes that outlive the conversation, kept on your own machine.",
        "author": {"name": "The zettelmem developers"},
        "license": "Apache-2.0",
        "keywords": ["memory", "notes", "zettelkasten"],
        "server": {
            "type": "uv",
            "entry_point": SERVER,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", SERVER],
                "env": {
                    "ZETTELMEM_DB": "${user_config.db}",
                    "ZETTELMEM_NAMESPACE": "${user_config.namespace}",
                },
            },
        },
        "tools": [{"name": tool.name, "description": tool.description} for tool in TOOLS],
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": ">=3.11"},
        },
        "user_config": {
            "db": {
                "type": "directory",
                "title": "Folder of the memory",
                "description": "Where the notes are kept. Nothing leaves your machine.",
                "default": "${HOME}/.zettelmem/memory",
            },
            "namespace": {
                "type": "string",
                "title": "Whose memory",
                "description": "A name, for several people or purposes in one folder.",
                "default": "me",
            },
        },
    }


def write(file: Path) -> None:
    """Write the bundle.

    Raises:
        OSError: the file cannot be written.
    """
    project = {
        "name": "zettelmem-bundle",
        "version": __version__,
        "requires-python": ">=3.11",
        "dependencies": [f"zettelmem-mcp=={__version__}"],
    }
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in project.items())
    parts = {
        "manifest.json": json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n",
        "pyproject.toml": f"[project]\n{lines}\n",
        SERVER: '"""Starts the server of this bundle."""\n\nfrom zettelmem_mcp.cli import main\n\nmain()\n',
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in parts.items():
            bundle.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
