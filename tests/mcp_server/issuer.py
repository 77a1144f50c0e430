"""An authorization server of the tests: it signs tokens and serves its public keys."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://login.example.com/"
BOTH = "memory:read memory:write"


class Issuer:
    """Signs with the newest of its keys.

    Attributes:
        served: how often its keys were fetched.
        down: whether it answers with an error.
    """

    def __init__(self, name: str = ISSUER) -> None:
        self.name = name
        self.served = 0
        self.down = False
        self._keys: dict[str, Any] = {}
        self.rotate()

    def rotate(self, *, keep: bool = False) -> None:
        """Make a new key, in the place of the others or beside them."""
        number = len(self._keys)
        key = (
            ec.generate_private_key(ec.SECP256R1()) if number % 2 else rsa.generate_private_key(65_537, 2048)
        )
        self._keys = {**(self._keys if keep else {}), f"key-{id(key)}": key}

    def keys(self) -> dict[str, Any]:
        """Its public keys as a JSON Web Key Set."""
        made = []
        for kid, key in self._keys.items():
            kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            made.append(json.loads(kind.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})
        return {"keys": made}

    def token(self, subject: str, audience: Any, scope: str | None = BOTH, **claims: Any) -> str:
        """A token of an hour; a claim that is None is left out."""
        kid, key = next(reversed(self._keys.items()))
        now = int(time.time())
        told = {"iss": self.name, "sub": subject, "aud": audience, "exp": now + 3_600, "iat": now}
        told |= {"scope": scope} | claims
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        kept = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})

    def __enter__(self) -> Self:
        """Serve the keys."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.served += 1
                body = json.dumps(issuer.keys()).encode()
                self.send_response(503 if issuer.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving them."""
        self._server.shutdown()
        self._server.server_close()
