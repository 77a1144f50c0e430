"""The command `zettelmem-mcp`: serve, or set up a client, or say what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .clients import NAME, BadConfiguration, Client, difference, known_clients, own_command
from .settings import BadSetting, Settings, read_settings

OTHER_EMBEDDER = (
    "Meanings are compared by an embedder for English that knows words, not sentences. For questions in "
    "other words than the notes, install again with --embedder minilm (English) or --embedder multilingual; "
    "if uvx does not start the server, first run: "
    'pip install "zettelmem[minilm]" or "zettelmem[multilingual]".'
)
CLIENTS = tuple(known_clients(Path(), {}))


def _parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for name, field in Settings.model_fields.items():
        kind = {"action": argparse.BooleanOptionalAction} if field.annotation is bool else {"metavar": "..."}
        default = f" (default: {field.default})" * (field.default != "")
        flags.add_argument(_flag(name), help=f"{field.description}{default}", **kind)
    parser = argparse.ArgumentParser(
        prog="zettelmem-mcp",
        description="Long-term memory for assistants that speak MCP. Without a command: serve on stdio, "
        "or with --http on HTTP. Each setting is also read from the environment: --db is ZETTELMEM_DB.",
        parents=[flags],
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="")
    for name, text in (
        ("install", "write our entry into a client's configuration, with a backup"),
        ("uninstall", "take our entry out of it again"),
    ):
        command = commands.add_parser(name, help=text, parents=[flags])
        command.add_argument("--client", required=True, choices=CLIENTS)
        command.add_argument("--yes", action="store_true", help="do not ask")
        command.add_argument("--dry-run", action="store_true", help="only show the change")
    bundle = commands.add_parser("bundle", help="write an .mcpb bundle, which clients install with a click")
    bundle.add_argument("file", type=Path, help="for instance zettelmem.mcpb")
    commands.add_parser("doctor", help="say what is wrong", parents=[flags])
    view = commands.add_parser(
        "view", help="show the memory in the browser, on this machine", parents=[flags]
    )
    view.add_argument("--port", type=int, default=0, help="where to listen; any free port if left out")
    view.add_argument("--allow-undo", action="store_true", help="let the page take changes back")
    view.add_argument("--open", action="store_true", help="open it in the browser")
    return parser


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; ends the process with 1 if something is wrong, 2 if it was called wrong."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    try:
        settings = read_settings(given)
        match given["command"]:
            case None:
                _serve(settings)
            case "doctor":
                sys.exit(_doctor(settings))
            case "bundle":
                sys.exit(_bundle(given["file"]))
            case "view":
                _view(given, settings)
            case _:
                sys.exit(_configure(given, settings))
    except BadSetting as error:
        parser.error(str(error))


def _serve(settings: Settings) -> None:
    if settings.http:
        from .serving import serve

        serve(settings)
    else:
        from .server import build_server

        build_server(settings).run()


def _view(given: dict[str, Any], settings: Settings) -> None:
    from .view import serve

    serve(settings, port=given["port"], allow_undo=given["allow_undo"], browse=given["open"])


def _doctor(settings: Settings) -> int:
    from .doctor import diagnose

    bad = 0
    for well, text in diagnose(settings, known_clients(Path.home(), os.environ)):
        sys.stdout.write(f"{'ok      ' if well else 'PROBLEM '}{text}\n")
        bad += not well
    sys.stdout.write(f"{bad or 'no'} problem{'' if bad == 1 else 's'} found\n")
    return min(bad, 1)


def _bundle(file: Path) -> int:
    from .bundle import write

    try:
        write(file)
    except OSError as error:
        sys.stderr.write(f"zettelmem-mcp: {file} cannot be written: {error.strerror}\n")
        return 1
    sys.stdout.write(f"written: {file}\n")
    return 0


def _configure(given: dict[str, object], settings: Settings) -> int:
    client = known_clients(Path.home(), os.environ)[str(given["client"])]
    server = settings.url if settings.http else own_command(_flags(settings), settings.embedder)
    wanted = server if given["command"] == "install" else None
    try:
        old, new = client.changed(wanted)
        if old == new:
            sys.stdout.write(f"{client.path} is as it should be; nothing to do\n")
            return 0
        sys.stdout.write(difference(old, new, client.path))
        if given["dry_run"] or not (given["yes"] or _agreed()):
            sys.stdout.write("nothing was changed\n")
            return 0 if given["dry_run"] else 1
        backup = client.write(old, new)
    except (BadConfiguration, OSError) as error:
        sys.stderr.write(f"zettelmem-mcp: {error}\n{_by_hand(client, wanted)}\n")
        return 1
    kept = f"; the file before is {backup}" if backup else ""
    sys.stdout.write(f"written{kept}. Restart {client.name}.\n")
    if wanted and settings.embedder == "wordllama":
        sys.stdout.write(f"{OTHER_EMBEDDER}\n")
    return 0


def _flags(settings: Settings) -> list[str]:
    """The flags that say what differs from the defaults."""
    flags: list[str] = []
    for name, value in settings.model_dump(exclude_defaults=True).items():
        flag = _flag(name)
        if isinstance(value, bool):
            flags.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            flags += [flag, str(value)]
    return flags


def _by_hand(client: Client, server: Sequence[str] | str | None) -> str:
    """What somebody can do whose file we do not touch."""
    if server is None:
        return f"Nothing was changed. By hand: take {NAME!r} out of {client.key!r} in {client.path}."
    try:
        entry = client.by_hand(server)
    except BadConfiguration:
        return "Nothing was changed."
    return f"Nothing was changed. By hand: add this to {client.path}\n{entry}"


def _agreed() -> bool:
    sys.stdout.write("Write this? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
