"""Settings, the clients' configuration files, and the doctor."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from zettelmem import DEFAULT_NAMESPACE, AsyncMemory, as_namespace
from zettelmem_mcp import cli, keeper
from zettelmem_mcp.clients import BadConfiguration, Client, known_clients, own_command
from zettelmem_mcp.doctor import diagnose
from zettelmem_mcp.keeper import Keeper
from zettelmem_mcp.settings import BadSetting, Settings, read_settings

CLIENTS = sorted(known_clients(Path("/home/ana"), {}))


# --- settings ------------------------------------------------------------------------------------


def test_a_namespace_is_spelled_as_everywhere() -> None:
    assert read_settings({}, {}).namespace == DEFAULT_NAMESPACE
    assert read_settings({"namespace": "acme/ana"}, {}).path == as_namespace("acme/ana")


def test_every_setting_has_a_default_that_serves_one_user_on_stdio() -> None:
    settings = read_settings({}, {})
    assert (settings.http, settings.namespace, settings.judge, settings.confirm) == ("", "me", "ask", True)
    assert settings.uri.endswith("memory")
    assert Path(settings.uri).is_absolute()


def test_flags_come_before_the_environment() -> None:
    environment = {"ZETTELMEM_NAMESPACE": "ben", "ZETTELMEM_RATE": "7", "ZETTELMEM_CONFIRM": "no"}
    settings = read_settings({"namespace": "ana"}, environment)
    assert (settings.namespace, settings.rate, settings.confirm) == ("ana", 7, False)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"judge": "jury"}, "judge: Input should be 'ask', 'model', 'client' or 'offline'"),
        ({"judge": "model"}, "give --model"),
        ({"namespace": "acme//ana"}, "empty"),
        ({"rate": "many"}, "rate: Input should be a valid integer"),
        ({"confirm": "perhaps"}, "confirm: Input should be a valid boolean"),
        ({"http": "8000"}, "give HOST:PORT"),
        ({"http": "127.0.0.1:99999"}, "give HOST:PORT"),
        ({"log_level": "loud"}, "log_level: Input should be 'DEBUG'"),
        ({"max_request": "1"}, "max_request: Input should be greater than or equal to 1024"),
        ({"http": "127.0.0.1:80", "token_file": "a", "verifier": "b:c"}, "not both"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_give(flags: dict[str, str], told: str) -> None:
    with pytest.raises(BadSetting, match=told):
        read_settings(flags, {})


def test_the_command_refuses_wrong_settings_without_a_word_on_stdout() -> None:
    for flags in (
        ["--judge", "jury"],
        ["--http", "0.0.0.0:80"],
        ["--http", "127.0.0.1:1", "--token-file", "/no"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "zettelmem_mcp", *flags], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "zettelmem-mcp: error: " in done.stderr
        assert "Traceback" not in done.stderr


def test_a_model_by_name_comes_from_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def load(self) -> None:
            self.loaded = True

    module = type(sys)("zettelmem.providers.pydantic_ai")
    monkeypatch.setitem(module.__dict__, "PydanticAI", Named)
    monkeypatch.setitem(sys.modules, "zettelmem.providers.pydantic_ai", module)
    made: Any = keeper.named_model("openai:gpt-5-mini")
    assert (made.name, made.loaded) == ("openai:gpt-5-mini", True)


# --- install -------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData"))
    return tmp_path


def client_of(home: Path, name: str) -> Client:
    return known_clients(home, {"XDG_CONFIG_HOME": str(home / ".config")}, "linux")[name]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", CLIENTS)
def test_install_writes_an_entry_that_starts_and_uninstall_takes_it_out(home: Path, name: str) -> None:
    client = client_of(home, name)
    assert run("install", "--client", name, "--yes", "--db", str(home / "db")) == 0
    entry = json.loads(client.path.read_text())[client.key]["memory"]
    started = subprocess.run(
        [entry["command"], *entry["args"]], input="", capture_output=True, text=True, timeout=60, cwd="/"
    )
    assert (started.returncode, started.stdout) == (0, "")
    assert run("uninstall", "--client", name, "--yes") == 0
    assert json.loads(client.path.read_text()) == {client.key: {}}


@pytest.mark.parametrize("name", CLIENTS)
def test_install_keeps_everything_else_and_a_backup(home: Path, name: str) -> None:
    client = client_of(home, name)
    client.path.parent.mkdir(parents=True, exist_ok=True)
    before = json.dumps({"theme": "dark", client.key: {"other": {"command": "x"}}, "größe": [1, {"a": None}]})
    client.path.write_text(before)
    client.path.chmod(0o600)
    assert run("install", "--client", name, "--yes") == 0
    after = json.loads(client.path.read_text())
    assert after[client.key].pop("memory")
    assert after == json.loads(before)
    assert client.path.stat().st_mode & 0o777 == 0o600
    (backup,) = client.path.parent.glob("*.bak")
    assert backup.read_text() == before
    assert run("uninstall", "--client", name, "--yes") == 0
    assert json.loads(client.path.read_text()) == json.loads(before)


def test_install_shows_the_change_and_asks_first(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    client = client_of(home, "cursor")
    empty = tmp_path / "answers"
    empty.write_text("")
    with empty.open() as answers:
        monkeypatch.setattr(sys, "stdin", answers)
        assert run("install", "--client", "cursor") == 1
    assert not client.path.exists()
    assert run("install", "--client", "cursor", "--dry-run") == 0
    assert not client.path.exists()
    assert '+    "memory": {' in capsys.readouterr().out


def test_installing_twice_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("install", "--client", "cursor", "--yes")
    assert run("install", "--client", "cursor", "--yes") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not list(client_of(home, "cursor").path.parent.glob("*.bak"))


@pytest.mark.parametrize("text", ["// comments\n{}", "[]", '{"servers": []}', "{"])
def test_a_configuration_that_is_not_understood_is_left_alone(
    home: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(home, "vscode")
    client.path.parent.mkdir(parents=True)
    client.path.write_text(text)
    assert run("install", "--client", "vscode", "--yes") == 1
    assert client.path.read_text() == text
    assert "by hand" in capsys.readouterr().err


def test_a_linked_configuration_stays_a_link(home: Path) -> None:
    client = client_of(home, "claude-code")
    real = home / "dotfiles.json"
    real.write_text("{}")
    client.path.symlink_to(real)
    run("install", "--client", "claude-code", "--yes")
    assert client.path.is_symlink()
    assert "memory" in json.loads(real.read_text())["mcpServers"]


def test_each_platform_has_its_own_places() -> None:
    home = Path("/home/ana")
    desktop = {
        platform: known_clients(home, {}, platform)["claude-desktop"].path.as_posix()
        for platform in ("linux", "darwin", "win32")
    }
    assert desktop == {
        "linux": "/home/ana/.config/Claude/claude_desktop_config.json",
        "darwin": "/home/ana/Library/Application Support/Claude/claude_desktop_config.json",
        "win32": "/home/ana/AppData/Roaming/Claude/claude_desktop_config.json",
    }


def test_a_client_is_told_absolute_paths_and_only_what_differs_from_the_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    run("install", "--client", "cursor", "--yes", "--db", "mine", "--no-confirm", "--audit", "log.jsonl")
    entry = json.loads(client_of(home, "cursor").path.read_text())["mcpServers"]["memory"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][2:4] == ["--no-confirm", "--db"]
    assert entry["args"][4:] == [str(home / "mine"), "--audit", str(home / "log.jsonl")]


def test_an_environment_of_uvx_is_started_through_uvx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "prefix", "/home/ana/.cache/uv/archive-v0/abc")
    assert own_command(["--db", "x"]) == ["/usr/bin/uvx", "zettelmem-mcp", "--db", "x"]


# --- doctor --------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_wrong_where_nothing_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("install", "--client", "cursor", "--yes")
    assert run("doctor", "--db", str(home / "db")) == 0
    told = capsys.readouterr().out
    assert "no problems found" in told
    assert "0 notes" in told
    assert f"cursor starts {sys.executable}" in told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"db": "FILE"}, "is a file; give a directory"),
        ({"judge": "model", "model": "nobody:nothing"}, "--judge ask which needs none"),
        ({"http": "127.0.0.1:8000", "token_file": "/nowhere/tokens.json"}, "token file"),
    ],
)
def test_the_doctor_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    (tmp_path / "file").write_text("")
    given = {"db": str(tmp_path / "db")} | settings
    if given["db"] == "FILE":
        given["db"] = str(tmp_path / "file")
    problems = [text for well, text in diagnose(read_settings(given, {}), {}) if not well]
    assert any(told in text for text in problems), problems


def test_the_doctor_sees_a_client_whose_command_is_gone(tmp_path: Path) -> None:
    client = Client("cursor", tmp_path / "mcp.json")
    client.write(json.dumps({"mcpServers": {"memory": {"command": "/gone/python"}}}))
    problems = [text for well, text in diagnose(Settings(db="memory://"), {"cursor": client}) if not well]
    assert problems == [
        "cursor starts /gone/python, which is not there: zettelmem-mcp install --client cursor"
    ]


def test_an_unreadable_configuration_is_named(tmp_path: Path) -> None:
    client = Client("cursor", tmp_path)
    with pytest.raises(BadConfiguration, match="cannot be read"):
        client.read()


# --- what waits ----------------------------------------------------------------------------------


async def test_notes_that_nobody_connected_are_linked_by_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncMemory(str(tmp_path)) as memory:
        await memory.remember("Ana has a cat.", namespace="me", judge="offline")
        await memory.remember("Ana has a dog.", namespace="me", judge="ask")
    monkeypatch.setattr(keeper, "PATIENCE", timedelta(0))
    async with asyncio.timeout(60), Keeper(Settings(db=str(tmp_path))) as opened:
        memory = await opened.memory()
        for _ in range(1000):
            if (await memory.stats(namespace="me")).pending == 0:
                return
        raise AssertionError("the note still waits")
