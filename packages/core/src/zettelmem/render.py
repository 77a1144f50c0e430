"""Notes as a model may read them: told in lines, quoted, fenced, and cut to what there is room for. Pure.

Stored words are data. `tell` lets none of them begin a line, and `fence` puts what is told between two
lines that it cannot contain, so no note can pass for another one or for an instruction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .note import Note
from .queries import Graph

PER_TOKEN = 4
"""Characters that count as a token."""
LINES = 20
"""Links, and changes, that are told of one note."""


def fence(text: str, label: str) -> str:
    """`text` between two lines that carry a mark that it does not hold, so it cannot close its fence."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    while mark in text:
        mark = hashlib.sha256(f"{mark}{text}".encode()).hexdigest()[:8]
    return f"<<<{label} {mark}\n{text}\n{mark} {label}>>>"


def one_line(text: str, size: int = 80) -> str:
    """`text` on one line, without control characters, cut to `size` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= size else flat[: size - 1] + "\u2026"


def tell(note: Note, name: str = "") -> str:
    """A line about a note, then its content, each line of it behind `> `.

    Args:
        note: the note.
        name: what the line begins with; the note's id in brackets where empty.
    """
    who = one_line(note.source.who or "unknown", 40)
    facts = [f"{note.occurred_at:%Y-%m-%d}", f"said by {who} ({note.trust.name.lower()})", note.kind]
    facts += [f"#{one_line(tag, 40)}" for tag in note.tags[:8]]
    if note.thread:
        facts.append(f"thread {one_line(note.thread)}")
    if note.status:
        facts.append(note.status.upper())
    lines = ["> " + line for line in note.content.splitlines() or [""]]
    return "\n".join([f"{name or f'[{note.id}]'} {', '.join(facts)}", *lines])


def tell_links(note: Note, around: Graph) -> list[str]:
    """A note's links, a line each, with the beginning of the note at the other end."""
    other = {each.id: one_line(each.content, 100) for each in around.notes}
    lines = []
    for link in note.links[:LINES]:
        end = link.other(note.id)
        way = f"{link.relation} [{end}]" if link.source == note.id else f"[{end}] {link.relation} it"
        reason = f" ({one_line(link.reason)})" if link.reason else ""
        lines.append(f"{way}{reason}: {other.get(end, '')}")
    left = len(note.links) - LINES
    return [*lines, f"{left} more links"] if left > 0 else lines


def tell_history(note: Note) -> list[str]:
    """What was done to a note, a line each, newest first."""
    lines = []
    for each in reversed(note.history[-LINES:]):
        what = [
            f"{name}: {one_line(str(each.before.get(name)), 60)} -> {one_line(str(value), 60)}"
            for name, value in each.after.items()
            if name not in ("pending", "shown")
        ]
        what += [f"linked {link.relation} {link.target}" for link in each.linked[:5]]
        reason = f" ({one_line(each.reason)})" if each.reason else ""
        lines.append(f"{each.change} {each.at:%Y-%m-%d %H:%M} {each.verb}{reason}: {'; '.join(what)}")
    return lines


def cut(note: Note, size: int, start: int = 0) -> Note:
    """`note` with `size` characters of its content, from `start` on, and how many more there are."""
    left = len(note.content) - start - size
    more = f" [\u2026{left} more characters]" if left > 0 else ""
    return note.model_copy(update={"content": note.content[start : start + size] + more})


def fit(notes: Sequence[Note], tokens: int, least: int = 300) -> list[Note]:
    """As many of `notes` as can be told in so many tokens, in their order, at least one.

    Long ones are cut to their share, or to `least` characters, so that none takes the place of all.
    """
    room = tokens * PER_TOKEN
    share = max(least, room // max(len(notes), 1))
    fitting: list[Note] = []
    for note in (cut(each, share) for each in notes):
        room -= len(tell(note))
        if room < 0 and fitting:
            break
        fitting.append(note)
    return fitting
