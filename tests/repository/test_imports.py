"""The house rules that can be read off the source; the contracts are in the root pyproject.toml."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "packages" / "core" / "src" / "zettelmem"
PURE = ["errors", "note", "protocols", "ranking", "linking", "language"]  # modules and packages
CLOCKS_AND_DICE = {"now", "utcnow", "today", "uuid1", "uuid4", "token_hex", "urandom"}


def test_import_contracts_are_kept() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(  # in a process of its own: it imports what it looks at
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_ask_for_neither_time_nor_chance(name: str) -> None:
    files = [*CORE.glob(f"{name}.py"), *(CORE / name).rglob("*.py")]
    assert files
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        called = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & CLOCKS_AND_DICE, file
