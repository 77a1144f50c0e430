"""Erased notes out of other notes: what they changed, their links, and descriptions that quote them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
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
        new = _Scrubbing(note, gone, quotes, near=near).scrubbed()
        if new != note:
            scrubbed[note_id] = new
    return scrubbed


def _touched_by(note: Note, gone: Mapping[str, Note]) -> bool:
    links = [*note.links, *(link for entry in note.history for link in (*entry.linked, *entry.unlinked))]
    return any(link.other(note.id) in gone for link in links) or any(
        entry.cause in gone or not gone.keys().isdisjoint(entry.touched) for entry in note.history
    )


class _Scrubbing:
    """One note on its way to what it would be without the notes that go.

    Args:
        note: the note, which stays.
        gone: the notes that go, by id.
        quotes: tells what repeats their words.
        near: whether the note had to do with them, so that one telling word is a quotation.
    """

    def __init__(self, note: Note, gone: Mapping[str, Note], quotes: _Quotes, *, near: bool) -> None:
        self._note = note
        self._gone = gone
        self._quotes = quotes
        self._near = near
        self._cleaning: dict[str, Callable[[Any], JsonValue]] = {
            "context": self._text,
            "keywords": self._words,
            "tags": self._words,
            "shown": self._shown,
            "sayings": self._sayings,
            "front": self._front,
            "pending": self._pending,
        }
        self._fields: dict[str, JsonValue] = {}

    def scrubbed(self) -> Note:
        """The note with its history played again from the start, without what those that go did."""
        note = self._note
        plain = note.model_dump(mode="json", include=set(self._cleaning))
        self._fields = {name: self._clean(name, value) for name, value in plain.items()}
        for entry in reversed(note.history):
            self._fields |= {name: self._clean(name, entry.before.get(name)) for name in entry.after}
        history = [self._entry(number, each) for number, each in enumerate(note.history, note.dropped + 1)]
        links = self._links(note.links)
        return build(Note, {**dict(note), **self._fields, "links": links, "history": tuple(history)})

    def _entry(self, number: int, entry: Evolution) -> Evolution:
        """The entry as it would be, its changes on top of the fields so far; an empty one for theirs."""
        if entry.cause in self._gone:
            change = f"{self._note.id}.{number}"
            return Evolution(
                change=change, verb="erase", cause=self._note.id, at=entry.at, dropped=entry.dropped
            )
        before: dict[str, JsonValue] = {}
        after: dict[str, JsonValue] = {}
        for name, value in entry.after.items():
            new = self._clean(name, value)
            if new != self._fields[name]:
                before[name], after[name] = self._fields[name], new
                self._fields[name] = new
        update: dict[str, Any] = {
            "before": before,
            "after": after,
            "reason": self._text(entry.reason),
            "linked": self._links(entry.linked),
            "unlinked": self._links(entry.unlinked),
            "touched": tuple(note_id for note_id in entry.touched if note_id not in self._gone),
        }
        return entry.model_copy(update=update)

    def _clean(self, name: str, value: JsonValue) -> JsonValue:
        clean = self._cleaning.get(name)
        return value if clean is None or value is None else clean(value)

    def _text(self, text: str) -> str:
        return "" if self._quotes(text, near=self._near) else text

    def _words(self, words: list[str]) -> JsonValue:
        return [word for word in words if not self._quotes(word, near=self._near)]

    def _shown(self, shown: list[dict[str, Any]]) -> JsonValue:
        return [each for each in shown if each["id"] not in self._gone]

    def _sayings(self, sayings: list[dict[str, Any]]) -> JsonValue:
        return [each for each in sayings if each["note"] not in self._gone]

    def _front(self, note_id: str) -> JsonValue:
        return None if note_id in self._gone else note_id

    def _pending(self, pending: dict[str, Any]) -> JsonValue:
        links = [
            {**link, "reason": self._text(link["reason"])}
            for link in pending.get("links", ())
            if link["target"] not in self._gone
        ]
        described = {name: self._clean(name, value) for name, value in pending.get("described", {}).items()}
        told: dict[str, JsonValue] = {"reason": self._text(pending["reason"]), "described": described}
        return {**pending, **told, "links": links}

    def _links(self, links: Iterable[Link]) -> tuple[Link, ...]:
        """The links to notes that stay; a reason that quotes goes at both ends, for it hangs on no note."""
        kept = (link for link in links if link.other(self._note.id) not in self._gone)
        return tuple(
            link.model_copy(update={"reason": ""}) if self._quotes(link.reason, near=True) else link
            for link in kept
        )
