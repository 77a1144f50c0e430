"""Faults that earlier A-MEM programs have, each as a behaviour that it would break.

The docstring of a test says what went wrong there: in the first library, in the code of the A-MEM paper, or
in a fork of it.
"""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.doubles import START, A, check_store, contents, decided, open_memory, open_sync, said
from zettelmem import AsyncMemory, NotFound, Relation, recall
from zettelmem.language.terms import terms
from zettelmem.testing import HashEmbedder

WORDS = [
    "12345",
    "[1, 2]",
    "[1, 2, 3]",
    "None",
    "True",
    "1e5",
    "NaN",
    "-0",
    '{"a": 1}',
    '{"content": "x", "id": null}',
    "'; DROP TABLE notes; --",
    "emoji 🙂👩‍👩‍👧‍👦 end",
    "漢字かな한글",
    "مرحبا \u202eright to left\u202c",
    "nul \0 inside",
    "\ttabs\r\nand\rline ends\n\n",
    "  spaces around  ",
    "\ufeffbyte order mark",
    "\u2028\u2029\x0b\x0c\x85 line ends of all kinds",
    "e\u0301 is not \u00e9",
    "\\u0041 \\n \\\\ %s {0} ${x}",
    "x" * 100_000,
    "word " * 20_000,
    "🙂" * 25_000,
]


async def test_words_come_back_byte_for_byte_after_reopening(tmp_path: Path) -> None:
    """Nothing is parsed, nothing trimmed, nothing lost at exit."""
    async with open_memory(str(tmp_path)) as memory:
        made = await memory.remember_many(WORDS, namespace="a")
        ids = [x.note.id for x in made]
    async with open_memory(str(tmp_path)) as memory:
        kept = [(await memory.get(x, namespace="a")).content for x in ids]
        assert [x.encode() for x in kept] == [x.encode() for x in WORDS]
        await check_store(memory)


@pytest.mark.parametrize("text", ["12345", "[1, 2]", "None", '{"a": 1}', "漢字かな", "مرحبا بك"])
async def test_words_that_look_like_values_evolve_and_are_found(text: str) -> None:
    """Such a note was lost at its next update."""
    decision = {"links": [{"neighbour": 0}], "changes": [{"neighbour": 0, "context": text, "tags": [text]}]}
    async with open_memory() as memory:
        first = (await memory.remember(text, namespace="a")).note
        await decided(memory, f"More about {text}", decision)
        kept = await memory.get(first.id, namespace="a")
        assert (kept.content, kept.context, kept.tags) == (text, text, (text,))
        assert text in contents(await memory.recall(text, namespace="a"))
        await check_store(memory)


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Notes, links, history, validity, pending marks and shown numbers survive."""
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(said("My telescope broke.", "The telescope is mended."), namespace="a")
        asked = await memory.remember("A new telescope came.", namespace="a", judge="ask")
        await memory.revise(asked.note.id, namespace="a", invalid_at=START + timedelta(days=400))
        gone = await memory.remember("Forget me.", namespace="b")
        await memory.forget(gone.note.id, namespace="b")
        before = await check_store(memory)
        hits = await memory.recall("telescope", namespace="a")
    async with open_memory(str(tmp_path)) as memory:
        assert await check_store(memory) == before
        assert contents(await memory.recall("telescope", namespace="a")) == contents(hits)


async def test_evolution_reaches_exactly_the_neighbours_that_it_names() -> None:
    """The five oldest notes were rewritten instead of the neighbours."""
    texts = [
        "Cats purr.",
        "Dogs bark.",
        "Parrots talk.",
        "Quantum bits decohere.",
        "Quantum gates rotate bits.",
    ]
    async with open_memory(neighbours=2) as memory:
        made = await memory.remember_many(texts, namespace="a", judge="none")
        asked = await memory.remember("Quantum error correction protects bits.", namespace="a", judge="ask")
        assert [each.number for each in asked.neighbours] == [0, 1]
        target = asked.neighbours[1].note.id
        assert target in (made[3].note.id, made[4].note.id)
        decision = {"changes": [{"neighbour": 1, "context": "On qubits.", "reason": "qubits"}]}
        new = await memory.connect(asked.note.id, decision, namespace="a")
        assert new.evolved == (target,)
        for each in made:
            kept = await memory.get(each.note.id, namespace="a")
            assert (kept.context == "On qubits.") == (each.note.id == target)
            assert kept.content == each.note.content


async def test_links_lead_to_notes_that_know_of_them() -> None:
    """Links were ranks that led nowhere, and one-sided."""
    async with open_memory() as memory:
        first = (await memory.remember("Cats purr.", namespace="a")).note
        decision = {"links": [{"neighbour": 0, "relation": "supports"}]}
        made = (await decided(memory, "Cats purr loudly.", decision)).note
        (link,) = made.links
        assert link.relation is Relation.SUPPORTS
        other = await memory.get(link.target, namespace="a")
        assert other.id == first.id
        assert other.links == (link,)
        graph = await memory.graph(namespace="a", start=first.id, hops=1)
        assert {x.id for x in graph.notes} == {first.id, made.id}
        assert graph.links == (link,)


@pytest.mark.parametrize("small", [-1, 2_000], ids=["searched", "read whole"])
async def test_linked_notes_survive_the_cut(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes found through links were appended behind k hits, and cut off."""
    monkeypatch.setattr(recall, "WHOLE", small)
    monkeypatch.setattr(recall, "DEPTH", 2)  # so that the search alone does not even bring it
    async with open_memory(judge="none", neighbours=50) as memory:
        fillers = [f"Filler number {i} goes on and on about some weather again." for i in range(30)]
        await memory.remember_many(fillers, namespace="a")
        tuner = await memory.remember("The piano tuner is called Moritz.", namespace="a")
        key = await memory.remember("A cellar key hangs behind door seven.", namespace="a", judge="ask")
        number = next(x.number for x in key.neighbours if x.note.id == tuner.note.id)
        await memory.connect(
            key.note.id, {"links": [{"neighbour": number, "relation": "supports"}]}, namespace="a"
        )
        alone = await memory.recall("piano tuner Moritz", namespace="a", k=2, expand=False)
        assert key.note.id not in [x.note.id for x in alone]
        first, second = await memory.recall("piano tuner Moritz", namespace="a", k=2)
        assert [first.note.id, second.note.id] == [tuner.note.id, key.note.id]
        assert f"linked to {tuner.note.id} (supports)" in second.why
        assert second.signals["links"] > 0


async def test_evolved_words_are_found_at_once() -> None:
    """Evolved context and tags never reached the index."""
    decision = {"changes": [{"neighbour": 0, "context": "On xylophones.", "keywords": ["marimba"]}]}
    async with open_memory() as memory:
        first = (await memory.remember("It sounds fine.", namespace="a")).note
        fillers = [f"Filler {i} on weather." for i in range(12)]
        await memory.remember_many(fillers, namespace="a", judge="none")
        for query in ("xylophones", "marimba"):
            hits = await memory.recall(query, namespace="a")
            assert not any("matches" in x.why for x in hits)
    async with open_memory() as memory:
        first = (await memory.remember("It sounds fine.", namespace="a")).note
        assert (await decided(memory, "It sounds wooden.", decision)).evolved == (first.id,)
        await memory.remember_many(fillers, namespace="a", judge="none")
        for query in ("xylophones", "marimba"):
            (hit,) = await memory.recall(query, namespace="a", k=1)
            assert hit.note.id == first.id
            assert f"matches '{query}'" in hit.why


def test_two_memories_on_one_path_leave_each_other_whole(tmp_path: Path) -> None:
    """A second instance destroyed the first; caches undid what others wrote."""
    with open_sync(str(tmp_path)) as one, open_sync(str(tmp_path)) as other:
        first = one.remember("Cats purr.", namespace="a").note
        assert other.get(first.id, namespace="a") == first
        other.revise(first.id, namespace="a", tags=["theirs"])
        one.revise(first.id, namespace="a", context="Ours.")
        kept = other.get(first.id, namespace="a")
        assert (kept.tags, kept.context, kept.revision) == (("theirs",), "Ours.", 3)
        other.remember("Dogs bark.", namespace="a")
        assert len(one.recall("cats dogs", namespace="a")) == 2


def test_two_processes_on_one_path_leave_each_other_whole(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.doubles import open_sync\n"
        "with open_sync(sys.argv[1]) as memory:\n"
        "    note = memory.notes(namespace='a').notes[0]\n"
        "    memory.revise(note.id, namespace='a', tags=['theirs'])\n"
        "    memory.remember('Dogs bark.', namespace='a')\n"
    )
    with open_sync(str(tmp_path)) as memory:
        first = memory.remember("Cats purr.", namespace="a").note
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parents[2])],
            timeout=60,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert memory.get(first.id, namespace="a").tags == ("theirs",)
        assert contents(memory.notes(namespace="a").notes) == ["Cats purr.", "Dogs bark."]


async def test_every_verb_works_on_an_empty_memory() -> None:
    """A search that always raised."""
    async with open_memory() as memory:
        assert await memory.recall("cats", namespace="a") == []
        assert (await memory.notes(namespace="a")).notes == ()
        assert (await memory.graph(namespace="a")).notes == ()
        assert await memory.namespaces() == []
        assert await memory.keyed(["k"], namespace="a") == {}
        assert (await memory.stats(namespace="a")).notes == 0
        assert await memory.finish_pending(namespace="a") == []
        for verb in (memory.get, memory.history, memory.links, memory.forget, memory.neighbours):
            with pytest.raises(NotFound, match="no note 'aaaaaaaa' here"):
                await verb(A, namespace="a")
        with pytest.raises(NotFound):
            await memory.undo(f"{A}.1", namespace="a")


async def test_an_empty_memory_fits_every_budget() -> None:
    async with open_memory() as memory:
        assert await memory.recall("cats", namespace="a", budget_tokens=10) == []


async def test_forgetting_leaves_no_link_behind_and_an_unknown_id_is_told() -> None:
    """Links to deleted notes stayed; deleting nothing was a success."""
    async with open_memory() as memory:
        made = await memory.remember_many(
            said("Cats purr.", "Cats purr loudly.", "Cats purr."), namespace="a"
        )
        middle = made[1].note.id
        await memory.forget(middle, namespace="a")
        for each in (made[0], made[2]):
            assert middle not in (await memory.get(each.note.id, namespace="a")).linked_ids()
        with pytest.raises(NotFound, match=f"no note '{middle}' here"):
            await memory.forget(middle, namespace="a")
        with pytest.raises(NotFound):
            await memory.forget("0" * 8, namespace="a")
        await check_store(memory)


async def holding(memory: AsyncMemory, word: str) -> list[str]:
    """The notes that can be found by `word`: it is in one of their lexical fields."""
    table = await memory._store.table()
    assert table is not None
    wanted = {*terms(word)}
    rows = (await table.query().select(["content", "around_terms", "live"]).to_arrow()).to_pylist()
    return sorted(row["content"] for row in rows if row["live"] and wanted & {*row["around_terms"].split()})


@pytest.mark.parametrize("how", ["forget", "revise"])
async def test_words_that_are_gone_find_nothing_any_more(how: str) -> None:
    """Not by themselves, and not by way of the notes that stood next to them."""
    async with open_memory(judge="none") as memory:
        texts = ["Hello.", "The word is xylophone.", "Good.", "Cats purr.", "Dogs bark."]
        made = await memory.remember_many(said(*texts, context=""), namespace="a")
        assert await holding(memory, "xylophone") == sorted(texts[:4])
        if how == "forget":
            await memory.forget(made[1].note.id, namespace="a")
            assert await holding(memory, "xylophone") == []
        else:
            await memory.revise(made[1].note.id, namespace="a", content="The word is bell.")
            assert await holding(memory, "xylophone") == []
            assert "Hello." in await holding(memory, "bell")
        assert "Cats purr." in await holding(memory, "Dogs")
        await check_store(memory)


async def test_new_words_take_new_keywords_and_tags() -> None:
    """An update kept the old metadata and mixed both."""
    async with open_memory() as memory:
        first = (await memory.remember("Ana plays chess in Porto.", namespace="a")).note
        assert "chess" in first.keywords
        kept = (await memory.revise(first.id, namespace="a", content="Ben grows tomatoes in Braga.")).note
        assert "tomatoes" in kept.keywords
        assert not {"chess", "porto"} & {*kept.keywords, *kept.tags}
        own = (await memory.revise(first.id, namespace="a", content="Cy sails.", keywords=["mine"])).note
        assert own.keywords == ("mine",)
        (hit, *_) = await memory.recall("sails", namespace="a")
        assert hit.note.content == "Cy sails."
        assert "matches 'sails'" in hit.why


async def test_what_was_done_is_written_down() -> None:
    """History was never written."""
    decision = {"changes": [{"neighbour": 0, "context": "On cats.", "reason": "both cats"}]}
    async with open_memory() as memory:
        first = (await memory.remember("Cats purr.", namespace="a")).note
        second = (await decided(memory, "Cats purr loudly.", decision)).note
        await memory.forget(first.id, namespace="a")
        told = await memory.history(first.id, namespace="a")
        assert [(x.verb, x.cause) for x in told] == [
            ("remember", first.id),
            ("evolve", second.id),
            ("forget", first.id),
        ]
        assert (told[1].reason, told[1].before["context"], told[1].after["context"]) == (
            "both cats",
            "",
            "On cats.",
        )


async def test_the_best_hit_comes_first_with_the_highest_score_in_zero_to_one() -> None:
    """A distance was called a score, and a similarity was negative."""
    async with open_memory() as memory:
        texts = ["Cats purr.", "Dogs bark.", "Quantum bits decohere.", "Rain falls.", "xyzzy"]
        await memory.remember_many(texts, namespace="a")
        for query in ("do cats purr", "rain", "nothing of that", "xyzzy plugh"):
            hits = await memory.recall(query, namespace="a")
            scores = [x.score for x in hits]
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= x <= 1 for x in scores)
            assert all(0 <= x <= 1 for hit in hits for x in hit.signals.values())
        (best, *rest) = await memory.recall("do cats purr", namespace="a")
        assert best.note.content == "Cats purr."
        assert all(best.score > x.score for x in rest)


async def test_readers_never_miss_a_note_while_it_changes() -> None:
    """An update deleted the note first; 166 of 194 readers did not find it."""
    async with open_memory() as memory:
        note_id = (await memory.remember("Cats purr.", namespace="a")).note.id
        done = asyncio.Event()

        async def write() -> None:
            for i in range(15):
                await memory.revise(note_id, namespace="a", content=f"Cats purr {i} times.")
            done.set()

        async def read() -> int:
            seen = 0
            while not done.is_set():
                assert (await memory.get(note_id, namespace="a")).content.startswith("Cats purr")
                assert len(await memory.recall("cats", namespace="a")) == 1
                seen += 1
            return seen

        _, seen = await asyncio.wait_for(asyncio.gather(write(), read()), 60)
        assert seen > 5


async def test_a_long_note_is_found_by_what_is_said_about_it() -> None:
    """The words about a long content lay beyond what the model reads."""
    async with open_memory(judge="none") as memory:
        long = await memory.remember("lorem ipsum dolor " * 600, namespace="a", context="About xylophones.")
        await memory.remember_many([f"Filler {i} lorem." for i in range(10)], namespace="a")
        (hit, *_) = await memory.recall("xylophones", namespace="a")
        assert hit.note.id == long.note.id


async def test_old_and_new_notes_are_found_in_a_span_of_time() -> None:
    """Only the first 10 k rows were looked at."""
    async with open_memory(judge="none") as memory:
        drafts = [
            {"content": f"Walk number {i}.", "occurred_at": START + timedelta(days=i)} for i in range(150)
        ]
        await memory.remember_many(drafts, namespace="a")
        since = START + timedelta(days=149)
        hits = await memory.recall("walk", namespace="a", k=10, since=since)
        assert contents(hits) == ["Walk number 149."]
        assert contents((await memory.notes(namespace="a", since=since)).notes) == ["Walk number 149."]


async def test_tags_with_spaces_and_signs_match() -> None:
    async with open_memory() as memory:
        for tag in ("two words", "a/b%20c", 'quo"te', "line\nend"):
            await memory.remember(f"Tagged {tag}.", namespace="a", tags=[tag])
        for tag in ("two words", "a/b%20c", 'quo"te', "line\nend"):
            assert contents((await memory.notes(namespace="a", tags=[tag])).notes) == [f"Tagged {tag}."]
            assert contents(await memory.recall("tagged", namespace="a", tags=[tag])) == [f"Tagged {tag}."]
        assert (await memory.notes(namespace="a", tags=["two"])).notes == ()


async def test_many_calls_at_once_are_all_kept_when_they_return(tmp_path: Path) -> None:
    """Of 20 queued adds 12 were lost when the client left."""
    async with open_memory(str(tmp_path)) as memory:
        made = await asyncio.gather(*(memory.remember(f"Thing {i}.", namespace="a") for i in range(20)))
    async with open_memory(str(tmp_path)) as memory:
        assert {x.note.id for x in made} == set(await check_store(memory))


async def test_a_note_of_an_injected_embedder_stays_with_it() -> None:
    """Consolidation quietly replaced the caller's model by another."""
    embedder = HashEmbedder(32)
    async with open_memory(embedder=embedder) as memory:
        await memory.remember_many([f"Thing {i}." for i in range(130)], namespace="a")
        calls = embedder.calls
        await memory.recall("thing", namespace="a")
        assert embedder.calls == calls + 1
