"""An S3 server of the tests: moto's, with the faults of a real network and a real service put in front.

python tests/stress/s3.py PORT SHARE SEED      serve on a port; this share of the requests meets a fault
"""

import json
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.error import URLError

SLOW = 1.0
"""Seconds that a slow answer takes longer."""
FAULTS = ("500", "503", "slow", "reset", "lost", "409")
"""What can happen to a request.

500, 503: refused by the service, and nothing was done. slow: answered late. reset: the connection breaks
before anything was done. lost: it was done, and the connection breaks before the answer. 409: two conditional
writes met, as S3 says it (only such writes get it).
"""
COUNTS = "/-/faults"
"""Path that answers with how often each fault was made."""
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Faulty:
    """A WSGI application in front of another one."""

    def __init__(self, app: Application, share: float, seed: int) -> None:
        self._app = app
        self._share = share
        self._chance = random.Random(seed)
        self._made: Counter[str] = Counter()
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == COUNTS:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._made).encode()]
        conditional = environ["REQUEST_METHOD"] == "PUT" and "HTTP_IF_NONE_MATCH" in environ
        fault = self._fault(conditional)
        if fault is not None:
            self._made[fault] += 1
        if fault in ("500", "503", "409"):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _refused(fault, start_response)
        if fault == "slow":
            time.sleep(SLOW)
        if fault == "reset":
            _break(environ)
        if fault == "lost":
            list(self._answer(environ, lambda *_: None, conditional))
            _break(environ)
        return self._answer(environ, start_response, conditional)

    def _fault(self, conditional: bool) -> str | None:
        if self._chance.random() >= self._share:
            return None
        return self._chance.choice(FAULTS if conditional else FAULTS[:-1])

    def _answer(self, environ: dict[str, Any], start_response: Any, conditional: bool) -> Iterable[bytes]:
        if not conditional:
            return self._app(environ, start_response)
        with self._one_at_a_time:  # moto looks and writes in two steps
            return [b"".join(self._app(environ, start_response))]


def _refused(status: str, start_response: Any) -> list[bytes]:
    codes = {"500": "InternalError", "503": "SlowDown", "409": "ConditionalRequestConflict"}
    body = f"<Error><Code>{codes[status]}</Code><Message>a fault of the tests</Message></Error>".encode()
    start_response(f"{status} {codes[status]}", [("Content-Length", str(len(body)))])
    return [body]


def _break(environ: dict[str, Any]) -> NoReturn:
    """End the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("a fault of the tests")


def serve(port: int, share: float, seed: int) -> None:
    """Serve until killed."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: Any) -> None:
            pass

    app = Faulty(DomainDispatcherApplication(create_backend_app), share, seed)
    make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet).serve_forever()


@contextmanager
def s3(name: str, faults: float = 0.0, seed: int = 1) -> Iterator[dict[str, str]]:
    """A server in a process of its own, with a bucket; the storage options that reach it.

    Args:
        name: of the bucket.
        faults: share of the requests that meet one, in [0, 1].
        seed: of the faults.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen([sys.executable, __file__, str(port), str(faults), str(seed)])
    try:
        _make_bucket(f"{url}/{name}", serving)
        yield {
            "aws_endpoint": url,
            "allow_http": "true",
            "aws_access_key_id": "any",
            "aws_secret_access_key": "any",
            "aws_region": "us-east-1",
        }
    finally:
        serving.kill()
        serving.wait()


def _make_bucket(url: str, serving: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10).close()
            return
        except (OSError, URLError):  # not up yet, or a fault
            if time.monotonic() > deadline or serving.poll() is not None:
                raise
            time.sleep(0.2)


def faults_made(options: dict[str, str]) -> dict[str, int]:
    """How often each fault was made by now."""
    with urllib.request.urlopen(options["aws_endpoint"] + COUNTS, timeout=30) as answer:
        made: dict[str, int] = json.load(answer)
    return made


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
