"""Whole notes written as they were: ids, revisions, links, histories, times."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zettelmem import AsyncMemory, InvalidInput, Memory, Note, Relation
from zettelmem.admin import audit
from zettelmem.testing import HashEmbedder, hold


def opened(place: str | Path = "memory://", **options: object) -> Memory:
    return Memory(str(place), embedder=HashEmbedder(), durable=False, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lived() -> Iterator[Memory]:
    """A memory with threads, links, keys, a correction, a revision and a note out of sight."""
    with opened() as memory:
        turns = [f"Ana says number {i} about the boat." for i in range(300)]
        memory.remember_conversation(
            [{"content": x} for x in turns], namespace="ana", thread="boat", judge="none"
        )
        old = memory.remember("The boat is red.", namespace="ana", key="colour", tags=["boat"]).note
        new = memory.remember("The boat is blue now.", namespace="ana", judge="none").note
        memory.ask(new.id, namespace="ana", among=[old.id])
        link = {"neighbour": 0, "relation": "supersedes", "reason": "painted (twice)", "weight": 0.5}
        memory.connect(new.id, {"links": [link]}, namespace="ana")
        memory.revise(new.id, namespace="ana", content="The boat is green now.", reason="misheard")
        memory.remember("Ben keeps bees.", namespace="ben/work", context="said at lunch")
        gone = memory.remember("A slip of the tongue.", namespace="ben/work").note
        memory.forget(gone.id, namespace="ben/work")
        yield memory


def everything(memory: Memory) -> tuple[Note, ...]:
    return memory.admin.backup().notes


def test_a_backup_comes_back_as_it_was(lived: Memory) -> None:
    notes = everything(lived)
    with opened() as other:
        told: list[int] = []
        assert other.admin.restore(notes, progress=told.append) == len(notes) == 304
        assert sum(told) == 304
        assert max(told) <= 256
        assert everything(other) == notes
        hold(other)
        assert all(each.told == "" or not each.trouble for each in other.admin.examine().findings)


def test_restored_notes_are_found_and_undone_like_the_others(lived: Memory) -> None:
    with opened() as other:
        other.admin.restore(everything(lived))
        query = "What colour is the boat?"
        ranks = [[hit.note.id for hit in each.recall(query, namespace="ana")] for each in (lived, other)]
        assert ranks[0] == ranks[1]
        (new,) = [x for x in everything(other) if any(y.verb == "revise" for y in x.history)]
        other.undo(new.history[-1].change, namespace="ana")
        assert other.get(new.id, namespace="ana").content == "The boat is blue now."
        (gone,) = [x for x in everything(other) if x.forgotten_at]
        other.undo(gone.history[-1].change, namespace="ben/work")
        assert other.get(gone.id, namespace="ben/work").content == "A slip of the tongue."
        assert other.remember("The boat is red.", namespace="ana", key="colour").known


async def surroundings(memory: AsyncMemory) -> dict[str, tuple[object, str]]:
    ids = [note.id for note in (await memory.admin.backup()).notes]
    return {
        note_id: (row.before, row.after) for note_id, row in (await memory._store.stored_rows(ids)).items()
    }


def test_notes_of_a_thread_are_found_by_the_words_around_them_in_any_order(lived: Memory) -> None:
    notes = everything(lived)
    for order in (notes, notes[::-1]):
        with opened() as other:
            other.admin.restore(order)
            assert other.run(surroundings) == lived.run(surroundings)


def test_what_is_there_already_is_refused(lived: Memory) -> None:
    notes = everything(lived)
    with pytest.raises(InvalidInput, match="are there already; leave them out"):
        lived.admin.restore(notes[:3])
    moved = notes[-1].model_copy(update={"namespace": ("elsewhere",)})
    with pytest.raises(InvalidInput, match="there already, in another namespace"):
        lived.admin.restore([moved])
    assert everything(lived) == notes


def test_a_link_whose_other_end_is_nowhere_is_taken_away_and_told(lived: Memory) -> None:
    (new,) = [x for x in everything(lived) if any(y.verb == "revise" for y in x.history)]
    with opened() as other:
        other.admin.restore([new])
        note = other.get(new.id, namespace="ana")
        assert note.links == ()
        assert note.history[-1].reason == "the other ends were not restored"
        assert note.history[-1].unlinked == new.links
        hold(other)


def test_a_link_stays_for_a_note_that_another_call_restores(lived: Memory) -> None:
    notes = everything(lived)
    spaces = {note.id: note.namespace for note in notes}
    with opened() as other:
        for start in range(0, len(notes), 100):
            other.admin.restore(notes[start : start + 100], more=spaces)
        assert everything(other) == notes


def test_no_link_leads_into_another_namespace(lived: Memory) -> None:
    linked = next(x for x in everything(lived) if any(y.relation is Relation.SUPERSEDES for y in x.links))
    (bee,) = [x for x in everything(lived) if x.content == "Ben keeps bees."]
    link = linked.links[-1].model_copy(update={"source": linked.id, "target": bee.id})
    entry = linked.history[-1].model_copy(update={"linked": (link,)})
    bad = linked.model_copy(update={"links": (link,), "history": (*linked.history[:-1], entry)})
    with opened() as other:
        other.admin.restore([bad, bee])
        assert other.links(linked.id, namespace="ana") == ()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("revision", 9, "has revision 9"), ("history", (), "0 changes"), ("key", "other", "of its key")],
)
def test_what_no_store_can_have_written_is_refused(
    lived: Memory, field: str, value: object, says: str
) -> None:
    note = everything(lived)[0].model_copy(update={field: value})
    with opened() as other, pytest.raises(InvalidInput, match=says):
        other.admin.restore([note])


def test_the_log_tells_every_change_that_a_restored_note_comes_with(lived: Memory, tmp_path: Path) -> None:
    with opened(tmp_path / "db", audit=tmp_path / "log") as other:
        other.admin.restore(everything(lived))
        (finding,) = [x for x in other.admin.examine().findings if x.check == "audit"]
        assert not finding.trouble, finding.told
    lines = list(audit.read(tmp_path / "log"))
    assert {line["verb"] for line, _ in lines if line} >= {"remember", "connect", "revise", "forget"}


def test_quotas_hold_for_restored_notes(lived: Memory) -> None:
    with opened() as other:
        other.admin.set_quota(namespace="ana", notes=10)
        with pytest.raises(InvalidInput, match="quota of ana is 10 notes"):
            other.admin.restore(everything(lived))
