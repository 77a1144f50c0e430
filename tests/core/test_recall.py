"""Recalling on a real store: filters, namespaces, budgets, paging, reasons; nothing leaks."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles import DAY, START, A, check_store, contents, decided, open_memory, open_sync, said
from zettelmem import AsyncMemory, InvalidInput, LimitExceeded, Memory, ModelError, NotFound, Trust, recall
from zettelmem.limits import RESIDENT
from zettelmem.store import Store
from zettelmem.values import tag_key


@pytest.fixture(params=["all in memory", "best in memory", "on disk"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace is small, large, or too large for memory: what is seen is the same."""
    if request.param != "all in memory":
        monkeypatch.setattr(recall, "WHOLE", -1)
    if request.param == "on disk":
        monkeypatch.setattr(Store, "view", _no_view)


async def _no_view(store: Store, namespace: tuple[str, ...]) -> None:
    """As where no namespace fits into memory."""


EVERY = "Cats purr. Cats bite. Feed cats. Cats see. Cats sleep. Cats ran."


async def some(memory: AsyncMemory) -> list[str]:
    """Six notes about cats that differ in everything that can be filtered by; their ids."""
    drafts: list[dict[str, Any]] = [
        {"content": "Cats purr.", "kind": "semantic", "tags": ["zoo", "two words"], "thread": "t1"},
        {
            "content": "Cats bite.",
            "kind": "episodic",
            "tags": ["pain"],
            "thread": "t1",
            "trust": Trust.UNTRUSTED,
        },
        {"content": "Feed cats.", "kind": "procedural", "thread": "t2", "occurred_at": START - 2 * DAY},
        {"content": "Cats see.", "kind": "insight", "thread": "t2", "occurred_at": START - DAY},
        {"content": "Cats sleep.", "kind": "semantic", "trust": Trust.VERIFIED, "source": {"who": "Ana"}},
        {"content": "Cats ran.", "kind": "episodic", "occurred_at": START + 2 * DAY, "tags": ["zoo"]},
    ]
    return [x.note.id for x in await memory.remember_many(drafts, namespace="a", judge="none")]


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, "Cats purr. Cats bite. Feed cats. Cats see. Cats sleep. Cats ran."),
        ({"kinds": ["semantic"]}, "Cats purr. Cats sleep."),
        ({"kinds": ["semantic", "insight"]}, "Cats purr. Cats see. Cats sleep."),
        ({"kinds": []}, EVERY),
        ({"tags": ["zoo"]}, "Cats purr. Cats ran."),
        ({"tags": ["two words", "pain"]}, "Cats purr. Cats bite."),
        ({"tags": ["zo"]}, ""),
        ({"tags": []}, EVERY),
        ({"thread": "t2"}, "Feed cats. Cats see."),
        ({"thread": "t"}, ""),
        ({"since": START + DAY}, "Cats ran."),
        ({"until": START - DAY}, "Feed cats."),
        ({"since": START - DAY, "until": START}, "Cats see."),
        ({"min_trust": Trust.STATED}, "Cats purr. Feed cats. Cats see. Cats sleep. Cats ran."),
        ({"min_trust": Trust.VERIFIED}, "Cats sleep."),
        ({"kinds": ["semantic"], "tags": ["zoo"], "thread": "t1"}, "Cats purr."),
    ],
)
async def test_a_recall_sees_what_its_filters_leave(how: dict[str, Any], wanted: str) -> None:
    async with open_memory() as memory:
        await some(memory)
        for expand in (True, False):
            hits = await memory.recall("cats", namespace="a", expand=expand, **how)
            assert sorted(contents(hits)) == sorted(re.findall(r"\w+ \w+\.", wanted))
        if "min_trust" not in how:
            page = await memory.notes(namespace="a", **how)
            assert sorted(contents(page.notes)) == sorted(contents(hits))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"query": " "}, "query is blank"),
        ({"query": "x" * 10_001}, "10,000 characters"),
        ({"query": "half \ud800"}, "half a surrogate"),
        ({"k": 0}, "k is 0; give 1 to 1,000"),
        ({"k": 1_001}, "k is 1001; give 1 to 1,000"),
        ({"budget_tokens": 0}, "budget_tokens is 0"),
        ({"since": START.replace(tzinfo=None)}, "since: has no time zone"),
        ({"as_of": START.replace(tzinfo=None)}, "has no time zone"),
        ({"tags": "zoo"}, "tags: is one string"),
        ({"kinds": ["Not A Kind"]}, "kinds"),
        ({"min_trust": 9}, "min_trust"),
        ({"namespace": ""}, "namespace segment"),
    ],
)
async def test_a_bad_question_is_refused_with_the_way_out(how: dict[str, Any], told: str) -> None:
    async with open_memory() as memory:
        await some(memory)
        with pytest.raises(InvalidInput) as refused:
            await memory.recall(**({"query": "cats", "namespace": "a"} | how))
        assert told in str(refused.value)
        if "10,000" in told:
            assert isinstance(refused.value, LimitExceeded)


@pytest.mark.parametrize(
    "query", ["???", "the", '"(cats OR', "cats*", "cats\0", "' OR 1=1 --", "🙂", "cats~2^9:+-"]
)
async def test_any_text_can_be_asked(query: str) -> None:
    async with open_memory() as memory:
        await some(memory)
        for hit in await memory.recall(query, namespace="a"):
            assert hit.why


async def test_a_hit_says_why_and_what_each_signal_counts() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember("Ana moved to Porto.", namespace="a", source="Ana", tags=["home"])
        await memory.remember("Rain fell.", namespace="a")
        hit, *_ = await memory.recall("Did Ana go to Porto, her home?", namespace="a", explain=True)
        assert hit.note.content == "Ana moved to Porto."
        assert "matches 'ana', 'porto'" in hit.why
        assert "'home'" in hit.why
        assert "said by Ana" in hit.why
        assert hit.weights.keys() >= hit.signals.keys()
        plain, *_ = await memory.recall("Porto", namespace="a")
        assert plain.weights == {}
        assert plain.signals.keys() <= hit.weights.keys()


async def test_k_bounds_the_hits_and_all_are_different() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember_many([f"Cat number {i}." for i in range(230)], namespace="a")
        for k in (1, 7, 230, 1_000):
            hits = await memory.recall("cat", namespace="a", k=k)
            assert len(hits) == min(k, 230)
            assert len({x.note.id for x in hits}) == len(hits)


class Backwards:
    """A reranker that likes what comes late in the alphabet."""

    name = "tests/backwards"

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def score(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return [float(ord(text[5])) for text in texts] if self.answer is None else list(self.answer)


async def test_a_reranker_looks_at_the_best_once_more() -> None:
    async with open_memory(judge="none", reranker=Backwards()) as memory:
        await memory.remember_many([f"Cats {letter}." for letter in "bdac"], namespace="a")
        hits = await memory.recall("cats", namespace="a")
        assert contents(hits) == ["Cats d.", "Cats c.", "Cats b.", "Cats a."]
        assert [x.signals["reranker"] for x in hits] == sorted(
            (x.signals["reranker"] for x in hits), reverse=True
        )
        assert all(0 <= x.score <= 1 for x in hits)
        assert len(await memory.recall("cats", namespace="a", k=2)) == 2


@pytest.mark.parametrize("answer", [RuntimeError("no"), [1.0], [1.0] * 99])
async def test_a_reranker_that_fails_is_told(answer: Any) -> None:
    async with open_memory(judge="none", reranker=Backwards(answer)) as memory:
        await memory.remember_many(["Cats purr.", "Cats bite."], namespace="a")
        with pytest.raises(ModelError, match="reranker tests/backwards"):
            await memory.recall("cats", namespace="a")


async def test_hits_below_a_score_are_left_out() -> None:
    async with open_memory(judge="none") as memory:
        await some(memory)
        every = await memory.recall("do cats purr", namespace="a")
        floor = every[2].score
        best = await memory.recall("do cats purr", namespace="a", min_score=floor)
        assert [x.note.id for x in best] == [x.note.id for x in every if x.score >= floor]
        assert await memory.recall("do cats purr", namespace="a", min_score=1.0) == []
        for wrong in (-0.1, 1.1):
            with pytest.raises(InvalidInput, match="min_score"):
                await memory.recall("cats", namespace="a", min_score=wrong)


async def test_what_happened_at_the_time_asked_for_rises() -> None:
    async with open_memory(judge="none") as memory:
        for month in (1, 3, 5):
            when = START.replace(month=month, day=10)
            await memory.remember("We hiked up a hill.", namespace="a", occurred_at=when)
        best, *_ = await memory.recall("Where did we hike in March 2026?", namespace="a")
        assert best.note.occurred_at.month == 3
        assert "happened at the time asked for" in best.why


# --- budgets -----------------------------------------------------------------------------------------


async def test_what_fits_the_budget_whole_is_returned_in_the_order_it_happened() -> None:
    async with open_memory(judge="none") as memory:
        for i in (2, 0, 1):
            await memory.remember(f"Thing {i}.", namespace="a", occurred_at=START + i * DAY)
        await memory.remember("🙂…", namespace="a", occurred_at=START - DAY)
        await memory.remember("Elsewhere.", namespace="b")
        hits = await memory.recall("nothing like it", namespace="a", k=1, budget_tokens=1_000)
        assert contents(hits) == ["🙂…", "Thing 0.", "Thing 1.", "Thing 2."]
        assert all(0 <= x.score <= 1 for x in hits)


async def test_what_does_not_fit_is_cut_to_the_best() -> None:
    async with open_memory(judge="none") as memory:
        texts = ["Cats purr.", "Dogs bark.", "x" * 400, "Rain falls on the roof."]
        await memory.remember_many(texts, namespace="a")
        hits = await memory.recall("do cats purr", namespace="a", budget_tokens=10)
        assert hits[0].note.content == "Cats purr."
        assert sum(-(-len(x.note.content) // 4) for x in hits) <= 10
        assert "x" * 400 not in contents(hits)


async def test_a_token_is_four_bytes_whatever_the_script() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember("漢" * 40, namespace="a")  # 120 bytes: 30 tokens
        assert len(await memory.recall("x", namespace="a", budget_tokens=30)) == 1
        assert await memory.recall("漢", namespace="a", budget_tokens=29) == []


# --- namespaces --------------------------------------------------------------------------------------

SPACES = [
    ("acme",),
    ("acme", "ana"),
    ("acme", "ana", "work"),
    ("acme", "anabel"),
    ("ac",),
    ("ana",),
    ("acme/ana",),
]


@pytest.mark.parametrize("space", [*SPACES, ()])
async def test_a_namespace_sees_its_subtree_and_nothing_else(space: tuple[str, ...]) -> None:
    async with open_memory(judge="none") as memory:
        for each in SPACES:
            await memory.remember(f"Cats of {'.'.join(each)}.", namespace=each)
        below = sorted(f"Cats of {'.'.join(x)}." for x in SPACES if x[: len(space)] == space)
        assert sorted(contents(await memory.recall("cats", namespace=space))) == below
        assert sorted(contents((await memory.notes(namespace=space)).notes)) == below
        assert await memory.namespaces(under=space) == sorted(x for x in SPACES if x[: len(space)] == space)
        assert (await memory.stats(namespace=space)).notes == len(below)
        assert len((await memory.graph(namespace=space)).notes) == len(below)


async def test_links_never_leave_their_namespace() -> None:
    async with open_memory() as memory:
        for space in ("a", ("a", "b"), "c"):
            await memory.remember_many(["My telescope broke.", "The telescope is mended."], namespace=space)
        notes = await check_store(memory)
        assert all(len(x.links) == 1 for x in notes.values())


@pytest.mark.parametrize(
    "verb", ["get", "history", "links", "neighbours", "forget", "revise", "connect", "graph"]
)
async def test_ids_of_others_answer_exactly_like_unknown_ones(verb: str) -> None:
    async with open_memory(judge="ask") as memory:
        theirs = (await memory.remember("Their secret.", namespace="b")).note.id
        await memory.remember("Mine.", namespace="a")

        async def told(note_id: str) -> str:
            calls: dict[str, Any] = {
                "connect": lambda: memory.connect(note_id, {}, namespace="a"),
                "graph": lambda: memory.graph(namespace="a", start=note_id),
                "revise": lambda: memory.revise(note_id, namespace="a", tags=["x"]),
            }
            call = calls.get(verb, lambda: getattr(memory, verb)(note_id, namespace="a"))
            with pytest.raises(NotFound) as refused:
                await call()
            return str(refused.value).replace(note_id, "ID")

        assert await told(theirs) == await told("0" * 8)
        assert (await memory.get(theirs, namespace="b")).revision == 1


async def test_changes_of_others_answer_exactly_like_unknown_ones() -> None:
    async with open_memory() as memory:
        made = await memory.remember("Their secret.", namespace="b")
        for change in (made.change, f"{A}.1"):
            with pytest.raises(NotFound) as refused:
                await memory.undo(change, namespace="a")
            assert str(refused.value).replace(change, "ID").startswith("no change 'ID' here")
        assert (await memory.get(made.note.id, namespace="b")).forgotten_at is None


async def test_the_speakers_of_others_do_not_change_what_is_found() -> None:
    """A name is read as a speaker's only where that speaker spoke in the namespace."""
    async with open_memory(judge="none") as memory:
        await memory.remember("Ana is a river.", namespace="a")
        before = await memory.recall("Ana", namespace="a")
        await memory.remember("I am here.", namespace="b", source="Ana")
        after = await memory.recall("Ana", namespace="a")
        assert [(x.note, x.score, x.why) for x in after] == [(x.note, x.score, x.why) for x in before]


# --- looking -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_show_every_note_once_in_order(newest_first: bool) -> None:
    async with open_memory(judge="none") as memory:
        texts = [f"Thing {i}." for i in range(23)]
        await memory.remember_many(texts[:10], namespace="a")
        for text in texts[10:]:
            await memory.remember(text, namespace="a")
        seen: list[str] = []
        after = None
        while True:
            page = await memory.notes(namespace="a", limit=7, after=after, newest_first=newest_first)
            assert len(page.notes) <= 7
            seen += contents(page.notes)
            after = page.cursor
            if after is None:
                break
        assert seen == (texts[::-1] if newest_first else texts)


async def test_without_a_limit_all_notes_are_on_one_page() -> None:
    async with open_memory(judge="none") as memory:
        texts = [f"Thing {i}." for i in range(120)]
        await memory.remember_many(texts, namespace="a")
        page = await memory.notes(namespace="a", limit=None)
        assert (contents(page.notes), page.cursor) == (texts, None)
        page = await memory.notes(namespace="a", limit=100)
        rest = await memory.notes(namespace="a", limit=None, after=page.cursor)
        assert contents(rest.notes) == texts[100:]


async def test_a_page_goes_on_after_its_last_note_was_forgotten() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember_many([f"Thing {i}." for i in range(5)], namespace="a")
        page = await memory.notes(namespace="a", limit=2)
        await memory.forget(page.notes[-1].id, namespace="a")
        rest = await memory.notes(namespace="a", limit=9, after=page.cursor)
        assert contents(rest.notes) == ["Thing 2.", "Thing 3.", "Thing 4."]


@pytest.mark.parametrize("cursor", ["", "x", "a|b|c", "2026-01-01|x|y", "1|2|3|4", "' OR 1=1"])
async def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    async with open_memory() as memory:
        await memory.remember("Thing.", namespace="a")
        with pytest.raises(InvalidInput, match="no cursor of ours"):
            await memory.notes(namespace="a", after=cursor)


@pytest.mark.parametrize(("limit", "hops"), [(0, 1), (1_001, 1), (5, -1), (5, 11)])
async def test_a_graph_has_bounds(limit: int, hops: int) -> None:
    async with open_memory() as memory:
        with pytest.raises(InvalidInput):
            await memory.graph(namespace="a", limit=limit, hops=hops)


async def test_a_graph_is_walked_from_a_note_hop_by_hop() -> None:
    async with open_memory(judge="none") as memory:
        made = await memory.remember_many(said("One.", "Two.", "Three.", "Four."), namespace="a")
        ids = [x.note.id for x in made]
        for hops in range(4):
            graph = await memory.graph(namespace="a", start=ids[0], hops=hops)
            assert sorted(contents(graph.notes)) == sorted(["One.", "Two.", "Three.", "Four."][: hops + 1])
            assert len(graph.links) == hops
        assert len((await memory.graph(namespace="a", start=ids[0], hops=9, limit=2)).notes) == 2
        whole = await memory.graph(namespace="a")
        assert (len(whole.notes), len(whole.links)) == (4, 3)
        assert set(await memory.links(ids[0], namespace="a")) < set(whole.links)


async def test_figures_count_what_is_there() -> None:
    decision = {
        "links": [{"neighbour": 0, "relation": "supersedes"}],
        "changes": [{"neighbour": 0, "tags": ["x"]}],
    }
    async with open_memory() as memory:
        assert (await memory.stats(namespace="a")).first is None
        await memory.remember(
            "Cats purr.", namespace="a", kind="semantic", occurred_at=START - DAY, thread="t"
        )
        await decided(memory, "Cats roar.", decision, kind="semantic", thread="t")
        asked = await memory.remember("Dogs bark.", namespace="a", judge="ask", kind="episodic")
        gone = await memory.remember("Gone.", namespace="a", judge="none")
        await memory.forget(gone.note.id, namespace="a")
        figures = await memory.stats(namespace="a")
        assert (figures.notes, figures.links, figures.evolutions) == (3, 2, 1)
        assert (figures.superseded, figures.pending, figures.threads) == (1, 1, 1)
        assert figures.kinds == {"semantic": 2, "episodic": 1}
        assert (figures.first, figures.last) == (START - DAY, asked.note.occurred_at)


async def test_expanding_can_be_switched_off() -> None:
    async with open_memory() as memory:
        await memory.remember_many(["My telescope broke.", "The telescope is mended."], namespace="a")
        (hit, *_) = await memory.recall("telescope", namespace="a", expand=False)
        assert "links" not in hit.signals
        (hit, *_) = await memory.recall("telescope", namespace="a")
        assert "links" in hit.signals


async def test_recall_writes_nothing() -> None:
    """Reads counted as accesses, and wrote cached copies back."""
    async with open_memory() as memory:
        await some(memory)
        commits, version = memory._store.commits, await memory._store.version()
        await memory.recall("cats", namespace="a")
        await memory.notes(namespace="a")
        await memory.graph(namespace="a")
        await memory.stats(namespace="a")
        assert (memory._store.commits, await memory._store.version()) == (commits, version)


# --- hostile values --------------------------------------------------------------------------------------

NASTY = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        [
            "'", '"', "\\", "' OR '1'='1", "'; DROP TABLE notes; --", "a/b", "a%2Fb", "%", "_", "a\n",
            "\u202e", "%25", "/", "//", "a0", "a/", "0", "a.", "NULL", "true", "{}", "[]", "\x7f", "é",
            "e\u0301", "\uffff",
        ]
    ),
)  # fmt: skip
NUMBERS = itertools.count()
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def box() -> Iterator[Memory]:
    with open_sync(judge="none") as memory:
        yield memory


def refused_or(call: Any) -> Any:
    try:
        return call()
    except InvalidInput:
        return None


@FEW
@given(st.lists(NASTY, max_size=3), st.lists(st.lists(NASTY, max_size=3), min_size=5, max_size=5))
def test_hostile_namespaces_see_their_own_subtree_alone(
    box: Memory, mine: list[str], asked: list[list[str]]
) -> None:
    made = refused_or(lambda: box.remember("Cats purr.", namespace=mine))
    if made is not None:
        assert made.note.namespace == tuple(mine)
        assert box.get(made.note.id, namespace=mine) == made.note
        assert made.note.id in [x.note.id for x in box.recall("cats", namespace=mine, k=1_000)]
    for space in [*asked, mine[:1], mine[:2], [*mine, "x"]]:
        seen = refused_or(lambda space=space: box.notes(namespace=space, limit=1_000))
        if seen is None:
            continue
        assert all(x.namespace[: len(space)] == tuple(space) for x in seen.notes)
        if made is not None:
            assert (made.note.id in [x.id for x in seen.notes]) == (mine[: len(space)] == space)


@FEW
@given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=6), NASTY, NASTY)
def test_hostile_filters_match_exactly_or_nothing(
    box: Memory, pairs: list[tuple[str, str]], tag: str, thread: str
) -> None:
    drafts = [{"content": "Dogs bark.", "tags": [tag], "thread": thread} for tag, thread in pairs]
    space = ("filters", f"{next(NUMBERS)}")
    made = refused_or(lambda: box.remember_many(drafts, namespace=space))
    if made is None:
        return
    for each in ([x] for x in {*(x for x, _ in pairs), tag} if x.strip()):
        keys = {tag_key(tag.strip()) for tag in each} - {""}
        wanted = {x.note.id for x in made if not keys or keys & set(map(tag_key, x.note.tags))}
        assert {x.id for x in box.notes(namespace=space, tags=each).notes} == wanted
        assert {x.note.id for x in box.recall("dogs", namespace=space, tags=each)} == wanted
    for name in {*(x for _, x in pairs), thread}:
        wanted = {x.note.id for x in made if not name or (x.note.thread or "").lower() == name.lower()}
        assert {x.id for x in box.notes(namespace=space, thread=name).notes} == wanted
        assert {x.note.id for x in box.recall("dogs", namespace=space, thread=name)} == wanted


@settings(FEW, max_examples=100)
@given(NASTY)
def test_hostile_ids_and_changes_are_unknown(box: Memory, note_id: str) -> None:
    for verb in (box.get, box.history, box.forget):
        with pytest.raises(NotFound):
            verb(note_id, namespace=())
    with pytest.raises(NotFound):
        box.undo(note_id, namespace=())


@FEW
@given(st.lists(NASTY, min_size=1, max_size=10))
def test_hostile_words_and_keys_are_kept_exactly(box: Memory, texts: list[str]) -> None:
    drafts = [{"content": text, "context": text, "data": {text: text}} for text in texts if text.strip()]
    made = box.remember_many(drafts, namespace="words")
    for draft, each in zip(drafts, made, strict=True):
        kept = box.get(each.note.id, namespace="words")
        assert (kept.content, kept.context, kept.data) == tuple(draft.values())
        assert kept == each.note
    if drafts:
        keyed = box.remember("By key.", namespace="words", key=texts[0])
        assert box.keyed([texts[0]], namespace="words")[texts[0]].id == keyed.note.id
        box.recall(texts[0].strip() or "x", namespace="words")


# --- what is kept in memory ------------------------------------------------------------------------------


@pytest.mark.parametrize("resident", [1, RESIDENT])
async def test_what_another_wrote_is_seen_by_the_next_recall(tmp_path: Path, resident: int) -> None:
    """In memory or not: a namespace is never older than the table."""
    async with (
        open_memory(str(tmp_path), resident=resident) as mine,
        open_memory(str(tmp_path)) as theirs,
    ):

        async def seen() -> set[str]:
            first, second, third = [await mine.recall("cats", namespace="a") for _ in range(3)]
            assert first == second == third
            return set(contents(first))

        first = (await theirs.remember("Cats purr.", namespace="a")).note.id
        assert await seen() == {"Cats purr."}
        await theirs.remember("Cats bite.", namespace="a")
        assert await seen() == {"Cats purr.", "Cats bite."}
        await theirs.revise(first, content="Cats sleep.", namespace="a")
        assert await seen() == {"Cats sleep.", "Cats bite."}
        await theirs.forget(first, namespace="a")
        assert await seen() == {"Cats bite."}


async def test_namespaces_stay_in_memory_as_long_as_the_budget_holds_them(
    request: pytest.FixtureRequest,
) -> None:
    """The one that was not used for longest goes first."""
    if "on disk" in request.node.name:
        pytest.skip("nothing is in memory")
    async with open_memory(resident=450_000) as memory:
        for space in "abcd":
            await memory.remember(f"Cats of {space}.", namespace=space)
        for space in "abcdabcd":
            assert set(contents(await memory.recall("cats", namespace=space))) == {f"Cats of {space}."}
        kept = memory._store._views
        assert 1 <= len(kept) < 4
        assert list(kept)[-1] == ("d",)
        assert sum(view.size for view in kept.values()) <= 450_000
