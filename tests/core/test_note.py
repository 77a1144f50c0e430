"""The values: what they refuse, and that a refusal says what to do."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.doubles import START, A, B, note
from zettelmem import Draft, InvalidInput, LimitExceeded, Link, Message, Note, Relation, Source, Trust
from zettelmem.decisions import Decision
from zettelmem.limits import MAX_CONTENT, MAX_DATA, MAX_DATA_DEPTH, MAX_NAMESPACE_DEPTH
from zettelmem.namespace import as_namespace
from zettelmem.note import ALPHABET, keyed_id, random_id
from zettelmem.queries import Filter
from zettelmem.values import build

GOOD: dict[str, Any] = {
    "id": A,
    "namespace": ("ana",),
    "content": "Ana lives in Porto.",
    "occurred_at": START,
    "recorded_at": START,
}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"deeper": value}
    return value


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n\t"}, "content is blank; give the words"),
        ({"content": 5}, "content"),
        ({"content": "half \ud800"}, "half a surrogate pair"),
        ({"context": None}, "context"),
        ({"kind": "Not A Kind"}, "kind"),
        ({"kind": "semantic\n"}, "kind"),
        ({"keywords": "porto"}, "is one string; give a list"),
        ({"tags": "a,b"}, "is one string; give a list"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["\udfff"]}, "half a surrogate pair"),
        ({"occurred_at": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the point
        ({"occurred_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))}, "occurred_at"),
        ({"occurred_at": "soon"}, "occurred_at"),
        ({"trust": 7}, "trust"),
        ({"data": {"x": object()}}, "data"),
        ({"data": nested(MAX_DATA_DEPTH + 1)}, "flatten"),
        ({"data": [1]}, "data"),
        ({"id": "short"}, "id"),
        ({"id": "aaaaaaaL"}, "id"),
        ({"id": f"{A}\n"}, "id"),
        ({"namespace": ("a", "")}, "1 to 200 characters"),
        ({"namespace": ("a\0b",)}, "NUL"),
        ({"namespace": ("\ud800",)}, "half a surrogate pair"),
        ({"colour": "red"}, "colour: is no field here; leave it out"),
    ],
)
def test_a_bad_value_is_refused_with_the_field_and_the_way_out(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build(Note, GOOD | fields)
    assert told in str(refused.value)
    assert "pydantic" not in str(refused.value)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"content": "x" * (MAX_CONTENT + 1)}, "1000000 characters; shorten or split"),
        ({"context": "x" * 4_001}, "4000"),
        ({"tags": [str(i) for i in range(65)]}, "64"),
        ({"tags": ["x" * 101]}, "100"),
        ({"thread": "x" * 501}, "500"),
        ({"key": "x" * 501}, "500"),
        ({"source": {"who": "x" * 201}}, "200"),
        ({"links": [Link(source=A, target=B, relation=Relation.RELATES)] * 257}, "256"),
        ({"data": {"x": "y" * MAX_DATA}}, "over 1,000,000; split it"),
        ({"namespace": ("x",) * (MAX_NAMESPACE_DEPTH + 1)}, "16 segments; join"),
        ({"namespace": ("x" * 201,)}, "1 to 200 characters"),
    ],
)
def test_a_limit_is_named_by_the_refusal(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build(Note, GOOD | fields)
    assert told in str(refused.value)


def test_what_is_too_long_or_too_many_is_a_limit_exceeded() -> None:
    for fields in ({"content": "x" * (MAX_CONTENT + 1)}, {"tags": [str(i) for i in range(65)]}):
        with pytest.raises(LimitExceeded):
            build(Note, GOOD | fields)


def test_every_limit_can_be_reached() -> None:
    full = build(
        Note,
        GOOD
        | {
            "content": "x" * MAX_CONTENT,
            "tags": [str(i) for i in range(64)],
            "data": nested(MAX_DATA_DEPTH - 1),
            "namespace": ("x" * 200,) * MAX_NAMESPACE_DEPTH,
        },
    )
    assert len(full.content) == MAX_CONTENT
    assert len(full.tags) == 64


def test_a_note_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        note().content = "something else"


def test_times_are_kept_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    kept = note(occurred_at=datetime(2026, 1, 1, 9, tzinfo=tokyo))
    assert kept.occurred_at == START
    assert kept.occurred_at.tzinfo is UTC


def test_words_are_stripped_and_kept_once_in_order() -> None:
    assert note(tags=[" b", "a ", "", "b"]).tags == ("b", "a")


@pytest.mark.parametrize(
    "text", ["12345", "[1, 2]", "None", "1e5", '{"a": 1}', "  x  ", "a\0b", "🙂", "\r\n."]
)
def test_content_is_kept_exactly(text: str) -> None:
    """Nothing is read into the words."""
    assert note(content=text).content == text


def test_superseded_and_disputed_are_told_by_links_to_a_note() -> None:
    closing = Link(source=B, target=A, relation=Relation.SUPERSEDES)
    doubt = Link(source=B, target=A, relation=Relation.CONTRADICTS)
    assert note(links=(closing,), invalid_at=START).superseded
    assert note(links=(doubt,)).disputed
    assert not note(B, links=(closing,), invalid_at=START).superseded
    assert not note(B, links=(doubt,)).disputed
    assert not note(links=(doubt,)).superseded


def test_linked_ids_name_each_other_end_once() -> None:
    links = (
        Link(source=A, target=B, relation=Relation.RELATES),
        Link(source=B, target=A, relation=Relation.SUPPORTS),
    )
    assert note(links=links).linked_ids() == (B,)
    assert note(B, links=links).linked_ids() == (A,)


def test_the_description_holds_what_the_content_does_not() -> None:
    """It is a text of its own, so a long content cannot push it out of the model's sight."""
    described = note(context="On moving.", keywords=("lisbon", "flat"), tags=("Lives", "home"))
    assert described.description == "On moving.\nflat, home"
    assert note().description == ""


@pytest.mark.parametrize(
    ("role", "trust"),
    [
        ("user", Trust.STATED),
        ("assistant", Trust.REPORTED),
        ("tool", Trust.UNTRUSTED),
        ("function", Trust.UNTRUSTED),
        ("Ana", Trust.STATED),
    ],
)
def test_a_message_is_trusted_by_its_role(role: str, trust: Trust) -> None:
    drafted = Message(content="x", role=role).draft(thread="t")
    assert (drafted.trust, drafted.source.who, drafted.thread) == (trust, role, "t")
    assert Message(content="x", role=role, name="Ana").draft().source == Source(who="Ana")


@pytest.mark.parametrize("role", ["ai", "model", "bot", "AI", "chatbot", "system", "developer"])
def test_each_name_of_the_assistant_is_the_assistant(role: str) -> None:
    drafted = Message(content="x", role=role).draft()
    assert (drafted.trust, drafted.source.who) == (Trust.REPORTED, "assistant")


def test_a_human_is_the_user() -> None:
    assert Message(content="x", role="human").draft().source.who == "user"


def test_of_content_parts_the_texts_are_taken() -> None:
    parts = [
        {"type": "text", "text": "This is my cat."},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
        {"type": "input_text", "text": "She is called Mia."},
    ]
    assert Message.model_validate({"content": parts, "refusal": None}).draft().content == (
        "This is my cat.\nShe is called Mia."
    )


@pytest.mark.parametrize("content", [None, "", "  ", [], [{"type": "image_url"}]])
def test_a_turn_without_words_says_nothing(content: Any) -> None:
    turn = Message.model_validate({"role": "assistant", "content": content, "tool_calls": [{"id": "1"}]})
    assert not turn.says_something


@pytest.mark.parametrize("text", ["Noted.", "Will do.", "Got it, I will remember that!", "Verstanden."])
def test_an_assistants_acknowledgement_says_nothing(text: str) -> None:
    assert not Message(content=text, role="assistant").says_something
    assert Message(content=text, role="user").says_something


@pytest.mark.parametrize("text", ["Noted: dinner is on Friday.", "Mia!", "42", "Shall I remember that?"])
def test_an_answer_of_the_assistant_says_something(text: str) -> None:
    assert Message(content=text, role="assistant").says_something


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("ana", ("ana",)),
        (["ana"], ("ana",)),
        ("users/ana", ("users", "ana")),
        (("users", "ana"), ("users", "ana")),
        (["ana/work"], ("ana/work",)),
        ("/", ()),
        ((), ()),
    ],
)
def test_a_string_is_a_path_and_a_sequence_its_segments(given: Any, path: tuple[str, ...]) -> None:
    assert as_namespace(given) == path


@pytest.mark.parametrize(
    "given", ["", "a//b", "/a", "a/", ("",), ("a", 5), ("a\0",), ("x" * 201,), ("x",) * 17, "\ud800", 5, None]
)
def test_what_cannot_isolate_is_no_namespace(given: Any) -> None:
    with pytest.raises(InvalidInput):
        as_namespace(given)


def test_a_filter_covers_its_subtree_alone() -> None:
    sight = Filter(namespace=("acme", "ana"))
    assert sight.covers(("acme", "ana"))
    assert sight.covers(("acme", "ana", "work"))
    assert not sight.covers(("acme",))
    assert not sight.covers(("acme", "anabel"))
    assert not sight.covers(("ana", "acme"))
    alone = Filter(namespace=("acme", "ana"), exact=True)
    assert alone.covers(("acme", "ana"))
    assert not alone.covers(("acme", "ana", "work"))


@given(st.binary(min_size=5, max_size=5))
def test_random_ids_are_eight_copyable_characters(entropy: bytes) -> None:
    made = random_id(entropy)
    assert len(made) == 8
    assert set(made) <= set(ALPHABET)
    assert not set(ALPHABET) & set("ilou")


@given(
    st.lists(st.text(max_size=5), max_size=3), st.text(max_size=5), st.lists(st.text(max_size=5)), st.text()
)
def test_keyed_ids_tell_every_namespace_and_key_apart(
    path: list[str], key: str, other_path: list[str], other_key: str
) -> None:
    made, other = keyed_id(tuple(path), key), keyed_id(tuple(other_path), other_key)
    assert len(made) == 12
    assert set(made) <= set(ALPHABET)
    assert made == keyed_id(tuple(path), key)
    assert (made == other) == ((path, key) == (other_path, other_key))


def test_a_value_passes_the_door_as_it_is() -> None:
    ready = Draft(content="x")
    assert build(Draft, ready) == ready


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_model_answer_is_a_decision_or_refused(answer: Any) -> None:
    """A list where an object was asked for, words where numbers were."""
    try:
        made = build(Decision, answer)
    except InvalidInput as refused:
        assert str(refused)  # noqa: PT017 - either outcome is right, nothing else is
    else:
        assert json.loads(made.model_dump_json())
