"""The stdio transport: every line that asks for something is answered, however it is written.

The SDK's reader drops a line that is no JSON-RPC message, and the client waits for its answer for ever. It
also takes a request whose id is null, a fraction or a boolean for a notification. This reader mends what can
be mended (half surrogate pairs, raw control characters, a byte order mark, batches) and refuses the rest.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import anyio
from anyio.abc import ObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

MAX_ID = 2**63
"""An id of this size or larger is not repeated: other programs cannot read such a number."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_ID = re.compile(r'\s*:\s*(?:"(?P<word>[^"\\]*)"|(?P<number>-?\d{1,18}))\s*[,}]', re.ASCII)
_HALF = re.compile(r"[\ud800-\udfff]")


class Refusal(JSONRPCError):
    """The answer to what is no message, under the id that it had."""

    id: Any  # JSON-RPC repeats even an id that MCP does not allow, such as a fraction


def messages(line: bytes) -> Iterator[JSONRPCMessage]:
    """What a line says: the messages in it, and a `Refusal` for each part that is none.

    Args:
        line: one line from a client, with or without its end.

    Yields:
        At least one message. A `Refusal` is the answer to send; all else is for the server to read.
    """
    text = line.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    try:
        message = jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValidationError as error:
        deep = "recursion" in str(error.errors(include_url=False, include_input=False)[0].get("ctx"))
    else:
        if not isinstance(message, JSONRPCNotification):
            yield message if _fits(message.id) else _refusal(INVALID_REQUEST, "the id is too large", None)
            return
        deep = False
    if deep:
        yield _refusal(PARSE_ERROR, "it nests too deeply to be read", _id_in(text))
        return
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        yield _refusal(PARSE_ERROR, f"it is no JSON: {error}", _id_in(text))
        return
    if not isinstance(value, list):
        yield _message(value)
    elif value:
        for each in value:
            yield _message(each)
    else:
        yield _refusal(INVALID_REQUEST, "the batch is empty", None)


def _message(value: Any) -> JSONRPCMessage:
    """The message that `value` is, or the error that answers it."""
    if not isinstance(value, dict):
        return _refusal(INVALID_REQUEST, "a message is a JSON object", None)
    given = value.get("id")
    if "method" in value and "id" in value and (type(given) not in (str, int) or not _fits(given)):
        return _refusal(INVALID_REQUEST, f"the id is {given!r:.40}; send a string or an integer", given)
    try:
        # Written and read again: a half surrogate pair cannot be sent on, so it becomes U+FFFD.
        written = _HALF.sub("\ufffd", json.dumps(value, ensure_ascii=False))
        return jsonrpc_message_adapter.validate_json(written, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"][1:]))
        return _refusal(INVALID_REQUEST, f"{where}: {first['msg']}" if where else first["msg"], given)


def _fits(message_id: object) -> bool:
    return not isinstance(message_id, int | float) or abs(message_id) < MAX_ID


def _refusal(code: int, told: str, message_id: Any) -> Refusal:
    """The error that answers a message, under its own id where that can be repeated."""
    known = isinstance(message_id, str | int | float) and _fits(message_id)
    if isinstance(message_id, str):
        message_id = _HALF.sub("\ufffd", message_id)
    error = ErrorData(code=code, message=f"this line is no JSON-RPC 2.0 message: {_HALF.sub('?', told)}")
    return Refusal(jsonrpc="2.0", id=message_id if known else None, error=error)


def _id_in(text: str) -> str | int | None:
    """The id of a message that cannot be read whole, so that whoever waits for its answer gets one."""
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        depth += (token in "{[") - (token in "}]")
        value = _ID.match(text, match.end()) if depth == 1 and token == '"id"' else None
        if value is not None:
            return int(value["number"]) if value["number"] else value["word"]
    return None


async def serve(server: Any) -> None:
    """Serve a low-level server of the SDK on this process's stdin and stdout until stdin ends.

    Args:
        server: `mcp.server.lowlevel.Server`.
    """
    lines = anyio.wrap_file(sys.stdin.buffer)
    nothing = anyio.wrap_file(io.StringIO())  # the SDK's own reader ends at once; its writer is used
    async with stdio_server(stdin=nothing) as (_, write):
        send, read = anyio.create_memory_object_stream[SessionMessage | Exception]()
        async with anyio.create_task_group() as group:
            group.start_soon(_hear, lines, send, write)
            await server.run(read, write, server.create_initialization_options())
            group.cancel_scope.cancel()


async def _hear(lines: Any, send: ObjectSendStream[SessionMessage | Exception], write: Any) -> None:
    """Hand each message on to the server, and each refusal back to the client."""
    async with send:
        async for line in lines:
            for message in messages(line):
                await (write if isinstance(message, Refusal) else send).send(SessionMessage(message))
