"""Notes as nodes: what they carry, how they are filtered, and the engines that use them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent, RetrievalStartEvent
from llama_index.core.llms.mock import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever, RouterRetriever
from llama_index.core.schema import MetadataMode, NodeRelationship, NodeWithScore, RelatedNodeInfo
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import RetrieverTool
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from llama_index_instrumentation import get_dispatcher
from pydantic import Field

from llama_index.retrievers.zettelmem import ZettelmemRetriever
from tests.llamaindex.doubles import NS
from zettelmem import InvalidInput, Memory, Trust

MAY = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def notes(memory: Memory) -> Memory:
    """Four notes about boats, each a month and a trust on from the last."""
    for month, (name, kind, trust) in enumerate(
        [
            ("Kestrel", "episodic", Trust.UNTRUSTED),
            ("Heron", "semantic", Trust.REPORTED),
            ("Puffin", "procedural", Trust.STATED),
            ("Osprey", "semantic", Trust.VERIFIED),
        ]
    ):
        memory.remember(
            f"The boat {name} lies in the harbour.",
            namespace=NS,
            thread=f"log-{month % 2}",
            kind=kind,
            trust=trust,
            tags=["boat", name.lower()],
            data={"length": 10 + month, "owner": None if month else "Ana"},
            occurred_at=MAY + timedelta(days=30 * month),
            source="Ana",
        )
    return memory


def names(found: list[NodeWithScore]) -> set[str]:
    return {node.node.get_content().split()[2] for node in found}


def only(*filters: Any, condition: FilterCondition = FilterCondition.AND) -> MetadataFilters:
    return MetadataFilters(filters=list(filters), condition=condition)


def where(key: str, operator: str, value: Any) -> MetadataFilter:
    return MetadataFilter(key=key, operator=FilterOperator(operator), value=value)


def test_it_is_a_retriever_by_class_and_by_name() -> None:
    assert BaseRetriever.__name__ in [each.__name__ for each in ZettelmemRetriever.__mro__]
    assert ZettelmemRetriever.class_name() == "ZettelmemRetriever"


# --- nodes ----------------------------------------------------------------------------------------


def test_a_node_carries_id_score_and_metadata_of_its_note(notes: Memory) -> None:
    (found,) = ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1).retrieve("boat Puffin")
    note = notes.get(found.node_id, namespace=NS)
    assert found.text == note.content == "The boat Puffin lies in the harbour."
    assert 0 < found.get_score() <= 1
    assert found.metadata == {
        "length": 12,
        "owner": None,
        "note_kind": "procedural",
        "note_tags": ["boat", "puffin"],
        "note_thread": "log-0",
        "note_source": "Ana",
        "note_trust": 2,
        "note_occurred_at": "2026-07-02T12:00:00+00:00",
    }


def test_a_prompt_is_shown_who_and_when_and_an_embedding_the_words_alone(notes: Memory) -> None:
    (found,) = ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1).retrieve("boat Puffin")
    assert found.node.get_content(MetadataMode.LLM) == (
        "note_source: Ana\nnote_occurred_at: 2026-07-02T12:00:00+00:00\n\n"
        "The boat Puffin lies in the harbour."
    )
    assert found.node.get_content(MetadataMode.EMBED) == "The boat Puffin lies in the harbour."


def test_nodes_come_best_first_and_no_more_than_wanted(notes: Memory) -> None:
    found = ZettelmemRetriever(notes, namespace=NS, similarity_top_k=3).retrieve("boat Heron")
    assert len(found) == 3
    assert found[0].text.startswith("The boat Heron")
    scores = [node.get_score() for node in found]
    assert scores == sorted(scores, reverse=True)


def test_links_are_node_relationships(memory: Memory) -> None:
    first = memory.remember("The keel was laid.", namespace=NS, thread="log", judge="none").note
    middle = memory.remember("The mast was set.", namespace=NS, thread="log", judge="ask")
    memory.remember("The sails were bent.", namespace=NS, thread="log", judge="none")
    number = next(x.number for x in middle.neighbours if x.note.id == first.id)
    link = {"neighbour": number, "relation": "supports", "reason": "a mast needs a keel"}
    memory.connect(middle.note.id, {"links": [link]}, namespace=NS)

    found = ZettelmemRetriever(memory, namespace=NS).retrieve("Was the mast set?")
    node = next(node.node for node in found if node.node_id == middle.note.id)
    assert node.prev_node is not None
    assert node.prev_node.node_id == first.id
    assert node.next_node is not None
    assert node.next_node.metadata["relation"] == "follows"
    assert node.relationships[NodeRelationship.CHILD] == [
        RelatedNodeInfo(
            node_id=first.id,
            metadata={"relation": "supports", "direction": "to", "reason": "a mast needs a keel"},
        )
    ]


def test_the_whole_of_which_a_note_is_part_is_its_parent(memory: Memory) -> None:
    boat = memory.remember("The boat Heron.", namespace=NS, judge="none").note
    mast = memory.remember("The mast of Heron.", namespace=NS, judge="ask")
    link = {"neighbour": 0, "relation": "part_of"}
    memory.connect(mast.note.id, {"links": [link]}, namespace=NS)
    found = {x.node_id: x.node for x in ZettelmemRetriever(memory, namespace=NS).retrieve("Heron")}
    parent = found[mast.note.id].parent_node
    assert parent is not None
    assert parent.node_id == boat.id
    assert [x.metadata["direction"] for x in found[boat.id].child_nodes or []] == ["from"]


def test_why_a_node_was_found_is_told_if_asked(notes: Memory) -> None:
    plain = ZettelmemRetriever(notes, namespace=NS).retrieve("boat Heron")[0]
    told = ZettelmemRetriever(notes, namespace=NS, recall={"explain": True}).retrieve("boat Heron")[0]
    assert told.metadata["note_why"]
    assert all(0 <= value <= 1 for value in told.metadata["note_signals"].values())
    assert "note_why" not in told.node.get_content(MetadataMode.LLM)
    assert "note_why" not in plain.metadata


# --- what is seen ---------------------------------------------------------------------------------


def test_no_other_namespace_is_seen(notes: Memory) -> None:
    assert ZettelmemRetriever(notes, namespace=("acme", "bob")).retrieve("boat") == []
    assert len(ZettelmemRetriever(notes, namespace="acme").retrieve("boat")) == 4


def test_what_is_superseded_or_not_yet_known_is_seen_on_request_only(memory: Memory) -> None:
    old = memory.remember("Heron lies in Porto.", namespace=NS, judge="none").note
    new = memory.remember("Heron lies in Faro.", namespace=NS, judge="ask")
    link = {"neighbour": 0, "relation": "supersedes"}
    memory.connect(new.note.id, {"links": [link]}, namespace=NS)

    def seen(**kwargs: Any) -> set[str]:
        found = ZettelmemRetriever(memory, namespace=NS, recall=kwargs).retrieve("Where is Heron?")
        return {node.node_id for node in found}

    assert seen() == {new.note.id}
    assert seen(superseded=True) == {old.id, new.note.id}
    assert seen(as_of=old.recorded_at) == {old.id}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        # what the store does itself
        (only(where("note_kind", "==", "semantic")), {"Heron", "Osprey"}),
        (only(where("note_kind", "in", ["episodic", "procedural"])), {"Kestrel", "Puffin"}),
        (only(where("note_tags", "contains", "heron")), {"Heron"}),
        (only(where("note_tags", "any", ["heron", "puffin"])), {"Heron", "Puffin"}),
        (only(where("note_thread", "==", "log-0")), {"Kestrel", "Puffin"}),
        (only(where("note_occurred_at", ">=", "2026-07-02")), {"Puffin", "Osprey"}),
        (only(where("note_occurred_at", "<", "2026-06-02T14:00:00+02:00")), {"Kestrel"}),
        (only(where("note_trust", ">=", 2)), {"Puffin", "Osprey"}),
        # what is looked at afterwards
        (only(where("note_tags", "all", ["boat", "heron"])), {"Heron"}),
        (only(where("note_occurred_at", ">", "2026-07-02T14:00:00+02:00")), {"Osprey"}),
        (only(where("note_occurred_at", "<=", "2026-06-02T12:00:00")), {"Kestrel", "Heron"}),
        (only(where("note_kind", "!=", "semantic")), {"Kestrel", "Puffin"}),
        (only(where("length", ">", 11)), {"Puffin", "Osprey"}),
        (only(where("owner", "==", "Ana")), {"Kestrel"}),
        (only(where("owner", "is_empty", None)), {"Heron", "Puffin", "Osprey"}),
        (only(where("length", ">", "eleven")), set()),
        # together
        (only(where("note_kind", "==", "semantic"), where("length", "<", 12)), {"Heron"}),
        (
            only(where("note_thread", "==", "log-0"), where("note_thread", "==", "log-1")),
            set(),
        ),
        (
            only(
                where("length", "==", 10),
                where("note_kind", "==", "semantic"),
                condition=FilterCondition.OR,
            ),
            {"Kestrel", "Heron", "Osprey"},
        ),
        (
            only(where("note_kind", "==", "semantic"), condition=FilterCondition.NOT),
            {"Kestrel", "Puffin"},
        ),
        (
            only(
                where("note_trust", ">=", 1),
                only(
                    where("length", "==", 10),
                    where("length", "==", 13),
                    condition=FilterCondition.OR,
                ),
            ),
            {"Osprey"},
        ),
        (only(), {"Kestrel", "Heron", "Puffin", "Osprey"}),
    ],
)
def test_filters_let_through_what_they_name(
    notes: Memory, filters: MetadataFilters, expected: set[str]
) -> None:
    found = ZettelmemRetriever(notes, namespace=NS, filters=filters).retrieve("boat in the harbour")
    assert names(found) == expected


def test_a_filter_on_the_applications_own_data_looks_beyond_the_best_hits(memory: Memory) -> None:
    for number in range(30):
        memory.remember(f"boat boat boat {number}", namespace=NS, judge="none")
    memory.remember("Once there was a ship, some say a boat.", namespace=NS, data={"rare": 1}, judge="none")
    filters = only(where("rare", "==", 1))
    retriever = ZettelmemRetriever(memory, namespace=NS, similarity_top_k=2, filters=filters)
    assert [node.text for node in retriever.retrieve("boat")] == ["Once there was a ship, some say a boat."]


def test_what_a_filter_lets_through_is_found_behind_a_thousand_better_hits_best_first(memory: Memory) -> None:
    rare = ["Bread is baked at dawn.", "The ship's cook, once in a boat, baked bread."]
    memory.remember_many(
        [
            *({"content": text, "data": {"rare": 1}} for text in rare),
            *({"content": f"boat boat boat {number}", "thread": "log"} for number in range(1_100)),
        ],
        namespace=NS,
        judge="none",
    )
    for filters in (only(where("rare", "==", 1)), only(where("note_thread", "!=", "log"))):
        retriever = ZettelmemRetriever(memory, namespace=NS, similarity_top_k=5, filters=filters)
        assert [node.text for node in retriever.retrieve("boat")] == rare[::-1]


def test_the_stricter_trust_wins(notes: Memory) -> None:
    filters = only(where("note_trust", ">=", 1))
    strict = ZettelmemRetriever(notes, namespace=NS, filters=filters, recall={"min_trust": Trust.VERIFIED})
    lax = ZettelmemRetriever(notes, namespace=NS, filters=filters)
    assert names(strict.retrieve("boat")) == {"Osprey"}
    assert names(lax.retrieve("boat")) == {"Heron", "Puffin", "Osprey"}


def test_what_cannot_be_meant_is_refused_with_the_way_out(notes: Memory) -> None:
    with pytest.raises(InvalidInput, match="send a date like"):
        ZettelmemRetriever(notes, namespace=NS, filters=only(where("note_occurred_at", ">=", "yesterday")))
    with pytest.raises(InvalidInput, match="1 to 1,000"):
        ZettelmemRetriever(notes, namespace=NS, similarity_top_k=0)


def test_any_query_is_answered(notes: Memory) -> None:
    retriever = ZettelmemRetriever(notes, namespace=NS)
    assert retriever.retrieve("  ") == []
    assert len(retriever.retrieve("boat " + "x" * 20_000)) == 4


# --- engines --------------------------------------------------------------------------------------


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that is there and not running: LlamaIndex's sync face of async code leaves its own open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield made
    asyncio.set_event_loop(None)
    made.close()


def query_engine(notes: Memory) -> RetrieverQueryEngine:
    retriever = ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1)
    return RetrieverQueryEngine.from_args(retriever, llm=MockLLM())


def test_a_query_engine_answers_from_notes(notes: Memory) -> None:
    answer = query_engine(notes).query("Where is the boat Puffin?")
    assert "The boat Puffin lies in the harbour." in str(answer)  # the mock model says its prompt
    assert [node.metadata["note_kind"] for node in answer.source_nodes] == ["procedural"]


async def test_a_query_engine_works_inside_a_running_loop(notes: Memory) -> None:
    engine = query_engine(notes)
    assert "Puffin lies" in str(await engine.aquery("Where is the boat Puffin?"))
    sync: Any = engine.query
    assert "Puffin lies" in str(sync("Where is the boat Puffin?"))


def test_async_queries_run_side_by_side(notes: Memory) -> None:
    async def both() -> list[list[NodeWithScore]]:
        retriever = ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1)
        return await asyncio.gather(*(retriever.aretrieve(f"boat {x}") for x in ("Heron", "Puffin")))

    found = asyncio.run(both())
    assert [names(each) for each in found] == [{"Heron"}, {"Puffin"}]


def test_it_is_a_tool(notes: Memory) -> None:
    tool = RetrieverTool.from_defaults(
        ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1), name="log", description="boats"
    )
    assert "Puffin lies" in str(tool.call("boat Puffin"))
    assert "Puffin lies" in str(asyncio.run(tool.acall("boat Puffin")))


def fusion(notes: Memory, use_async: bool) -> QueryFusionRetriever:
    """Two questions of two retrievers over the same notes; the mock model's questions are its prompt."""
    return QueryFusionRetriever(
        [
            ZettelmemRetriever(notes, namespace=NS),
            ZettelmemRetriever(notes, namespace=NS, filters=only(where("length", "<", 12))),
        ],
        llm=MockLLM(),
        num_queries=2,
        similarity_top_k=10,
        use_async=use_async,
    )


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("use_async", [False, True])
def test_a_fusion_retriever_merges_what_two_queries_find(notes: Memory, use_async: bool) -> None:
    found = fusion(notes, use_async).retrieve("boat Heron")
    assert len(found) == 4  # each note once
    assert names(found) == {"Kestrel", "Heron", "Puffin", "Osprey"}
    assert found[0].text.startswith("The boat Heron")


async def test_a_fusion_retriever_works_inside_a_running_loop(notes: Memory) -> None:
    assert len(await fusion(notes, True).aretrieve("boat Heron")) == 4
    sync: Any = fusion(notes, True).retrieve
    assert len(sync("boat Heron")) == 4


class Choosing(MockLLM):
    """Chooses the second of two."""

    @classmethod
    def class_name(cls) -> str:
        return "Choosing"

    def _generate_text(self, length: int) -> str:
        return '[{"choice": 2, "reason": "it is about boats"}]'


def router(notes: Memory) -> RouterRetriever:
    return RouterRetriever.from_defaults(
        retriever_tools=[
            RetrieverTool.from_defaults(
                ZettelmemRetriever(notes, namespace=namespace), description=f"about {namespace}"
            )
            for namespace in ("nothing", "acme")
        ],
        llm=MockLLM(),
        selector=LLMSingleSelector.from_defaults(llm=Choosing(max_tokens=1)),
    )


@pytest.mark.usefixtures("loop")
def test_a_router_retriever_chooses_it(notes: Memory) -> None:
    assert len(router(notes).retrieve("boat Heron")) == 4


async def test_a_router_retriever_works_inside_a_running_loop(notes: Memory) -> None:
    assert len(await router(notes).aretrieve("boat Heron")) == 4
    sync: Any = router(notes).retrieve
    assert len(sync("boat Heron")) == 4


# --- observability --------------------------------------------------------------------------------


def test_callbacks_are_told(notes: Memory) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    retriever = ZettelmemRetriever(
        notes, namespace=NS, callback_manager=CallbackManager([debug]), similarity_top_k=1
    )
    retriever.retrieve("boat Heron")
    ((start, end),) = debug.get_event_pairs(CBEventType.RETRIEVE)
    assert (start.payload or {})["query_str"] == "boat Heron"
    assert names((end.payload or {})["nodes"]) == {"Heron"}


class Listening(BaseEventHandler):
    heard: list[Any] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.heard.append(event)


async def test_instrumentation_is_told(notes: Memory) -> None:
    root, handler = get_dispatcher(), Listening()
    root.add_event_handler(handler)
    try:
        await ZettelmemRetriever(notes, namespace=NS, similarity_top_k=1).aretrieve("boat Heron")
    finally:
        root.event_handlers.remove(handler)
    start, end = (x for x in handler.heard if isinstance(x, RetrievalStartEvent | RetrievalEndEvent))
    assert isinstance(start, RetrievalStartEvent)
    assert isinstance(end, RetrievalEndEvent)
    assert names(end.nodes) == {"Heron"}
    assert start.span_id == end.span_id is not None
