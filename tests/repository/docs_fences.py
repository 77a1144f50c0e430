"""Reading the fences of a markdown page, for the test that runs them.

Every ```python fence is run, a page's fences in order and in one namespace. Two comments, each on
a line of its own right above a fence, say more:

    <!-- not run: REASON -->    above a python fence: it is left out, and the reason has to be there
    <!-- output -->             above the text fence after a python fence: it printed exactly this
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<info>[^`]*)$")
NOT_RUN = re.compile(r"^\s*<!--\s*not run\b:?(?P<reason>.*?)-->\s*$")
OUTPUT = re.compile(r"^\s*<!--\s*output\s*-->\s*$")


@dataclass
class Snippet:
    """A python fence: its code, the line its code begins on, and what it should print."""

    code: str
    line: int
    output: str | None = None
    not_run: str | None = None


def _blocks(text: str) -> Iterator[tuple[str, str, int, str]]:
    """Give (language, body, line of the body, line above the fence) of each fence."""
    lines = text.splitlines()
    above, at = "", 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        if opened is None:
            above = lines[at] if lines[at].strip() else above
            at += 1
            continue
        start = at + 1
        close = f"{opened['indent']}{opened['ticks']}"
        end = next((n for n in range(start, len(lines)) if lines[n].rstrip() == close), None)
        if end is None:
            raise ValueError(f"line {at + 1}: this fence is never closed")
        body = textwrap.dedent("\n".join(lines[start:end])) + "\n"
        yield (opened["info"].split() or [""])[0], body, start + 1, above
        above, at = "", end + 1


def snippets(text: str) -> list[Snippet]:
    """Give the python fences of a page, in order."""
    found: list[Snippet] = []
    after_python = False
    for language, body, line, above in _blocks(text):
        if language in {"python", "py"}:
            marked = NOT_RUN.match(above)
            reason = marked["reason"].strip() if marked else None
            if reason == "":
                raise ValueError(f"line {line - 1}: `not run` without a reason")
            found.append(Snippet(body, line, not_run=reason))
        elif OUTPUT.match(above):
            if not after_python or language != "text" or found[-1].not_run:
                raise ValueError(f"line {line - 1}: output of what? no python fence was run above")
            found[-1].output = body
        after_python = language in {"python", "py"}
    return found
