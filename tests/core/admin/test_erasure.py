"""Erasing: no byte of the note is left in any file, and the other notes stand as if it had never come."""

import asyncio
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.doubles import files_with, open_memory, open_sync
from zettelmem import Decision, InvalidInput, LinkChoice, Memory, Message, NeighbourChange, Note, NotFound
from zettelmem.admin import residue
from zettelmem.admin.residue import Search, needles
from zettelmem.cli import app
from zettelmem.exchange import read_note
from zettelmem.store import pieces
from zettelmem.testing import hold, notes_of

WORDS = "garden river train piano market storm window letter bread island doctor ticket".split()


def fill(memory: Memory, chance: random.Random, count: int) -> dict[str, str]:
    """Notes with a marker each, some in threads, some closing, quoting or evolving others; by marker."""
    made: dict[str, str] = {}
    for i in range(count):
        marker = f"marker{chance.getrandbits(40):012x}x{i}"
        text = f"{' '.join(chance.choices(WORDS, k=6))} {marker}."
        thread = chance.choice([None, "t1", "t2"])
        done = memory.remember(
            text,
            namespace=chance.choice(["ana", "bo"]),
            thread=thread,
            tags=chance.choice([None, [f"{marker}tag"]]),
            judge="ask" if i % 4 == 1 else None,
            data=chance.choice([None, {"about": marker}]),
        )
        made[marker] = done.note.id
        space = done.note.namespace
        if i % 4 == 1 and (around := memory.ask(done.note.id, namespace=space).neighbours):
            near = around[0]
            decision = Decision(
                links=(LinkChoice(neighbour=near.number, reason=f"both {marker}"),),
                changes=(
                    NeighbourChange(
                        neighbour=near.number, context=f"seen with {marker}", keywords=(marker, "kept")
                    ),
                ),
            )
            memory.connect(done.note.id, decision, namespace=space)
        if i % 7 == 3:
            memory.revise(done.note.id, namespace=done.note.namespace, content=f"{text} And again {marker}.")
        if i % 11 == 5:
            memory.forget(done.note.id, namespace=done.note.namespace)
    return made


def own(note: Note) -> tuple[object, ...]:
    return note.content, note.namespace, note.thread, note.trust, note.data, note.recorded_at


@pytest.mark.parametrize("seed", range(10))
def test_nothing_of_an_erased_note_is_left_in_any_file(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with open_sync(str(tmp_path)) as memory:
        made = fill(memory, chance, 16)
        before = {note.id: note for note in notes_of(memory)}
        marker, note_id = chance.choice(sorted(made.items()))
        space = "ana" if note_id in {x.id for x in memory.notes(namespace="ana").notes} else "bo"
        if note_id not in before:  # forgotten already
            space = next(x for x in ("ana", "bo") if knows(memory, note_id, x))
        assert files_with(tmp_path, marker)
        receipt = memory.admin.erase_note(note_id, namespace=space)
        assert receipt.verified, receipt.how
        assert receipt.ids == (note_id,)
        assert receipt.searched_for > 0
        assert files_with(tmp_path, marker) == []
        hold(memory)
        after = {note.id: note for note in notes_of(memory)}
        assert after.keys() == before.keys() - {note_id}
        assert all(own(after[x]) == own(before[x]) for x in after)
        for other, kept in made.items():
            if kept in after:
                hits = memory.recall(other, namespace=after[kept].namespace, k=3)
                assert kept in {hit.note.id for hit in hits}
        with pytest.raises(NotFound):
            memory.history(note_id, namespace=space)
    with open_sync(str(tmp_path)) as memory:
        assert {note.id for note in notes_of(memory)} == after.keys()
        memory.remember("It goes on afterwards.", namespace="ana", thread="t1")
        hold(memory)


def knows(memory: Memory, note_id: str, space: str) -> bool:
    try:
        return bool(memory.history(note_id, namespace=space))
    except NotFound:
        return False


def test_a_whole_namespace_goes_with_all_below_it_and_no_other(tmp_path: Path) -> None:
    with open_sync(str(tmp_path)) as memory:
        for space in ("ana", ("ana", "work"), "anabel"):
            memory.remember(f"A secret of {'-'.join(space)} zebra.", namespace=space)
        memory.remember("Only said in the lower place: quokkaquokka.", namespace=("ana", "work"))
        receipt = memory.admin.erase(namespace="ana")
        assert receipt.verified, receipt.how
        assert len(receipt.ids) == 3
        assert files_with(tmp_path, "quokkaquokka") == []
        assert memory.namespaces() == [("anabel",)]
        again = memory.admin.erase(namespace="ana")
        assert (again.ids, again.verified) == ((), True)


def test_the_whole_store_is_not_erased_by_mistake() -> None:
    with open_sync() as memory, pytest.raises(InvalidInput, match="whole store"):
        memory.admin.erase(namespace=())


def test_what_it_changed_elsewhere_is_taken_back() -> None:
    decision = {
        "links": [{"neighbour": 0, "relation": "supersedes", "reason": "moved to Faro"}],
        "changes": [{"neighbour": 0, "context": "before the move to Faro", "tags": ["faro"]}],
    }
    with open_sync() as memory:
        old = memory.remember("Ana lives in Porto by the river.", namespace="ana", context="her home").note
        new = memory.remember("Ana lives in Faro by the river now.", namespace="ana", judge="ask").note
        memory.connect(new.id, decision, namespace="ana")
        changed = memory.get(old.id, namespace="ana")
        assert (changed.context, changed.tags, changed.superseded) == (
            "before the move to Faro",
            ("faro",),
            True,
        )
        receipt = memory.admin.erase_note(new.id, namespace="ana")
        assert receipt.rewritten == (old.id,)
        back = memory.get(old.id, namespace="ana")
        assert (back.context, back.tags, back.invalid_at, back.links) == ("her home", old.tags, None, ())
        assert "Faro" not in back.model_dump_json()
        assert [entry.verb for entry in back.history] == ["remember", "erase"]
        hold(memory)


def test_what_follows_in_its_thread_is_no_longer_found_by_its_words(tmp_path: Path) -> None:
    turns = [
        Message(content=text) for text in ("We met at noon.", "My code is xylophonist.", "I see.", "Fine.")
    ]
    with open_sync(str(tmp_path)) as memory:
        done = memory.remember_conversation(turns, namespace="ana", thread="t")
        receipt = memory.admin.erase_note(done[1].note.id, namespace="ana")
        assert receipt.verified, receipt.how
        assert memory.get(done[2].note.id, namespace="ana").context == ""
        assert files_with(tmp_path, "xylophonist") == []


def test_the_receipt_names_notes_that_say_the_same_themselves(tmp_path: Path) -> None:
    with open_sync(str(tmp_path)) as memory:
        kept = memory.remember("The passphrase is quokkaquokka twice over.", namespace="ana").note
        gone = memory.remember("He said: The passphrase is quokkaquokka twice over.", namespace="ana").note
        receipt = memory.admin.erase_note(gone.id, namespace="ana")
        assert receipt.said_elsewhere == (kept.id,)
        assert memory.get(kept.id, namespace="ana").content == kept.content


def test_where_nothing_was_ever_stored_nothing_is_erased() -> None:
    with open_sync() as memory:
        receipt = memory.admin.erase(namespace="ana")
    assert (receipt.ids, receipt.verified) == ((), True)


async def test_of_two_who_erase_a_note_at_once_one_is_told_that_it_is_gone() -> None:
    async with open_memory() as memory:
        note = (await memory.remember("The quokka sleeps.", namespace="ana")).note
        erase = [memory.admin.erase_note(note.id, namespace="ana") for _ in range(2)]
        done = await asyncio.gather(*erase, return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Erasure", "NotFound"]


def test_another_namespace_erases_nothing_here() -> None:
    with open_sync() as memory:
        note = memory.remember("Mine alone.", namespace="ana").note
        with pytest.raises(NotFound):
            memory.admin.erase_note(note.id, namespace="bo")
        assert memory.get(note.id, namespace="ana") == note


@pytest.mark.parametrize("place", [0, 1, 7, 8, 4_095, (1 << 22) - 5])
def test_the_search_finds_a_needle_wherever_it_stands(tmp_path: Path, place: int) -> None:
    noise = random.Random(place).randbytes((1 << 22) + 5_000)
    file = tmp_path / "data"
    file.write_bytes(noise[:place] + b"quokkaquokka" + noise[place:])
    search = Search(needles(["quokkaquokka", "another long word"]))
    found, size = search.over(pieces(file))
    assert b"quokkaquokka" in found
    assert b"another" not in b"".join(found)
    assert size == file.stat().st_size


def test_every_word_is_searched_for_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "AT_ONCE", 50)
    words = [f"zyzzyva{i:05d}" for i in range(400)]
    with open_sync(str(tmp_path), judge="none") as memory:
        note = memory.remember(" ".join(words), namespace="ana").note
        memory.remember("Kept.", namespace="ana")
        (tmp_path / "left.over").write_text(words[-1])
        receipt = memory.admin.erase_note(note.id, namespace="ana")
        assert not receipt.verified
        assert "some of its words are in left.over" in receipt.how
        assert receipt.searched_for > 400
        (tmp_path / "left.over").unlink()
        note = memory.remember(" ".join(words), namespace="ana").note
        assert memory.admin.erase_note(note.id, namespace="ana").verified


def run(store: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*words, "--db", str(store), "-n", "ana"])
    assert done.exit_code == code, done.output
    return done.output


def test_exports_are_as_if_the_erased_note_had_never_come(tmp_path: Path) -> None:
    store, export = tmp_path / "memory", tmp_path / "notes.jsonl"
    with Memory(str(store)) as memory:
        kept = memory.remember("Ana keeps bees.", namespace="ana", thread="t").note
        gone = memory.remember("They are quokkaquokka bees.", namespace="ana", thread="t").note
        assert memory.get(kept.id, namespace="ana").links
        memory.remember("Elsewhere, said by bo.", namespace="bo")
    run(store, "export", str(export))
    export.chmod(0o600)
    with Memory(str(store)) as memory:
        memory.forget(gone.id, namespace="ana")
        receipt = memory.admin.erase_note(gone.id, namespace="ana")
        assert receipt.verified, receipt.how
        assert (receipt.exports_rewritten, receipt.exports) == ((str(export),), ())
        assert f"taken out of {export}" in receipt.how
        assert files_with(tmp_path, "quokkaquokka") == []
        (line,) = export.read_bytes().splitlines()
        assert read_note(line).id == kept.id
        assert read_note(line).links == ()
        assert export.stat().st_mode & 0o777 == 0o600
        before = export.read_bytes()
        again = memory.admin.erase(namespace="bo")
        assert (again.exports_rewritten, export.read_bytes()) == ((), before)


def test_what_is_no_file_of_whole_notes_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    store = tmp_path / "memory"
    run(store, "remember", "The passphrase is quokkaquokka.")
    outside = tmp_path / "outside.jsonl"
    for name in ("drawn.dot", "mixed.jsonl", "linked.jsonl", "gone.jsonl"):
        run(store, "graph" if name.endswith("dot") else "export", str(tmp_path / name))
    (tmp_path / "gone.jsonl").unlink()
    (tmp_path / "linked.jsonl").rename(outside)
    (tmp_path / "linked.jsonl").symlink_to(outside)
    with (tmp_path / "mixed.jsonl").open("a") as file:
        file.write("my own line\n")
    left = sorted(str(tmp_path / name) for name in ("drawn.dot", "mixed.jsonl", "linked.jsonl"))
    before = [Path(name).read_bytes() for name in left]
    receipt = json.loads(run(store, "erase", "--yes", "--json"))
    assert receipt["verified"]
    assert (receipt["exports"], receipt["exports_rewritten"]) == (left, [])
    assert [Path(name).read_bytes() for name in left] == before
    assert "have to be removed by hand" in receipt["how"]
    run(store, "remember", "Elsewhere wombatwombat.")
    assert json.loads(run(store, "erase", "--yes", "--json"))["exports"] == []
