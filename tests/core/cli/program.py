"""The command line as the tests of it run it."""

import json
import os
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from zettelmem import DEFAULT_NAMESPACE, Memory
from zettelmem.cli import app
from zettelmem.testing import HashEmbedder


class Run:
    """Runs a command, which has to end with the exit code `code`; keeps what it said on stderr."""

    err = ""

    def __call__(self, *args: str, code: int = 0, stdin: str | bytes | None = None) -> Any:
        """What it printed, read if it is JSON."""
        result = CliRunner().invoke(app, args, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        self.err = result.stderr
        return json.loads(result.stdout) if "--json" in args and result.stdout else result.stdout


def jsonl(path: Path, *lines: dict[str, Any] | str) -> str:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def supersede(run: Run) -> tuple[str, str]:
    """The ids of an older note and of the one that took its place."""
    old = run("remember", "Ana lives in Lisbon.", "--json")["note"]["id"]
    with Memory(os.environ["ZETTELMEM_DB"], embedder=HashEmbedder()) as memory:
        new = memory.remember(
            "Ana lives in Porto.", namespace=DEFAULT_NAMESPACE, judge="ask", source="Ana"
        ).note
        decision = {
            "links": [{"neighbour": 0, "relation": "supersedes", "reason": "she moved"}],
            "changes": [{"neighbour": 0, "tags": ["former home"], "reason": "she left"}],
        }
        memory.connect(new.id, decision, namespace=DEFAULT_NAMESPACE)
    return old, new.id
