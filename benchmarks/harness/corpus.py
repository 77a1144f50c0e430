"""What is remembered and what is asked: each benchmark as one kind of value, read from its file."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zettelmem import Draft, Source

ROOT = Path(__file__).resolve().parents[2]
LOCOMO = "locomo-dev.json"
HOTPOTQA = "hotpotqa-dev.jsonl"
TWOWIKI = "2wiki-dev.jsonl"
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
"""LoCoMo's kinds of questions, by the numbers that its file uses."""


@dataclass(frozen=True)
class Item:
    """One text to remember.

    Attributes:
        key: its name in the data; what a run file lists.
        space: whose memory it goes into.
        text: the words, without who said them.
        speaker: who said them, if anybody.
        title: what the document is called, if it has a name.
    """

    key: str
    space: str
    text: str
    speaker: str | None = None
    title: str | None = None
    thread: str | None = None
    occurred_at: datetime | None = None

    @property
    def whole(self) -> str:
        """The text with its speaker or title before it, as a plain retriever would index it."""
        if self.speaker:
            return f"{self.speaker}: {self.text}"
        return f"{self.title}. {self.text}" if self.title else self.text


@dataclass(frozen=True)
class Question:
    """A question and the keys of the texts that answer it."""

    space: str
    index: int
    text: str
    group: str
    gold: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """Texts in order, questions in order, and the groups that tables are made for."""

    items: list[Item]
    questions: list[Question]
    groups: tuple[str, ...]

    @property
    def spaces(self) -> list[str]:
        """The namespaces, in the order of the data."""
        return list(dict.fromkeys(item.space for item in self.items))

    def of(self, space: str) -> list[Item]:
        """The texts of one namespace."""
        return [item for item in self.items if item.space == space]


def data_file(given: Path | None, name: str) -> Path:
    """The data file: `given` (a file, or its folder), else in $ZETTELMEM_DATA, else beside the checkout.

    Exits with what to do where it is not there.
    """
    folder = os.environ.get("ZETTELMEM_DATA")
    path = given or (Path(folder) if folder else ROOT.parent / "shared" / "data")
    path = path / name if path.is_dir() else path
    if not path.is_file():
        sys.exit(f"no benchmark data: {path} is not there; give --data PATH, or the folder in ZETTELMEM_DATA")
    return path


def evidence(listed: Iterable[Any] | None, known: Iterable[str]) -> tuple[str, ...]:
    """The turns that a question's evidence names: "D8:6; D9:17", "D:11:26" and "D30:05" are repaired."""
    there = set(known)
    found = (
        f"D{session}:{turn}"
        for each in listed or ()
        for session, turn in re.findall(r"D:?(\d+):0*(\d+)", str(each))
    )
    return tuple(dict.fromkeys(key for key in found if key in there))


def _at(said: str) -> datetime:
    """LoCoMo's "1:56 pm on 8 May, 2023", taken as UTC."""
    return datetime.strptime(said.strip(), "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)


def read_locomo(path: Path, spaces: Sequence[str] = ()) -> Corpus:
    """Conversations, one namespace each and one text a turn; of `spaces` only, where some are given."""
    items: list[Item] = []
    questions: list[Question] = []
    samples = json.loads(path.read_text(encoding="utf-8"))
    known = [sample["sample_id"] for sample in samples]
    for name in spaces:
        if name not in known:
            sys.exit(f"no conversation {name!r} in {path.name}; it has {', '.join(known)}")
    for sample in samples:
        space, conversation = sample["sample_id"], sample["conversation"]
        if spaces and space not in spaces:
            continue
        sessions = sorted(
            (name for name in conversation if re.fullmatch(r"session_\d+", name)),
            key=lambda name: int(name.removeprefix("session_")),
        )
        turns = [(name, turn) for name in sessions for turn in conversation[name]]
        for name, turn in turns:
            caption = turn.get("blip_caption")
            items.append(
                Item(
                    key=turn["dia_id"],
                    space=space,
                    text=turn["text"] + (f" [shares {caption}]" if caption else ""),
                    speaker=turn["speaker"],
                    thread=name,
                    occurred_at=_at(conversation[f"{name}_date_time"]),
                )
            )
        there = [turn["dia_id"] for _, turn in turns]
        for index, asked in enumerate(sample["qa"]):
            group = CATEGORIES[int(asked["category"])]
            gold = evidence(asked.get("evidence"), there)
            questions.append(Question(space, index, asked["question"], group, gold))
    return Corpus(items, questions, (*CATEGORIES.values(), "1-4", "all"))


def read_multihop(path: Path, space: str) -> Corpus:
    """The paragraphs of all questions in the namespace `space`, each once, and the questions about them.

    The file has a question a line, in the form of HotpotQA's IRCoT sample: `question_text`, and `contexts`
    with `title`, `paragraph_text` and `is_supporting`.
    """
    keys: dict[tuple[str, str], str] = {}
    questions: list[Question] = []
    for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        asked = json.loads(line)
        gold = []
        for context in asked["contexts"]:
            paragraph = (context["title"], context["paragraph_text"])
            key = keys.setdefault(paragraph, f"p{len(keys)}")
            if context["is_supporting"]:
                gold.append(key)
        questions.append(Question(space, index, asked["question_text"], space, tuple(dict.fromkeys(gold))))
    items = [Item(key, space, text, title=title) for (title, text), key in keys.items()]
    return Corpus(items, questions, ("all",))


def draft(item: Item, *, titles: str = "tags") -> Draft:
    """What the memory is told of a text; `titles` says where a title goes: tags, content or both."""
    content = item.whole if item.title and titles in ("content", "both") else item.text
    return Draft(
        content=content,
        key=item.key,
        thread=item.thread,
        occurred_at=item.occurred_at,
        source=Source(who=item.speaker, via="locomo" if item.speaker else item.space),
        tags=(item.title[:100],) if item.title and titles in ("tags", "both") else None,
    )
