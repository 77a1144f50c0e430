"""Tokens of an authorization server: who gets in, into whose memory, and what they may do there."""

from __future__ import annotations

import base64
import hmac
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from tests.mcp_server.issuer import ISSUER, Issuer
from tests.mcp_server.web import INITIALIZE, JSON, bearer, client_of, contents, serving
from zettelmem_mcp import keys
from zettelmem_mcp.keys import Keys
from zettelmem_mcp.settings import BadSetting
from zettelmem_mcp.tokens import Jwt

AUDIENCE = "https://memory.example.com/mcp"
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


def settings_of(issuer: Issuer, **more: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "jwks": issuer.url, "audience": AUDIENCE} | more


def unsigned(claims: dict[str, Any], **header: str) -> str:
    parts = (json.dumps(each).encode() for each in ({"typ": "JWT"} | header, claims))
    return ".".join([base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts] + [""])


def claims_of(issuer: Issuer) -> dict[str, Any]:
    return jwt.decode(issuer.token("ana", AUDIENCE), options={"verify_signature": False})


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens that open nothing, by what is wrong with them."""
    now = int(time.time())
    good = issuer.token("ana", AUDIENCE)
    kid = jwt.get_unverified_header(good)["kid"]
    public = json.dumps(issuer.keys()["keys"][0])
    head, body, signature = good.split(".")
    secret = unsigned(claims_of(issuer), alg="HS256", kid=kid)
    made = hmac.digest(public.encode(), secret.rstrip(".").encode(), "sha256")
    secret += base64.urlsafe_b64encode(made).decode().rstrip("=")
    return {
        "expired": issuer.token("ana", AUDIENCE, exp=now - 60),
        "not yet valid": issuer.token("ana", AUDIENCE, nbf=now + 600),
        "of another server's keys": Issuer().token("ana", AUDIENCE),
        "of another issuer": issuer.token("ana", AUDIENCE, iss="https://login.example.com"),
        "for another audience": issuer.token("ana", "https://other.example.com/mcp"),
        "for nobody": issuer.token("ana", None),
        "that never ends": issuer.token("ana", AUDIENCE, exp=None),
        "of no subject": issuer.token("ana", AUDIENCE, sub=None),
        "without a signature": unsigned(claims_of(issuer), alg="none", kid=kid),
        "of algorithm None": unsigned(claims_of(issuer), alg="None", kid=kid),
        "signed by the public key as a secret": secret,
        "with a signature cut off": f"{head}.{body}.",
        "with other claims": f"{head}.{base64.urlsafe_b64encode(b'{}').decode()}.{signature}",
        "too long": issuer.token("a" * 9_000, AUDIENCE),
        "deep": "[" * 4_000 + ".x.y",
        "no token": "x.y.z",
    }


async def test_a_token_that_is_wrong_in_any_way_is_answered_with_401(issuer: Issuer) -> None:
    async with serving(**settings_of(issuer)) as url, httpx2.AsyncClient() as http:
        for wrong, token in bad_tokens(issuer).items():
            answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer(token))
            assert answer.status_code == 401, wrong
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
            assert "resource_metadata=" in answer.headers["www-authenticate"]
        for audience in (AUDIENCE, ["https://other.example.com", AUDIENCE]):
            good = bearer(issuer.token("ana", audience))
            answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | good)
            assert answer.status_code == 200


async def test_the_metadata_names_the_issuer_and_the_scopes(issuer: Issuer) -> None:
    public = "https://memory.example.com/mcp"
    given = settings_of(issuer, audience="", public_url=public, allowed_hosts="memory.example.com")
    async with serving(**given) as url, httpx2.AsyncClient() as http:
        refused = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON)
        where = "https://memory.example.com/.well-known/oauth-protected-resource/mcp"
        assert f'resource_metadata="{where}"' in refused.headers["www-authenticate"]
        told = (await http.get(f"{url}/.well-known/oauth-protected-resource/mcp")).json()
        assert told["resource"] == public
        assert told["authorization_servers"] == [ISSUER]
        assert told["scopes_supported"] == ["memory:read", "memory:write"]
        # without --audience a token has to be made for what clients call the server
        good = bearer(issuer.token("ana", public))
        assert (await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | good)).status_code == 200


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("scope", "listed"), [("memory:read", True), ("memory:write", True), ("mail", False)]
)
async def test_scopes_decide_what_a_token_may_do(issuer: Issuer, mode: str, scope: str, listed: bool) -> None:
    token = issuer.token("ana", AUDIENCE, scope=f"openid {scope}")
    async with serving(**settings_of(issuer)) as url:
        if not listed:
            async with httpx2.AsyncClient() as http:
                answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer(token))
            assert answer.status_code == 403
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
            return
        async with client_of(url, token, mode) as client:
            assert await contents(client, "pin") == []
            if scope == "memory:write":
                assert not (await client.call_tool("remember", {"content": "The pin is 1."})).is_error
            else:
                with pytest.raises(Exception):  # noqa: B017, PT011 - each era has an error of its own
                    await client.call_tool("remember", {"content": "The pin is 1."})
                assert await contents(client, "pin") == []


async def test_a_write_with_a_token_for_reading_is_told_which_scope_it_needs(
    issuer: Issuer, tmp_path: Path
) -> None:
    token = issuer.token("ana", AUDIENCE, scope=None, scp=["memory:read"])
    settings = settings_of(issuer, workers=2, db=str(tmp_path))
    async with serving(**settings) as url, httpx2.AsyncClient() as http:
        for name in ("remember", "forget", "no such tool", None):
            call = CALL | {"params": {"name": name, "arguments": {}}}
            answer = await http.post(f"{url}/mcp", json=call, headers=JSON | bearer(token))
            assert answer.status_code == 403
            assert 'scope="memory:read memory:write"' in answer.headers["www-authenticate"]
            assert "resource_metadata=" in answer.headers["www-authenticate"]
        # a body that is read in another way than its bytes suggest gets no further either
        params = '{"name": "remember", "arguments": {"content": "x"}}'
        twice = f'{{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {params}, "method": "ping"}}'
        answer = await http.post(f"{url}/mcp", content=twice, headers=JSON | bearer(token))
        assert "notes" not in answer.text


async def test_claims_say_whose_memory_a_token_opens(issuer: Issuer) -> None:
    async with (
        serving(**settings_of(issuer, namespace_claims="org, sub")) as url,
        httpx2.AsyncClient() as http,
    ):
        tokens = [
            issuer.token(who, AUDIENCE, org=org)
            for org, who in (("acme", "ana"), ("acme", "ben"), ("other", "ana"), ("acmeana", "a"))
        ]
        async with client_of(url, tokens[0]) as ana:
            await ana.call_tool("remember", {"content": "Ana's pin is 4711."})
            assert await contents(ana, "pin") == ["Ana's pin is 4711."]
        for token in tokens[1:]:
            async with client_of(url, token) as other:
                assert await contents(other, "pin") == []
        without = bearer(issuer.token("ana", AUDIENCE))
        assert (await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | without)).status_code == 401


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_new_key_is_fetched_and_one_that_was_withdrawn_ends() -> None:
    clock = Clock()
    with Issuer() as issuer:
        verifier = Jwt(Keys(issuer.url, clock), ISSUER, AUDIENCE)
        first = issuer.token("ana", AUDIENCE)
        assert await verifier.verify_token(first)
        issuer.rotate(keep=True)
        second = issuer.token("ana", AUDIENCE)
        assert await verifier.verify_token(second) is None  # the last fetch was a moment ago
        clock.now += keys.PAUSE
        assert await verifier.verify_token(second)
        assert await verifier.verify_token(first)
        assert issuer.served == 2
        issuer.rotate()
        clock.now += keys.FRESH + 1
        assert await verifier.verify_token(second)  # known still, while they are fetched beside
        assert await verifier.verify_token(issuer.token("ana", AUDIENCE))
        assert await verifier.verify_token(second) is None
        assert issuer.served == 3


async def test_invented_keys_make_no_fetch_of_each_and_what_is_kept_is_bounded() -> None:
    clock = Clock()
    with Issuer() as issuer:
        found = Keys(issuer.url, clock)
        for number in range(500):
            assert await found.find(f"invented-{number}", "RS256") is None
            clock.now += 0.1
        assert issuer.served == 2
        assert await found.find(issuer.keys()["keys"][0]["kid"], "RS256")
        assert len(found.__dict__["_made"]) == 1


async def test_keys_are_believed_for_an_hour_while_the_issuer_is_down() -> None:
    clock = Clock()
    with Issuer() as issuer:
        verifier = Jwt(Keys(issuer.url, clock), ISSUER, AUDIENCE)
        token = issuer.token("ana", AUDIENCE)
        assert await verifier.verify_token(token)
        issuer.down = True
        clock.now += keys.STALE - 1
        assert await verifier.verify_token(token)
        clock.now += 60
        assert await verifier.verify_token(token) is None
        issuer.down = False
        clock.now += keys.PAUSE
        assert await verifier.verify_token(token)


async def test_keys_may_be_a_file_and_what_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    issuer, path = Issuer(), tmp_path / "keys.json"
    path.write_text(json.dumps(issuer.keys()))
    assert await Jwt(Keys(str(path)), ISSUER, AUDIENCE).verify_token(issuer.token("ana", AUDIENCE))
    secret = {"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}
    for text in ("", "[]", '{"keys": []}', json.dumps(secret)):
        path.write_text(text)
        with pytest.raises(BadSetting, match="JSON Web Key Set"):
            Keys(str(path))
    with pytest.raises(BadSetting, match="jwks"):
        Keys(str(tmp_path / "nowhere"))


def keys_of(path: Path, *told: dict[str, Any]) -> Keys:
    path.write_text(json.dumps({"keys": told}))
    return Keys(str(path))


async def test_a_key_serves_only_the_signatures_it_is_for(tmp_path: Path) -> None:
    issuer = Issuer()
    told = issuer.keys()["keys"][0]
    for changed, algorithm, fits in (
        ({}, "RS256", True),
        ({}, "PS256", True),
        ({}, "ES256", False),
        ({}, "HS256", False),
        ({}, "none", False),
        ({"alg": "RS256"}, "RS256", True),
        ({"alg": "RS512"}, "RS256", False),
        ({"use": "enc"}, "RS256", False),
    ):
        try:
            found = keys_of(tmp_path / "keys.json", told | changed)
        except BadSetting:
            assert not fits
            continue
        assert (await found.find(told["kid"], algorithm) is not None) == fits, (changed, algorithm)


async def test_no_invented_token_makes_the_verifier_fail(tmp_path: Path) -> None:
    issuer, chance = Issuer(), random.Random(5)
    verifier = Jwt(keys_of(tmp_path / "keys.json", *issuer.keys()["keys"]), ISSUER, AUDIENCE)
    good = issuer.token("ana", AUDIENCE)
    assert await verifier.verify_token(good)
    for _ in range(2_000):
        broken = list(good)
        for _ in range(chance.choice([1, 1, 2, 30])):
            broken[chance.randrange(len(broken))] = chr(chance.choice([46, 61, 0, 0x20AC, *range(45, 123)]))
        token = "".join(broken)[: chance.choice([None, chance.randrange(len(good))])]
        if token != good and token.rsplit(".", 1)[0] != good.rsplit(".", 1)[0]:
            assert await verifier.verify_token(token) is None
