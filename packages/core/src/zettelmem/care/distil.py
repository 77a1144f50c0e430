"""Insights: which notes belong together, and the note that tells what they mean together. Pure.

After MemTree (arXiv 2410.14052), G-Memory (arXiv 2506.07398) and ArcMemo (arXiv 2509.04439): a level above
what was said, that never takes its place. An insight stands on its sources by `derived_from` links, is
trusted no more than the least of them, and falls with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from zettelmem.decisions import Changes, Decision, LinkChoice
from zettelmem.linking import evolve, rules
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation, Source
from zettelmem.values import build

LEAST, MOST = 3, 8
"""Notes that an insight is drawn from."""
TELLING = (Relation.RELATES, Relation.SUPPORTS, Relation.UPDATES, Relation.SUPERSEDES)
"""Relations by which notes belong together; a thread alone tells nothing."""
SOURCE = Source(via="upkeep")


def may_found(note: Note) -> bool:
    """Whether an insight may be drawn from a note: it holds, says something, and none was drawn from it."""
    drawn = any(link.relation is Relation.DERIVED_FROM for link in note.links)
    holds = note.forgotten_at is None and note.invalid_at is None and note.rested_at is None
    return holds and not drawn and note.pending is None and note.kind != "insight"


def group_around(hub: Note, notes: Mapping[str, Note], taken: Collection[str]) -> list[Note]:
    """The notes that belong with one, in the order that they happened; [] where they are too few.

    Args:
        hub: the note in the middle.
        notes: those that it is linked with, by id.
        taken: notes that are in another group already.
    """
    if hub.id in taken or not may_found(hub):
        return []
    around: dict[str, float] = {}
    for link in hub.links:
        other = notes.get(link.other(hub.id))
        if link.relation in TELLING and other is not None and other.id not in taken and may_found(other):
            around[other.id] = max(around.get(other.id, 0.0), link.weight)
    best = sorted(around, key=lambda each: (-around[each], each))[: MOST - 1]
    group = [hub, *(notes[each] for each in best)]
    return sorted(group, key=lambda note: (note.occurred_at, note.id)) if len(group) >= LEAST else []


def insight(
    content: str, sources: Sequence[Note], namespace: Namespace, note_id: str, now: datetime
) -> Changes:
    """The note that tells what its sources mean together, linked with each of them.

    Args:
        content: the insight, in words.
        sources: the notes that it stands on.
        namespace: theirs.
        note_id: its id.
        now: when.

    Raises:
        InvalidInput: the content cannot be used.
    """
    made = rules.construct(content, SOURCE, None)
    fields = {
        "id": note_id,
        "namespace": namespace,
        "kind": "insight",
        "content": content,
        "keywords": made["keywords"],
        "tags": made["tags"],
        "occurred_at": now,
        "recorded_at": now,
        "source": SOURCE,
        "trust": min(note.trust for note in sources),
    }
    links = [
        LinkChoice(
            neighbour=number, relation=Relation.DERIVED_FROM, reason="one of its sources", weight=rules.ALIKE
        )
        for number in range(len(sources))
    ]
    return evolve.remember(build(Note, fields), None, sources, Decision(links=tuple(links)), now)
