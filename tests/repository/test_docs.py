"""Every python fence of the documentation and every example is run, and prints what it says."""

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest

from tests.canned_server import CannedServer
from tests.repository.docs_fences import Snippet, snippets

SERVER = re.compile(r"http://localhost:\d+/v1")
"""A language model's server in a page: a canned one answers in its place."""
ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("README.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("packages/*/README.md")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTED = {
    "mcp_conversation.py": [
        "may be the newer word on",
        "supersedes [",
        "Likely the first:",
        "> Ana lives in Porto now.",
        "Nothing is remembered about that.",
        "upkeep: 1 changes",
        "All that is remembered",
        "> Ana wants answers with the code first.",
        "> Ana lives in Porto now.",
    ],
    "demo.py": ["A conversation goes in: one note a turn", "by rules, without a language model"],
    "langchain_agent.py": [
        "ana, tuesday: What may Mia not eat?",
        "    You told me: My daughter Mia is allergic to peanuts.",
        "bob, tuesday: What may Mia not eat?",
        "    Nobody has told me yet.",
        "used 1 times: My daughter Mia is allergic to peanuts.",
        "upkeep: 0 changes",
        "ana, wednesday: What shall I bake for the party?",
        "    You told me: My daughter Mia is allergic to peanuts. [",
        "All that is remembered",
    ],
    "langgraph_store.py": ["Ana moved to Porto in May."],
    "llamaindex_agent.py": [
        "tuesday > What am I allergic to?",
        "I remember: I am Ana, and I am allergic to peanuts. [",
        "used ",
        " times: I am Ana, and I am allergic to peanuts.",
        "upkeep: 0 changes",
        "All that is remembered",
        "wednesday > Which nuts do I avoid?",
        "I remember: I am Ana, and I am allergic to peanuts. [",
    ],
    "llamaindex_query_engine.py": [
        "stored twice: False",
        "Ski boots are rented in the cellar, from nine to five.",
        "['bread.md']",
    ],
}
"""Lines, or parts of lines, that each example prints, in this order."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run_page(page: str, found: list[Snippet], monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("snippet")  # in sys.modules, so that its classes can be resolved by name
    monkeypatch.setitem(sys.modules, "snippet", module)
    for snippet in found:
        if snippet.not_run:
            continue
        padding = "\n" * (snippet.line - 1)  # a traceback names the page's own line
        code = compile(padding + snippet.code, page, "exec", dont_inherit=True)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(code, module.__dict__)
        if snippet.output is not None:
            assert printed.getvalue() == snippet.output, f"{page}, line {snippet.line}"


@pytest.mark.parametrize("page", sorted(PAGES), ids=name_of)
def test_documentation_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    if SERVER.search(text) is None:
        run_page(name_of(page), snippets(text), monkeypatch)
        return
    pytest.importorskip("pydantic_ai.models.openai")
    with CannedServer() as server:
        run_page(name_of(page), snippets(SERVER.sub(server.url, text)), monkeypatch)
    assert server.asked


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    code = (
        "import runpy, sys; from tests import no_network; no_network.arm(); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); "
        "sys.exit('\\n'.join(no_network.attempts) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rest = done.stdout
    for line in PRINTED[example.name]:
        assert line in rest, done.stdout
        rest = rest.partition(line)[2]


PAGE = """\
```python
name = "Ana"
```

<!-- not run: it needs a key -->
```python
raise SystemExit
```

1. A step:
   ```python
   print("hello", name)
   ```
   <!-- output -->
   ```text
   hello Ana
   ```
"""


def test_fences_share_one_namespace_and_their_output_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_page("page", snippets(PAGE), monkeypatch)
    with pytest.raises(AssertionError, match="page, line 12"):
        run_page("page", snippets(PAGE.replace("hello Ana", "hello Bob")), monkeypatch)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("<!-- not run: -->\n```python\nx\n```\n", "line 2: `not run` without a reason"),
        ("<!-- output -->\n```text\nx\n```\n", "line 2: output of what"),
        ("```python\nx = 1\n", "line 1: this fence is never closed"),
    ],
)
def test_a_bad_page_is_refused(page: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        snippets(page)
