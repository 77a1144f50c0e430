"""The four distributions: one version, typed, and no claim on shared namespaces."""

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
MODULES = {
    "core": ("zettelmem",),
    "langchain": ("langchain_zettelmem",),
    "llamaindex": ("llama_index.memory.zettelmem", "llama_index.retrievers.zettelmem"),
    "mcp-server": ("zettelmem_mcp",),
}


def project(package: str) -> dict[str, Any]:
    text = (PACKAGES / package / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


CORE_VERSION = project("core")["version"]


def test_every_package_is_known_here() -> None:
    assert {path.parent.name for path in PACKAGES.glob("*/pyproject.toml")} == set(MODULES)


@pytest.mark.parametrize("package", MODULES)
def test_one_version(package: str) -> None:
    assert project(package)["version"] == CORE_VERSION
    for name in MODULES[package]:
        assert importlib.import_module(name).__version__ == CORE_VERSION


@pytest.mark.parametrize("package", sorted(set(MODULES) - {"core"}))
def test_adapters_ask_for_the_core_of_their_own_version(package: str) -> None:
    requirements = [Requirement(line) for line in project(package)["dependencies"]]
    core = [str(found.specifier) for found in requirements if found.name == "zettelmem"]
    assert core == [f"=={CORE_VERSION}"]


@pytest.mark.parametrize("name", [name for names in MODULES.values() for name in names])
def test_typed(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert (Path(file).parent / "py.typed").is_file()


@pytest.mark.parametrize("package", MODULES)
def test_metadata_is_complete(package: str) -> None:
    table = project(package)
    assert table["license"] == "Apache-2.0"
    assert table["requires-python"] == ">=3.11"
    assert (PACKAGES / package / table["readme"]).read_text(encoding="utf-8").strip()
    licence = (PACKAGES / package / "LICENSE").read_bytes()  # a build cannot follow a link
    assert licence == (PACKAGES.parent / "LICENSE").read_bytes()


@pytest.mark.parametrize("folder", ["", "memory", "retrievers"])
def test_shared_namespaces_stay_namespaces(folder: str) -> None:
    assert not (PACKAGES / "llamaindex" / "llama_index" / folder / "__init__.py").exists()
