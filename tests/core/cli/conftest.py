"""A place for a memory, and the command line that works on it."""

import os
from pathlib import Path

import pytest

from tests.core.cli.program import Run
from zettelmem.cli.settings import Settings
from zettelmem.testing import HashEmbedder


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place, named in the environment as users do; and an embedder that needs no loading."""
    for name in [each for each in os.environ if each.startswith("ZETTELMEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(Settings, "_embedder", lambda self: HashEmbedder())
    monkeypatch.setenv("ZETTELMEM_DB", str(tmp_path / "db"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "db"


@pytest.fixture
def run(db: Path) -> Run:
    return Run()
