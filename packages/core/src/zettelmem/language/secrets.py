"""Likely secrets in a text: keys, tokens, passwords, card numbers. A short list of sure signs, no guessing.

Detection by entropy is left out on purpose: it takes hashes, ids and quoted code for secrets, and a
memory that mangles those is worse than one that keeps a key its owner was warned of.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Secret(NamedTuple):
    """Where a likely secret stands in a text, and what it seems to be."""

    kind: str
    start: int
    end: int


# The issuers' own prefixes and lengths; in `password`, only what follows the sign is the secret.
_SIGNS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*(?:-----END [A-Z0-9 ]+-----)?",
    "AWS key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})\b",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    "Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}",
    "API key": r"\bsk-(?:[a-z]+-){0,3}[A-Za-z0-9_-]{20,}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "password in a URL": r"(?<=://)[^\s/:@]{1,100}:[^\s/:@]{3,100}(?=@)",
    "password": r"(?i:\b(?:password|passwd|passphrase|secret[ _-]?key|api[ _-]?key|access[ _-]?token)\b"
    r"[\"']?\s{0,3}(?:[:=]|\bis\b)\s{0,3}[\"']?)(?P<told>(?=[^\s\"']{0,100}[0-9!#$%&*+])[^\s\"',;]{6,100})",
    "card number": r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])",
}
_COMPILED = {kind: re.compile(sign) for kind, sign in _SIGNS.items()}


def _luhn(digits: str) -> bool:
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and digits[0] in "3456" and len(set(digits)) > 1 and _luhn(digits)


def secrets_in(text: str) -> list[Secret]:
    """The likely secrets of a text in the order they stand in, none inside another."""
    found = []
    for kind, sign in _COMPILED.items():
        for match in sign.finditer(text):
            start, end = match.span("told") if "told" in sign.groupindex else match.span()
            if kind != "card number" or _is_card(match.group()):
                found.append(Secret(kind, start, end))
    kept: list[Secret] = []
    for each in sorted(found, key=lambda x: (x.start, -x.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def redacted(value: Any) -> Any:
    """A text, or a JSON value with its texts, in which `[AWS key removed]` stands where a secret stood."""
    if isinstance(value, str):
        for each in reversed(secrets_in(value)):
            value = f"{value[: each.start]}[{each.kind} removed]{value[each.end :]}"
        return value
    if isinstance(value, dict):
        return {redacted(name): redacted(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redacted(each) for each in value)
    return value


def kinds_in(value: Any) -> list[str]:
    """What likely secrets there are in a text or a JSON value, each kind once."""
    if isinstance(value, str):
        return list(dict.fromkeys(each.kind for each in secrets_in(value)))
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    if not isinstance(parts, list | tuple):
        return []
    return list(dict.fromkeys(kind for each in parts for kind in kinds_in(each)))
