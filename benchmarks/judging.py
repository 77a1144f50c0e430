"""Does a judge earn its keep? Matters that change are told, and each judge says what is so now.

    python benchmarks/judging.py                     rules, ideal, weak and A-MEM's shape on updates-dev
    python benchmarks/judging.py --notes 10          the same on ten notes, as CI runs it
    python benchmarks/judging.py --arms model --model qwen --base-url http://localhost:8080/v1
    python benchmarks/judging.py --data locomo       what a scripted judge costs a note, and no quality

Arms: `rules` asks nobody. `ideal` is a script that knows the answers, so it shows what the mechanism can do.
`weak` is a script that errs like a small model: every third answer names another note, every fifth is cut
off, and half of its second answers are a careless yes. `amem` is the shape of A-MEM's questions, without its
text: a call describes each note, another decides about all neighbours and gives them new keywords. Its
closings are the ideal ones and pass no guard, so it shows what that shape costs. `model` is a real one.

Printed of each arm: now first (the newest statement stands before every older one), top 1 (it is the first
hit), stale (older ones among five hits that nothing marks as over), closed right and wrong, damage (notes
that hold still, and are not the first hit of their own words), and calls, tokens and seconds a note. Tokens
of scripts are characters / 4.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zettelmem import AsyncMemory, LanguageModel
from zettelmem.errors import AnswerUnfit
from zettelmem.spending import Account
from zettelmem.testing import Asked, ScriptedModel

ARMS = ("rules", "ideal", "weak", "amem", "model")
TOGETHER = 24


@dataclass(frozen=True)
class Said:
    """One statement: by whom, on which matter, and the how-manyth of it; matter None stays true."""

    words: str
    who: str
    matter: int | None = None
    place: int = 0


@dataclass
class Data:
    """What is told, in order, and what is asked about each matter."""

    said: list[Said]
    questions: list[str]

    def place_of(self, words: str) -> Said | None:
        return next((each for each in self.said if each.words == words), None)

    def replaces(self, new: str, old: str) -> bool:
        """Whether the first words are the later ones on the matter of the second."""
        ours, theirs = self.place_of(new), self.place_of(old)
        if ours is None or theirs is None or ours.matter is None:
            return False
        return ours.matter == theirs.matter and ours.place > theirs.place


@dataclass
class Result:
    """What one arm came to."""

    arm: str
    matters: int = 0
    now_first: int = 0
    top: int = 0
    stale: int = 0
    closed_right: int = 0
    closed_wrong: int = 0
    pending: int = 0
    damage: int = 0
    notes: int = 0
    seconds: float = 0.0
    spent: Account = field(default_factory=Account)


def read(folder: Path, count: int | None) -> Data:
    """The matters of `updates-dev.json`; of `count` notes as many matters as fit."""
    found = json.loads((folder / "updates-dev.json").read_text())
    matters = found["matters"][: None if count is None else max(1, count // 4)]
    kept = found["kept"][: None if count is None else count - 2 * len(matters)]
    rng = random.Random(1)
    first = [Said(m["said"][0], m["who"], i) for i, m in enumerate(matters)]
    first += [Said(each["said"], each["who"]) for each in kept]
    rng.shuffle(first)
    later: list[Said] = []
    for i, matter in enumerate(matters):
        later += [Said(words, matter["who"], i, place) for place, words in enumerate(matter["said"][1:], 1)]
    return Data(first + later, [matter["question"] for matter in matters])


def told(asked: Asked) -> list[tuple[str, str]]:
    """What stands before each note of a prompt, and the note's words."""
    lines = asked.prompt.splitlines()[1:-1]
    parts = [line.split(": ", 1) for line in lines if ": {" in line]
    return [(head, json.loads(words)["says"]) for head, words in parts]


def ideal(data: Data, *, describes: bool = False) -> Callable[[Asked], Any]:
    """A judge that knows the answers; what it `describes` is as long as a model's, and tells nothing."""

    def answer(asked: Asked) -> Any:
        shown = told(asked)
        words = [each for _, each in shown]
        kind = asked.schema.__name__
        if kind == "Replaces":
            olds = [old for old in words[:-1] if data.replaces(words[-1], old)]
            return {"replaces": (olds or ["nothing"])[0]}
        if kind == "Pairs":
            pairs = [(words[i + 1], words[i]) for i in range(0, len(words), 2)]
            return {
                "pairs": [
                    {"pair": i, "same": "yes" if data.replaces(*pair) else "no"}
                    for i, pair in enumerate(pairs)
                ]
            }
        if kind == "Judged":
            found: list[dict[str, Any]] = []
            for new, (head, said) in enumerate(shown):
                olds_at = [old for old in range(new) if data.replaces(said, words[old])]
                if head.endswith(" new"):
                    found += [{"relation": "replaces", "new": new, "older": old} for old in olds_at]
            return {"found": found}
        if kind == "Links":
            return {"links": []}
        places = [int(head.split()[1]) for head, _ in shown if head.startswith("note ")]
        return {"notes": [described(place) if describes else {"note": place} for place in places]}

    return answer


def described(place: int) -> dict[str, Any]:
    """A description as long as a model's."""
    words = {"context": "Something that was said of somebody's life.", "keywords": ["life", "said", "now"]}
    return {"note": place, **words, "tags": ["life"], "kind": "semantic"}


def weak(data: Data) -> Callable[[Asked], Any]:
    """A judge that errs like a small model: wrong notes, lost relations, answers that are cut off."""
    knows, rng = ideal(data), random.Random(1)

    def answer(asked: Asked) -> Any:
        good, kind = knows(asked), asked.schema.__name__
        if rng.random() < 0.2:
            return AnswerUnfit("the answer was cut off")
        if kind == "Replaces" and rng.random() < 0.33:
            return {"replaces": rng.choice([words for _, words in told(asked)[:-1]])}
        if kind == "Pairs":
            for each in good["pairs"]:
                each["same"] = each["same"] if rng.random() < 0.5 else "yes"
        if kind == "Judged" and len(told(asked)) > 1 and rng.random() < 0.33:
            good["found"].append({"relation": "", "new": 1, "older": 0})
        return good

    return answer


async def tell(memory: AsyncMemory, data: Data, clock: list[datetime], together: int) -> dict[str, Said]:
    """Remember all that is said; which note is which."""
    where: dict[str, Said] = {}
    for start in range(0, len(data.said), together):
        part = data.said[start : start + together]
        clock[0] = datetime(2026, 3 if part[-1].place else 1, 5, 9, tzinfo=UTC) + timedelta(minutes=start)
        drafts = [{"content": each.words, "source": {"who": each.who}} for each in part]
        for said, done in zip(part, await memory.remember_many(drafts, namespace="t"), strict=True):
            where[done.note.id] = said
    return where


async def run(arm: str, data: Data, model: LanguageModel | None, together: int) -> Result:
    """One arm: all is told, then each question is asked."""
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    judge = None if arm != "rules" else "offline"
    timeout = 600.0 if arm == "model" else 60.0
    async with AsyncMemory(model=model, judge=judge, clock=lambda: clock[0], model_timeout=timeout) as memory:
        start = time.monotonic()
        if arm == "amem":
            where, spent = await tell_like_amem(memory, data, clock)
        else:
            where = await tell(memory, data, clock, together)
            spent = (await memory.stats(namespace="t")).spent
        result = Result(arm, len(data.questions), notes=len(where), spent=spent)
        result.seconds = time.monotonic() - start
        clock[0] = datetime(2026, 4, 1, tzinfo=UTC)
        await ask(memory, data, where, result)
    return result


async def ask(memory: AsyncMemory, data: Data, where: dict[str, Said], result: Result) -> None:
    """Ask each question, and look at what the notes say."""
    notes = {note.id: note for note in (await memory.notes(namespace="t", limit=None)).notes}
    newest = {i: max(x.place for x in data.said if x.matter == i) for i in range(len(data.questions))}
    for note_id, note in notes.items():
        said = where[note_id]
        outdated = said.matter is not None and said.place < newest[said.matter]
        result.closed_right += outdated and note.invalid_at is not None
        result.closed_wrong += not outdated and note.invalid_at is not None
        result.pending += note.pending is not None
        if not outdated:
            own = await memory.recall(said.words, namespace="t", k=1)
            result.damage += not own or own[0].note.id != note_id
    for i, question in enumerate(data.questions):
        hits = await memory.recall(question, namespace="t", k=5)
        on_it = [
            (p, where[hit.note.id], hit.note) for p, hit in enumerate(hits) if where[hit.note.id].matter == i
        ]
        new = [p for p, said, _ in on_it if said.place == newest[i]]
        old = [p for p, said, _ in on_it if said.place < newest[i]]
        result.now_first += bool(new) and (not old or new[0] < old[0])
        result.top += new[:1] == [0]
        result.stale += sum(said.place < newest[i] and note.invalid_at is None for _, said, note in on_it)


async def tell_like_amem(
    memory: AsyncMemory, data: Data, clock: list[datetime]
) -> tuple[dict[str, Said], Account]:
    """Two questions a note, one of them about all neighbours at once, which it may rewrite; no guard."""
    where: dict[str, Said] = {}
    spent = Account()
    for place, said in enumerate(data.said):
        clock[0] = datetime(2026, 3 if said.place else 1, 5, 9, tzinfo=UTC) + timedelta(minutes=place)
        done = await memory.remember(said.words, namespace="t", source=said.who, judge="ask")
        question = await memory.ask(done.note.id, namespace="t")
        where[done.note.id] = said
        changes = [
            {"neighbour": each.number, "keywords": [*said.words.lower().strip(".").split()][:5]}
            for each in question.neighbours[:5]
        ]
        shown = [each.note.content for each in question.neighbours]
        right = [n for n, words in enumerate(shown) if data.replaces(said.words, words)]
        links = [{"neighbour": n, "relation": "supersedes"} for n in right]
        answer = {"links": links, "changes": changes}
        size = len(question.instructions + question.prompt) + len(said.words) + 900
        spent += Account(calls=2, tokens_in=size // 4, tokens_out=len(json.dumps(answer)) // 4 + 60)
        await memory.connect(done.note.id, answer, namespace="t")
    return where, spent


async def cost_of_locomo(folder: Path, together: int, limit: int | None) -> Result:
    """What a judge that finds nothing to close costs a turn of LoCoMo's development conversations."""
    found = json.loads((folder / "locomo-dev.json").read_text())
    nothing = Data([], [])
    result = Result("scripted")
    for talk in found if isinstance(found, list) else found.values():
        drafts: list[dict[str, Any]] = []
        sessions = [name for name in talk["conversation"] if re.fullmatch(r"session_\d+", name)]
        for name in sorted(sessions, key=lambda each: int(each.split("_")[1])):
            for turn in talk["conversation"][name]:
                who = {"who": turn["speaker"]}
                drafts.append({"content": turn["text"], "source": who, "thread": name})
        async with AsyncMemory(model=ScriptedModel(ideal(nothing, describes=True))) as memory:
            start = time.monotonic()
            for at in range(0, len(drafts[:limit]), together):
                await memory.remember_many(drafts[at : at + together][:limit], namespace="t")
            figures = await memory.stats(namespace="t")
            result.spent += figures.spent
            result.notes += figures.notes
            result.pending += figures.pending
            result.seconds += time.monotonic() - start
    return result


def show(results: list[Result]) -> None:
    """The figures as a table."""
    names = ["arm", "now first", "top 1", "stale", "closed right", "wrong", "damage", "pending"]
    names += ["calls a note", "tokens a note", "tokens a call", "seconds"]
    table = Table(*names)
    for each in results:
        n, notes, calls = max(each.matters, 1), max(each.notes, 1), max(each.spent.calls, 1)
        share = [f"{each.now_first / n:.2f}", f"{each.top / n:.2f}", f"{each.stale / n:.2f}"]
        counts = [each.closed_right, each.closed_wrong, each.damage, each.pending]
        cost = [f"{each.spent.calls / notes:.2f}", f"{each.spent.tokens / notes:.0f}"]
        cost += [f"{each.spent.tokens / calls:.0f}", f"{each.seconds:.1f}"]
        table.add_row(each.arm, *share, *map(str, counts), *cost)
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("ZETTELMEM_DATA", ".")))
    parser.add_argument("--data", choices=("updates", "locomo"), default="updates")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS[:-1])
    parser.add_argument("--notes", type=int, help="at most so many notes")
    parser.add_argument("--together", type=int, default=1, help="notes that are told in one call")
    parser.add_argument("--model")
    parser.add_argument("--base-url")
    chosen = parser.parse_args()
    if chosen.data == "locomo":
        show([asyncio.run(cost_of_locomo(chosen.folder, chosen.together, chosen.notes))])
        return
    data = read(chosen.folder, chosen.notes)
    results: list[Result] = []
    for arm in chosen.arms:
        model: LanguageModel | None = None
        if arm == "model":
            from zettelmem.providers.pydantic_ai import PydanticAI

            model = PydanticAI(chosen.model, base_url=chosen.base_url)
        elif arm in ("ideal", "weak"):
            model = ScriptedModel(ideal(data) if arm == "ideal" else weak(data))
        results.append(asyncio.run(run(arm, data, model, chosen.together)))
    show(results)


if __name__ == "__main__":
    main()
