"""Long texts as notes: cut where the matter changes, undone, forgotten, erased and exported as one."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import check_store, contents, everything, judging, open_memory
from zettelmem import InvalidInput, Note, Relation
from zettelmem.providers.wordllama import WordLlama
from zettelmem.segments import cuts, pieces, sentences
from zettelmem.testing import ScriptedModel
from zettelmem.wholes import MOST

MATTERS = [
    "The bakery opens at six every morning. Rye loaves and croissants come out of the oven first. The baker "
    "kneads the dough by hand and lets it rest overnight. Customers queue for fresh rolls and cake.",
    "The telescope on the hill was built for watching distant galaxies. Astronomers measure the light of "
    "stars with its mirror. On clear nights the planets and the moon are seen in great detail. A new camera "
    "will photograph comets and nebulae.",
    "The court ruled that the contract was void. The judge heard lawyers of both parties for three days. The "
    "defendant must pay damages and the legal costs. An appeal against the verdict can be filed until May.",
    "Her knee was operated on in the hospital in March. The surgeon repaired the torn ligament. "
    "Physiotherapy twice a week strengthens the muscles of the leg. The doctor prescribed painkillers and "
    "rest.",
    "The football team won the final by two goals to one. The striker scored twice in the second half. The "
    "goalkeeper saved a penalty in the last minute. Thousands of fans celebrated the championship in the "
    "stadium.",
]
"""Five matters of four sentences each."""


def cut_up(text: str, most: int = MOST) -> list[str]:
    found = sentences(text)
    vectors = WordLlama().embed_documents([text[each.start : each.end] for each in found])
    return pieces(text, found, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), most)


@pytest.mark.parametrize("between", [" ", "\n", "\n\n"])
def test_a_text_of_five_matters_is_cut_into_these(between: str) -> None:
    assert cut_up(between.join(MATTERS)) == MATTERS


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::17])
def test_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    matters = [MATTERS[number] for number in order]
    assert cut_up(" ".join(matters)) == matters


@pytest.mark.parametrize("text", MATTERS)
def test_a_text_of_one_matter_stays_whole(text: str) -> None:
    assert cut_up(text) == [text]


def test_a_heading_begins_a_piece_and_stands_in_it() -> None:
    text = f"# Bread\n\n{MATTERS[0]}\n\n# Sky\n\n{MATTERS[1]}"
    assert cut_up(text) == [f"# Bread\n\n{MATTERS[0]}", f"# Sky\n\n{MATTERS[1]}"]


def test_there_are_never_more_pieces_than_asked_for() -> None:
    assert 1 < len(cut_up(" ".join(MATTERS * 8), 6)) <= 6


def test_sentences_end_at_their_marks_and_at_line_ends() -> None:
    text = 'One. Two 3.5 times! "Three?" Four\nFive 犬です。猫です'
    said = [text[each.start : each.end] for each in sentences(text)]
    assert said == ["One.", "Two 3.5 times!", '"Three?"', "Four", "Five 犬です。", "猫です"]


@given(st.text(alphabet='ab. \n\u3002!"#', max_size=200))
def test_only_white_space_is_between_sentences(text: str) -> None:
    found = sentences(text)
    rest = text
    for each in reversed(found):
        assert text[each.start : each.end].strip()
        rest = rest[: each.start] + rest[each.end :]
    assert not rest.strip()


@given(st.integers(1, 12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_best_of_all_ways_to_cut_is_found(count: int, longest: int, random: Any) -> None:
    vectors = np.array([[random.uniform(-1, 1) for _ in range(3)] for _ in range(count)])
    costs = np.array([random.choice([0.2, 0.7]) for _ in range(count)])

    def worth(starts: tuple[int, ...]) -> float:
        ends = (*starts[1:], count)
        held = sum(np.linalg.norm(vectors[a:b].sum(axis=0)) for a, b in zip(starts, ends, strict=True))
        return float(held - sum(costs[a] for a in starts))

    ways = [(0, *more) for size in range(count) for more in itertools.combinations(range(1, count), size)]
    ways = [way for way in ways if all(b - a <= longest for a, b in zip(way, (*way[1:], count), strict=True))]
    assert worth(tuple(cuts(vectors, costs, longest))) == pytest.approx(max(map(worth, ways)))


# --- as notes ----------------------------------------------------------------------------------------

TEXT = "\n\n".join(MATTERS)


def memory_of(uri: str = "memory://", **arguments: Any) -> Any:
    return open_memory(uri, embedder=WordLlama(), **arguments)


def linked(note: Note, relation: Relation) -> set[tuple[str, str]]:
    return {(link.source, link.target) for link in note.links if link.relation is relation}


async def test_the_pieces_are_notes_that_follow_each_other_and_are_part_of_the_whole() -> None:
    async with memory_of() as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True, source="Ana", tags=["diary"])
        whole = done.note
        assert whole.content == MATTERS[0][:99] + "\u2026"
        parts = [await memory.get(each, namespace="a") for each in whole.parts]
        assert [part.content for part in parts] == MATTERS
        assert all(part.thread == whole.thread and part.source.who == "Ana" for part in parts)
        assert all("diary" in part.tags for part in parts)
        for before, after in itertools.pairwise([whole, *parts]):
            assert (after.id, before.id) in linked(after, Relation.FOLLOWS)
        assert all((part.id, whole.id) in linked(part, Relation.PART_OF) for part in parts)
        hits = await memory.recall("What did the surgeon repair?", namespace="a", k=1)
        assert contents(hits) == [MATTERS[3]]
        await check_store(memory)


async def test_a_text_whose_matter_is_one_is_a_note_as_ever() -> None:
    async with memory_of() as memory:
        for text in (MATTERS[0], "Cats purr.", "cats"):
            done = await memory.remember(text, namespace="a", cut=True)
            assert (done.note.content, done.note.parts, done.note.key) == (text, (), None)


async def test_it_is_undone_as_one_change_and_so_is_the_undoing() -> None:
    async with memory_of() as memory:
        await memory.remember("The surgeon repaired the ligament of her knee.", namespace="a")
        await memory.remember("Later the baker kneads dough.", namespace="a", thread="diary")
        before = {note.id: (note.content, note.links) for note in (await memory.notes(namespace="a")).notes}
        done = await memory.remember(TEXT, namespace="a", cut=True, thread="diary")
        await memory.remember("The last word on dough.", namespace="a", thread="diary", judge="none")
        after = {note.id: set(note.links) for note in (await memory.notes(namespace="a")).notes}
        back = await memory.undo(done.change, namespace="a")
        left = (await memory.notes(namespace="a")).notes
        assert {note.id for note in left} - before.keys() == {left[-1].id}
        for note in left[:-1]:
            assert (note.content, note.links) == before[note.id]
        await check_store(memory)
        await memory.undo(back.change, namespace="a")
        again = {note.id: set(note.links) for note in (await memory.notes(namespace="a")).notes}
        assert again == after
        await check_store(memory)


async def test_to_forget_the_whole_is_to_forget_its_parts() -> None:
    async with memory_of() as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        gone = await memory.forget(done.note.id, namespace="a")
        assert (await memory.notes(namespace="a")).notes == ()
        assert await memory.recall("surgeon", namespace="a") == []
        await memory.undo(gone.change, namespace="a")
        assert len((await memory.notes(namespace="a")).notes) == 6
        await check_store(memory)


async def test_to_forget_a_part_leaves_the_others() -> None:
    async with memory_of() as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        await memory.forget(done.note.parts[2], namespace="a")
        whole = await memory.get(done.note.id, namespace="a")
        assert whole.parts == (*done.note.parts[:2], *done.note.parts[3:])
        await check_store(memory)


async def test_the_same_text_again_is_the_same_notes() -> None:
    async with memory_of() as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        again = await memory.remember(TEXT, namespace="a", cut=True)
        assert again.known
        assert (again.note, again.change) == (done.note, done.change)
        gone = await memory.forget(done.note.id, namespace="a")
        late = await memory.remember(TEXT, namespace="a", cut=True)
        assert late.known
        assert late.note.forgotten_at is not None
        await memory.undo(gone.change, namespace="a")
        assert len((await memory.notes(namespace="a")).notes) == 6
        await check_store(memory)


async def test_another_text_under_the_same_key_is_refused() -> None:
    async with memory_of() as memory:
        await memory.remember(TEXT, namespace="a", cut=True, key="report")
        assert (await memory.remember(TEXT, namespace="a", cut=True, key="report")).known
        other = "\n\n".join(reversed(MATTERS))
        with pytest.raises(InvalidInput, match="another text under this key; give another key"):
            await memory.remember(other, namespace="a", cut=True, key="report")


@pytest.mark.parametrize("forgotten", [False, True])
async def test_erasing_the_whole_erases_its_parts(tmp_path: Path, forgotten: bool) -> None:
    async with memory_of(str(tmp_path)) as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        if forgotten:
            await memory.forget(done.note.id, namespace="a")
        erased = await memory.admin.erase_note(done.note.id, namespace="a")
        assert set(erased.ids) == {done.note.id, *done.note.parts}
        assert erased.verified
        assert await everything(memory) == {}


async def test_erasing_a_part_takes_its_words_out_of_the_whole(tmp_path: Path) -> None:
    async with memory_of(str(tmp_path)) as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        first, *others = done.note.parts
        erased = await memory.admin.erase_note(first, namespace="a")
        assert set(erased.ids) == {first, done.note.id}
        assert erased.verified
        assert set(await everything(memory)) == set(others)
        await check_store(memory)


async def test_a_backup_brings_it_back_whole(tmp_path: Path) -> None:
    async with memory_of(str(tmp_path / "one")) as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        notes = (await memory.admin.backup()).notes
    async with memory_of(str(tmp_path / "two")) as other:
        await other.admin.restore(notes)
        assert (await other.get(done.note.id, namespace="a")).parts == done.note.parts
        await check_store(other)


async def test_a_model_judges_each_piece_and_its_failure_loses_none() -> None:
    works, failures = judging(), [ValueError("unfit")]
    flaky = ScriptedModel(lambda asked: failures.pop() if failures else works.answer(*vars(asked).values()))
    async with memory_of(model=flaky) as memory:
        done = await memory.remember(TEXT, namespace="a", cut=True)
        assert len(done.note.parts) == 5
        await check_store(memory)


async def test_a_secret_in_a_text_is_taken_out_before_it_is_cut() -> None:
    async with memory_of(secrets="redact") as memory:
        secret = "sk-" + "a1B2" * 12
        done = await memory.remember(f"{TEXT} The key is {secret}.", namespace="a", cut=True)
        assert all(secret not in note.content for note in (await memory.notes(namespace="a")).notes)
        assert done.note.parts
