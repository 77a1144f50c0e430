"""Upkeep on the command line: what it tells, what it asks, and what can be taken back."""

import os

from tests.core.cli.program import Run
from zettelmem import DEFAULT_NAMESPACE, Memory
from zettelmem.testing import HashEmbedder


def doubles(run: Run) -> list[str]:
    texts = ["Ana is allergic to peanuts.", "By the way, Ana is really allergic to peanuts!"]
    return [run("remember", text, "--judge", "none", "--json")["note"]["id"] for text in texts]


def at_odds() -> tuple[str, str]:
    """Two notes of which one may be the later word."""
    with Memory(os.environ["ZETTELMEM_DB"], embedder=HashEmbedder()) as memory:
        old = memory.remember("Gym is on Mondays.", namespace=DEFAULT_NAMESPACE, judge="none").note.id
        new = memory.remember("Gym is on Tuesdays.", namespace=DEFAULT_NAMESPACE, judge="none").note.id
        memory.ask(new, namespace=DEFAULT_NAMESPACE, among=[old])
        links = [{"neighbour": 0, "relation": "updates"}]
        memory.connect(new, {"links": links}, namespace=DEFAULT_NAMESPACE)
    return new, old


def test_doubles_become_one_and_the_table_tells_how_to_take_it_back(run: Run) -> None:
    first, second = doubles(run)
    told = run("upkeep")
    assert "1 more says the same" in told
    change = told.split("zettelmem undo ")[1].split()[0]
    assert "said by" in run("show", first)
    assert "rests since" in run("show", second)
    run("undo", change)
    assert "rests since" not in run("show", second)


def test_a_dry_run_writes_nothing(run: Run) -> None:
    doubles(run)
    told = run("upkeep", "--dry-run", "--step", "merge")
    assert "1 more says the same" in told
    assert "undo" not in told
    assert run("upkeep", "--dry-run", "--json")["changes"][0]["change"] is None


def test_nothing_to_do_is_said(run: Run) -> None:
    run("remember", "Tea is at four.")
    assert "nothing to do" in run("upkeep")


def test_open_questions_are_listed_and_asked(run: Run) -> None:
    new, old = at_odds()
    assert "open questions: 1" in run("upkeep", "--step", "settle")
    assert run("upkeep", "--json")["proposals"][0]["notes"] == [new, old]
    asked = run("upkeep", "--ask", stdin="nonsense\n")
    assert "Gym is on Tuesdays." in asked
    assert "give one of first, both" in run.err
    assert "the first holds" in run("upkeep", "--ask", stdin="first\n")
    assert "no longer so" in run("show", old)


def test_a_question_can_wait(run: Run) -> None:
    at_odds()
    run("upkeep", "--ask", stdin="\n")
    assert run("upkeep", "--json")["proposals"]
