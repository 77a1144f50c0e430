"""A server on this machine that speaks OpenAI's chat protocol, and answers what fits the shape asked for."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self


def fitting(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    """The least value that fits a JSON schema; of choices the last, which is "nothing" or a "no"."""
    if "$ref" in schema:
        return fitting(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][-1]
    if schema.get("type") == "object":
        return {name: fitting(each, defs) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [fitting(schema["items"], defs)]
    return {"integer": 0, "number": 0.5, "boolean": False}.get(str(schema.get("type")), "word")


class CannedServer:
    """The server, while it is entered.

    Args:
        can: what it can do: `native` (a JSON schema as response format), `tool`, or `prompted` alone.

    Attributes:
        asked: the body of every request.
    """

    def __init__(self, can: str = "native") -> None:
        self.can = can
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The message that answers a request; None where it asks for what this server cannot do."""
        self.asked.append(body)
        wanted = body.get("response_format", {})
        if wanted.get("type") == "json_schema":
            schema = wanted["json_schema"]["schema"]
            text = json.dumps(fitting(schema, schema.get("$defs", {})))
            return {"content": text} if self.can == "native" else None
        if body.get("tools"):
            if self.can != "tool":
                return None
            tool = body["tools"][0]["function"]
            filled = fitting(tool["parameters"], tool["parameters"].get("$defs", {}))
            call = {"name": tool["name"], "arguments": json.dumps(filled)}
            return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]}
        return {"content": json.dumps({"word": "word"})}

    def _handler(canned) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                message = canned.reply(body)
                answer: dict[str, Any] = {"error": {"message": "response_format: not supported"}}
                if message is not None:
                    choice = {
                        "index": 0,
                        "message": {"role": "assistant", **message},
                        "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                    }
                    usage = {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220}
                    answer = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
                    answer |= {"choices": [choice], "usage": usage}
                data = json.dumps(answer).encode()
                self.send_response(400 if message is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        return Handler
