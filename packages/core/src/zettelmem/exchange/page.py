"""A note as a Markdown file with front matter and wikilinks, and back again."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import yaml

from zettelmem.errors import InvalidInput
from zettelmem.note import Link, Note, Relation, Source, Trust
from zettelmem.values import build

from .markdown import Page

MARK = "\n\n%% zettelmem: links %%\n"
"""What stands between the words of a note and its links; Obsidian shows it in the editor only."""
VERSION = 1
_LINK = re.compile(r"- ([a-z_]+) \[\[([^\[\]|]+)\]\](?: ([0-9.e-]+))?(?: \((.*)\))?", re.DOTALL)
_UNFIT = re.compile(r"[^\w .,'+=-]+")
PLAIN = ("kind", "key", "thread", "context", "data", "front")
"""Fields of a note that stand in the front matter under their names, where they are given."""
TIMES = ("occurred_at", "recorded_at", "invalid_at", "forgotten_at", "rested_at", "last_used_at")
COUNTED = ("uses", "helped", "sayings")
"""Fields that stand there where they are not empty."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """YAML that writes what is not printable as escapes; its own way with U+0085 loses it."""


def _text(dumper: _Dumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)


def file_name(note: Note) -> str:
    """The name of a note's file without ".md": its first words and its id."""
    words = " ".join(_UNFIT.sub(" ", note.content[:200]).split())[:50].strip(" .")
    return f"{words} {note.id}".strip()


def folder_name(segment: str) -> str:
    """A folder's name for a segment of a namespace; the note itself tells the whole of it."""
    plain = quote(segment, safe=" @+=,")[:100]
    return plain.replace(".", "%2E", 1) if plain.startswith(".") else plain


def page_of(note: Note, names: Mapping[str, str]) -> str:
    """The text of a note's file.

    Args:
        note: what to write.
        names: the files' names of the notes that it may link to, by id.
    """
    plain = note.model_dump(mode="json")
    meta: dict[str, Any] = {"zettelmem": VERSION, "id": note.id, "namespace": list(note.namespace)}
    meta |= {name: plain[name] for name in (*PLAIN, *TIMES) if plain[name] not in (None, "")}
    meta |= {"position": note.position, "trust": note.trust.name.lower(), "via": note.source.via}
    meta |= {name: plain[name] for name in COUNTED if plain[name]}
    if note.source.who is not None:
        meta["who"] = note.source.who
    if note.pending is not None:
        meta["pending"] = plain["pending"]
    if note.invalid_at is not None:
        settled = [entry.at for entry in note.history if "invalid_at" in entry.after]
        meta["settled_at"] = (settled[-1] if settled else note.recorded_at).isoformat()
    meta |= {"keywords": list(note.keywords), "tags": list(note.tags), "mark": mark_of(note)}
    front = yaml.dump(meta, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=float("inf"))
    links = [_line(link, names) for link in note.links if link.source == note.id and link.target in names]
    return f"---\n{front}---\n{note.content}{MARK}{''.join(links)}"


def _line(link: Link, names: Mapping[str, str]) -> str:
    weight = "" if link.weight == 1.0 else f" {link.weight!r}"
    plain = link.reason.splitlines() == [link.reason] and not link.reason.startswith('"')
    reason = link.reason if plain else json.dumps(link.reason)
    told = f" ({reason})" if link.reason else ""
    return f"- {link.relation.value} [[{names[link.target]}]]{weight}{told}\n"


def mark_of(note: Note) -> str:
    """A mark of what people may edit of a note in its file, by which an edited page is told from others.

    Line ends and blanks around the words, which editors change by themselves, make no difference.
    """
    words = "\n".join(note.content.splitlines()).strip()
    told = json.dumps([words, note.context, note.keywords, note.tags])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def of_ours(page: Page) -> bool:
    """Whether a page is a note that `page_of` wrote."""
    return "zettelmem" in page.meta


def note_of(page: Page) -> Note:
    """The note of one of our pages, without its links and with a history of its own.

    Raises:
        InvalidInput: a field does not fit.
    """
    meta = dict(page.meta)
    if meta.get("zettelmem") != VERSION:
        raise InvalidInput(f"was written by another version ({meta.get('zettelmem')!r}) than {VERSION}")
    trust = str(meta.get("trust", "stated")).upper()
    if trust not in Trust.__members__:
        raise InvalidInput(f"trust: {trust.lower()!r} is none; use {', '.join(Trust.__members__).lower()}")
    content, mark, _ = _parts(page)
    names = (*PLAIN, *TIMES, *COUNTED, "pending")
    fields = {name: meta.get(name) for name in names if meta.get(name) is not None}
    fields |= {"id": meta.get("id"), "namespace": meta.get("namespace"), "position": meta.get("position", 0)}
    fields |= {"keywords": meta.get("keywords") or (), "tags": meta.get("tags") or ()}
    return build(
        Note,
        {
            **fields,
            "content": content if mark else page.body.strip("\r\n"),
            "trust": Trust[trust],
            "source": build(Source, {"who": meta.get("who"), "via": meta.get("via", "import")}),
        },
    )


def _parts(page: Page) -> tuple[str, str, str]:
    """The words of one of our pages, the line behind them, and its links; whatever line ends it has now."""
    body = page.body if MARK in page.body else page.body.replace("\r\n", "\n")
    return body.rpartition(MARK)


def linked(pages: Sequence[tuple[Page, Note]], ids: Mapping[str, str]) -> list[Note]:
    """The notes of our pages with their links at both ends, and a history that tells of these.

    Args:
        pages: each page with its note.
        ids: the ids of notes by the names of their files.

    Raises:
        InvalidInput: the end of a note is no time.
    """
    notes = {note.id: note for _, note in pages}
    links: dict[str, dict[Link, None]] = defaultdict(dict)
    for page, note in pages:
        for link in _links(page, note.id, ids):
            if link.target in notes and notes[link.target].namespace == note.namespace:
                links[link.source][link] = None
                links[link.target][link] = None
    return [_with_history(note, tuple(links[note.id]), page) for page, note in pages]


def _links(page: Page, note_id: str, ids: Mapping[str, str]) -> list[Link]:
    found: list[Link] = []
    for line in _parts(page)[2].split("\n"):
        match = _LINK.fullmatch(line.rstrip("\r"))
        if match is None or match[2] not in ids or match[1] not in set(Relation):
            continue
        reason = match[4] or ""
        fields = {
            "source": note_id,
            "target": ids[match[2]],
            "relation": match[1],
            "weight": float(match[3] or 1.0),
            "reason": json.loads(reason) if reason.startswith('"') else reason,
        }
        found.append(build(Link, fields))
    return found


def _with_history(note: Note, links: tuple[Link, ...], page: Page) -> Note:
    """The note with its links, as if it had been remembered with them, and closed where it is over."""
    closing = [x for x in links if x.relation is Relation.SUPERSEDES and x.target == note.id][:1]
    over = note.invalid_at is not None
    own = tuple(link for link in links if not (over and link in closing))
    touched = tuple(dict.fromkeys(link.other(note.id) for link in own))
    first = {"change": f"{note.id}.1", "verb": "remember", "cause": note.id, "at": note.recorded_at}
    history: list[dict[str, Any]] = [{**first, "linked": own, "touched": touched}]
    if over:
        cause = closing[0].source if closing else note.id
        closed = {
            "change": f"{cause}.1" if closing else f"{note.id}.2",
            "verb": "evolve" if closing else "revise",
            "cause": cause,
            "at": page.meta.get("settled_at") or note.recorded_at,
            "before": {"invalid_at": None},
            "after": {"invalid_at": note.model_dump(mode="json")["invalid_at"]},
            "linked": tuple(closing),
        }
        history.append(closed)
    fields = {**dict(note), "links": links, "history": history, "revision": len(history)}
    return build(Note, fields)
