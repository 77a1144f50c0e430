"""All that a round of upkeep did is taken back, and the store is as it was."""

from datetime import timedelta
from typing import Any

from tests.doubles import Clock, check_store, everything, open_memory
from zettelmem import AsyncMemory, Note
from zettelmem.testing import Asked, ScriptedModel


def judge(asked: Asked) -> Any:
    if "holds" in asked.schema.model_fields:
        return {"holds": "first"}
    return {"insight": "Ana always takes the night train.", "notes": []}


async def a_life(memory: AsyncMemory, clock: Clock) -> None:
    """Old small talk, linked doubles, a matter with two words on it, and trips that belong together."""
    small_talk = [f"We met {name} at the station." for name in ("Ben", "Rita", "Hugo")]
    await memory.remember_many(small_talk, namespace="ana")
    clock.now += timedelta(days=400)
    for opening in ("", "By the way, ", "As I said, "):
        for fact in ("Rita is allergic to peanuts.", "The spare key is under the pot."):
            await memory.remember(f"{opening}{fact}", namespace="ana", thread="chat")
    await memory.remember("The gym is on Mondays.", namespace="ana")
    await memory.remember("The gym is on Tuesdays.", namespace="ana")
    trips = [f"Ana took the night train to {city}." for city in ("Vienna", "Rome", "Paris", "Oslo")]
    await memory.remember_many(trips, namespace="ana")


def plain(notes: dict[str, Note], among: set[str]) -> dict[str, Any]:
    return {each: notes[each].model_dump(exclude={"history", "revision"}) for each in among}


async def test_every_change_of_a_round_undone_leaves_the_store_as_it_was() -> None:
    clock = Clock()
    async with open_memory(clock=clock, model=ScriptedModel(judge), judge="offline") as memory:
        await a_life(memory, clock)
        before = await everything(memory)
        report = await memory.upkeep(namespace="ana", judge="model")
        assert {done.step for done in report.changes} == {"settle", "merge", "distil", "fade"}
        assert not report.problems
        changed = await check_store(memory)
        assert plain(changed, set(before)) != plain(before, set(before))
        for done in reversed(report.changes):
            assert done.change is not None
            await memory.undo(done.change, namespace="ana")
        after = await check_store(memory)
        assert plain(after, set(before)) == plain(before, set(before))
        assert all(after[each].forgotten_at is not None for each in after.keys() - before.keys())
        for note_id, old in before.items():
            assert after[note_id].history[: len(old.history)] == old.history
