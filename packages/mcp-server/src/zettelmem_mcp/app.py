"""The picture of the memory inside a client that shows MCP Apps: the page of `view` as one document.

A client that knows the extension shows it where `browse` was called; any other shows the text of `browse`.
The page asks for its data by reading `memory://view/...`, so no tool is needed for it.
"""

from __future__ import annotations

from importlib import resources

from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import FunctionResource

URI = "ui://zettelmem/memory"
"""Where clients find the page."""


def page_file(name: str) -> str:
    """The text of a file of the page."""
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def document() -> str:
    """The page with its style and its scripts inside: a client gives it no address to load them from."""
    html = page_file("view.html").replace("<html ", '<html data-app="yes" ')
    scripts = ""
    for name in ("cytoscape.min.js", "view.js"):
        html = html.replace(f'<script src="{name}" defer></script>\n', "")
        scripts += f"<script>{page_file(name)}</script>\n"
    head, _, rest = html.partition('<link rel="stylesheet" href="view.css" id="')
    identity, _, rest = rest.partition('">')
    style = f'<style id="{identity}">{page_file("view.css")}</style>'
    body, end, tail = rest.rpartition("</body>")
    return f"{head}{style}{body}{scripts}{end}{tail}"


def memory_app() -> Apps:
    """The extension that offers the page; it is put together when a client reads it."""
    apps = Apps()
    apps.add_resource(
        FunctionResource.from_function(
            document,
            uri=URI,
            name="memory",
            title="Picture of the memory",
            description="Search, links, history and threads, to look at",
            mime_type=APP_MIME_TYPE,
        )
    )
    return apps
