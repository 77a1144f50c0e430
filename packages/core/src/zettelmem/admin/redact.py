"""Erased notes out of other notes: what they changed, their links, and descriptions that quote them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from zettelmem.note import Evolution, Link, Note
from zettelmem.values import build

SHINGLE = 5
"""Words in a row that make a quotation."""

_TEXTS = {"content", "context", "keywords", "tags", "data"}
_WORD = re.compile(r"\w+")


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def strings(value: Any) -> Iterable[str]:
    """Every text in a JSON-like value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def said_by(note: Note) -> list[str]:
    """Every text of a note, now and in its history, but for reasons."""
    own = [note.content, note.context, note.key or "", *note.keywords, *note.tags, *strings(note.data)]
    for entry in note.history:
        for fields in (entry.before, entry.after):
            own += [text for name in _TEXTS & fields.keys() for text in strings(fields[name])]
    return own


def reasons(note: Note) -> list[str]:
    """Every reason that was given for its changes and links."""
    links = [*note.links, *(link for entry in note.history for link in (*entry.linked, *entry.unlinked))]
    return [*(link.reason for link in links), *(entry.reason for entry in note.history)]


class _Quotes:
    """Tells whether a text repeats the words of erased notes that no other note says."""

    def __init__(self, gone: Iterable[Note], others: Iterable[Note]) -> None:
        kept_words: set[str] = set()
        kept_runs: set[tuple[str, ...]] = set()
        erased = [_tokens(text) for note in gone for text in _contents(note)]
        self.lengths = {min(SHINGLE, len(tokens)) for tokens in erased if tokens}
        for note in others:
            for text in _contents(note):
                tokens = _tokens(text)
                kept_words.update(tokens)
                kept_runs |= self._runs(tokens)
        self.words = {word for tokens in erased for word in tokens if len(word) > 3} - kept_words
        own_runs = {run for tokens in erased for run in _shingles(tokens, min(SHINGLE, len(tokens)))}
        self.runs = own_runs - kept_runs

    def _runs(self, tokens: list[str]) -> set[tuple[str, ...]]:
        return {run for length in self.lengths for run in _shingles(tokens, length)}

    def __call__(self, text: str, *, near: bool) -> bool:
        """Whether it quotes them; of notes that were near, one telling word is enough."""
        tokens = _tokens(text)
        return (near and not self.words.isdisjoint(tokens)) or not self.runs.isdisjoint(self._runs(tokens))


def _shingles(tokens: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)} if length else set()


def _contents(note: Note) -> list[str]:
    """The content, and what it was before it was revised."""
    revised = [value for entry in note.history if isinstance(value := entry.before.get("content"), str)]
    return [note.content, *revised]


def scrub(gone: Mapping[str, Note], others: Mapping[str, Note]) -> dict[str, Note]:
    """The other notes as they would be if those that go had never come, as far as they differ.

    What a note that goes had changed is taken back, its links with their reasons are gone at the other
    end, and descriptions that quote it are emptied. Contents are left alone, whatever they quote. An
    entry of the history that it caused stays as an empty one, so that revisions still count writes.
    """
    quotes = _Quotes(gone.values(), others.values())
    threads = {note.thread for note in gone.values()} - {None}
    scrubbed: dict[str, Note] = {}
    for note_id, note in others.items():
        near = note.thread in threads or _touched_by(note, gone)
        new = _scrubbed(note, gone, quotes, near=near)
        if new != note:
            scrubbed[note_id] = new
    return scrubbed


def _touched_by(note: Note, gone: Mapping[str, Note]) -> bool:
    links = [*note.links, *(link for entry in note.history for link in (*entry.linked, *entry.unlinked))]
    return any(link.other(note.id) in gone for link in links) or any(
        entry.cause in gone or not gone.keys().isdisjoint(entry.touched) for entry in note.history
    )


def _scrubbed(note: Note, gone: Mapping[str, Note], quotes: _Quotes, *, near: bool) -> Note:
    def unquoted(links: Iterable[Link]) -> tuple[Link, ...]:
        # The same at both ends, because it hangs on the reason alone.
        return tuple(
            link.model_copy(update={"reason": ""}) if quotes(link.reason, near=True) else link
            for link in links
            if link.other(note.id) not in gone
        )

    def clean(name: str, value: JsonValue) -> JsonValue:
        if name == "context" and isinstance(value, str):
            return "" if quotes(value, near=near) else value
        if name in ("keywords", "tags") and isinstance(value, list):
            return [word for word in value if not (isinstance(word, str) and quotes(word, near=near))]
        if name == "shown" and isinstance(value, list):
            return [each for each in value if isinstance(each, dict) and each.get("id") not in gone]
        if name == "pending" and isinstance(value, dict):
            reason = str(value.get("reason", ""))
            return {**value, "reason": "" if quotes(reason, near=near) else reason}
        return value

    plain = note.model_dump(mode="json", exclude={"links", "history"})
    state: dict[str, JsonValue] = {
        name: clean(name, plain[name]) for name in ("context", "keywords", "tags", "shown", "pending")
    }
    touched = {name for entry in note.history for name in entry.after}
    for name in touched:
        first = next(entry for entry in note.history if name in entry.after)
        state[name] = clean(name, first.before.get(name))
    history: list[Evolution] = []
    for number, entry in enumerate(note.history, note.dropped + 1):
        if entry.cause in gone:
            history.append(
                Evolution(
                    change=f"{note.id}.{number}",
                    verb="erase",
                    cause=note.id,
                    at=entry.at,
                    dropped=entry.dropped,
                )
            )
            continue
        told: dict[str, dict[str, JsonValue]] = {"before": {}, "after": {}}
        for name, value in entry.after.items():
            new = clean(name, value)
            if new != state[name]:
                told["before"][name], told["after"][name] = state[name], new
                state[name] = new
        update: dict[str, Any] = {
            **told,
            "reason": "" if quotes(entry.reason, near=near) else entry.reason,
            "linked": unquoted(entry.linked),
            "unlinked": unquoted(entry.unlinked),
            "touched": tuple(x for x in entry.touched if x not in gone),
        }
        history.append(entry.model_copy(update=update))
    return build(Note, {**dict(note), **state, "links": unquoted(note.links), "history": tuple(history)})
