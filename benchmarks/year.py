"""A year of use, with upkeep and without: what is found, what upkeep costs, what it does to disk and memory.

    python benchmarks/year.py --a-day 50

remembers so many notes a day, one at a time. Once a week upkeep looks after them, with a scripted judge: what
may be the later word is it, and three deploys that failed alike are worth a lesson. At the end of each month
some questions about that month are asked, and what answered them is counted as used. The same year again,
without upkeep, is what it is held against.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from harness.corpus import Question, draft
from harness.life import SPACE, START, Life

from zettelmem import AsyncMemory
from zettelmem.testing import Asked, ScriptedModel

MONTH = 30
K = 10


@dataclass(frozen=True)
class Month:
    """What one month came to.

    Attributes:
        found: recall at ten of questions about it, in percent.
        earlier: the same of questions about all months before it.
        remembering, upkeep: CPU seconds, which other work on the machine does not lengthen.
        notes: how many there are.
        disk: bytes of the store.
        memory: the most that the process ever held, in MB.
    """

    found: float
    earlier: float
    remembering: float
    upkeep: float
    notes: int
    disk: int
    memory: float


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def judged(asked: Asked) -> dict[str, Any]:
    """What a careful judge of this life says."""
    if "holds" in asked.schema.model_fields:
        return {"holds": "first"}
    alike = Counter(re.findall(r"failed with ([\w ]+); ([\w ]+) mended it", asked.prompt))
    for (fault, cure), count in alike.most_common(1):
        if count > 2:
            return {"insight": f"When a deploy fails with {fault}, {cure} mends it.", "notes": []}
    return {"insight": "", "notes": []}


async def ask(memory: AsyncMemory, questions: Sequence[Question], *, count: bool) -> float:
    """The percentage of questions whose text is among ten hits; with `count` what answers is used."""
    found = 0
    for question in questions:
        hits = await memory.recall(question.text, namespace=SPACE, k=K)
        answering = [hit.note.id for hit in hits if hit.note.key in question.gold]
        found += bool(answering)
        if count and answering:
            await memory.used(answering, namespace=SPACE)
    return 100 * found / max(len(questions), 1)


async def live(life: Life, days: int, asked: int, *, every: int) -> list[Month]:
    """A life, month by month; upkeep every so many days, or never where that is 0."""
    now = START
    chance = Random(life.seed)

    def clock() -> datetime:
        return now

    months: list[Month] = []
    remembering = upkeep = 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncMemory(folder, clock=clock, model=ScriptedModel(judged), judge="offline") as memory:
            for day, (at, items) in enumerate(life.days(days), 1):
                begun = time.process_time()
                for item in items:
                    now = item.occurred_at or at
                    await memory.remember_many([draft(item)], namespace=SPACE)
                remembering += time.process_time() - begun
                if every and day % every == 0:
                    begun = time.process_time()
                    await memory.upkeep(namespace=SPACE, judge="model")
                    upkeep += time.process_time() - begun
                if day % MONTH == 0:
                    number = len(months)
                    this = [question for month, question in life.questions if month == number]
                    past = [question for month, question in life.questions if month < number]
                    now += timedelta(hours=12)
                    months.append(
                        Month(
                            await ask(memory, chance.sample(this, min(asked, len(this))), count=True),
                            await ask(memory, chance.sample(past, min(asked, len(past))), count=False),
                            remembering,
                            upkeep,
                            (await memory.stats(namespace=SPACE)).notes,
                            size_of(Path(folder)),
                            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                        )
                    )
                    remembering = upkeep = 0.0
    return months


def tell(name: str, months: Sequence[Month]) -> None:
    """A table, a row a month."""
    say = sys.stdout.write
    say(f"\n{name}\nmonth  this month  earlier  notes  bytes a note  memory MB  ")
    say("remembering CPU s  upkeep CPU s\n")
    for number, month in enumerate(months, 1):
        say(
            f"{number:>5}  {month.found:>10.1f}  {month.earlier:>7.1f}  {month.notes:>5}  "
            f"{month.disk / max(month.notes, 1):>12,.0f}  {month.memory:>9,.0f}  {month.remembering:>17.1f}  "
            f"{month.upkeep:>12.2f}\n"
        )
    count = len(months)
    found = sum(month.found for month in months) / count
    earlier = sum(month.earlier for month in months[1:]) / max(count - 1, 1)
    upkeep, remembering = sum(x.upkeep for x in months), sum(x.remembering for x in months)
    share = 100 * upkeep / remembering
    say(f" mean  {found:>10.1f}  {earlier:>7.1f}  upkeep took {share:.1f} % of remembering\n")


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--a-day", type=int, default=10, help="notes a day")
    parser.add_argument("--days", type=int, default=360)
    parser.add_argument("--every", type=int, default=7, help="days between two rounds of upkeep")
    parser.add_argument(
        "--ask", type=int, default=40, help="questions a month, and as many about earlier ones"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(given)
    for name, every in (("without upkeep", 0), ("with upkeep", options.every)):
        life = Life(options.a_day, options.seed)
        tell(name, asyncio.run(live(life, options.days, options.ask, every=every)))


if __name__ == "__main__":
    main()
