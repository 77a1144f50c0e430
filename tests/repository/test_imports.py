"""The house rules that can be read off the source; the contracts are in the root pyproject.toml."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "packages" / "core" / "src" / "zettelmem"
CLOCKS_AND_DICE = {"now", "utcnow", "today", "uuid1", "uuid4", "token_hex", "urandom"}


def pure_files() -> list[Path]:
    """The files of the modules that the contract in pyproject.toml calls pure."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (pure,) = [each for each in contracts if each["id"] == "pure"]
    files: list[Path] = []
    for name in pure["source_modules"]:
        path = name.removeprefix("zettelmem.").replace(".", "/")
        found = CORE.glob(f"{path}/*.py" if path.endswith("/**") else f"{path}.py")
        files += sorted(found)
    return files


def test_import_contracts_are_kept() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(  # in a process of its own: it imports what it looks at
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", pure_files(), ids=lambda file: str(file.relative_to(CORE)))
def test_pure_modules_ask_for_neither_time_nor_chance(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & CLOCKS_AND_DICE
