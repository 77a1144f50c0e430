"""Upkeep on the command line: what it tells, what it asks, and what can be taken back."""

import os

from tests.core.cli.program import Run
from tests.doubles import judging
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


def proposed() -> tuple[str, str]:
    """Two notes, of which a model says that the second one replaces the first."""
    place, embedder = os.environ["ZETTELMEM_DB"], HashEmbedder()
    described = {"context": "A home.", "keywords": ["home"], "tags": ["home"], "kind": "semantic"}
    model = judging(closes=True, described=described)
    with Memory(place, embedder=embedder, model=model, review="all") as memory:
        old = memory.remember("My flat in Porto by the river has two rooms.", namespace=DEFAULT_NAMESPACE)
        new = memory.remember("My flat in Porto by the river has three rooms.", namespace=DEFAULT_NAMESPACE)
    return new.note.id, old.note.id


def test_what_a_model_proposes_is_shown_as_a_difference_and_answered_one_by_one(run: Run) -> None:
    new, old = proposed()
    asked = run("review", stdin="accept\nmaybe\n")
    assert f"+ supersedes [{old}]" in asked
    assert "+ keywords: home" in asked
    assert "give 'accept' or 'refuse'" in run.err
    assert "zettelmem undo" in asked
    assert "no longer so" in run("show", old)
    (left,) = run("review", "--json")["proposals"]
    assert (left["id"], left["about"]) == (f"{new}-description", "description")
    assert "later" not in run("review", "--refuse", left["id"])
    assert "nothing waits for a review" in run("review")


def test_a_proposal_is_named_by_its_id(run: Run) -> None:
    new, old = proposed()
    names = [each["id"] for each in run("review", "--json")["proposals"]]
    assert names == [f"{new}-{old}", f"{new}-description"]
    (done,) = run("review", "--accept", names[0], "--json")["done"]
    assert done["told"] == "accepted"
    run("undo", done["change"])
    assert "no longer so" not in run("show", old)
    run("review", "--accept", names[0], code=2)
    assert "waits" in run.err


def test_what_finishing_would_cost_is_told_before(run: Run) -> None:
    with Memory(os.environ["ZETTELMEM_DB"], embedder=HashEmbedder(), judge="later") as memory:
        for rooms in ("two", "three"):
            memory.remember(f"My flat in Porto by the river has {rooms} rooms.", namespace=DEFAULT_NAMESPACE)
    told = run("finish", "--dry-run", "--judge", "offline")
    assert told == "1 notes would be looked at; 0 calls of the model, about 0 tokens\n"
    assert run("finish", "--dry-run", "--json")["pending"] == 1
