"""The front door: which names there are, that both colours agree, and that it opens at once."""

import inspect
import json
import subprocess
import sys
from typing import get_overloads

import pytest

import zettelmem
from zettelmem import AsyncMemory, Memory, ZettelmemError
from zettelmem.admin.desk import AsyncAdmin
from zettelmem.sync import Admin

NAMES = [
    "AGENT_TOOLS",
    "DEFAULT_NAMESPACE",
    "HALF_LIVES",
    "MAX_BUDGET",
    "MAX_CONTENT",
    "MAX_CONTEXT",
    "MAX_DATA",
    "MAX_K",
    "MAX_PAGE",
    "MAX_QUERY",
    "MAX_WORD",
    "MAX_WORDS",
    "MIN_SCORE",
    "Account",
    "AgentTool",
    "Answer",
    "AnswerT",
    "AnswerUnfit",
    "AsyncMemory",
    "Brief",
    "Budget",
    "Caller",
    "ConflictError",
    "Decision",
    "DecisionRefused",
    "Done",
    "Draft",
    "Effort",
    "Embedder",
    "Erasure",
    "Evolution",
    "Examination",
    "ExtraMissing",
    "Finding",
    "Finished",
    "Graph",
    "Hit",
    "InvalidInput",
    "Judge",
    "Known",
    "LanguageModel",
    "LimitExceeded",
    "Link",
    "LinkChoice",
    "Memory",
    "Message",
    "ModelError",
    "Neighbour",
    "NeighbourChange",
    "NotFound",
    "Note",
    "Page",
    "Part",
    "Pending",
    "Profile",
    "Proposal",
    "Question",
    "Quota",
    "QuotaError",
    "Reembedded",
    "Relation",
    "Remembered",
    "Reranker",
    "Review",
    "Sift",
    "Sifted",
    "Source",
    "Stats",
    "StoreError",
    "StoreMismatch",
    "Trust",
    "UpkeepReport",
    "Where",
    "ZettelmemError",
    "as_namespace",
    "cited",
    "cut",
    "fence",
    "fit",
    "for_prompt",
    "one_line",
    "refused",
    "shorten",
    "show",
    "show_brief",
    "show_neighbours",
    "strength",
    "tell",
    "tell_history",
    "tell_links",
    "to_ask_for",
]
VERBS = [
    "ask",
    "brief",
    "close",
    "connect",
    "decide",
    "finish_pending",
    "forget",
    "get",
    "graph",
    "history",
    "keyed",
    "links",
    "namespaces",
    "neighbours",
    "notes",
    "profile",
    "proposals",
    "recall",
    "remember",
    "remember_conversation",
    "remember_many",
    "revise",
    "stats",
    "undo",
    "upkeep",
    "used",
]
ADMIN = [
    "backup",
    "erase",
    "erase_note",
    "examine",
    "exported",
    "present",
    "quota",
    "reembed",
    "restore",
    "set_quota",
]
HEAVY = ["lancedb", "numba", "pandas", "pyarrow", "scipy", "torch", "transformers", "wordllama"]


def verbs(colour: type) -> list[str]:
    return sorted(name for name in dir(colour) if callable(getattr(colour, name)) and name[0] != "_")


def test_the_public_names_are_these() -> None:
    assert zettelmem.__all__ == NAMES
    assert all(hasattr(zettelmem, name) for name in NAMES)


def test_the_verbs_are_these() -> None:
    assert verbs(AsyncMemory) == VERBS
    assert verbs(Memory) == sorted([*VERBS, "run"])
    assert verbs(AsyncAdmin) == ADMIN
    assert verbs(Admin) == ADMIN


@pytest.mark.parametrize("verb", [*VERBS, "__init__"])
def test_both_colours_have_one_signature(verb: str) -> None:
    awaiting, blocking = getattr(AsyncMemory, verb), getattr(Memory, verb)
    assert inspect.signature(awaiting) == inspect.signature(blocking)
    assert [inspect.signature(each) for each in get_overloads(awaiting)] == [
        inspect.signature(each) for each in get_overloads(blocking)
    ]
    if verb != "__init__":
        assert inspect.iscoroutinefunction(awaiting)
        assert not inspect.iscoroutinefunction(blocking)


@pytest.mark.parametrize("verb", ADMIN)
def test_both_colours_have_one_signature_for_operators(verb: str) -> None:
    awaiting, blocking = getattr(AsyncAdmin, verb), getattr(Admin, verb)
    assert inspect.signature(awaiting) == inspect.signature(blocking)
    assert inspect.iscoroutinefunction(awaiting)
    assert not inspect.iscoroutinefunction(blocking)
    assert blocking.__doc__ == awaiting.__doc__


def test_every_error_is_in_one_tree_that_its_docstring_draws() -> None:
    errors = [each for name in NAMES if isinstance(each := getattr(zettelmem, name), type)]
    errors = [each for each in errors if issubclass(each, Exception)]
    assert len(errors) == 12
    assert all(issubclass(each, ZettelmemError) for each in errors)
    assert all(each.__name__ in str(zettelmem.errors.__doc__) for each in errors)


def loaded(code: str) -> list[str]:
    """The heavy modules that are loaded after `code` ran in a process of its own."""
    told = f"{code}\nimport json, sys; print(json.dumps([x for x in {HEAVY} if x in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_loads_nothing_heavy() -> None:
    assert loaded("import zettelmem") == []


def test_constructing_loads_nothing_heavy() -> None:
    assert loaded("import zettelmem; zettelmem.Memory(); zettelmem.AsyncMemory()") == []
