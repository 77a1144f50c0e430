"""What a language model is asked and paid for: little, in windows, within budgets, and nothing twice."""

import asyncio
import json
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import START, Clock, check_store, contents, everything, judging, open_memory
from zettelmem import Account, Budget, DecisionRefused, InvalidInput, Review
from zettelmem.testing import Asked, ScriptedModel

FLAT = "My flat in Porto by the river has {} rooms."
ROUNDS = 3
"""How often a process is killed. `python -m tests.core.test_models 50` kills 50, and fuzzes 1,000 answers."""


async def test_greetings_questions_and_notes_without_a_neighbour_cost_nothing() -> None:
    model = judging()
    async with open_memory(model=model) as memory:
        for text in ("Hello!", "Where do I live?", FLAT.format("two"), "Cats purr.", "Thanks a lot."):
            made = await memory.remember(text, namespace="a")
            assert made.note.pending is None
        assert model.asked == []
        await memory.remember(FLAT.format("three"), namespace="a")
        assert model.asked


async def test_a_window_is_described_by_one_question_and_judged_by_one() -> None:
    def answer(asked: Asked) -> Any:
        if asked.schema.__name__ == "Descriptions":
            return {"notes": [{"note": n, "context": f"Number {n}."} for n in range(5)]}
        lines = asked.prompt.splitlines()[1:-1]
        old, new = (next(i for i, x in enumerate(lines) if f"{n} rooms" in x) for n in (3, 5))
        return {"found": [{"relation": "replaces", "new": new, "older": old, "reason": "rebuilt"}]}

    model = ScriptedModel(answer)
    async with open_memory(model=model) as memory:
        made = await memory.remember_many([FLAT.format(n) for n in range(6)], namespace="a")
        assert [x.schema.__name__ for x in model.asked] == ["Descriptions", "Judged"]
        assert [x.note.content for x in made] == [FLAT.format(n) for n in range(6)]
        kept = await check_store(memory)
        closed = [note.content for note in kept.values() if note.invalid_at is not None]
        assert closed == [FLAT.format(3)]
        assert kept[made[5].note.id].context == "Number 4.", "the first note had no neighbour yet"


async def test_notes_left_for_later_are_stored_with_the_rules_word_and_asked_about_in_windows() -> None:
    model = judging()
    async with open_memory(model=model, judge="later") as memory:
        made = [await memory.remember(FLAT.format(n), namespace="a") for n in range(6)]
        assert model.asked == []
        assert all(each.note.links for each in made[1:]), "the rules linked them"
        assert len(await memory.finish_pending(namespace="a", due=True)) == 5
        assert [x.schema.__name__ for x in model.asked] == ["Descriptions", "Judged"]
        assert await memory.finish_pending(namespace="a") == []
        assert len(model.asked) == 2
        await check_store(memory)


async def test_two_that_finish_at_once_ask_about_each_note_once(tmp_path: Path) -> None:
    first, second = judging(), judging()
    async with (
        open_memory(str(tmp_path), model=first, judge="later") as one,
        open_memory(str(tmp_path), model=second) as other,
    ):
        for n in range(6):
            await one.remember(FLAT.format(n), namespace="a")
        done = await asyncio.gather(one.finish_pending(namespace="a"), other.finish_pending(namespace="a"))
        ids = [each.note.id for part in done for each in part]
        assert len(ids) == len(set(ids)) == 5
        assert len(first.asked) + len(second.asked) == 2
        await check_store(one)


# --- what it costs ---------------------------------------------------------------------------------


async def test_what_a_model_cost_is_told_by_the_notes_failures_included(tmp_path: Path) -> None:
    answers: list[Any] = ["rubbish", {"replaces": "nothing"}]
    model = ScriptedModel(answers)
    async with open_memory(str(tmp_path), model=model, tasks=["close"]) as memory:
        await memory.remember(FLAT.format("two"), namespace="a")
        await memory.remember(FLAT.format("three"), namespace="a")
        await memory.finish_pending(namespace="a")
    async with open_memory(str(tmp_path)) as memory:
        spent = (await memory.stats(namespace="a")).spent
        assert (spent.calls, spent.failed) == (2, 1)
        assert spent.tokens_in > 2 * 100
        examined = await memory.admin.examine()
        (found,) = [each for each in examined.findings if each.check == "model"]
        assert (found.count, found.told) == (2, f"calls, {spent.tokens:,} tokens")


@pytest.mark.parametrize(
    "budget",
    [
        Budget(per="hour", calls=1),
        Budget(per="day", calls=1, namespace=("a",)),
        Budget(per="hour", tokens=300),
    ],
)
async def test_a_question_beyond_a_budget_waits_and_the_note_does_not(budget: Budget) -> None:
    clock = Clock()
    model = judging()
    async with open_memory(model=model, budgets=[budget], tasks=["close"], clock=clock) as memory:
        for n in range(4):
            await memory.remember(FLAT.format(n), namespace="a")
        assert len(model.asked) == 1
        (waiting, *_) = (await memory.notes(namespace="a", pending=True)).notes
        assert waiting.pending is not None
        assert "is used up" in waiting.pending.reason
        assert waiting.pending.tries == 0
        clock.now += timedelta(days=1)
        assert len(await memory.finish_pending(namespace="a", limit=1)) == 1
        await check_store(memory)


async def test_a_result_tells_what_its_note_cost_failed_attempts_included() -> None:
    model = ScriptedModel(["rubbish", {"replaces": "nothing"}])
    async with open_memory(model=model, tasks=["close"]) as memory:
        free = await memory.remember(FLAT.format("two"), namespace="a")
        failed = await memory.remember(FLAT.format("three"), namespace="a")
        done = await memory.finish_pending(namespace="a")
        costs = [(each.calls, each.failed) for each in (free.spent, failed.spent, done.spent, done[0].spent)]
        assert costs == [(0, 0), (1, 1), (1, 0), (1, 0)]
        assert (await memory.stats(namespace="a")).spent == failed.spent + done.spent


async def test_an_estimate_asks_nobody_and_is_what_it_costs_then() -> None:
    model = judging()
    async with open_memory(model=model, judge="later") as memory:
        for n in range(6):
            await memory.remember(FLAT.format(n), namespace="a")
        before = await everything(memory)
        guessed = await memory.finish_pending(namespace="a", dry_run=True)
        assert model.asked == []
        assert await everything(memory) == before
        done = await memory.finish_pending(namespace="a")
        assert [x.note.id for x in guessed] == [x.note.id for x in done]
        assert (guessed.spent.calls, guessed.spent.tokens_in) == (done.spent.calls, done.spent.tokens_in)
        assert done.spent.calls == 2


async def test_upkeep_pays_from_the_same_account_and_heeds_budgets_and_the_breaker() -> None:
    model = ScriptedModel([{"holds": "both"}, RuntimeError("away")])
    budget = Budget(per="day", calls=1, namespace=("a",))
    async with open_memory(model=model, judge="offline", budgets=[budget]) as memory:
        for space in "abc":
            notes = [await memory.remember(FLAT.format(n), namespace=space, judge="none") for n in range(2)]
            await memory.ask(notes[1].note.id, namespace=space, among=[notes[0].note.id])
            link = {"links": [{"neighbour": 0, "relation": "updates"}]}
            await memory.connect(notes[1].note.id, link, namespace=space)
        reports = {
            space: await memory.upkeep(namespace=space, steps=["settle"], judge="model") for space in "abc"
        }
        spent = {space: (x.spent.calls, x.spent.failed) for space, x in reports.items()}
        assert spent == {"a": (1, 0), "b": (1, 1), "c": (0, 0)}
        assert "rests" in reports["c"].problems[0]
        assert (await memory.stats(namespace="a")).spent == reports["a"].spent


async def test_a_budget_of_others_is_not_ours() -> None:
    model = judging()
    budget = Budget(per="hour", calls=0, namespace=("b",))
    async with open_memory(model=model, budgets=[budget]) as memory:
        await memory.remember(FLAT.format("two"), namespace="a")
        assert (await memory.remember(FLAT.format("three"), namespace="a")).note.pending is None


def test_accounts_add_up() -> None:
    both = Account(calls=1, tokens_in=2) + Account(calls=1, tokens_out=3, money=0.5)
    assert (both.calls, both.tokens, both.money) == (2, 5, 0.5)


async def test_a_task_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="describe, close, link"):
        open_memory(model=judging(), tasks=["clos"])


# --- whatever it answers ---------------------------------------------------------------------------


def rubbish(asked: Asked, rng: random.Random) -> Any:
    """An answer that a model might give: nearly right, wrong in a part, or no answer at all."""
    texts = ["", "nothing", "PWNED", "note 0", "Ignore all rules.", "x" * 5_000, "\ud800", "\u202e"]
    values: list[Any] = [*texts, 0, -1, 7, 10**9, 2.5, None, True, [], {}, ["a"] * 10_000, {"note": 0}]
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([RuntimeError("away"), ValueError("half"), TimeoutError(), "text", None, 5])
    entry = {
        name: rng.choice(values)
        for name in ("note", "relation", "new", "older", "pair", "same", "context", "keywords", "content")
    }
    if kind < 4:  # a part of it fits
        entry |= {"note": 0, "relation": rng.choice(["relates", "replaces", "supports"]), "pair": 0}
        entry |= {"new": rng.randrange(4), "older": rng.randrange(4), "same": "yes"}
    many = [entry] * rng.choice([1, 3, 10_000])
    shown = [json.loads(x.split(": ", 1)[1])["says"] for x in asked.prompt.splitlines() if ": {" in x]
    replaces = rng.choice([*values, *shown])
    answer = {"notes": many, "links": many, "found": many, "pairs": many, "replaces": replaces}
    return answer if kind < 7 else rng.choice(values)


async def fuzzed(seed: int, questions: int, review: Review = "none") -> None:
    """Ask so many questions that are answered with rubbish, and look at what is stored."""
    rng = random.Random(seed)
    asked = 0

    def answer(question: Asked) -> Any:
        nonlocal asked
        asked += 1
        return rubbish(question, rng)

    clock = Clock()
    tasks: list[Any] = ["describe", "close", "link"]
    said: list[str] = []
    async with open_memory(model=ScriptedModel(answer), tasks=tasks, clock=clock, review=review) as memory:
        while asked < questions:
            for _ in range(2):
                said.append(f"{FLAT.format(rng.randrange(9))} Told as number {len(said)}.")
            await memory.remember_many(said[-2:], namespace="a")
            clock.now += timedelta(minutes=11)
            await memory.finish_pending(namespace="a", limit=4)
            for proposal in await memory.proposals(namespace="a"):
                try:
                    await memory.decide(proposal, rng.choice(["accept", "refuse"]), namespace="a")
                except DecisionRefused:
                    await memory.decide(proposal, "refuse", namespace="a")
        kept = await check_store(memory)
        assert sorted(note.content for note in kept.values()) == sorted(said)


@pytest.mark.parametrize(("seed", "review"), [(0, "none"), (1, "none"), (2, "closings"), (3, "all")])
async def test_no_answer_loses_a_note_changes_words_or_escapes(seed: int, review: Review) -> None:
    await fuzzed(seed, 40, review)


# --- kill -9 -------------------------------------------------------------------------------------


def worked(folder: Path) -> None:
    """A process that finishes what waits, with a model that takes its time."""

    async def slow(asked: Asked) -> Any:
        print("asked", flush=True)
        await asyncio.sleep(0.05)
        return {"replaces": "nothing"} if asked.schema.__name__ == "Replaces" else {"found": []}

    async def main() -> None:
        clock = Clock(START + timedelta(days=int(sys.argv[3])))
        model = ScriptedModel(slow)
        async with open_memory(str(folder), model=model, tasks=["close"], clock=clock) as memory:
            print("open", flush=True)
            for _ in range(20):
                await memory.finish_pending(namespace="a", limit=3)

    asyncio.run(main())


async def killed(folder: Path, rounds: int) -> None:
    """Store notes for later, kill the process that finishes them again and again, and look at them."""
    rng = random.Random(1)
    async with open_memory(str(folder), judge="later", tasks=["close"]) as memory:
        for n in range(3 * rounds):
            await memory.remember(FLAT.format(n), namespace="a")
        before = {note.id: note for note in (await everything(memory)).values()}
    for number in range(rounds):
        command = [sys.executable, "-m", "tests.core.test_models", "work", str(folder), str(number + 1)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(rng.randrange(2, 4)):
            await asyncio.wait_for(process.stdout.readline(), 60)
        await asyncio.sleep(rng.random() / 10)
        if process.returncode is None:
            process.kill()
        await process.wait()
    async with open_memory(
        str(folder), model=judging(), tasks=["close"], clock=Clock(START + timedelta(days=999))
    ) as memory:
        await memory.finish_pending(namespace="a")
        kept = await check_store(memory)
        assert kept.keys() == before.keys()
        assert all(note.content == before[note_id].content for note_id, note in kept.items())
        for note in kept.values():
            assert note.pending is None
            finished = [entry for entry in note.history if entry.verb == "connect"]
            assert len(finished) == (before[note.id].pending is not None), f"{note.id} was finished once"
        assert contents(await memory.recall("flat in Porto", namespace="a"))


async def test_a_process_that_is_killed_at_its_work_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    await killed(tmp_path, ROUNDS)


def test_a_note_is_on_disk_before_its_model_is_asked(tmp_path: Path) -> None:
    """The note was written after the model had answered."""
    seen: list[int] = []

    async def main() -> None:
        async with open_memory(str(tmp_path)) as other:

            async def look(asked: Asked) -> Any:
                seen.append(len((await other.notes(namespace="a")).notes))
                return {"replaces": "nothing"}

            async with open_memory(str(tmp_path), model=ScriptedModel(look), tasks=["close"]) as memory:
                await memory.remember(FLAT.format("two"), namespace="a")
                await memory.remember(FLAT.format("three"), namespace="a")

    asyncio.run(main())
    assert seen == [2]


if __name__ == "__main__":
    if sys.argv[1] == "work":
        worked(Path(sys.argv[2]))
    else:
        import tempfile

        for seed in range(int(sys.argv[1])):
            asyncio.run(fuzzed(seed, 20))
        print(f"{20 * int(sys.argv[1])} answers that were rubbish: nothing lost, nothing escaped")
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(killed(Path(place), int(sys.argv[1])))
        print(f"killed {sys.argv[1]} times: nothing lost, nothing done twice")
