"""Our entry in other programs' configurations: where they are, and that nothing else of them changes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from zettelmem_mcp import jsonc
from zettelmem_mcp.clients import Client, known_clients

SERVER = ["/usr/bin/uvx", "zettelmem-mcp", "--db", "/home/ana/größe"]
ENTRY = {"command": SERVER[0], "args": SERVER[1:]}
HOME = Path("/home/ana")

PLACES = {
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "Library/Application Support/Claude/claude_desktop_config.json",
        "AppData/Roaming/Claude/claude_desktop_config.json",
    ),
    "claude-code": (".claude.json",) * 3,
    "cursor": (".cursor/mcp.json",) * 3,
    "vscode": (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    "windsurf": (".codeium/windsurf/mcp_config.json",) * 3,
    "codex": (".codex/config.toml",) * 3,
    "gemini-cli": (".gemini/settings.json",) * 3,
    "zed": (".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_client_has_its_place_on_each_platform(place: int) -> None:
    platform = ("linux", "darwin", "win32")[place]
    known = known_clients(HOME, {}, platform)
    assert {name: client.path for name, client in known.items()} == {
        name: HOME / places[place] for name, places in PLACES.items()
    }


@pytest.mark.parametrize(
    ("platform", "variable", "name", "path"),
    [
        ("linux", "XDG_CONFIG_HOME", "zed", "/elsewhere/zed/settings.json"),
        ("linux", "XDG_CONFIG_HOME", "vscode", "/elsewhere/Code/User/mcp.json"),
        ("win32", "APPDATA", "claude-desktop", "/elsewhere/Claude/claude_desktop_config.json"),
        ("darwin", "CODEX_HOME", "codex", "/elsewhere/config.toml"),
        ("linux", "CLAUDE_CONFIG_DIR", "claude-code", "/elsewhere/.claude.json"),
    ],
)
def test_a_variable_that_moves_the_place_is_heeded(
    platform: str, variable: str, name: str, path: str
) -> None:
    assert known_clients(HOME, {variable: "/elsewhere"}, platform)[name].path == Path(path)


CONFIGURATIONS = {
    "nothing in it": "{}",
    "nothing, and a line end": "{}\n",
    "nothing, on two lines": "{\n}",
    "nothing, with a blank": "{ }\n",
    "nothing but a comment": "{ // none yet\n}\n",
    "nothing, behind a mark": "\ufeff{}",
    "no servers": '{"mcpServers": {}}',
    "no servers, on two lines": '{\n  "mcpServers": {\n  }\n}\n',
    "no servers, but a comment": '{\n  "mcpServers": { // none\n  }\n}\n',
    "no servers, commented out": '{\n  "mcpServers": {\n    // "a": {}\n  },\n  "b": 1\n}\n',
    "no servers, then more": '{\n  "mcpServers": {},\n  "theme": "dark"\n}\n',
    "no section, one line": '{"theme": "dark"}',
    "no section, one loose line": '{ "theme": "dark" }\n',
    "no section": '{\n  "theme": "dark"\n}\n',
    "no section, four blanks": '{\n    "a": {\n        "b": 1\n    }\n}\n',
    "no section, tabs": '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n',
    "no section, comments all over": '// top\n{ // a\n  /* b */ "c": 1, // d\n  // e\n}\n// f\n',
    "another server": '{"mcpServers": {"git": {"command": "git-mcp"}}}',
    "another server, spread": '{\n  "mcpServers": {\n    "git": {\n      "command": "x"\n    }\n  }\n}\n',
    "the reference server": '{\n  "mcpServers": {\n    "memory": {"command": "npx", "args": ["-y"]}\n  }\n}',
    "two servers, tabs": '{\n\t"mcpServers": {\n\t\t"a": {},\n\t\t"memory": {}\n\t}\n}\n',
    "trailing commas": '{\n  "mcpServers": {\n    "a": {"command": "x",},\n  },\n}\n',
    "comments between": '{\n  "mcpServers": {\n    // c\n    "a": {}, // a\n    /* b */ "b": 1\n  }\n}',
    "a comment behind the brace": '{\n  "mcpServers": { // servers\n    "a": {}\n  }\n}\n',
    "a block comment behind the brace": '{\n  "mcpServers": { /* s */\n    "a": {}\n  }\n}\n',
    "braces on lines of their own": '{\n  "mcpServers":\n  {\n    "a":\n    {\n    }\n  }\n}\n',
    "Windows line ends": '{\r\n  "mcpServers": {\r\n    "a": {}\r\n  }\r\n}\r\n',
    "Windows line ends and a mark": '\ufeff{\r\n\t"theme": "dark"\r\n}\r\n',
    "no line end": '{\n  "mcpServers": {\n    "a": {}\n  }}',
    "blank lines": '\n\n{\n\n  "a": 1,\n\n  "mcpServers": {\n\n    "a": {}\n\n  }\n\n}\n\n',
    "keys of others twice": '{\n  "a": 1,\n  "a": 2,\n  "mcpServers": {"b": {}, "b": {"command": "x"}}\n}\n',
    "our name elsewhere": '{\n  "zettelmem": 1,\n  "projects": {"mcpServers": {"zettelmem": {}}}\n}\n',
    "our name in a string": '{"mcpServers": {"a": {"args": ["\\"zettelmem\\": {}", "// no", "{"]}}}',
    "escapes": '{"gr\\u00f6\\u00dfe": "\\ud83d\\ude00 \\/", "mcpServers": {"\\u0061": {}}}\n',
    "other alphabets": '{\n  "größe": "大",\n  "mcpServers": {"память": {"command": "ё"}}\n}\n',
    "numbers as written": '{"a": 1.0, "b": 1e3, "c": -0, "mcpServers": {"a": [12345678901234567890]}}',
    "nested lists": '{"a": [[], [{}, [1, 2, {"b": null}]], true], "mcpServers": {"a": {}}}',
    "one long line": '{"a": "' + "x" * 5_000 + '", "mcpServers": {"a": {"env": {"K": "v"}}}}',
    "many servers": json.dumps({"mcpServers": {f"s{n}": {"args": [n]} for n in range(60)}}, indent=4),
    "separators of another hand": '{ "mcpServers" : { "a" : { } , "b" : { } } , "c" : 1 }',
    "a comment at the very end": '{\n  "mcpServers": {"a": {}} // last\n} // end',
}


def client_with(tmp_path: Path, text: str, name: str = "cursor") -> Client:
    client = known_clients(tmp_path, {}, "linux")[name]
    client.path.parent.mkdir(parents=True, exist_ok=True)
    client.path.write_bytes(text.encode())
    return client


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_install_and_uninstall_leave_every_byte_as_it_was(tmp_path: Path, text: str) -> None:
    client = client_with(tmp_path, text)
    client.write(*client.changed(SERVER))
    installed = client.text()
    assert client.servers(installed)["zettelmem"] == ENTRY
    assert client.changed(SERVER) == (installed, installed)
    rest = iter(installed)
    assert all(character in rest for character in text), "the change only adds"
    client.write(*client.changed(None))
    assert client.path.read_bytes() == text.encode()


def test_forty_configurations_were_tried() -> None:
    assert len(CONFIGURATIONS) >= 40


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_uninstall_without_an_entry_changes_nothing(tmp_path: Path, text: str) -> None:
    client = client_with(tmp_path, text)
    assert client.changed(None) == (text, text)


@pytest.mark.parametrize("text", ["", "\n", " \n\t", "\ufeff"])
def test_an_empty_file_gets_an_entry_and_is_an_empty_object_afterwards(tmp_path: Path, text: str) -> None:
    client = client_with(tmp_path, text)
    client.write(*client.changed(SERVER))
    assert client.servers(client.text()) == {"zettelmem": ENTRY}
    client.write(*client.changed(None))
    assert jsonc.parse(client.text()).plain == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"mcpServers": {"a": {}, "zettelmem": {}}}', '{"mcpServers": {"a": {}}}'),
        ('{"mcpServers": {"a": {}, "zettelmem": {}, "b": {}}}', '{"mcpServers": {"a": {}, "b": {}}}'),
        ('{"mcpServers": {"zettelmem": {}, "a": {}, "zettelmem": {}}}', '{"mcpServers": {"a": {}}}'),
        ('{"s": 1, "mcpServers": {"zettelmem": {}}}', '{"s": 1, "mcpServers": {}}'),
        (
            '{"mcpServers": {\n  "a": {}, // a\n  "zettelmem": {} }}',
            '{"mcpServers": {\n  "a": {} // a\n }}',
        ),
        (
            '{"mcpServers": { // all\n  "zettelmem": {}, "b": 1 }}',
            '{"mcpServers": { // all\n "b": 1 }}',
        ),
        (
            '{"mcpServers": {\n  "a": {},\n  // ours\n  "zettelmem": {},\n}}',
            '{"mcpServers": {\n  "a": {},\n  // ours\n}}',
        ),
    ],
)
def test_an_entry_that_a_hand_wrote_is_taken_out_where_it_is(tmp_path: Path, text: str, left: str) -> None:
    client = client_with(tmp_path, text)
    client.write(*client.changed(None))
    assert client.text() == left


def test_an_entry_that_is_there_changes_in_its_own_fields_alone(tmp_path: Path) -> None:
    text = (
        '{\n  "mcpServers": {\n    "zettelmem": { // mine\n      "command": "old", // why\n'
        '      "args": ["a", // one\n        "b"],\n      "env": {"K": "v"} /* kept */\n    }\n  }\n}\n'
    )
    client = client_with(tmp_path, text)
    old, new = client.changed(SERVER)
    assert client.servers(new)["zettelmem"] == {**ENTRY, "env": {"K": "v"}}
    for part in ("// mine", "// why", '"env": {"K": "v"} /* kept */'):
        assert part in new
    assert (
        new.replace(json.dumps(SERVER[1:], ensure_ascii=False), '["a", // one\n        "b"]').replace(
            json.dumps(SERVER[0]), '"old"'
        )
        == old
    )


TOML = {
    "nothing": "",
    "a setting": 'model = "o3"\n',
    "no line end": 'model = "o3"',
    "another server": '# mine\nmodel = "o3"\n\n[mcp_servers.m]\ncommand = "npx" # y\nargs = [\n  "-y",\n]\n',
    "tables behind": '[mcp_servers.a]\ncommand = "x"\n\n\n[profiles.b]\nx = 1 # one\n',
    "Windows line ends": '[mcp_servers.a]\r\ncommand = "x"\r\n',
}


@pytest.mark.parametrize("text", TOML.values(), ids=TOML)
def test_toml_round_trips_byte_for_byte_too(tmp_path: Path, text: str) -> None:
    client = client_with(tmp_path, text, "codex")
    client.write(*client.changed(SERVER))
    assert tomllib.loads(client.text())["mcp_servers"]["zettelmem"] == ENTRY
    assert client.text().startswith(text)
    client.write(*client.changed(None))
    assert client.path.read_bytes() == text.encode()


def test_a_toml_entry_keeps_its_environment_and_its_comments(tmp_path: Path) -> None:
    text = (
        '[mcp_servers.zettelmem]\ncommand = "old" # c\nargs = []\n\n[mcp_servers.zettelmem.env]\n'
        'K = "v" # k\n\n# of the other\n[mcp_servers.b]\ncommand = "y"\n'
    )
    client = client_with(tmp_path, text, "codex")
    _, new = client.changed(SERVER)
    assert client.servers(new)["zettelmem"] == {**ENTRY, "env": {"K": "v"}}
    assert "# k\n\n# of the other\n[mcp_servers.b]" in new
    _, left = client.changed(None)
    assert client.servers(left) == {"b": {"command": "y"}}
    assert "# of the other\n[mcp_servers.b]" in left


def test_toml_that_only_looks_like_our_table_is_refused_rather_than_cut(tmp_path: Path) -> None:
    client = client_with(tmp_path, 'a = """\n[mcp_servers.zettelmem]\n"""\n', "codex")
    client.write(*client.changed(SERVER))
    with pytest.raises(ValueError, match=r"config\.toml"):
        client.changed(None)


@pytest.mark.parametrize("text", ["a = ", "mcp_servers = { b = { command = 'x' } }\n", "mcp_servers = 1\n"])
def test_toml_that_cannot_be_edited_is_refused(tmp_path: Path, text: str) -> None:
    client = client_with(tmp_path, text, "codex")
    with pytest.raises(ValueError, match=r"config\.toml"):
        client.changed(SERVER)


@pytest.mark.parametrize(
    "text",
    ["", "{", "}", "{,}", '{"a"}', '{"a":}', '{"a" 1}', "{a: 1}", "{'a': 1}", "{} {}", '{"a": 01}', "[1 2]"],
)
def test_what_is_no_json_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match="line 1 "):
        jsonc.parse(text)


@pytest.mark.parametrize("plain", [{}, [], "x", 1.5, None, True, {"a": [1, {"b": None}]}, '\u2028\\"/*'])
def test_json_is_read_as_json_reads_it(plain: Any) -> None:
    for indent in (None, 2):
        assert jsonc.parse(json.dumps(plain, indent=indent)).plain == plain
