"""The page of the memory: who gets it, what it shows, that stored words stay words; and in a browser."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.types import TextResourceContents
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zettelmem import AsyncMemory, Draft, InvalidInput, NotFound
from zettelmem_mcp import app, picture
from zettelmem_mcp.keeper import Keeper
from zettelmem_mcp.server import build_server
from zettelmem_mcp.settings import BadSetting, Settings
from zettelmem_mcp.view import build_view, serve

TOKEN = "a-token-of-the-test"
HOST = "127.0.0.1:4711"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOSTILE = (
    "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
    "</script></style></body> \u202eesrever\u202c \u2066hidden\u2069 \x1b[31mred\x1b[0m \U000e0041tags"
)


@asynccontextmanager
async def viewed(*, allow_undo: bool = False) -> AsyncIterator[tuple[httpx2.AsyncClient, AsyncMemory]]:
    """A client of the page, whose address holds the token, and the memory behind it."""
    async with Keeper(Settings(db="memory://")) as keeper:
        view = build_view(keeper, TOKEN, frozenset({HOST}), allow_undo=allow_undo)
        transport = httpx2.ASGITransport(app=view)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}/{TOKEN}/") as client:
            yield client, await keeper.memory()


async def story(memory: AsyncMemory) -> dict[str, str]:
    """A few notes that have links, a superseded one, threads and a revision; their ids by name."""
    first = Draft(content="Ana lives in Porto.", thread="march", occurred_at=START)
    second = Draft(content="Ana's knee hurts.", thread="march", occurred_at=START + timedelta(days=1))
    third = Draft(content="The garden needs water.", thread="may", occurred_at=START + timedelta(days=60))
    done = await memory.remember_many([first, second, third], namespace="me")
    old = done[0].note.id
    asked = await memory.remember("Ana moved to Lisbon.", namespace="me", judge="ask")
    await memory.ask(asked.note.id, namespace="me", among=[old])
    link = {"neighbour": 0, "relation": "supersedes", "reason": "she moved away"}
    await memory.connect(asked.note.id, {"links": [link]}, namespace="me")
    revised = await memory.revise(
        done[2].note.id, namespace="me", content="The garden needs much water.", reason="it is hot"
    )
    return {"old": old, "new": asked.note.id, "garden": done[2].note.id, "revision": revised.change}


async def asked(client: httpx2.AsyncClient, what: str, **arguments: str) -> Any:
    answer = await client.get(f"api/{what}", params=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- who gets in ---------------------------------------------------------------------------------


async def test_without_the_token_there_is_nothing() -> None:
    async with viewed() as (client, _):
        assert (await client.get("")).status_code == 200
        for path in (
            "/",
            "/api/stats",
            f"/{TOKEN}",
            f"/{TOKEN}x/",
            f"/{TOKEN[:-1]}/api/stats",
            "//",
            "/%C3%A4/",
        ):
            answer = await client.get(f"http://{HOST}{path}")
            assert (answer.status_code, answer.text) == (404, "not found"), path


@pytest.mark.parametrize(
    "host", ["evil.example.com", "evil.example.com:4711", "127.0.0.1", "127.0.0.1:80", ""]
)
async def test_a_name_that_was_made_to_lead_here_gets_nothing(host: str) -> None:
    async with viewed() as (client, _):
        answer = await client.get("api/stats", headers={"host": host})
        assert answer.status_code == 421
        assert "notes" not in answer.text


async def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    async with viewed() as (client, _):
        for path in ("", "view.js", "api/stats", "api/nothing", f"http://{HOST}/wrong"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert "unsafe" not in policy
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with viewed() as (client, _):
        page = (await client.get("")).text
        for name in re.findall(r'(?:src|href)="([^"]+)"', page):
            assert name == "data:," or (await client.get(name)).status_code == 200
        for name in ("view.js", "view.css"):
            assert not re.search("https?:|url\\(|@import", (await client.get(name)).text)
        assert not re.search(
            "innerHTML|outerHTML|insertAdjacent|document.write|eval", app.page_file("view.js")
        )


async def test_the_page_is_read_only_unless_asked_otherwise() -> None:
    async with viewed() as (client, memory):
        ids = await story(memory)
        assert (await asked(client, "stats"))["may_undo"] is False
        answer = await client.post("api/undo", json={"change": ids["revision"]})
        assert answer.status_code == 403
        assert "--allow-undo" in answer.json()["error"]
        assert (await memory.get(ids["garden"], namespace="me")).content == "The garden needs much water."
        for method in ("POST", "PUT", "DELETE"):
            assert (await client.request(method, "api/stats")).status_code == 405


async def test_with_undo_allowed_a_change_is_taken_back_and_comes_again() -> None:
    async with viewed(allow_undo=True) as (client, memory):
        ids = await story(memory)
        assert (await asked(client, "stats"))["may_undo"] is True
        form = await client.post("api/undo", data={"change": ids["revision"]})
        assert form.status_code == 415
        done = (await client.post("api/undo", json={"change": ids["revision"]})).json()
        assert (await memory.get(ids["garden"], namespace="me")).content == "The garden needs water."
        await client.post("api/undo", json={"change": done["change"]})
        assert (await memory.get(ids["garden"], namespace="me")).content == "The garden needs much water."


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "{}", '"a"', '{"change": "no-change"}', '{"change": {}}', "[" * 9_999]
)
async def test_what_is_no_change_is_refused_with_words(body: str) -> None:
    async with viewed(allow_undo=True) as (client, _):
        answer = await client.post("api/undo", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 404)
        assert answer.json()["error"]


async def test_a_body_that_is_too_long_is_not_read() -> None:
    async with viewed(allow_undo=True) as (client, _):
        answer = await client.post("api/undo", json={"change": "x" * 20_000})
        assert (answer.status_code, answer.json()["error"]) == (400, "the request is too long")


async def test_the_command_listens_to_this_machine_alone_and_tells_its_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zettelmem_mcp", "view", "--db", str(tmp_path / "memory")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60), httpx2.AsyncClient(timeout=60) as client:
            url = (await process.stdout.readline()).decode().strip()
            found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]{43})/", url)
            assert found, url
            while True:
                try:
                    answer = await client.get(f"{url}api/stats")
                    break
                except httpx2.ConnectError:
                    await asyncio.sleep(0.1)
            assert answer.json() == {
                "namespace": "me",
                "notes": 0,
                "links": 0,
                "threads": 0,
                "superseded": 0,
                "may_undo": False,
            }
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            await process.wait()


def test_a_port_that_somebody_else_has_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadSetting, match="cannot be used"):
            serve(Settings(db="memory://"), port=taken.getsockname()[1])


# --- what it shows -------------------------------------------------------------------------------


async def test_a_search_is_a_recall_with_its_reasons_and_shows_what_is_no_longer_so() -> None:
    async with viewed() as (client, memory):
        ids = await story(memory)
        notes = (await asked(client, "search", q="Where does Ana live?"))["notes"]
        over = {note["id"]: note["over"] for note in notes}
        assert over[ids["old"]] is True
        assert over[ids["new"]] is False
        assert all(0 < note["score"] <= 1 and note["why"] for note in notes)
        assert (await asked(client, "search", q="zebra crossings of Helsinki"))["notes"] == []


async def test_a_neighbourhood_tells_the_relations_with_their_reasons() -> None:
    async with viewed() as (client, memory):
        ids = await story(memory)
        graph = await asked(client, "graph", id=ids["new"])
        assert graph["focus"] == ids["new"]
        assert {ids["new"], ids["old"]} <= {note["id"] for note in graph["notes"]}
        (link,) = [link for link in graph["links"] if link["relation"] == "supersedes"]
        assert (link["source"], link["target"], link["reason"]) == (ids["new"], ids["old"], "she moved away")
        assert len((await asked(client, "graph"))["notes"]) == 4


async def test_a_note_tells_its_links_and_its_history_with_differences() -> None:
    async with viewed() as (client, memory):
        ids = await story(memory)
        found = await asked(client, "note", id=ids["garden"])
        revision = found["history"][0]
        assert (revision["verb"], revision["reason"]) == ("revise", "it is hot")
        assert revision["fields"]["content"] == [["=", "The garden needs "], ["+", "much "], ["=", "water."]]
        assert found["history"][-1]["verb"] == "remember"
        closed = await asked(client, "note", id=ids["old"])
        assert closed["note"]["over"] is True
        assert ids["new"] in {link["other"]["id"] for link in closed["links"]}
        missing = await client.get("api/note", params={"id": "zzzzzzzz"})
        assert missing.status_code == 404


async def test_threads_lie_on_a_time_line_and_open_in_the_order_of_things() -> None:
    async with viewed() as (client, memory):
        await story(memory)
        found = await asked(client, "threads")
        assert [lane["name"] for lane in found["threads"]] == ["may", "march"]
        march = found["threads"][1]
        assert march["count"] == 2
        assert march["cells"][0] == [0, 1, 1]  # the first part of the line: one note, no longer so
        assert found["threads"][0]["cells"] == [[picture.CELLS - 1, 1, 0]]
        notes = (await asked(client, "thread", name="march"))["notes"]
        assert [note["content"] for note in notes] == ["Ana lives in Porto.", "Ana's knee hurts."]


async def test_the_newest_notes_come_a_page_at_a_time() -> None:
    async with viewed() as (client, memory):
        await memory.remember_many([f"Fact number {n}." for n in range(60)], namespace="me", judge="none")
        page = await asked(client, "recent")
        rest = await asked(client, "recent", after=page["cursor"])
        assert (len(page["notes"]), len(rest["notes"]), rest["cursor"]) == (50, 10, None)
        assert (await client.get("api/recent", params={"after": "nonsense"})).status_code == 400


async def test_nothing_of_another_namespace_is_shown() -> None:
    async with viewed() as (client, memory):
        other = await memory.remember("Ben likes tea.", namespace="ben", thread="tea")
        assert (await client.get("api/note", params={"id": other.note.id})).status_code == 404
        assert (await client.get("api/graph", params={"id": other.note.id})).status_code == 404
        for what in ("recent", "threads", "graph"):
            assert "tea" not in json.dumps(await asked(client, what))


async def test_no_hidden_character_of_a_note_reaches_the_page() -> None:
    async with viewed() as (client, memory):
        done = await memory.remember(HOSTILE, namespace="me", thread=HOSTILE[:100], tags=["\u202etag"])
        await memory.revise(done.note.id, namespace="me", content=HOSTILE + " again", reason="\x1b[2J\u202e")
        for what, arguments in (
            ("recent", {}),
            ("note", {"id": done.note.id}),
            ("graph", {"id": done.note.id}),
            ("search", {"q": "pwned document title again"}),
        ):
            text = (await client.get(f"api/{what}", params=arguments)).text
            told = json.dumps(json.loads(text), ensure_ascii=False)
            for note in json.loads(text)["notes"] if what != "note" else [json.loads(text)["note"]]:
                note["thread"].pop("key")  # the name by which the page asks for it again, never shown
                assert not re.search(
                    "[\u202a-\u202e\u2066-\u2069\x1b\U000e0000-\U000e007f]",
                    json.dumps(note, ensure_ascii=False),
                )
            assert "pwned" in told


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "new", [("+", "new")]),
        ("old", "", [("-", "old")]),
        ("a b c", "a x c", [("=", "a "), ("-", "b"), ("+", "x"), ("=", " c")]),
        ("same", "same", [("=", "same")]),
    ],
)
def test_a_difference_is_told_word_by_word(before: str, after: str, pieces: list[tuple[str, str]]) -> None:
    assert picture.diff(before, after) == pieces


def test_very_long_texts_are_told_as_a_whole() -> None:
    before, after = "word " * 5_000, "other " * 5_000
    assert picture.diff(before, after) == [("-", before), ("+", after)]


async def test_what_cannot_be_shown_is_said() -> None:
    async with AsyncMemory("memory://") as memory:
        with pytest.raises(InvalidInput, match="nothing called 'secrets'"):
            await picture.answer(memory, ("me",), "secrets", {})
        with pytest.raises(NotFound):
            await picture.answer(memory, ("me",), "note", {"id": "../../etc"})


def test_the_graph_library_is_the_one_that_was_checked() -> None:
    script = (Path(__file__).parents[2] / "scripts" / "vendor.sh").read_text()
    file = (resources.files("zettelmem_mcp") / "page" / "cytoscape.min.js").read_bytes()
    assert f"FILE={hashlib.sha256(file).hexdigest()}" in script
    licence = (resources.files("zettelmem_mcp") / "page" / "cytoscape.LICENSE").read_text()
    assert "Permission is hereby granted, free of charge" in licence


# --- in a client ---------------------------------------------------------------------------------


async def test_a_client_gets_the_same_page_as_one_document_and_text_from_the_tool() -> None:
    async with Client(build_server(Settings(db="memory://"))) as client:
        await client.call_tool("remember", {"content": "Ana lives in Porto.", "said_by": "user"})
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools["browse"].meta == {"ui": {"resourceUri": app.URI}}
        assert [name for name, tool in tools.items() if tool.meta] == ["browse"]
        shown = await client.call_tool("browse", {})
        assert "Ana lives in Porto." in str(shown.content)
        (page,) = (await client.read_resource(app.URI)).contents
        assert isinstance(page, TextResourceContents)
        assert page.mime_type == "text/html;profile=mcp-app"
        assert not re.search(
            r'<(?:script|link|img)[^>]*(?:src|href)="(?!data:)', page.text.partition("<body>")[0]
        )
        assert page.text.count("<script>") == page.text.count("</script>") == 2
        (data,) = (await client.read_resource("memory://view/search?q=Where%20does%20Ana%20live")).contents
        assert isinstance(data, TextResourceContents)
        assert json.loads(data.text)["notes"][0]["content"] == "Ana lives in Porto."
        (none,) = (await client.read_resource("memory://view/note?id=zzzzzzzz")).contents
        assert isinstance(none, TextResourceContents)
        assert "no note" in json.loads(none.text)["error"]


# --- in a browser --------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page is not tried in one")
FRAME = """<!doctype html><title>host</title><body><iframe sandbox="allow-scripts allow-same-origin"
style="width:1000px;height:700px"></iframe><pre></pre><script>
const frame = document.querySelector("iframe");
addEventListener("message", async ({ data, source }) => {
  if (source !== frame.contentWindow || data.id === undefined) return;
  let result = { hostCapabilities: { serverResources: {} }, hostContext: { theme: "dark" } };
  if (data.method === "resources/read")
    result = await (await fetch("/read?" + new URLSearchParams({ uri: data.params.uri }))).json();
  source.postMessage({ jsonrpc: "2.0", id: data.id, result }, "*");
});
setInterval(() => {
  const inside = frame.contentDocument;
  if (inside.body && inside.body.dataset.ready)
    document.querySelector("pre").textContent = inside.documentElement.dataset.theme + inside.body.innerText;
}, 100);
fetch("/page").then((page) => page.text()).then((page) => { frame.srcdoc = page; });
</script>"""
"""What a client does that shows MCP Apps, in little."""


@asynccontextmanager
async def listening(make: Callable[[int], Any]) -> AsyncIterator[str]:
    """An application on a free port of this machine; `make` is told the port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        config = uvicorn.Config(make(port), log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 30)


async def browse(folder: Path, url: str, *flags: str) -> str:
    """The page as it stands in headless Chromium once it has come to rest."""
    assert BROWSER is not None
    fixed = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,800"]
    fixed += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"]
    process = await asyncio.create_subprocess_exec(
        BROWSER, *fixed, *flags, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    return out.decode()


@needs_browser
async def test_in_a_browser_hostile_notes_are_words_and_the_graph_is_drawn(tmp_path: Path) -> None:
    async with Keeper(Settings(db="memory://")) as keeper:
        memory = await keeper.memory()
        ids = await story(memory)
        await memory.remember(HOSTILE, namespace="me", thread="<b>bold</b>")

        def make(port: int) -> Any:
            return build_view(keeper, TOKEN, frozenset({f"127.0.0.1:{port}"}))

        async with listening(make) as url:
            start = await browse(tmp_path, f"{url}/{TOKEN}/")
            assert 'data-ready="yes"' in start
            assert "<title>zettelmem</title>" in start
            assert "&lt;img src=x onerror=" in start
            assert not re.search("<img|<b>bold", start)
            assert start.count("<script") == 2
            assert "<canvas" in start
            assert 'id="notice" role="status" hidden' in start

            note = await browse(tmp_path, f"{url}/{TOKEN}/#note={ids['garden']}")
            assert "<ins>much </ins>" in note
            assert ">Undo</button>" not in note
            old = await browse(tmp_path, f"{url}/{TOKEN}/#q=Where+does+Ana+live&note={ids['old']}")
            assert "she moved away" in old
            assert 'class="card over"' in old
            threads = await browse(tmp_path, f"{url}/{TOKEN}/#threads=yes&thread=march")
            assert "march, in the order it happened" in threads
            assert threads.count('class="lane"') == 3
            missing = await browse(tmp_path, f"{url}/{TOKEN}/#note=zzzzzzzz")
            assert "no note" in missing


@needs_browser
async def test_the_page_is_light_or_dark_as_the_user_likes_it(tmp_path: Path) -> None:
    async with Keeper(Settings(db="memory://")) as keeper:
        await story(await keeper.memory())

        def make(port: int) -> Any:
            return build_view(keeper, TOKEN, frozenset({f"127.0.0.1:{port}"}))

        async with listening(make) as url:
            for name, scheme in (("light", 1), ("dark", 0)):
                shot = f"--screenshot={tmp_path / name}.png"
                await browse(
                    tmp_path, f"{url}/{TOKEN}/", f"--blink-settings=preferredColorScheme={scheme}", shot
                )
        light, dark = ((tmp_path / f"{name}.png").read_bytes() for name in ("light", "dark"))
        assert min(len(light), len(dark)) > 10_000
        assert light != dark


@needs_browser
async def test_in_the_frame_of_a_client_the_page_reads_its_data_through_it(tmp_path: Path) -> None:
    async with Client(build_server(Settings(db="memory://"))) as client:
        await client.call_tool("remember", {"content": "Ana lives in <b>Porto</b>.", "said_by": "user"})

        async def read(request: Request) -> Response:
            found = await client.read_resource(request.query_params["uri"])
            return JSONResponse(found.model_dump(mode="json", by_alias=True, exclude_none=True))

        async def page(_: Request) -> Response:
            (found,) = (await client.read_resource(app.URI)).contents
            assert isinstance(found, TextResourceContents)
            return Response(found.text, media_type="text/html")

        async def host(_: Request) -> Response:
            return Response(FRAME, media_type="text/html")

        routes = [Route("/read", read), Route("/page", page), Route("/", host)]
        async with listening(lambda _: Starlette(routes=routes)) as url:
            seen = await browse(tmp_path, f"{url}/")
        shown = seen.partition("<pre>")[2].partition("</pre>")[0]
        assert shown.startswith("dark")
        assert "Memory of me" in shown
        assert "Ana lives in &lt;b&gt;Porto&lt;/b&gt;." in shown
