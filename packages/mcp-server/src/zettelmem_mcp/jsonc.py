"""Edits of JSON with comments that leave every other byte as it is. Pure.

A member is put in front of the others of its object and taken out with the comma behind it, so comments,
indentation, trailing commas and duplicate keys of others stay where they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_GAP = re.compile(r"(?:\s+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|[-+.\w]+')
_SAME_LINE = re.compile(r"[ \t]*(?:/\*[^\r\n]*?\*/[ \t]*)*(?://[^\r\n]*)?")
MAX_DEPTH = 200
"""Levels of nesting that are read."""


@dataclass(frozen=True)
class Value:
    """A value and where it stands in its text.

    Attributes:
        start, end: its characters are ``text[start:end]``.
        plain: what it says, as Python; of a key that is there twice, the last.
        members: of an object, its keys and values in their order; None for all else.
    """

    start: int
    end: int
    plain: Any
    members: tuple[Member, ...] | None = None

    def named(self, key: str) -> list[Member]:
        """Every member of that name."""
        return [each for each in self.members or () if each.key == key]


@dataclass(frozen=True)
class Member:
    """A key and its value; `start` is where the key stands."""

    key: str
    start: int
    value: Value


def parse(text: str) -> Value:
    """Read a text; a byte order mark in front, comments and trailing commas are allowed.

    Raises:
        ValueError: it is no JSON, with comments or without; the message tells the line.
    """
    start = _gap(text, 1 if text.startswith("\ufeff") else 0)
    value = _value(text, start, 0)
    if (end := _gap(text, value.end)) != len(text):
        raise _wrong(text, end)
    return value


def put(text: str, path: Sequence[str], plain: Any) -> str:
    """`text` with the member at `path` saying `plain`; objects on the way are made where they are missing.

    Raises:
        ValueError: `text` cannot be read, or what stands on the way is no object or is there twice.
    """
    root = parent = parse(text)
    for depth, key in enumerate(path):
        found = _one(text, parent, key)
        if found is None:
            missing = plain
            for inner in reversed(path[depth + 1 :]):
                missing = {inner: missing}
            return _insert(text, parent, key, missing, fresh=parent is root)
        if depth == len(path) - 1:
            value = found.value
            if value.plain == plain and type(value.plain) is type(plain):
                return text
            told = _written(plain, _line_indent(text, found.start), text, flow="\n" not in text)
            return text[: value.start] + told + text[value.end :]
        if found.value.members is None:
            raise ValueError(f"{'.'.join(path[: depth + 1])} is no object")
        parent = found.value
    return text


def drop(text: str, path: Sequence[str]) -> str:
    """`text` without any member at `path`; an object that `put` made for it goes with its last member.

    Raises:
        ValueError: as `put`.
    """
    while True:
        parent = parse(text)
        for key in path[:-1]:
            found = _one(text, parent, key)
            if found is None or found.value.members is None:
                return text
            parent = found.value
        doomed = parent.named(path[-1])
        if not doomed:
            return text
        text = _without(text, parent, doomed[0], path)


def _without(text: str, parent: Value, member: Member, path: Sequence[str]) -> str:
    """`text` without one member of `parent`, which is at `path` less its last part."""
    assert parent.members is not None
    start, end = member.start, member.value.end
    lead = len(text[:start]) - len(text[:start].rstrip())
    after = _gap(text, end)
    comma = after if text[after] == "," else None
    rest = text[parent.start + 1 : start] + text[end : parent.end - 1]
    if len(parent.members) == 1 and not rest.strip(" \t\r\n,"):
        if not lead:
            return text[:start] + text[end if comma is None else comma + 1 :]
        if len(path) > 1:
            return drop(text, path[:-1])
        return text[: parent.start + 1] + text[parent.end - 1 :]
    if comma is not None:
        kept = text[end:comma] + text[comma + 1 :]
        return _joined(text[: start - lead], kept) if lead else text[:start] + kept.lstrip(" \t")
    place = parent.members.index(member)
    if place:  # the last one, so the comma before it goes as well
        comma = _gap(text, parent.members[place - 1].value.end)
        return _joined(text[:comma] + text[comma + 1 : start - lead], text[end:])
    return _joined(text[: start - lead], text[end:])


def _joined(before: str, after: str) -> str:
    """Both parts, on two lines where `after` would otherwise become part of a comment."""
    line = before[before.rfind("\n") + 1 :]
    return before + ("\n" if "//" in line and after[:1] not in "\r\n" else "") + after


def _insert(text: str, parent: Value, key: str, plain: Any, *, fresh: bool) -> str:
    """`text` with a new member in front of the others of `parent`.

    An empty object keeps what is inside, and its new member stands right behind the brace, which tells
    `drop` that the object was there before; with `fresh` a quite empty one is written over several lines.
    """
    members, newline = parent.members or (), "\r\n" if "\r\n" in text else "\n"
    at = parent.start + 1
    outer = _line_indent(text, parent.start)
    unit = _unit(text)
    name = json.dumps(key, ensure_ascii=False) + ": "
    spread = name + _written(plain, outer + unit, text, flow=False)
    if not members:
        inside = text[at : parent.end - 1]
        if inside.strip():  # a comment
            at = at + len(inside.rstrip())
            return f"{text[:at]}{newline}{outer}{unit}{spread}{newline}{outer}{text[parent.end - 1 :]}"
        if fresh and not inside:
            return f"{text[:at]}{newline}{outer}{unit}{spread}{newline}{outer}{text[at:]}"
        return text[:at] + name + _written(plain, outer, text, flow=False) + text[at:]
    first = members[0].start
    if "\n" not in text[at:first]:
        flat = name + (_spaced(plain) if fresh else _written(plain, "", text, flow=True))
        return f"{text[:first]}{flat}, {text[first:]}"
    line = _SAME_LINE.match(text, at)
    at = line.end() if line and line[0].strip() else at
    indent = _line_indent(text, first)
    spread = name + _written(plain, indent, text, flow=False)
    return f"{text[:at]}{newline}{indent}{spread},{text[at:]}"


def _spaced(plain: Any) -> str:
    """An object that `drop` will know for one that `put` made: on one line, with blanks inside."""
    flat = json.dumps(plain, ensure_ascii=False)
    return f"{{ {flat[1:-1]} }}" if isinstance(plain, dict) else flat


def _written(plain: Any, indent: str, text: str, *, flow: bool) -> str:
    """`plain` as JSON in the manner of `text`: an object a line a member, all else on one line."""
    if flow or not isinstance(plain, dict) or not plain:
        return json.dumps(plain, ensure_ascii=False)
    newline, inner = "\r\n" if "\r\n" in text else "\n", indent + _unit(text)
    lines = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {_written(value, inner, text, flow=False)}"
        for key, value in plain.items()
    ]
    return f"{{{newline}{f',{newline}'.join(lines)}{newline}{indent}}}"


def _unit(text: str) -> str:
    """One level of indentation as `text` has it: a tab, or its smallest step, or two spaces."""
    steps = re.findall(r"^([ \t]+)\S", text, re.MULTILINE)
    if any(step.startswith("\t") for step in steps):
        return "\t"
    return min(steps, key=len, default="  ")


def _line_indent(text: str, at: int) -> str:
    """The white space in front of the line that `at` is on."""
    line = text[text.rfind("\n", 0, at) + 1 : at].removeprefix("\ufeff")
    return line[: len(line) - len(line.lstrip(" \t"))]


def _one(text: str, parent: Value, key: str) -> Member | None:
    if parent.members is None:
        raise ValueError("it holds no object")
    found = parent.named(key)
    if len(found) > 1:
        lines = " and ".join(str(_line(text, each.start)) for each in found)
        raise ValueError(f"{key!r} is there {len(found)} times (lines {lines}); keep one of them")
    return found[0] if found else None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _wrong(text: str, at: int) -> ValueError:
    told = f"has {text[at : at + 20]!r} where JSON cannot" if at < len(text) else "ends too early"
    return ValueError(f"line {_line(text, at)} {told}")


def _gap(text: str, at: int) -> int:
    """Where the white space and the comments that begin at `at` end."""
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _value(text: str, at: int, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    if text[at : at + 1] == "{":
        return _object(text, at, depth)
    if text[at : at + 1] == "[":
        return _array(text, at, depth)
    word = _WORD.match(text, at)
    if word is None:
        raise _wrong(text, at)
    try:
        return Value(at, word.end(), json.loads(word[0]))
    except ValueError as error:
        raise _wrong(text, at) from error


def _object(text: str, at: int, depth: int) -> Value:
    start, members = at, []
    at = _gap(text, at + 1)
    while text[at : at + 1] != "}":
        key = _value(text, at, depth + 1)
        colon = _gap(text, key.end)
        if not isinstance(key.plain, str) or text[colon : colon + 1] != ":":
            raise _wrong(text, at)
        value = _value(text, _gap(text, colon + 1), depth + 1)
        members.append(Member(key.plain, at, value))
        at = _next(text, value.end, "}")
    return Value(start, at + 1, {each.key: each.value.plain for each in members}, tuple(members))


def _array(text: str, at: int, depth: int) -> Value:
    start, values = at, []
    at = _gap(text, at + 1)
    while text[at : at + 1] != "]":
        value = _value(text, at, depth + 1)
        values.append(value.plain)
        at = _next(text, value.end, "]")
    return Value(start, at + 1, values)


def _next(text: str, at: int, close: str) -> int:
    """Where the next member begins, or the brace that closes."""
    at = _gap(text, at)
    if text[at : at + 1] == ",":
        return _gap(text, at + 1)
    if text[at : at + 1] != close:
        raise _wrong(text, at)
    return at
