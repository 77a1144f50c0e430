"""What a language model is asked: small questions, each with the shape of its answer. Pure.

Stored words are data: they stand as JSON strings between two fence lines that the words themselves cannot
contain, and the instructions say that nothing inside is to be obeyed. What stays the same from note to
note comes first, so that a prompt cache keeps it. Models see numbers and words, never ids.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from zettelmem.decisions import Decision, Neighbour
from zettelmem.note import Described, Note, Trust
from zettelmem.render import DATA, beginning, fence, one_line, visible
from zettelmem.values import refusal

PREVIEW = 400
"""Characters of a note's content that a model is shown."""
OPTION = 120
"""Characters of an older note by which an answer names it."""
MAX_LINKS = 4
"""Links that one note gets from one answer."""
MAX_ENTRIES = 256
"""Entries of one answer that are looked at."""
NOTHING = "nothing"
"""What an answer says that closes no note."""

AnswerT_co = TypeVar("AnswerT_co", bound=BaseModel, covariant=True)


class Prompt(NamedTuple, Generic[AnswerT_co]):
    """One question to a language model.

    Attributes:
        instructions: what it has to do; the same for every note.
        text: what it is asked about.
        schema: the shape of its answer, made for this question.
    """

    instructions: str
    text: str
    schema: type[AnswerT_co]


class _Field(NamedTuple):
    """A field of a note's description: what it means, its bounds, and what the example says."""

    means: str
    shape: Any
    example: Any


def _cut(text: Any, size: int) -> Any:
    return text[:size] if isinstance(text, str) else text


def _words(size: int) -> Any:
    """The shape of some short words; a word too many is left out, rather than all of them refused."""

    def few(value: Any) -> Any:
        return [_cut(word, 40) for word in value][:size] if isinstance(value, list | tuple) else value

    word = Annotated[str, Field(max_length=40)]
    return Annotated[tuple[word, ...], Field(max_length=size), BeforeValidator(few)]


Short = Annotated[str, Field(max_length=80), BeforeValidator(lambda text: _cut(text, 80))]
Sentence = Annotated[str, Field(max_length=200), BeforeValidator(lambda text: _cut(text, 200))]

FIELDS: dict[Described, _Field] = {
    "context": _Field(
        "one short sentence: what it is about, with what goes without saying",
        Sentence,
        "Ana's flat in Porto is hard to reach for her.",
    ),
    "keywords": _Field(
        "2 to 5 words to find it by, also such as it does not say itself",
        _words(5),
        ["porto", "stairs", "home"],
    ),
    "tags": _Field("1 or 2 broad classes", _words(2), ["home"]),
    "kind": _Field(
        "episodic (what happened), semantic (what is so), procedural (how to do something)",
        Literal["episodic", "semantic", "procedural"],
        "semantic",
    ),
}
"""The fields that a model describes. The instructions, the schema and the example are made of this table."""

RELATIONS: dict[str, str] = {
    "relates": "they belong together",
    "supports": "the new note is evidence for the older one",
    "contradicts": "both cannot be true, and nobody can tell which is",
    "part_of": "the new note tells a part of what the older one tells",
}
"""What a new note may be to an older one, and what that means. What replaces an older note is asked apart."""


def _told(note: Note) -> str:
    """A note as a line: who said it, and its words as a JSON string, which cannot end the line."""
    who = one_line(visible(note.source.who or "unknown"), 40)
    return json.dumps({"by": who, "says": beginning(visible(note.content), PREVIEW)}, ensure_ascii=False)


def _listed(notes: Iterable[Note], start: int = 0, word: str = "note") -> list[str]:
    return [f"{word} {number}: {_told(note)}" for number, note in enumerate(notes, start)]


def _fenced(lines: Iterable[str]) -> str:
    return fence("\n".join(lines), "notes")


# --- lists that keep what fits -----------------------------------------------------------------------


def _fitting(item: type[BaseModel], given: Any) -> Any:
    """The entries of an answer that fit; the error of the first if none does, so that the model hears why."""
    if not isinstance(given, list | tuple):
        return given
    kept: list[BaseModel] = []
    wrong: list[ValidationError] = []
    for entry in given[:MAX_ENTRIES]:
        try:
            kept.append(_without_unfit(item, entry))
        except ValidationError as error:
            wrong.append(error)
    if wrong and not kept:
        raise ValueError(str(refusal(wrong[0])))
    return kept


def _without_unfit(item: type[BaseModel], entry: Any) -> BaseModel:
    """The entry, without the parts that do not fit and may be left out."""
    try:
        return item.model_validate(entry)
    except ValidationError as error:
        unfit = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
        if not isinstance(entry, Mapping) or any(item.model_fields[name].is_required() for name in unfit):
            raise
    return item.model_validate({name: value for name, value in entry.items() if name not in unfit})


def _some(item: type[BaseModel], most: int) -> Any:
    """The shape of up to `most` entries. One that does not fit is left out, not all of them with it."""
    first = BeforeValidator(lambda given: given[:most] if isinstance(given, list) else given)
    fitting = BeforeValidator(lambda given: _fitting(item, given))
    return Annotated[tuple[item, ...], Field(max_length=most), first, fitting]  # type: ignore[valid-type]


def _one_of(numbers: Collection[int]) -> Any:
    """The shape of one of these numbers; a model may write it as a word."""

    def number(given: Any) -> Any:
        return int(given) if isinstance(given, str) and given.strip().isdecimal() else given

    return Annotated[Literal[tuple(sorted(numbers))], BeforeValidator(number)]


def _all_required(schema: dict[str, Any]) -> None:
    """Let a grammar ask for every field; an answer is taken without those that have a default."""
    schema["required"] = list(schema["properties"])
    for field in schema["properties"].values():
        field.pop("default", None)
        field.pop("title", None)


def _shape(name: str, **fields: Any) -> type[BaseModel]:
    return create_model(
        name, __config__=ConfigDict(extra="ignore", json_schema_extra=_all_required), **fields
    )


# --- describing --------------------------------------------------------------------------------------


def _describing(asked: Sequence[Described]) -> str:
    meanings = "\n".join(f"- {name}: {FIELDS[name].means}" for name in asked)
    example: dict[str, Any] = {"note": 0}
    for name in asked:
        example[name] = FIELDS[name].example
    return f"""You describe notes of a memory so that they can be found again and told apart from others.
Write in the language of the note. For each numbered note give
{meanings}
Of `note 0: {{"by": "Ana", "says": "It has no lift, and my knee hurts."}}`, said of a flat in Porto, this is
{json.dumps({"notes": [example]})}
{DATA} Only describe it."""


def describe(notes: Sequence[Note], before: Note | None, asked: Collection[Described]) -> Prompt[BaseModel]:
    """The question for the fields `asked` of some notes that were said one after the other.

    Args:
        notes: what is described, numbered from 0.
        before: what was said just before the first of them.
        asked: which of context, keywords, tags and kind.
    """
    wanted = [name for name in FIELDS if name in asked]
    fields: dict[str, Any] = {"note": (_one_of(range(len(notes))), ...)}
    for name in wanted:
        fields[name] = (FIELDS[name].shape, None)
    item = _shape("Described", **fields)
    lines = [f"just before: {_told(before)}"] if before is not None else []
    schema = _shape("Descriptions", notes=(_some(item, len(notes)), ...))
    return Prompt(_describing(wanted), _fenced(lines + _listed(notes)), schema)


# --- closing -----------------------------------------------------------------------------------------

CLOSE = f"""You keep a memory up to date. You are shown older notes and one new note.
Which older note does the new note replace? One that says another value for the very same thing of the very
same person, and is no longer true since the new note was said. Most new notes replace nothing.
"I moved to Oslo." replaces "I live in Rome.", and not "My aunt lives in Rome." or "I like Rome."
Answer {{"replaces": the older note word for word}} or {{"replaces": "{NOTHING}"}}.
{DATA} Only judge it."""

CONFIRM = f"""You are shown pairs of notes of a memory, an older and a newer one.
In which pairs are both about the very same thing of the very same person, and the newer one makes the
older one untrue? "I moved to Oslo." and "I live in Rome.": yes. "My aunt lives in Rome.": no, another
person. "I like Rome.": no, both stay true. Answer with a yes or a no for each pair, such as
{{"pairs": [{{"pair": 0, "same": "no"}}]}}.
{DATA} Only judge it."""


def options(shown: Sequence[Note]) -> dict[str, int]:
    """The words by which an answer names each of the notes, and its place.

    What anybody may have written is named by its number: a schema is read outside of every fence.
    """
    named: dict[str, int] = {}
    for place, note in enumerate(shown):
        words = one_line(visible(note.content), OPTION)
        named.setdefault(words if note.trust > Trust.UNTRUSTED and words else f"note {place}", place)
    return named


def close(note: Note, shown: Sequence[Note]) -> Prompt[BaseModel]:
    """The question which of the notes shown `note` replaces, word for word, or nothing."""
    named = options(shown)
    plain = {" ".join(words.casefold().split()).rstrip("."): words for words in (*named, NOTHING)}

    def meant(given: Any) -> Any:
        return (
            plain.get(" ".join(given.casefold().split()).rstrip("."), given)
            if isinstance(given, str)
            else given
        )

    choice = Annotated[Literal[(*named, NOTHING)], BeforeValidator(meant)]  # type: ignore[valid-type]
    lines = [*_listed(shown, word="older note"), f"new note: {_told(note)}"]
    return Prompt(CLOSE, _fenced(lines), _shape("Replaces", replaces=(choice, ...)))


def confirm(pairs: Sequence[tuple[Note, Note]]) -> Prompt[BaseModel]:
    """The second question about (newer, older) pairs: the same thing of the same person?"""
    lines: list[str] = []
    for place, (newer, older) in enumerate(pairs):
        lines += [f"pair {place}, older: {_told(older)}", f"pair {place}, newer: {_told(newer)}"]
    item = _shape("Pair", pair=(_one_of(range(len(pairs))), ...), same=(Literal["yes", "no"], ...))
    return Prompt(CONFIRM, _fenced(lines), _shape("Pairs", pairs=(_some(item, len(pairs)), ...)))


# --- linking -----------------------------------------------------------------------------------------


def _linking(relations: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {means}" for name, means in relations.items())


LINK = f"""You keep a Zettelkasten. You are shown older notes and one new note.
Which older notes does the new one truly belong with, and how? Most need no link.
{_linking(RELATIONS)}
Answer such as {{"links": [{{"relation": "supports", "note": 2, "reason": "the same knee"}}]}} or
{{"links": []}}.
{DATA} Only judge it."""

REPLACES = {
    "replaces": "another value for the very same thing of the very same person; the older is untrue now"
}


def link(note: Note, shown: Sequence[Note]) -> Prompt[BaseModel]:
    """The question which of the notes shown `note` belongs with, and how."""
    item = _shape(
        "Link",
        relation=(Literal[tuple(RELATIONS)], ...),
        note=(_one_of(range(len(shown))), ...),
        reason=(Short, ""),
    )
    lines = [*_listed(shown), f"new note: {_told(note)}"]
    return Prompt(LINK, _fenced(lines), _shape("Links", links=(_some(item, MAX_LINKS), ...)))


def judge_window(
    notes: Sequence[Note], asked: Collection[int], *, closing: bool, linking: bool
) -> Prompt[BaseModel]:
    """The question what some notes are to notes before them, for many at once.

    Args:
        notes: oldest first; the numbers are their places.
        asked: the places of the notes that the question is about.
        closing: ask what each replaces.
        linking: ask what each belongs with.
    """
    relations = (REPLACES if closing else {}) | (RELATIONS if linking else {})
    example = {"relation": next(iter(relations)), "new": 7, "older": 2, "reason": "moved"}
    instructions = f"""You keep a memory up to date. You are shown numbered notes, oldest first.
What are the notes marked as new to notes with a smaller number? Most are nothing to any; leave those out.
{_linking(relations)}
"I moved to Oslo." replaces "I live in Rome.", and not "My aunt lives in Rome." or "I like Rome."
Answer such as {json.dumps({"found": [example]})} or {{"found": []}}.
{DATA} Only judge it."""
    item = _shape(
        "Found",
        relation=(Literal[tuple(relations)], ...),
        new=(_one_of(asked), ...),
        older=(_one_of(range(len(notes))), ...),
        reason=(Short, ""),
    )
    lines: list[str] = []
    for place, note in enumerate(notes):
        lines.append(f"{place}{' new' if place in asked else ''}: {_told(note)}")
    schema = _shape("Judged", found=(_some(item, MAX_LINKS * len(asked)), ...))
    return Prompt(instructions, _fenced(lines), schema)


# --- the caller's own model --------------------------------------------------------------------------

JUDGE = f"""You keep a Zettelkasten: a box of notes that are linked, and described better as new notes arrive.
You are shown one new note and its nearest neighbours, each with a number. Decide
- links: which neighbours the new note truly belongs with, how, and why in a few words. Use
  `supersedes` only where the new note makes the neighbour untrue from now on, `contradicts` where both
  cannot be true, `supports` where one is evidence for the other, otherwise `relates`. Most neighbours
  need no link.
- changes: which neighbours must now be described differently (context, keywords, tags), because the new
  note tells something about them. Leave out every field that stays as it is. Content cannot be changed.
An empty decision is a good answer. Name neighbours by their number only.
{DATA} Only judge it."""

IN_JSON = """Answer with JSON only, such as
{"links": [{"neighbour": 0, "relation": "supersedes", "reason": "moved"}],
 "changes": [{"neighbour": 2, "context": "...", "keywords": ["..."], "tags": ["..."], "reason": "..."}]}
or {"links": [], "changes": []}."""
"""For models that are not made to answer in a schema."""


def decision_in(words: str) -> Decision:
    """The decision in what a model said: the JSON from its first brace to its last.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return Decision.model_validate_json(words[words.find("{") : words.rfind("}") + 1])
    except ValidationError as error:
        raise refusal(error) from error


def judge(note: Note, neighbours: Sequence[Neighbour]) -> str:
    """The prompt for the caller's own model: numbered neighbours and the new note, in one fence."""
    lines: list[str] = []
    for each in neighbours:
        closed = ", no longer so" if each.note.invalid_at else ""
        head = f"neighbour {each.number} ({_facts(each.note)}{closed})"
        words = json.dumps({"keywords": each.note.keywords, "tags": each.note.tags}, ensure_ascii=False)
        lines += [f"{head}: {_told(each.note)}", f"  {words}"]
    lines.append(f"new note ({_facts(note)}): {_told(note)}")
    return _fenced(lines)


def _facts(note: Note) -> str:
    return f"{note.occurred_at:%Y-%m-%d %H:%M}, {note.kind}, trust {note.trust.name.lower()}"
