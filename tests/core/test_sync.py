"""The blocking colour: in scripts, in threads, inside a running loop, and after it was closed."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from threading import enumerate as running

import pytest

from tests.doubles import START, check_store, contents, judging, open_memory, open_sync
from zettelmem import InvalidInput, NotFound, StoreError

ROOT = Path(__file__).resolve().parents[2]


def test_every_verb_delegates() -> None:
    with open_sync(model=judging(), judge="offline") as memory:
        made = memory.remember("My telescope broke.", namespace="a", key="k", source="Ana")
        said = [{"content": "Hello."}, {"content": "Hi."}]
        turns = memory.remember_conversation(said, namespace="a", thread="t")
        many = memory.remember_many(["The telescope is mended."], namespace="a", judge="ask")
        assert memory.neighbours(many[0].note.id, namespace="a")[0].note.id == made.note.id
        assert memory.ask(many[0].note.id, namespace="a").neighbours[0].note.id == made.note.id
        linked = memory.connect(many[0].note.id, {"links": [{"neighbour": 0}]}, namespace="a")
        assert memory.links(made.note.id, namespace="a") == linked.note.links
        revised = memory.revise(made.note.id, namespace="a", tags=["x"], reason="why")
        assert memory.undo(revised.change, namespace="a").note.tags == made.note.tags
        assert memory.get(made.note.id, namespace="a").revision == 4
        assert len(memory.history(made.note.id, namespace="a")) == 4
        memory.forget(turns[0].note.id, namespace="a")
        assert len(memory.notes(namespace="a", newest_first=True).notes) == 3
        assert memory.stats(namespace="a").notes == 3
        assert memory.namespaces() == [("a",)]
        assert list(memory.keyed(["k"], namespace="a")) == ["k"]
        assert len(memory.graph(namespace="a", start=made.note.id).notes) == 2
        asked = memory.remember("Later.", namespace="b", judge="ask")
        assert [x.note.id for x in memory.finish_pending(namespace="b", judge="model", limit=3)] == [
            asked.note.id
        ]
        assert contents(memory.recall("telescope", namespace="a", k=1, since=START))[0].endswith(".")


def test_errors_come_through_as_they_are() -> None:
    with open_sync() as memory:
        with pytest.raises(NotFound):
            memory.get("0" * 8, namespace="a")
        with pytest.raises(InvalidInput):
            memory.remember("", namespace="a")


def test_it_works_inside_a_running_loop() -> None:
    """Notebooks run one."""

    async def main() -> list[str]:
        with open_sync() as memory:
            memory.remember("Cats purr.", namespace="a")
            return contents(memory.recall("cats", namespace="a"))

    assert asyncio.run(main()) == ["Cats purr."]


def test_it_works_from_several_threads() -> None:
    with open_sync(judge="none") as memory, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: memory.remember(f"Thing {i}.", namespace="a").note.id, range(24)))
        assert {x.id for x in memory.notes(namespace="a").notes} == set(made)
        assert memory._async._store.commits < 24


def test_a_closed_memory_refuses_and_says_so() -> None:
    memory = open_sync()
    memory.remember("Cats purr.", namespace="a")
    memory.close()
    memory.close()
    with pytest.raises(StoreError, match="closed; open a new one"):
        memory.notes(namespace="a")
    untouched = open_sync()
    untouched.close()
    with pytest.raises(StoreError, match="closed"):
        untouched.remember("Cats purr.", namespace="a")


async def test_a_closed_async_memory_refuses_and_says_so() -> None:
    memory = open_memory()
    await memory.remember("Cats purr.", namespace="a")
    await memory.close()
    await memory.close()
    with pytest.raises(StoreError, match="closed"):
        await memory.notes(namespace="a")
    with pytest.raises(StoreError, match="closed"):
        await memory.remember("x", namespace="a")
    with pytest.raises(StoreError, match="closed"):
        await memory.recall("x", namespace="a")


def test_a_context_manager_closes_even_when_its_body_fails() -> None:
    memory = open_sync()

    def fail() -> None:
        with memory:
            memory.remember("Cats purr.", namespace="a")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(StoreError, match="closed"):
        memory.notes(namespace="a")


def test_closing_ends_the_thread_and_opening_starts_none() -> None:
    before = set(running())
    memory = open_sync()
    assert set(running()) == before
    memory.remember("Cats purr.", namespace="a")
    started = [x for x in set(running()) - before if "portal" in x.name]
    assert len(started) == 1
    memory.close()
    assert not started[0].is_alive()


def test_closing_lets_a_call_of_another_thread_finish() -> None:
    memory = open_sync()
    found: list[str] = []
    thread = Thread(target=lambda: found.append(memory.remember("Cats purr.", namespace="a").note.content))
    memory.remember("Dogs bark.", namespace="a")
    thread.start()
    thread.join(30)
    memory.close()
    assert found == ["Cats purr."]


@pytest.mark.parametrize("end", ["", "del memory", "raise SystemExit(0)"])
def test_a_memory_that_is_never_closed_lets_the_program_end(end: str) -> None:
    lines = [
        "from tests.doubles import open_sync",
        "memory = open_sync()",
        "memory.remember('x', namespace='a')",
        end,
    ]
    code = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_one_colour_writes_the_other_reads(tmp_path: Path) -> None:
    with open_sync(str(tmp_path)) as memory:
        made = memory.remember("Cats purr.", namespace="a").note

    async def read() -> None:
        async with open_memory(str(tmp_path)) as other:
            assert await other.get(made.id, namespace="a") == made
            await check_store(other)

    asyncio.run(read())


FORKED = """
import os, signal, tempfile
from tests.doubles import open_sync
from zettelmem import StoreError

memory = open_sync(tempfile.mkdtemp())
memory.remember("Cats purr.", namespace="a")
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        memory.recall("cats", namespace="a")
    except StoreError as error:
        print(error, flush=True)
    del memory
    os._exit(7)  # as multiprocessing ends a child; LanceDB itself never lets `sys.exit` end one
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_memory_opened_before_a_fork_refuses_in_the_child_and_can_be_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
        check=True,
    )
    told, code = done.stdout.splitlines()
    assert "open a new one here" in told
    assert code == "7"
