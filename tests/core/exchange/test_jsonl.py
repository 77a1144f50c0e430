"""Lines of a file as drafts: which are good, what is wrong with the others, and that each has a key."""

import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem import InvalidInput, Memory, Trust
from zettelmem.exchange import BadLine, Incoming, Reading, note_line, read_time, read_turns
from zettelmem.limits import MAX_LINE
from zettelmem.testing import HashEmbedder


def read(*lines: str | bytes | dict[str, Any], **options: Any) -> list[Incoming | BadLine]:
    raw = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    return list(read_turns(io.BytesIO(b"\n".join(raw)), Reading(**options)))


def one(line: str | bytes | dict[str, Any], **options: Any) -> Incoming:
    (found,) = read(line, **options)
    assert isinstance(found, Incoming), found
    return found


def problem(line: str | bytes | dict[str, Any], **options: Any) -> str:
    (found,) = read(line, **options)
    assert isinstance(found, BadLine), found
    return found.problem


def keys(*lines: str | bytes | dict[str, Any]) -> list[str | None]:
    return [each.draft.key for each in read(*lines) if isinstance(each, Incoming)]


def test_a_message_becomes_a_draft_with_all_that_it_says() -> None:
    line = {
        "content": "I moved.",
        "role": "user",
        "name": "Ana",
        "at": "2024-05-04T10:00:00+02:00",
        "thread": "may",
        "key": "m1",
    }
    draft = one(line).draft
    assert draft.content == "I moved."
    assert draft.source.who == "Ana"
    assert draft.source.via == "import"
    assert draft.trust is Trust.STATED
    assert draft.occurred_at == datetime(2024, 5, 4, 8, tzinfo=UTC)
    assert draft.thread == "may"
    assert draft.key == "m1"


def test_the_role_decides_the_trust() -> None:
    assert one({"content": "x", "role": "tool"}).draft.trust is Trust.UNTRUSTED
    assert one({"content": "x", "role": "assistant"}).draft.trust is Trust.REPORTED


def test_lines_without_a_thread_get_the_one_given() -> None:
    assert one({"content": "x"}, thread="t").draft.thread == "t"
    assert one({"content": "x", "thread": "own"}, thread="t").draft.thread == "own"


def test_blank_lines_are_left_out_but_counted_and_the_last_needs_no_end() -> None:
    found = read(b"\xef\xbb\xbf", b"  ", {"content": "x"})
    assert [each.line for each in found] == [3]
    assert read(b"") == []


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    (found,) = read(b'\xef\xbb\xbf{"content": "x"}\r\n')
    assert isinstance(found, Incoming)
    assert found.draft.content == "x"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is no JSON: .* at column 2"),
        ('{"content": NaN}', "is no JSON: NaN is no number"),
        ("1" * 5_000, "is no JSON: "),
        ("[" * 200_000, "nests too deep"),
        (b'{"content": "\xff"}', r"is no UTF-8 \(byte 14\)"),
        ("[]", "is a JSON list; write one object a line"),
        ('"words"', "is a JSON str"),
        ({}, "content: Field required"),
        ({"content": None}, "content: "),
        ({"content": ""}, "content: "),
        ({"content": 5}, "content: "),
        ({"content": "x", "when": "now"}, "when: is no field here"),
        ({"content": "x", "at": "soon"}, "at: 'soon' is no time"),
        ({"content": "x", "at": 1714816800}, "at: '1714816800' is no time"),
        ({"content": "x", "at": "2024-05-04T10:00:00"}, "at: .* names no time zone.*--timezone"),
        ({"content": "x", "thread": 5}, "thread: "),
        ({"content": "x", "name": "n" * 300}, "who: is longer than 200"),
        ({"content": "x" * 1_000_001}, "content: is longer than 1000000"),
        ('{"content": "\\ud800"}', "half a surrogate pair"),
        ({"content": "x", "at": "0001-01-01T00:00:00+10:00"}, "at: "),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: str | bytes | dict[str, Any], says: str) -> None:
    import re

    assert re.search(says, problem(line))


def test_bad_lines_have_their_number_and_good_ones_are_kept() -> None:
    found = read({"content": "a"}, "nonsense", {"content": "b"})
    assert [(each.line, isinstance(each, Incoming)) for each in found] == [(1, True), (2, False), (3, True)]


def test_a_line_without_end_is_left_out_without_being_held_in_memory() -> None:
    long = b'{"content": "' + b"x" * (2 * MAX_LINE) + b'"}'
    found = read(long, {"content": "after"})
    assert isinstance(found[0], BadLine)
    assert "is longer than 8,000,000 bytes" in found[0].problem
    assert found[0].read == len(long) + 1
    assert isinstance(found[1], Incoming)
    assert found[1].line == 2
    assert [type(each) for each in read(b"x" * MAX_LINE)] == [BadLine]


def test_the_bytes_read_add_up_to_the_file() -> None:
    raw = b'{"content": "a"}\n\nbad\n{"content": "b"}'
    assert [each.read for each in read_turns(io.BytesIO(raw))] == [17, 22, len(raw)]


def test_the_same_line_twice_in_one_file_is_two_messages() -> None:
    first, second = keys({"content": "ok"}, {"content": "ok"})
    assert first != second


def test_the_same_file_again_has_the_same_keys() -> None:
    lines = [{"content": "ok"}, {"content": "ok"}, {"content": "other", "thread": "t"}]
    assert keys(*lines) == keys(*lines)


def test_keys_stay_when_lines_are_added_or_mended_before_them() -> None:
    lines: list[Any] = [{"content": "hello"}, "broken", {"content": "ok"}]
    mended = [{"content": "new"}, {"content": "hello"}, {"content": "mended"}, {"content": "ok"}]
    assert set(keys(*lines)) < set(keys(*mended))


@pytest.mark.parametrize(
    "other",
    [
        {"content": "ok!"},
        {"content": "ok", "thread": "t"},
        {"content": "ok", "name": "Ben"},
        {"content": "ok", "at": "2024-05-04T10:00:00Z"},
    ],
)
def test_words_thread_speaker_and_time_make_the_key(other: dict[str, Any]) -> None:
    assert keys({"content": "ok"}) != keys(other)


def test_one_point_in_time_is_one_key_however_it_is_written() -> None:
    assert keys({"content": "ok", "at": "2024-05-04T10:00:00Z"}) == keys(
        {"content": "ok", "at": "2024-05-04T12:00:00+02:00"}
    )


@given(st.text(min_size=1).filter(str.strip))
def test_any_words_come_through_as_they_are(words: str) -> None:
    assert one({"content": words}).draft.content == words


class TestTime:
    def test_a_zone_that_is_named_counts(self) -> None:
        assert read_time("2024-05-04T10:00:00-01:00", ZoneInfo("Asia/Tokyo")).utcoffset() is not None
        assert read_time("2024-05-04T10:00Z") == datetime(2024, 5, 4, 10, tzinfo=UTC)

    def test_a_zone_that_is_not_named_is_the_one_given(self) -> None:
        lisbon = ZoneInfo("Europe/Lisbon")
        assert read_time("2024-07-04T10:00", lisbon) == datetime(2024, 7, 4, 9, tzinfo=UTC)
        assert read_time("2024-01-04", lisbon) == datetime(2024, 1, 4, tzinfo=UTC)
        draft = one({"content": "x", "at": "2024-07-04T10:00"}, zone=lisbon).draft
        assert draft.occurred_at == datetime(2024, 7, 4, 9, tzinfo=UTC)

    def test_without_either_it_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="names no time zone"):
            read_time("2024-07-04T10:00")


def test_a_whole_note_comes_back_with_its_fields() -> None:
    with Memory(embedder=HashEmbedder()) as memory:
        note = memory.remember(
            "Ana moved. \u2728",
            namespace=("acme", "ana"),
            thread="t",
            kind="semantic",
            context="about moving",
            keywords=["porto"],
            tags=["move"],
            data={"n": [1, None]},
            source="Ana",
            trust=Trust.REPORTED,
        ).note
    assert "\n" not in note_line(note)
    found = one(note_line(note))
    assert found.note == note
    assert found.namespace == ("acme", "ana")
    assert found.draft.key == f"exported:{note.id}"
    for name in ("content", "thread", "kind", "context", "keywords", "tags", "data", "source", "trust"):
        assert getattr(found.draft, name) == getattr(note, name)
    assert found.draft.occurred_at == note.occurred_at


def test_a_whole_note_that_was_spoiled_is_refused() -> None:
    with Memory(embedder=HashEmbedder()) as memory:
        note = memory.remember("words", namespace="ana").note
    assert "id: " in problem(note_line(note).replace(note.id, "O0"))
