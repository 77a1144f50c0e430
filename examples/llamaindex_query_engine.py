"""A LlamaIndex query engine over documents that are remembered as linked notes.

Runs offline: the mock model repeats its prompt, so that you see what a real one would be given.

    pip install llama-index-memory-zettelmem
    python examples/llamaindex_query_engine.py
"""

from llama_index.core.llms.mock import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import Document
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters

from llama_index.retrievers.zettelmem import ZettelmemRetriever, remember_nodes
from zettelmem import Memory

HANDBOOK = {
    "boots": "Ski boots are rented in the cellar, from nine to five.",
    "poles": "Guests who rent ski boots for three days get poles for free.",
    "bread": "Bread is baked at dawn and sold in the hall.",
}


def main() -> None:
    documents = [
        Document(text=text, doc_id=name, metadata={"file": f"{name}.md"}) for name, text in HANDBOOK.items()
    ]
    with Memory("memory://") as memory:
        remember_nodes(memory, documents, namespace="handbook")
        again = remember_nodes(memory, documents, namespace="handbook")
        print("stored twice:", not all(each.known for each in again))

        retriever = ZettelmemRetriever(memory, namespace="handbook", similarity_top_k=2)
        engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
        answer = engine.query("Where do I rent ski boots?")
        print(answer)
        for found in answer.source_nodes:
            linked = [f"{each.metadata['relation']} {each.node_id}" for each in found.node.child_nodes or []]
            print(f"{found.score:.2f} [{found.node_id}] {found.metadata['file']}", *linked)

        bread = MetadataFilters(filters=[MetadataFilter(key="file", value="bread.md")])
        only = ZettelmemRetriever(memory, namespace="handbook", filters=bread)
        print([found.metadata["file"] for found in only.retrieve("What is sold?")])


if __name__ == "__main__":
    main()
