"""What others take for the same texts and vectors. Runs in an environment of its own, without zettelmem.

    python peer.py NAME DATA FOLDER

DATA holds `given.json` (lists of texts: `texts`, `singles`, `questions`) and `given.npz` (their vectors,
under the same names). Prints one line of JSON: processor and wall milliseconds of a text loaded in bulk, of
one text added, and of one query for ten texts.
"""

from __future__ import annotations

import importlib
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

K = 10
BATCH = 2_000
WARMING = 2
Texts = Sequence[tuple[str, str, list[float]]]
"""Ids, texts and vectors."""


class Chroma:
    """A collection on disk, cosine distance."""

    def __init__(self, folder: Path, vector_of: dict[str, list[float]]) -> None:
        """Make an empty one in `folder`."""
        chromadb = importlib.import_module("chromadb")
        settings = chromadb.config.Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(str(folder), settings=settings)
        self._texts = client.create_collection(
            "texts", embedding_function=None, metadata={"hnsw:space": "cosine"}
        )

    def load(self, given: Texts) -> None:
        """Add many."""
        for start in range(0, len(given), BATCH):
            ids, texts, vectors = (list(each) for each in zip(*given[start : start + BATCH], strict=True))
            self._texts.add(ids=ids, documents=texts, embeddings=vectors)

    def add(self, name: str, text: str, vector: list[float]) -> None:
        """Add one."""
        self._texts.add(ids=[name], documents=[text], embeddings=[vector])

    def query(self, text: str, vector: list[float]) -> int:
        """Give how many were found."""
        return len(self._texts.query(query_embeddings=[vector], n_results=K)["ids"][0])


class Sqlite:
    """LangGraph's store in SQLite, with its index of vectors."""

    def __init__(self, folder: Path, vector_of: dict[str, list[float]]) -> None:
        """Make an empty one in `folder`."""
        if not hasattr(sqlite3.Connection, "enable_load_extension"):  # a Python built without extensions
            sys.modules["sqlite3"] = importlib.import_module("pysqlite3")
        module = importlib.import_module("langgraph.store.sqlite")
        self._put = importlib.import_module("langgraph.store.base").PutOp
        dimensions = len(next(iter(vector_of.values())))
        index = {
            "dims": dimensions,
            "embed": lambda texts: [vector_of[x] for x in texts],
            "text_fields": ["text"],
        }
        self._opened = module.SqliteStore.from_conn_string(str(folder / "store.db"), index=index)
        self._store = self._opened.__enter__()
        self._store.setup()

    def load(self, given: Texts) -> None:
        """Add many."""
        for start in range(0, len(given), BATCH):
            puts = [
                self._put(("big",), name, {"text": text}) for name, text, _ in given[start : start + BATCH]
            ]
            self._store.batch(puts)

    def add(self, name: str, text: str, vector: list[float]) -> None:
        """Add one."""
        self._store.put(("big",), name, {"text": text})

    def query(self, text: str, vector: list[float]) -> int:
        """Give how many were found."""
        return len(self._store.search(("big",), query=text, limit=K))


class Mem0:
    """mem0 on Qdrant in a local folder, its language model left out (`infer=False`); it loads one by one."""

    def __init__(self, folder: Path, vector_of: dict[str, list[float]]) -> None:
        """Make an empty one in `folder`."""
        os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "home"), "OPENAI_API_KEY": "none"}
        base = importlib.import_module("langchain_core.embeddings").Embeddings

        class Given(base):  # type: ignore[valid-type, misc]
            """The vectors that were made before."""

            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                """One a text."""
                return [vector_of[text] for text in texts]

            def embed_query(self, text: str) -> list[float]:
                """As above."""
                return vector_of[text]

        dimensions = len(next(iter(vector_of.values())))
        store = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": dimensions}
        config = {
            "vector_store": {"provider": "qdrant", "config": store | {"collection_name": "big"}},
            "embedder": {"provider": "langchain", "config": {"model": Given()}},
            "history_db_path": str(folder / "history.db"),
        }
        self._memory = importlib.import_module("mem0").Memory.from_config(config)

    def load(self, given: Texts) -> None:
        """Add many."""
        for name, text, vector in given:
            self.add(name, text, vector)

    def add(self, name: str, text: str, vector: list[float]) -> None:
        """Add one."""
        self._memory.add(text, user_id="ana", infer=False)

    def query(self, text: str, vector: list[float]) -> int:
        """Give how many were found."""
        return len(self._memory.search(text, filters={"user_id": "ana"}, top_k=K)["results"])


PEERS = {"chroma": Chroma, "sqlite": Sqlite, "mem0": Mem0}


def took(work: Callable[[], Any]) -> tuple[float, float]:
    """Processor and wall milliseconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return 1_000 * (time.process_time() - processor), 1_000 * (time.perf_counter() - wall)


def main() -> None:
    """The command."""
    name, data, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    texts = json.loads((data / "given.json").read_text(encoding="utf-8"))
    texts = {key: [text.strip() for text in some] for key, some in texts.items()}  # as mem0 does
    vectors = {key: value.tolist() for key, value in np.load(data / "given.npz").items()}
    vector_of = {text: vector for key in texts for text, vector in zip(texts[key], vectors[key], strict=True)}
    folder.mkdir(parents=True)
    peer = PEERS[name](folder, vector_of)

    def given(key: str) -> list[tuple[str, str, list[float]]]:
        return [(f"{key}{i}", text, vector_of[text]) for i, text in enumerate(texts[key])]

    bulk = [value / len(texts["texts"]) for value in took(lambda: peer.load(given("texts")))]
    ones = [took(lambda each=each: peer.add(*each)) for each in given("singles")][WARMING:]
    asked = [took(lambda each=each: peer.query(*each[1:])) for each in given("questions")][WARMING:]
    if peer.query(texts["questions"][0], vectors["questions"][0]) < min(K, len(texts["texts"])):
        sys.exit(f"{name} found too little")

    def medians(of: list[tuple[float, float]]) -> list[float]:
        return [statistics.median(column) for column in zip(*of, strict=True)]

    print(json.dumps({"bulk": bulk, "one": medians(ones), "query": medians(asked)}))


if __name__ == "__main__":
    main()
