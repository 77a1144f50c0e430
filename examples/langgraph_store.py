"""A LangGraph store that finds what it keeps by words, meaning and links. Runs offline.

python examples/langgraph_store.py [folder]
"""

import sys
from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from langchain_zettelmem import ZettelmemStore
from zettelmem import Memory


class State(TypedDict):
    """What goes through the graph."""

    question: str
    answer: str


def learn(state: State, runtime: Runtime[None]) -> dict[str, str]:
    """Put what is known. Any JSON is a value; `index` says which of its texts are searched."""
    assert runtime.store is not None
    user = ("users", "ana")
    runtime.store.put(user, "home", {"text": "Ana moved to Porto in May.", "since": 2026}, index=["text"])
    runtime.store.put(user, "knee", {"text": "Ana hurt her knee.", "since": 2025}, index=["text"])
    runtime.store.put(user, "token", {"text": "opaque"}, index=False, ttl=60)  # minutes
    return {}


def answer(state: State, runtime: Runtime[None]) -> dict[str, str]:
    """Search below a prefix, by a question and by fields."""
    assert runtime.store is not None
    found = runtime.store.search(("users",), query=state["question"], filter={"since": {"$gte": 2026}})
    return {"answer": found[0].value["text"]}


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    with Memory(folder) as memory:
        store = ZettelmemStore(memory)
        graph = StateGraph(State).add_sequence([learn, answer]).add_edge(START, "learn").compile(store=store)
        print(graph.invoke({"question": "Where does Ana live?", "answer": ""})["answer"])
        print(store.list_namespaces(), [item.key for item in store.search(("users", "ana"))])


if __name__ == "__main__":
    main()
