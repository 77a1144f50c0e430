"""A Markdown file in parts: front matter, title, prose, tags, wikilinks, and basic-memory's lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from typing import Any

import yaml

from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE, MAX_REASON
from zettelmem.note import Relation

from .incoming import read_time

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_SECTION = re.compile(r"^#{1,6}[ \t]+(?:observations|relations)[ \t]*$", re.IGNORECASE)
_OBSERVATION = re.compile(r"^\s*[-*][ \t]+\[(?![ xX\-\[\]])([^\[\]()]{1,90})\](?!\()[ \t]+(\S.*)$")
_RELATION = re.compile(r"^\s*[-*][ \t]+([^\[\]]{0,200}?)[ \t]*\[\[([^\[\]\n]+)\]\](?:[ \t]*\((.*)\))?\s*$")
_WIKILINK = re.compile(r"!?\[\[([^\[\]\n]{1,500})\]\]")
_TAG = re.compile(r"(?<![\w#/&])#([^\W\d_][\w/-]{0,98})")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
DATES = ("occurred_at", "created", "created_at", "date", "modified", "updated")
"""Fields of the front matter that tell when a page was written, the best first."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML without aliases, by which a small file can stand for a huge value."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("holds an alias (*name); write the value out")
        return super().compose_node(parent, index)


@dataclass(frozen=True)
class PageLink:
    """A wikilink: the page it names, what the page is to that one, and the file's own word for it."""

    target: str
    relation: Relation
    reason: str


@dataclass(frozen=True)
class Observation:
    """A line of basic-memory: a fact with its category and tags."""

    line: int
    category: str
    text: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A Markdown file.

    Attributes:
        name: its path in its folder, with "/".
        meta: its front matter.
        body: everything behind the front matter, as it is.
        offset: lines of the file before the body.
    """

    name: str
    meta: dict[str, Any]
    body: str
    offset: int

    @property
    def stem(self) -> str:
        """The file's name without folder and suffix, by which wikilinks name it."""
        return self.name.rpartition("/")[2].rpartition(".")[0]

    @cached_property
    def title(self) -> str:
        """The front matter's title, or the file's name."""
        return str(self.meta.get("title") or self.stem)[:500]

    @property
    def author(self) -> str | None:
        """Who wrote it, where the front matter tells."""
        author = self.meta.get("author")
        return author[:200] if isinstance(author, str) and author else None

    @property
    def aliases(self) -> list[str]:
        """Other names by which wikilinks may name it."""
        permalink = self.meta.get("permalink")
        names = _strings(self.meta.get("aliases"))
        return [*names, permalink] if isinstance(permalink, str) else names

    @cached_property
    def listed(self) -> bool:
        """Whether its lists are basic-memory's observations and relations."""
        return "permalink" in self.meta or any(_SECTION.match(line) for line in self.body.splitlines())

    @cached_property
    def observations(self) -> list[Observation]:
        """The observations, where it is a page of basic-memory."""
        found: list[Observation] = []
        for number, line in enumerate(self.body.splitlines() if self.listed else (), self.offset + 1):
            match = _OBSERVATION.match(line)
            if match is not None:
                tags = tuple(_TAG.findall(match[2]))
                found.append(Observation(number, match[1].strip(), match[2].strip(), tags))
        return found

    @cached_property
    def links(self) -> list[PageLink]:
        """The wikilinks, each once, in their order; those of code are none."""
        found: dict[PageLink, None] = {}
        for line in _CODE.sub("", self.body).splitlines():
            match = _RELATION.match(line) if self.listed else None
            if match is not None:
                word = match[1].strip() or "relates to"
                reason = f"{word}: {match[3]}" if match[3] else word
                found[PageLink(_target(match[2]), _relation(word), reason[:MAX_REASON])] = None
                continue
            for target in _WIKILINK.findall(line):
                found[PageLink(_target(target), Relation.RELATES, "links to")] = None
        return list(found)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Tags of the front matter and of the text, each once."""
        listed = [tag[:100] for tag in _strings(self.meta.get("tags"))]
        return tuple(dict.fromkeys([*listed, *_TAG.findall(_CODE.sub("", self.body))]))

    @cached_property
    def content(self) -> str:
        """What a note of it says: the title and the prose, without what is a note or a link of its own."""
        lines = self.body.splitlines()
        if self.listed:
            lines = [line for line in lines if not _is_listed(line)]
        prose = "\n".join(lines).strip()
        heading = _HEADING.match(prose)
        if heading is not None and heading[1].strip().lower() == self.title.lower():
            return prose
        return f"{self.title}\n\n{prose}".strip()


def _is_listed(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_SECTION, _OBSERVATION, _RELATION))


def _strings(value: Any) -> list[str]:
    """The strings of a list, or of a text with commas between them."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def _target(link: str) -> str:
    """The page that a wikilink names, without the part of it and the words that are shown."""
    return link.partition("|")[0].partition("#")[0].strip()


def _relation(word: str) -> Relation:
    """Our relation of that name. Only notes of one thread follow each other, and only people supersede."""
    plain = word.lower().replace(" ", "_").replace("-", "_")
    known = ("supports", "contradicts", "part_of", "derived_from")
    return Relation(plain) if plain in known else Relation.RELATES


def parsed(raw: bytes, name: str) -> Page:
    """A Markdown file in parts.

    Raises:
        InvalidInput: it is too large, no UTF-8, or its front matter is no YAML.
    """
    if len(raw) > MAX_LINE:
        raise InvalidInput(f"is longer than {MAX_LINE:,} bytes; split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"is no UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error
    front = _FRONT.match(text)
    if front is None:
        return Page(name, {}, text, 0)
    try:
        meta = yaml.load(front[1] or "", Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the front matter is no YAML: {' '.join(str(error).split())[:200]}") from error
    if meta is not None and not isinstance(meta, dict):
        return Page(name, {}, text, 0)  # two rules around a text
    return Page(name, meta or {}, text[front.end() :], front[0].count("\n"))


def time_of(page: Page, zone: tzinfo | None) -> datetime | None:
    """When a page was written, by its front matter; a time without a zone is in `zone`, or else in UTC.

    Raises:
        InvalidInput: the field is no time.
    """
    for name in DATES:
        value = page.meta.get(name)
        if isinstance(value, datetime | date):
            value = value.isoformat()
        if value:
            return read_time(value, zone or UTC)
    return None
