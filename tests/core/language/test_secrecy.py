"""Likely secrets: found by sure signs, and only by those."""

import pytest

from tests.doubles import judging, open_sync
from zettelmem import InvalidInput
from zettelmem.language.secrets import kinds_in, redacted, secrets_in

# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "AWS key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "Slack token": "xoxb-" + "123456789012-abcdef",
    "Stripe key": "sk_live_" + "a1B2c3D4" * 3,
    "Google key": "AIza" + "a1B2c" * 7,
    "API key": "sk-proj-" + "a1B2c3D4" * 4,
    "npm token": "npm_" + "a1B2" * 9,
    "JSON web token": ".".join(("eyJ" + "hbGciOiJIUzI1", "eyJ" + "zdWIiOiIxMjM0", "dozjgNryP4J3jVmN")),
    "password in a URL": "ana:hunter22",
    "password": "hunter2!x",
    "card number": "4111 1111 1111 1111",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
}
SAYING = {"password in a URL": "see https://{}@host/x", "password": "my password is {} since May"}
HARMLESS = [
    "The commit is 3f786850e387550fdab836ed7e6dc881de23001b.",
    "Her phone is +351 912 345 678 and the order 1234567890123456.",
    "The password is in the vault.",
    "My favourite key is C major, the API key page is down.",
    "Read https://example.org:8080/a/b and user@host.",
    "ISBN 978-3-16-148410-0 at 12:30:45 on 2026-01-01.",
    "0000 0000 0000 0000",
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
def test_each_kind_is_found_and_taken_out_whole(kind: str, secret: str) -> None:
    text = SAYING.get(kind, "Ana said: {} and left.").format(secret)
    assert kinds_in(text) == [kind]
    (found,) = secrets_in(text)
    assert text[found.start : found.end] == secret
    assert redacted(text) == text.replace(secret, f"[{kind} removed]")
    assert redacted({"a": [text]}) == {"a": [redacted(text)]}


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_texts_are_left_alone(text: str) -> None:
    assert secrets_in(text) == []
    assert redacted(text) == text


def test_a_note_with_a_secret_is_flagged_by_default() -> None:
    with open_sync() as memory:
        memory.remember("The tide is out.", namespace="ana", tags=["sea"])
        note = memory.remember(f"Key: {SECRETS['AWS key']}", namespace="ana", tags=["aws"]).note
        assert note.tags == ("aws", "secret")
        assert [x.id for x in memory.notes(namespace="ana", tags=["secret"]).notes] == [note.id]
        other = memory.remember("Nothing yet.", namespace="ana").note
        revised = memory.revise(other.id, namespace="ana", content=SECRETS["npm token"]).note
        assert "secret" in revised.tags


def test_redacted_secrets_reach_neither_the_store_nor_the_model() -> None:
    model = judging()
    with open_sync(secrets="redact", model=model) as memory:
        secret = SECRETS["GitHub token"]
        done = memory.remember(f"Use {secret}.", namespace="ana", data={"token": secret}, key="k")
        assert secret not in done.note.model_dump_json()
        assert done.note.content == "Use [GitHub token removed]."
        assert all(secret not in asked.prompt for asked in model.asked)
        assert memory.remember(f"Use {secret}.", namespace="ana", data={"token": secret}, key="k").known
        revised = memory.revise(done.note.id, namespace="ana", content=f"Now {secret}").note
        assert secret not in revised.model_dump_json()


def test_refused_secrets_are_named_but_not_repeated() -> None:
    with open_sync(secrets="refuse") as memory:
        with pytest.raises(InvalidInput, match="AWS key") as caught:
            memory.remember(f"Key: {SECRETS['AWS key']}", namespace="ana")
        assert SECRETS["AWS key"] not in str(caught.value)
        assert memory.notes(namespace="ana").notes == ()


def test_allowed_secrets_are_kept_untouched() -> None:
    with open_sync(secrets="allow") as memory:
        note = memory.remember(f"Key: {SECRETS['AWS key']}", namespace="ana", tags=["aws"]).note
        assert note.tags == ("aws",)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(InvalidInput, match="redact"):
        open_sync(secrets="hide")
