"""Documents and nodes become notes once, keep what they were, and are linked with each other."""

import asyncio
from typing import Any

import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms.mock import MockLLM
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import BaseNode, Document, IndexNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters

from llama_index.retrievers.zettelmem import ZettelmemRetriever, remember_nodes
from zettelmem import InvalidInput, Memory, Note, Relation, Source, Trust

NS = "handbook"


def retrieve(memory: Memory, query: str, **kwargs: Any) -> list[Any]:
    return ZettelmemRetriever(memory, namespace=NS, **kwargs).retrieve(query)


def notes_of(memory: Memory) -> list[Note]:
    return list(memory.notes(namespace=NS, limit=1000).notes)


def document(text: str = "Ski boots are rented in the cellar.", **kwargs: Any) -> Document:
    return Document(
        text=text,
        doc_id="boots",
        metadata={"file": "boots.md", "page": 3},
        excluded_llm_metadata_keys=["page"],
        **kwargs,
    )


def chunks(*texts: str, doc_id: str = "boots") -> list[TextNode]:
    """A document's nodes with new ids, as every run of a splitter makes them."""
    splitter = TokenTextSplitter(chunk_size=40, chunk_overlap=0)
    made = splitter.get_nodes_from_documents(
        [Document(text=text, doc_id=doc_id, metadata={"file": f"{doc_id}.md"}) for text in texts]
    )
    return [node for node in made if isinstance(node, TextNode)]


def test_a_document_is_found_with_the_metadata_it_had(memory: Memory) -> None:
    remember_nodes(memory, [document()], namespace=NS)
    (found,) = retrieve(memory, "Where are ski boots?")
    assert found.text == "Ski boots are rented in the cellar."
    assert (found.metadata["file"], found.metadata["page"]) == ("boots.md", 3)
    assert found.node.get_content(MetadataMode.LLM) == (
        "file: boots.md\n\nSki boots are rented in the cellar."
    )


def test_a_document_is_believed_no_further_than_a_file_may_be(memory: Memory) -> None:
    (done,) = remember_nodes(memory, [document()], namespace=NS)
    assert done.note.trust is Trust.UNTRUSTED
    assert done.note.source == Source(who="boots", via="llamaindex")
    (done,) = remember_nodes(
        memory, [document("Poles too.")], namespace=NS, source="Rosa", trust=Trust.VERIFIED
    )
    assert (done.note.trust, done.note.source.who) == (Trust.VERIFIED, "Rosa")


def test_a_known_node_is_left_alone_and_a_changed_one_revised(memory: Memory) -> None:
    (first,) = remember_nodes(memory, [document()], namespace=NS)
    (again,) = remember_nodes(memory, [document()], namespace=NS)
    assert (again.known, again.note.revision, again.change) == (True, 1, first.change)
    (revised,) = remember_nodes(memory, [document("Boots are upstairs.")], namespace=NS)
    assert (revised.known, revised.note.id, revised.note.revision) == (False, first.note.id, 2)
    assert [note.content for note in notes_of(memory)] == ["Boots are upstairs."]


def test_new_metadata_is_a_change(memory: Memory) -> None:
    remember_nodes(memory, [document()], namespace=NS)
    moved = document()
    moved.metadata = {"file": "cellar.md"}
    (done,) = remember_nodes(memory, [moved], namespace=NS)
    assert not done.known
    assert retrieve(memory, "ski boots")[0].metadata["file"] == "cellar.md"


TEXT = (
    "Ski boots are rented in the cellar by the hour from nine in the morning until five. "
    "The boots are dried overnight on warm racks that stand beside the boiler in the back. "
    "Poles are free for every guest who rents a pair of boots for three days or longer."
)


def test_splitting_the_same_document_again_stores_nothing_new(memory: Memory) -> None:
    first, second = chunks(TEXT), chunks(TEXT)
    assert len(first) > 1
    assert {node.id_ for node in first}.isdisjoint(node.id_ for node in second)
    done = remember_nodes(memory, first, namespace=NS)
    again = remember_nodes(memory, second, namespace=NS)
    assert [each.known for each in again] == [True] * len(second)
    assert [each.note.id for each in again] == [each.note.id for each in done]
    assert len(notes_of(memory)) == len(first)


def contents(memory: Memory) -> list[str]:
    return sorted(note.content for note in notes_of(memory))


def texts(*nodes: BaseNode) -> list[str]:
    return sorted(node.get_content(MetadataMode.NONE) for node in nodes)


def test_chunks_that_vanished_from_a_document_are_forgotten(memory: Memory) -> None:
    long, short = chunks(TEXT), chunks(TEXT[: TEXT.index("The boots")])
    assert 0 < len(short) < len(long)
    remember_nodes(memory, long, namespace=NS)
    done = remember_nodes(memory, short, namespace=NS)
    assert contents(memory) == texts(*short) == sorted(each.note.content for each in done)
    assert not any("Poles" in found.text for found in retrieve(memory, "poles for free"))
    # and they are back with the document's next version
    remember_nodes(memory, chunks(TEXT), namespace=NS)
    assert contents(memory) == texts(*long)


def test_a_changed_chunk_takes_the_place_of_the_old_one(memory: Memory) -> None:
    remember_nodes(memory, chunks(TEXT), namespace=NS)
    newer = chunks(TEXT.replace("five", "six"))
    known = [each.known for each in remember_nodes(memory, newer, namespace=NS)]
    assert True in known
    assert False in known
    assert contents(memory) == texts(*newer)


def test_a_known_id_that_vanished_is_forgotten_too(memory: Memory) -> None:
    first, second = chunks(TEXT)[:2]
    remember_nodes(memory, [first, second], namespace=NS)
    remember_nodes(memory, [second], namespace=NS)
    assert contents(memory) == texts(second)


def test_a_document_that_was_emptied_leaves_nothing(memory: Memory) -> None:
    remember_nodes(memory, [document(), *chunks(TEXT, doc_id="lifts")], namespace=NS)
    assert remember_nodes(memory, [document(" ")], namespace=NS) == []
    assert {note.thread for note in notes_of(memory)} == {"lifts"}


def test_a_chunk_that_a_document_holds_twice_stays_twice(memory: Memory) -> None:
    for _ in range(3):
        remember_nodes(memory, chunks("Lifts open at eight.", "Lifts open at eight."), namespace=NS)
        assert contents(memory) == ["Lifts open at eight."] * 2
    remember_nodes(memory, chunks("Lifts open at eight."), namespace=NS)
    assert contents(memory) == ["Lifts open at eight."]


def test_what_was_not_made_of_a_documents_nodes_stays(memory: Memory) -> None:
    memory.remember("Ask Rosa about the boots.", namespace=NS, thread="boots")
    memory.remember("Boots of the other hotel.", namespace=(NS, "annex"), thread="boots")
    remember_nodes(memory, chunks("Another hotel's boots."), namespace=(NS, "annex"))
    remember_nodes(memory, chunks(TEXT), namespace=NS)
    remember_nodes(memory, chunks("No boots."), namespace=NS)
    assert contents(memory) == [
        "Another hotel's boots.",
        "Ask Rosa about the boots.",
        "Boots of the other hotel.",
        "No boots.",
    ]


def test_a_version_that_cannot_be_stored_leaves_the_old_one(memory: Memory) -> None:
    remember_nodes(memory, chunks("Ski boots are in the cellar."), namespace=NS)
    (bad,) = chunks("Ski boots are upstairs.")
    bad.metadata["map"] = "x" * 1_000_000
    with pytest.raises(InvalidInput):
        remember_nodes(memory, [bad], namespace=NS)
    assert contents(memory) == ["Ski boots are in the cellar."]


def test_the_same_words_in_another_document_are_another_note(memory: Memory) -> None:
    remember_nodes(memory, chunks("Lifts open at eight.", doc_id="lifts"), namespace=NS)
    (done,) = remember_nodes(memory, chunks("Lifts open at eight.", doc_id="news"), namespace=NS)
    assert not done.known


def test_the_nodes_of_a_document_follow_one_another(memory: Memory) -> None:
    done = remember_nodes(memory, chunks(TEXT), namespace=NS)
    assert {each.note.thread for each in done} == {"boots"}
    found = {x.node_id: x.node for x in retrieve(memory, "boots poles cellar boiler")}
    ids = [each.note.id for each in done]
    assert [found[x].next_node.node_id for x in ids[:-1]] == ids[1:]
    assert [found[x].prev_node.node_id for x in ids[1:]] == ids[:-1]
    assert {node.ref_doc_id for node in found.values()} == {"boots"}


def test_documents_are_linked_with_what_they_belong_to(memory: Memory) -> None:
    remember_nodes(
        memory,
        [
            Document(text="Heron, the red ferry, sails to Faro on Fridays.", doc_id="ferry"),
            Document(text="The red ferry Heron to Faro has sixty seats.", doc_id="seats"),
            Document(text="Bread is baked at dawn.", doc_id="bread"),
        ],
        namespace=NS,
    )
    linked = {
        note.key: [x.relation for x in note.links if x.relation is not Relation.FOLLOWS]
        for note in notes_of(memory)
    }
    assert linked["ferry"]
    assert linked["seats"]
    assert not linked["bread"]


def test_a_node_of_another_class_comes_back_as_one(memory: Memory) -> None:
    remember_nodes(memory, [IndexNode(text="All about boots.", index_id="boots")], namespace=NS)
    (found,) = retrieve(memory, "boots")
    assert isinstance(found.node, IndexNode)
    assert found.node.index_id == "boots"


def test_what_fits_into_no_note_is_refused_and_nothing_is_stored(memory: Memory) -> None:
    for node in (TextNode(text="x" * 1_000_001), TextNode(text="x", metadata={"y": "z" * 1_000_000})):
        with pytest.raises(InvalidInput, match=r"1,?000,?000"):
            remember_nodes(memory, [document(), node], namespace=NS)
    assert notes_of(memory) == []


def test_blank_nodes_are_left_out(memory: Memory) -> None:
    done = remember_nodes(memory, [TextNode(text=" \n"), document()], namespace=NS)
    assert [each.note.content for each in done] == ["Ski boots are rented in the cellar."]
    assert remember_nodes(memory, [], namespace=NS) == []


def test_documents_are_filtered_by_their_own_metadata(memory: Memory) -> None:
    for page in range(3):
        node = TextNode(text=f"Boots, page {page}.", metadata={"page": page, "note_kind_": "x"})
        remember_nodes(memory, [node], namespace=NS)
    filters = MetadataFilters(filters=[MetadataFilter(key="page", value=1)])
    assert [x.text for x in retrieve(memory, "boots", filters=filters)] == ["Boots, page 1."]


async def test_a_query_engine_runs_over_what_a_pipeline_made(memory: Memory) -> None:
    pipeline = IngestionPipeline(transformations=[TokenTextSplitter(chunk_size=40, chunk_overlap=0)])
    nodes = await pipeline.arun(documents=[Document(text=TEXT, doc_id="boots")])
    done = await asyncio.to_thread(remember_nodes, memory, nodes, namespace=NS)
    assert len(done) == len(nodes) > 1
    engine = RetrieverQueryEngine.from_args(
        ZettelmemRetriever(memory, namespace=NS, similarity_top_k=1), llm=MockLLM()
    )
    answer = await engine.aquery("Who gets poles for free?")
    assert "for every guest who rents" in str(answer)
    assert answer.source_nodes[0].node.ref_doc_id == "boots"
