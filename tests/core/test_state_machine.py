"""A store held against a plain dict through any order of verbs; what must hold, holds after each step.

CI takes 2,000 steps, in runs of up to 40.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.doubles import Clock, check_causes, everything, open_memory
from zettelmem import (
    AsyncMemory,
    ConflictError,
    DecisionRefused,
    InvalidInput,
    Note,
    NotFound,
    Remembered,
    Trust,
)
from zettelmem.testing import hold

T = TypeVar("T")
STEPS = 2_000
"""Steps that all runs take together, at least."""

SPACES = st.sampled_from(["a", "b"])
THREADS = st.sampled_from([None, "t", "u"])
WORDS = st.lists(
    st.sampled_from("telescope mirror attic moved no longer porto lisbon 12345 [1] None 🙂 Ana".split()),
    min_size=1,
    max_size=5,
).map(" ".join)
DECISIONS = st.fixed_dictionaries(
    {},
    optional={
        "links": st.lists(
            st.fixed_dictionaries(
                {
                    "neighbour": st.integers(0, 4),
                    "relation": st.sampled_from(["relates", "supports", "supersedes", "contradicts"]),
                }
            ),
            max_size=4,
        ),
        "changes": st.lists(
            st.fixed_dictionaries(
                {"neighbour": st.integers(0, 4)},
                optional={"context": WORDS, "keywords": st.lists(WORDS, max_size=2), "tags": st.just(["t"])},
            ),
            max_size=2,
        ),
    },
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "content": WORDS,
        "context": WORDS,
        "tags": st.lists(WORDS, max_size=2),
        "trust": st.sampled_from(Trust),
    },
)


class Store(RuleBasedStateMachine):
    """The verbs on a real store, and the model of it: what each note says, and which are forgotten."""

    notes = Bundle("notes")
    changes = Bundle("changes")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.path = tempfile.mkdtemp(prefix="zettelmem-")
        self.clock = Clock()
        self.memory = self.opened()
        self.said: dict[str, str] = {}
        self.space: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.revisions: dict[str, int] = {}
        self.steps = 0

    def opened(self) -> AsyncMemory:
        return open_memory(self.path, clock=self.clock, neighbours=4)

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(call, 60))

    def teardown(self) -> None:
        self.run(self.memory.close())
        self.loop.close()
        Steps.taken += self.steps
        shutil.rmtree(self.path)

    def learned(self, note: Note, space: str) -> tuple[str, str]:
        self.said[note.id] = note.content
        self.space[note.id] = space
        return note.id, space

    @rule(
        target=notes,
        content=WORDS,
        space=SPACES,
        thread=THREADS,
        judge=st.sampled_from(["offline", "ask", "none"]),
    )
    def remember(self, content: str, space: str, thread: str | None, judge: Any) -> tuple[str, str]:
        made = self.run(self.memory.remember(content, namespace=space, thread=thread, judge=judge))
        self.check_known(made, content, space)
        return self.learned(made.note, space)

    def check_known(self, made: Remembered, content: str, space: str) -> None:
        """Words are kept exactly; the same words again are the note that is there and stands."""
        assert made.known == (made.note.id in self.said)
        assert made.note.content == (self.said[made.note.id] if made.known else content)
        assert self.space.get(made.note.id, space) == space
        assert made.note.id not in self.forgotten

    @rule(target=notes, key=st.sampled_from(["k1", "k2"]), content=WORDS, space=SPACES)
    def remember_keyed(self, key: str, content: str, space: str) -> tuple[str, str]:
        made = self.run(self.memory.remember(content, namespace=space, key=key))
        assert made.note.content == content
        self.forgotten.discard(made.note.id)
        return self.learned(made.note, space)

    @rule(texts=st.lists(WORDS, min_size=2, max_size=4), space=SPACES, thread=THREADS)
    def remember_many(self, texts: list[str], space: str, thread: str | None) -> None:
        made = self.run(
            self.memory.remember_many([{"content": x, "thread": thread} for x in texts], namespace=space)
        )
        for each, content in zip(made, texts, strict=True):
            self.check_known(each, content, space)
            self.learned(each.note, space)

    @rule(target=changes, which=notes, decision=DECISIONS, ask=st.booleans())
    def connect(self, which: tuple[str, str], decision: dict[str, Any], ask: bool) -> tuple[str, str] | None:
        note_id, space = which
        try:
            if ask:
                self.run(self.memory.ask(note_id, namespace=space))
            made = self.run(self.memory.connect(note_id, decision, namespace=space))
        except NotFound:
            assert note_id in self.forgotten
            return None
        except (DecisionRefused, ConflictError):
            return None
        return made.change, space

    @rule(target=changes, which=notes, fields=FIELDS)
    def revise(self, which: tuple[str, str], fields: dict[str, Any]) -> tuple[str, str] | None:
        note_id, space = which
        try:
            made = self.run(self.memory.revise(note_id, namespace=space, **fields))
        except NotFound:
            assert note_id in self.forgotten
            return None
        except InvalidInput as refused:
            if "says so already" not in str(refused):
                raise
            return None
        self.said[note_id] = fields.get("content", self.said[note_id])
        return made.change, space

    @rule(target=changes, which=notes)
    def forget(self, which: tuple[str, str]) -> tuple[str, str] | None:
        note_id, space = which
        try:
            made = self.run(self.memory.forget(note_id, namespace=space))
        except NotFound:
            assert note_id in self.forgotten
            return None
        assert note_id not in self.forgotten
        self.forgotten.add(note_id)
        return made.change, space

    @rule(target=changes, which=st.one_of(changes, consumes(changes)))
    def undo(self, which: tuple[str, str] | None) -> tuple[str, str] | None:
        return None if which is None else self.take_back(*which)

    @rule(target=changes, which=notes)
    def undo_the_birth(self, which: tuple[str, str]) -> tuple[str, str] | None:
        return self.take_back(f"{which[0]}.1", which[1])

    def take_back(self, change: str, space: str) -> tuple[str, str] | None:
        before = self.run(everything(self.memory))
        try:
            made = self.run(self.memory.undo(change, namespace=space))
        except ConflictError:
            assert self.run(everything(self.memory)) == before, "a refused undo changed something"
            return None
        now = made.note
        self.said[now.id] = now.content
        (self.forgotten.discard if now.forgotten_at is None else self.forgotten.add)(now.id)
        (taken,) = [x for x in now.history if x.change == change]
        values = now.model_dump(mode="json")
        for name, value in taken.before.items():
            assert name in ("pending", "shown") or values[name] == value
        assert not set(taken.linked) & set(now.links)
        assert set(taken.unlinked) <= set(now.links)
        return made.change, space

    @rule(which=notes, helped=st.booleans())
    def use(self, which: tuple[str, str], helped: bool) -> None:
        note_id, space = which
        counted = self.run(self.memory.used([note_id], namespace=space, helped=helped))
        assert counted == (() if note_id in self.forgotten else (note_id,))

    @rule(target=changes, space=SPACES, days=st.integers(0, 500), number=st.integers(0, 9))
    def upkeep(self, space: str, days: int, number: int) -> tuple[str, str] | None:
        self.clock.now += timedelta(days=days)
        report = self.run(self.memory.upkeep(namespace=space))
        made = [done.change for done in report.changes if done.change is not None]
        for proposal in report.proposals[:1]:
            answer = proposal.answers[number % len(proposal.answers)] if proposal.answers else "Ana moves"
            done = self.run(self.memory.decide(proposal, answer, namespace=space))
            made += [done.change] if done.change is not None else []
            if proposal.about == "insight":
                self.said[done.notes[0]], self.space[done.notes[0]] = answer, space
        return (made[number % len(made)], space) if made else None

    @precondition(lambda self: self.said)
    @rule()
    def reopen(self) -> None:
        self.run(self.memory.close())
        self.memory = self.opened()

    @precondition(lambda self: self.said)
    @rule(space=SPACES, query=WORDS)
    def recall(self, space: str, query: str) -> None:
        hits = self.run(self.memory.recall(query, namespace=space, k=5))
        assert all(self.space[x.note.id] == space for x in hits)
        assert not {x.note.id for x in hits} & self.forgotten
        scores = [x.score for x in hits]
        assert scores == sorted(scores, reverse=True)
        page = self.run(self.memory.notes(namespace=space, limit=1_000))
        assert {x.id for x in page.notes} == {x for x, y in self.space.items() if y == space} - self.forgotten

    @invariant()
    def everything_is_as_the_dict_has_it(self) -> None:
        self.steps += 1
        notes = self.run(everything(self.memory))
        hold(notes.values())
        check_causes(notes)
        assert {x.id: x.content for x in notes.values()} == self.said
        assert {x.id: x.namespace for x in notes.values()} == {x: (y,) for x, y in self.space.items()}
        assert {x.id for x in notes.values() if x.forgotten_at is not None} == self.forgotten
        for each in notes.values():
            assert each.revision >= self.revisions.get(each.id, 1), "a revision went back"
            self.revisions[each.id] = each.revision


class Steps:
    """How many steps were taken by all runs."""

    taken = 0


def test_a_store_is_what_a_dict_would_be() -> None:
    runs = settings(
        max_examples=14, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    while Steps.taken < STEPS:  # a run may end early, so their number is not known
        before = Steps.taken
        run_state_machine_as_test(Store, settings=runs)
        assert Steps.taken > before
