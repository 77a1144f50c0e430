"""The LangGraph store where it is used: in graphs and agents, by langmem and deepagents, by many at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest
from deepagents import create_deep_agent
from deepagents.backends import StoreBackend
from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, PutOp, SearchOp, TTLConfig
from langmem import (  # type: ignore[import-untyped]
    create_manage_memory_tool,
    create_memory_store_manager,
    create_search_memory_tool,
)

from langchain_zettelmem import ZettelmemMiddleware, ZettelmemStore
from tests.langchain.doubles import Scripted, calls, memory
from zettelmem import InvalidInput, Memory
from zettelmem.testing import HashEmbedder

__all__ = ["memory"]  # a fixture

USER = {"configurable": {"langgraph_user_id": "ana", "thread_id": "t1"}}


# --- beside the memory -----------------------------------------------------------------------------


def test_items_are_notes_that_the_memory_recalls(memory: Memory) -> None:
    ZettelmemStore(memory).put(("users", "ana"), "pet", {"text": "Ana's cat is called Mia."})
    (hit,) = memory.recall("What is the cat called?", namespace="users")
    assert (hit.note.key, hit.note.content, hit.note.source.via) == (
        "pet",
        "Ana's cat is called Mia.",
        "langgraph",
    )
    assert hit.note.links == ()


def test_notes_that_are_no_items_are_not_seen(memory: Memory) -> None:
    store = ZettelmemStore(memory)
    memory.remember("Ana's cat is called Mia.", namespace="ana", key="k")
    assert store.get(("ana",), "k") is None
    assert store.search(("ana",)) == store.search(("ana",), query="cat") == []
    assert store.list_namespaces() == []


def test_many_other_notes_do_not_hide_an_item(memory: Memory) -> None:
    store = ZettelmemStore(memory)
    memory.remember_many([f"Ana's cat is called Mia{i}." for i in range(150)], namespace="ana", judge="none")
    store.put(("ana",), "dog", {"text": "Rex barks."})
    assert [item.key for item in store.search(("ana",), query="What is Ana's cat called?")] == ["dog"]


def test_foreign_values_link_and_evolve_only_where_that_is_asked_for(memory: Memory) -> None:
    texts = ["Ana moved to Porto and rents a flat in Porto.", "Ana's flat in Porto has no lift."]
    for namespace, links in [("off", False), ("on", True)]:
        store = ZettelmemStore(memory, links=links)
        for i, text in enumerate(texts):
            store.put((namespace,), str(i), {"text": text})
        linked = [bool(note.links) for note in memory.notes(namespace=namespace).notes]
        assert linked == [links, links]
        assert [item.value["text"] for item in store.search((namespace,))] == texts[::-1]


def test_items_outlive_the_process(tmp_path: Path) -> None:
    with Memory(str(tmp_path), embedder=HashEmbedder()) as memory:
        ZettelmemStore(memory).put(("a",), "k", {"n": [1, {"x": None}]})
        before = ZettelmemStore(memory).get(("a",), "k")
    with Memory(str(tmp_path), embedder=HashEmbedder()) as memory:
        assert ZettelmemStore(memory).get(("a",), "k") == before


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("k", {"when": datetime(2026, 1, 1, tzinfo=UTC)}, "is no JSON"),
        ("k", {"n": float("nan")}, "is no JSON"),
        ("k", [1], "is no dict"),
        ("", {"a": 1}, "at least 1 character"),
        ("k" * 501, {"a": 1}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    memory: Memory, key: str, value: Any, complaint: str
) -> None:
    store = ZettelmemStore(memory)
    with pytest.raises(InvalidInput, match=complaint):
        store.batch([PutOp(("a",), "good", {"a": 1}), PutOp(("a",), key, value)])
    assert store.search(()) == []


def test_fields_say_what_is_searched_by_default(memory: Memory) -> None:
    store = ZettelmemStore(memory, fields=["title"])
    store.put(("a",), "1", {"title": "green tea", "body": "lorry brakes"})
    store.put(("a",), "2", {"title": "sonata", "body": "green tea"})
    store.put(("a",), "3", {"body": "green tea"})
    assert [item.key for item in store.search(("a",), query="green tea")] == ["1", "2"]


def test_a_ttl_config_holds_for_every_put_and_sweeps_now_and_then() -> None:
    ahead = [timedelta()]
    memory = Memory(embedder=HashEmbedder(), clock=lambda: datetime.now(UTC) + ahead[0])
    config = TTLConfig(default_ttl=10, refresh_on_read=False, sweep_interval_minutes=60)
    store = ZettelmemStore(memory, ttl=config)
    store.put(("a",), "k", {"n": 1})
    store.put(("a",), "kept", {"n": 1}, ttl=None)
    ahead[0] = timedelta(minutes=9)
    assert store.get(("a",), "k") is not None
    ahead[0] = timedelta(minutes=11)
    assert store.get(("a",), "k") is None
    assert len(memory.notes(namespace="a").notes) == 2
    ahead[0] = timedelta(minutes=61)
    store.put(("b",), "k", {"n": 2}, ttl=None)
    assert [note.key for note in memory.notes(namespace=()).notes] == ["kept", "k"]


def test_reads_refresh_by_small_writes_and_only_now_and_then() -> None:
    ahead = [timedelta()]
    memory = Memory(embedder=HashEmbedder(), clock=lambda: datetime.now(UTC) + ahead[0])
    store = ZettelmemStore(memory)
    store.put(("a",), "k", {"n": 1}, ttl=100)
    for minute in range(20):
        ahead[0] = timedelta(minutes=minute)
        store.get(("a",), "k")
    (note,) = memory.notes(namespace="a").notes
    assert note.revision == 4
    assert all(set(entry.after) <= {"invalid_at"} for entry in note.history[1:])


def test_an_item_that_is_no_longer_so_is_still_an_item(memory: Memory) -> None:
    store = ZettelmemStore(memory)
    store.put(("ana",), "home", {"text": "Ana lives in Porto."})
    item = memory.keyed(["home"], namespace="ana")["home"]
    memory.revise(item.id, namespace="ana", invalid_at=item.occurred_at)
    assert memory.namespaces(valid=True, via="langgraph") == []
    assert store.list_namespaces() == [("ana",)]
    assert store.get(("ana",), "home") is not None
    assert [found.key for found in store.search(("ana",), query="Porto")] == ["home"]
    store.put(("ana",), "home", {"text": "Ana lives in Lisbon."})
    assert memory.namespaces(valid=True, via="langgraph") == [("ana",)]


def test_a_value_of_a_million_characters_is_kept_found_and_listed(memory: Memory) -> None:
    store = ZettelmemStore(memory)
    large = {"text": "green tea " + "x" * 900_000}
    store.put(("a",), "large", large)
    store.put(("a",), "large", large | {"more": 1})
    store.put(("a",), "small", {"text": "lorry brakes"})
    assert store.search(("a",), query="green tea")[0].value == large | {"more": 1}
    assert store.search(("a",))[1].value == large | {"more": 1}
    with pytest.raises(InvalidInput, match="over 1,000,000; split it over several notes"):
        store.put(("a",), "huge", {"text": "x" * 1_000_000})


def test_a_hot_key_keeps_its_newest_versions(memory: Memory) -> None:
    store = ZettelmemStore(memory)
    for i in range(12):
        store.put(("a",), "k", {"i": i, "text": "x" * 20_000})
    (note,) = memory.notes(namespace="a").notes
    assert note.dropped > 0
    assert note.dropped + len(note.history) == note.revision == 12
    memory.undo(note.history[-1].change, namespace="a")
    assert store.get(("a",), "k").value["i"] == 10  # type: ignore[union-attr]


def test_a_sweep_spares_what_was_put_again_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = [timedelta()]
    memory = Memory(embedder=HashEmbedder(), clock=lambda: datetime.now(UTC) + ahead[0])
    store = ZettelmemStore(memory)
    store.put(("a",), "k", {"n": 1}, ttl=1)
    ahead[0] = timedelta(minutes=2)
    forget = memory.forget

    def late(note_id: str, **how: Any) -> Any:
        monkeypatch.setattr(memory, "forget", forget)
        ZettelmemStore(memory).put(("a",), "k", {"n": 2})
        return forget(note_id, **how)

    monkeypatch.setattr(memory, "forget", late)
    assert store.sweep_ttl() == 0
    assert store.get(("a",), "k").value == {"n": 2}  # type: ignore[union-attr]


# --- many at once ----------------------------------------------------------------------------------


def test_a_hundred_concurrent_batches_lose_no_put_and_read_no_other_namespace(memory: Memory) -> None:
    store = ZettelmemStore(memory)

    async def one(i: int) -> None:
        space = ("user", str(i % 10))
        await store.abatch(
            [PutOp(space, f"k{i}", {"user": i % 10, "i": i}), PutOp(space, "shared", {"user": i % 10})]
        )
        got, found = await store.abatch(
            [GetOp(space, f"k{i}"), SearchOp(space, query=f"user {i % 10}", limit=50)]
        )
        assert got.value == {"user": i % 10, "i": i}  # type: ignore[union-attr]
        assert {item.value["user"] for item in found} == {i % 10}  # type: ignore[union-attr]

    async def all_of_them() -> None:
        await asyncio.gather(*(one(i) for i in range(100)))

    asyncio.run(all_of_them())
    kept = store.search(("user",), limit=1_000)
    assert sorted(item.value["i"] for item in kept if "i" in item.value) == list(range(100))
    assert len(kept) == 110


def test_eight_threads_lose_no_put_and_read_no_other_namespace(memory: Memory) -> None:
    store = ZettelmemStore(memory)

    def work(n: int) -> set[int]:
        seen: set[int] = set()
        for i in range(6):
            store.batch([PutOp(("t", str(n)), f"k{i}", {"n": n, "i": i}), PutOp(("all",), "same", {"n": n})])
            (found,) = store.batch([SearchOp(("t", str(n)), limit=50)])
            seen |= {item.value["n"] for item in found}  # type: ignore[union-attr]
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [{n} for n in range(8)]
    assert len(store.search(("t",), limit=1_000)) == 48
    assert len(store.search(("all",))) == 1


# --- in graphs and agents --------------------------------------------------------------------------


class State(TypedDict):
    text: str


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_graph_reaches_the_store_through_its_runtime(memory: Memory, colour: str) -> None:
    def node(state: State, runtime: Runtime[Any]) -> State:
        assert runtime.store is not None
        runtime.store.put(("graph",), "k", {"text": state["text"]})
        return {"text": runtime.store.search(("graph",), query="tea")[0].value["text"]}

    async def anode(state: State, runtime: Runtime[Any]) -> State:
        assert runtime.store is not None
        await runtime.store.aput(("graph",), "k", {"text": state["text"]})
        return {"text": (await runtime.store.asearch(("graph",), query="tea"))[0].value["text"]}

    builder = StateGraph(State)
    builder.add_node("node", node if colour == "sync" else anode)
    builder.add_edge(START, "node")
    graph = builder.compile(store=ZettelmemStore(memory))
    asked = State(text="green tea")
    done = graph.invoke(asked) if colour == "sync" else await graph.ainvoke(asked)
    assert done == {"text": "green tea"}


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_two_run_agent_remembers_through_store_and_checkpointer(memory: Memory, colour: str) -> None:
    @tool
    def note(text: str, runtime: ToolRuntime) -> str:
        """Note something."""
        assert runtime.store is not None
        runtime.store.put(("facts",), "1", {"text": text})
        return "noted"

    @tool
    def look(query: str, runtime: ToolRuntime) -> str:
        """Look something up."""
        assert runtime.store is not None
        return str(runtime.store.search(("facts",), query=query)[0].value["text"])

    model = Scripted(
        answers=[
            calls(note, {"text": "The key is under the mat."}),
            AIMessage("Noted."),
            calls(look, {"query": "Where is the key?"}, 2),
            AIMessage("Under the mat."),
        ]
    )
    agent = create_agent(
        model,
        [note, look],
        store=ZettelmemStore(memory),
        checkpointer=InMemorySaver(),
        middleware=[ZettelmemMiddleware(memory, namespace="captured")],
    )

    async def run(text: str, thread: str) -> Any:
        asked: Any = {"messages": [("human", text)]}
        config: Any = {"configurable": {"thread_id": thread}}
        return agent.invoke(asked, config) if colour == "sync" else await agent.ainvoke(asked, config)

    await run("The key is under the mat.", "t1")
    done = await run("Where is the key?", "t2")
    found = [m.text for m in done["messages"] if m.type == "tool"]
    assert found == ["The key is under the mat."]
    assert "> The key is under the mat." in model.prompts[-1]


# --- langmem ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_langmems_tools_work_on_the_store(memory: Memory, colour: str) -> None:
    store = ZettelmemStore(memory)
    space = ("memories", "{langgraph_user_id}")
    manage = create_manage_memory_tool(namespace=space, store=store)
    search = create_search_memory_tool(namespace=space, store=store)

    async def use(tool: Any, args: dict[str, Any]) -> Any:
        return tool.invoke(args, USER) if colour == "sync" else await tool.ainvoke(args, USER)

    async def in_a_graph(state: State) -> State:
        made = await use(manage, {"content": "Ana drinks green tea."})
        await use(manage, {"content": "The lorry needs brakes."})
        key = made.rpartition(" ")[2]
        await use(manage, {"action": "update", "id": key, "content": "Ana drinks black tea."})
        found = await use(search, {"query": "What tea does Ana drink?"})
        await use(manage, {"action": "delete", "id": key})
        left = await use(search, {"query": "What tea does Ana drink?"})
        return {"text": f"{found}|{left}"}

    config: Any = USER
    builder = StateGraph(State)
    builder.add_node("node", in_a_graph)
    builder.add_edge(START, "node")
    done = await builder.compile(store=store).ainvoke(State(text=""), config)
    found, left = done["text"].split("|")
    assert found.index("Ana drinks black tea.") < found.index("The lorry needs brakes.")
    assert "green" not in found
    assert "tea" not in left
    assert store.list_namespaces() == [("memories", "ana")]


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_langmems_store_manager_works_on_the_store(memory: Memory, colour: str) -> None:
    store = ZettelmemStore(memory)
    model = Scripted(answers=[calls("Memory", {"content": "Ana drinks green tea."}), AIMessage("done")])
    manager = create_memory_store_manager(model, namespace=("memories", "{langgraph_user_id}"), store=store)
    asked: Any = {"messages": [{"role": "user", "content": "I drink green tea."}]}
    config: Any = USER
    done = manager.invoke(asked, config) if colour == "sync" else await manager.ainvoke(asked, config)
    assert len(done) == 1
    (item,) = store.search(("memories", "ana"), query="green tea")
    assert item.value == {"kind": "Memory", "content": {"content": "Ana drinks green tea."}}
    found = (
        manager.search(query="tea", config=config)
        if colour == "sync"
        else await manager.asearch(query="tea", config=config)
    )
    assert [each.key for each in found] == [item.key]


# --- deepagents ------------------------------------------------------------------------------------


def backend_of(store: ZettelmemStore) -> StoreBackend:
    return StoreBackend(namespace=lambda _: ("files", "ana"), store=store)


def test_deepagents_files_live_in_the_store(memory: Memory) -> None:
    backend = backend_of(ZettelmemStore(memory))
    for i in range(120):
        backend.write(f"/many/{i:03}.txt", f"file {i}")
    backend.write("/notes/a.md", "one\ntwo")
    assert backend.edit("/notes/a.md", "two", "three").error is None
    assert backend.read("/notes/a.md").file_data["content"] == "one\nthree"  # type: ignore[index]
    assert [each["path"] for each in backend.ls("/").entries or ()] == ["/many/", "/notes/"]
    assert len(backend.ls("/many").entries or ()) == 120
    assert [each["path"] for each in backend.grep("three").matches or ()] == ["/notes/a.md"]
    assert len(backend.glob("/many/11*.txt").matches or ()) == 10
    assert backend.upload_files([("/bin", b"\xff\x00")])[0].error is None
    assert backend.download_files(["/bin"])[0].content == b"\xff\x00"
    backend.delete("/many")
    assert [each["path"] for each in backend.ls("/").entries or ()] == ["/bin", "/notes/"]


async def test_deepagents_files_live_in_the_store_async(memory: Memory) -> None:
    backend = backend_of(ZettelmemStore(memory))
    await backend.awrite("/a.md", "one\ntwo")
    await backend.aedit("/a.md", "two", "three")
    assert (await backend.aread("/a.md")).file_data["content"] == "one\nthree"  # type: ignore[index]
    assert (await backend.adelete("/a.md")).error is None
    assert (await backend.aread("/a.md")).error is not None


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_deep_agent_finds_its_files_in_the_next_run(memory: Memory, colour: str) -> None:
    store = ZettelmemStore(memory)

    def agent(*answers: AIMessage) -> Any:
        return create_deep_agent(
            model=Scripted(answers=list(answers)),
            store=store,
            backend=StoreBackend(namespace=lambda _: ("files",)),
        )

    async def run(agent: Any) -> Any:
        asked = {"messages": [("human", "Go on.")]}
        return agent.invoke(asked) if colour == "sync" else await agent.ainvoke(asked)

    await run(
        agent(
            calls("write_file", {"file_path": "/a.md", "content": "The key is under the mat."}),
            AIMessage("ok"),
        )
    )
    done = await run(agent(calls("read_file", {"file_path": "/a.md"}), AIMessage("ok")))
    assert "The key is under the mat." in next(m.text for m in done["messages"] if m.type == "tool")
    assert store.search(("files",), query="Where is the key?")[0].key == "/a.md"
