"""What the stdio transport makes of a line: a message, or an answer that says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from zettelmem_mcp.stdio import Refusal, messages

CALL = '{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "recall", "arguments": %s}}'


def read(line: str | bytes) -> list[Any]:
    return list(messages(line.encode() if isinstance(line, str) else line))


def test_a_good_line_is_the_message_that_it_says() -> None:
    (message,) = read(CALL % '{"query": "Ana"}')
    assert isinstance(message, JSONRPCRequest)
    assert (message.id, message.params) == (7, {"name": "recall", "arguments": {"query": "Ana"}})


@pytest.mark.parametrize(
    ("line", "query"),
    [
        (CALL % r'{"query": "cut \ud83d off"}', "cut \ufffd off"),
        (CALL % r'{"query": "\ude00 first"}', "\ufffd first"),
        (CALL % r'{"query": "whole \ud83d\ude00"}', "whole \U0001f600"),
        (CALL % '{"query": "a raw \t tab"}', "a raw \t tab"),
        ("\ufeff" + CALL % '{"query": "a mark"}', "a mark"),
        (CALL % '{"query": "CRLF"}' + "\r\n", "CRLF"),
        ((CALL % '{"query": "@"}').encode().replace(b"@", b"\xff"), "\ufffd"),
    ],
)
def test_what_can_be_mended_is_read(line: str | bytes, query: str) -> None:
    (message,) = read(line)
    assert isinstance(message, JSONRPCRequest)
    assert message.params is not None
    assert message.params["arguments"] == {"query": query}


def test_half_a_surrogate_pair_in_a_key_or_an_id_is_mended_too() -> None:
    (message,) = read(r'{"jsonrpc": "2.0", "id": "\ud83d", "method": "ping", "params": {"\ud83d": 1}}')
    assert isinstance(message, JSONRPCRequest)
    assert (message.id, message.params) == ("\ufffd", {"\ufffd": 1})


def test_a_batch_is_read_message_by_message() -> None:
    request, notification, refusal = read(
        '[{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "n"}, 3]'
    )
    assert isinstance(request, JSONRPCRequest)
    assert isinstance(notification, JSONRPCNotification)
    assert isinstance(refusal, Refusal)


def test_an_answer_to_the_servers_own_question_is_left_to_the_server() -> None:
    (message,) = read('{"jsonrpc": "2.0", "id": 1, "result": {}}')
    assert isinstance(message, JSONRPCResponse)


@pytest.mark.parametrize(
    ("line", "code", "answered"),
    [
        ("", -32700, None),
        ("nonsense", -32700, None),
        ('{"jsonrpc": "2.0", "id": 4, "method": "ping"', -32700, 4),
        ('{"jsonrpc": "2.0", "id": "a-4", "method": ping}', -32700, "a-4"),
        ('{"jsonrpc": "2.0", "params": {"id": 5}, "id": 4, "method": }', -32700, 4),
        ('{"jsonrpc": "2.0", "params": {"id": 5}, "method": }', -32700, None),
        (CALL % ("[" * 9_000 + "]" * 9_000), -32700, 7),
        (CALL % ("[" * 300 + "]" * 300), -32700, 7),
        ("[" * 100_000, -32700, None),
        ("[]", -32600, None),
        ("[[]]", -32600, None),
        ("null", -32600, None),
        ("7", -32600, None),
        ('{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', -32600, 1.5),
        ('{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600, True),
        ('{"jsonrpc": "2.0", "id": [1], "method": "ping"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": %s, "method": "ping"}' % ("9" * 4_000), -32600, None),
        ('{"jsonrpc": "2.0", "id": %s, "method": "ping"}' % ("9" * 9_000), -32700, None),
        ('{"jsonrpc": "1.0", "id": 3, "method": "ping"}', -32600, 3),
        ('{"jsonrpc": "2.0", "id": 3}', -32600, 3),
        ('{"jsonrpc": "2.0", "id": 3, "method": 5}', -32600, 3),
        ('{"jsonrpc": "2.0", "id": 3, "method": "ping", "params": [1]}', -32600, 3),
        ('{"jsonrpc": "2.0", "method": 5}', -32600, None),
    ],
)
def test_what_cannot_be_read_is_answered_under_its_own_id(line: str, code: int, answered: Any) -> None:
    (message,) = read(line)
    assert isinstance(message, Refusal)
    written = json.loads(message.model_dump_json(by_alias=True, exclude_unset=True))
    assert (written["jsonrpc"], written["error"]["code"], written["id"]) == ("2.0", code, answered)
    assert "no JSON-RPC 2.0 message" in written["error"]["message"]
    assert len(written["error"]["message"]) < 300
