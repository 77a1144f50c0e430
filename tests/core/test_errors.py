"""Errors of dependencies, told in words."""

import pytest

from zettelmem.errors import without_places


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("disk full, /rustc/2d81/library/core/src/ops/function.rs:250:5", "disk full"),
        ("lost: /home/runner/.cargo/registry/src/index-19/lance-7.0/src/io.rs:12:3: again", "lost: again"),
        ("reading /data/notes.lance failed", "reading /data/notes.lance failed"),
        ("", "OSError"),
    ],
)
def test_places_in_the_source_of_a_dependency_are_left_out(said: str, told: str) -> None:
    assert without_places(OSError(said)) == told
