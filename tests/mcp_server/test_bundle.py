"""The `.mcpb` bundle, against the format's own schema."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from zettelmem_mcp import __version__, cli
from zettelmem_mcp.tools import TOOLS

SCHEMA = Path(__file__).with_name("mcpb-manifest-v0.4.schema.json")
"""From the npm package @anthropic-ai/mcpb 2.1.2 (MIT)."""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "zettelmem.mcpb"
    with pytest.raises(SystemExit) as ended:
        cli.main(["bundle", str(file)])
    assert ended.value.code == 0
    return file


def test_the_manifest_is_what_the_format_asks_for(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        names = set(opened.namelist())
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))
    assert manifest["version"] == __version__
    assert [tool["name"] for tool in manifest["tools"]] == [tool.name for tool in TOOLS]
    assert manifest["server"]["entry_point"] in names
    for variable in manifest["server"]["mcp_config"]["env"].values():
        assert variable.removeprefix("${user_config.").removesuffix("}") in manifest["user_config"]


def test_the_bundle_starts_this_version(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(tmp_path / "opened")
    project = tomllib.loads((tmp_path / "opened" / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [f"zettelmem-mcp=={__version__}"]
    started = subprocess.run(
        [sys.executable, str(tmp_path / "opened" / "server.py"), "--version"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (started.returncode, started.stdout.strip()) == (0, __version__)


def test_the_same_version_makes_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["bundle", str(tmp_path / "again.mcpb")])
    assert (tmp_path / "again.mcpb").read_bytes() == bundle.read_bytes()


def test_a_bundle_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["bundle", str(tmp_path / "no" / "folder.mcpb")])
    assert ended.value.code == 1
    assert "cannot be written" in capsys.readouterr().err
