"""Which notes bear which names, and the names that a text says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zettelmem.language.words import name_in, plain


class Names:
    """The tags of notes that can name something, as they stand in plain text.

    A name is found by its first word, so looking for names costs what the text is long, however many names
    there are.
    """

    def __init__(self) -> None:
        self._bearers: dict[str, set[str]] = {}
        self._starts: dict[str, set[str]] = {}

    def add(self, note_id: str, tags: Iterable[str]) -> None:
        """Let a note bear what its tags can name."""
        for name in filter(None, map(name_in, tags)):
            self._bearers.setdefault(name, set()).add(note_id)
            self._starts.setdefault(name.split()[0], set()).add(name)

    def discard(self, note_id: str, tags: Iterable[str]) -> None:
        """Let a note bear these tags no more."""
        for name in filter(None, map(name_in, tags)):
            self._bearers.get(name, set()).discard(note_id)

    def plus(self, more: Names) -> Names:
        """The names of these notes and of those of `more`."""
        both = Names()
        for names in (self, more):
            for name, note_ids in names._bearers.items():
                both._bearers.setdefault(name, set()).update(note_ids)
                both._starts.setdefault(name.split()[0], set()).add(name)
        return both

    def said(self, text: str) -> dict[str, set[str]]:
        """Each name that the text says, and the ids of the notes that bear it."""
        spoken = plain(text)
        said: dict[str, set[str]] = {}
        for name in self._beginning(spoken):
            if name in spoken and self._bearers[name]:
                said[name] = self._bearers[name]
        return said

    def _beginning(self, spoken: str) -> Iterator[str]:
        """The names whose first word is in the text."""
        for word in dict.fromkeys(spoken.split()):
            yield from self._starts.get(word, ())
