"""Small files of each format that is read, made after the formats' own documentation."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any


def chatgpt_message(message_id: str, role: str, text: str, parent: str | None, **more: Any) -> dict[str, Any]:
    """A node of ChatGPT's `mapping`."""
    message = {
        "id": message_id,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1714816800.5,
        "update_time": None,
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "end_turn": True,
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        **more,
    }
    return {"id": message_id, "message": message, "parent": parent, "children": []}


def chatgpt() -> list[dict[str, Any]]:
    """A conversation whose question was edited, with a tool, a picture and a hidden message."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x", "size_bytes": 1}
    nodes = [
        {"id": "root", "message": None, "parent": None, "children": ["sys"]},
        chatgpt_message("sys", "system", "", "root", metadata={"is_visually_hidden_from_conversation": True}),
        chatgpt_message("old", "user", "I live in Lisbon. Where to swim?", "sys"),
        chatgpt_message("q1", "user", "I live in Porto. Where to swim?", "sys"),
        chatgpt_message("call", "assistant", "search('swim porto')", "q1", recipient="browser"),
        chatgpt_message("tool", "tool", "Matosinhos beach ...", "call"),
        chatgpt_message("a1", "assistant", "At Matosinhos, in summer.", "tool"),
        chatgpt_message(
            "q2",
            "user",
            "",
            "a1",
            content={"content_type": "multimodal_text", "parts": [picture, "This is my dog Rex."]},
        ),
    ]
    return [
        {
            "title": "Swimming",
            "create_time": 1714816800.5,
            "update_time": 1714816900.0,
            "mapping": {node["id"]: node for node in nodes},
            "current_node": "q2",
            "conversation_id": "c-1",
            "id": "c-1",
        }
    ]


def claude() -> list[dict[str, Any]]:
    """A conversation with tool blocks and an attachment."""
    return [
        {
            "uuid": "conv-1",
            "name": "Bees",
            "created_at": "2024-05-04T10:00:00.123456Z",
            "updated_at": "2024-05-04T10:05:00.000000Z",
            "account": {"uuid": "acc"},
            "chat_messages": [
                {
                    "uuid": "m-1",
                    "text": "I keep bees in Porto.",
                    "content": [{"type": "text", "text": "I keep bees in Porto.", "citations": []}],
                    "sender": "human",
                    "created_at": "2024-05-04T10:00:00.123456Z",
                    "updated_at": "2024-05-04T10:00:00.123456Z",
                    "attachments": [],
                    "files": [{"file_name": "hive.jpg"}],
                },
                {
                    "uuid": "m-2",
                    "text": "ignored where there are parts",
                    "content": [
                        {"type": "tool_use", "name": "search", "input": {"q": "hives"}},
                        {"type": "text", "text": "Feed them in February."},
                    ],
                    "sender": "assistant",
                    "created_at": "2024-05-04T10:01:00.000000Z",
                    "updated_at": "2024-05-04T10:01:00.000000Z",
                    "attachments": [],
                    "files": [],
                },
                {
                    "uuid": "m-3",
                    "text": "",
                    "content": [],
                    "sender": "human",
                    "created_at": "2024-05-04T10:02:00Z",
                },
            ],
        }
    ]


def mem0() -> list[dict[str, Any]]:
    """Two memories as `get_all` gives them."""
    return [
        {
            "id": "892db2ae-06d9-49e5-8b3e-585ef9b85b8e",
            "memory": "Ana is allergic to peanuts",
            "hash": "2d4a3e",
            "metadata": {"source": "intake"},
            "categories": ["health"],
            "created_at": "2024-07-26T08:42:59.222839-07:00",
            "updated_at": None,
            "user_id": "ana",
        },
        {
            "id": "2",
            "memory": "Ana lives in Porto",
            "created_at": "2024-07-27T08:00:00-07:00",
            "user_id": "ana",
        },
    ]


REFERENCE: list[dict[str, Any]] = [
    {
        "type": "entity",
        "name": "Ana",
        "entityType": "person",
        "observations": ["keeps bees", "lives in Porto"],
    },
    {"type": "entity", "name": "Acme", "entityType": "company", "observations": []},
    {"type": "relation", "from": "Ana", "to": "Acme", "relationType": "works at"},
]
"""Lines of the reference server's `memory.jsonl`."""

OBSIDIAN = {
    "Bees.md": (
        "---\ntags: [hobby, garden/bees]\ncreated: 2024-05-04\n---\n"
        "# Bees\n\nTwo hives, see [[Porto|the town]] and "
        "[[People/Ana#Work]]. #honey\n\n```\n#no [[Nobody]]\n```\n"
    ),
    "Porto.md": "The town by the river.\n",
    "People/Ana.md": "---\naliases: Ana B\n---\nAna lives in [[porto]].\n",
    ".obsidian/workspace.md": "not a note",
    "picture.png": "no Markdown",
}
"""A vault of Obsidian."""

BASIC_MEMORY = {
    "coffee/Brewing.md": (
        "---\ntitle: Coffee Brewing\ntype: note\npermalink: coffee/brewing\ntags:\n- coffee\n---\n\n"
        "# Coffee Brewing\n\n"
        "Notes on the morning.\n\n"
        "## Observations\n- [method] Pour over needs 30 seconds of bloom #timing (tested)\n"
        "- [preference] Ana likes it weak\n- [x] buy beans\n\n## Relations\n- part_of [[Morning Routine]]\n"
        "- pairs_with [[Nowhere]] (sweet)\n"
    ),
    "Morning Routine.md": "---\ntitle: Morning Routine\npermalink: morning-routine\n---\n\nWake at seven.\n",
}
"""A project of basic-memory."""


LANGGRAPH = """
CREATE TABLE store_migrations (v INTEGER PRIMARY KEY);
CREATE TABLE store (
    -- 'prefix' represents the doc's 'namespace'
    prefix text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, expires_at TIMESTAMP, ttl_minutes REAL,
    PRIMARY KEY (prefix, key)
);
CREATE INDEX store_prefix_idx ON store (prefix);
"""
"""The schema that langgraph-checkpoint-sqlite 3 makes."""
CHROMA = """
CREATE TABLE "collections" (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, database_id TEXT NOT NULL,
    config_json_str TEXT, schema_str TEXT, UNIQUE (name, database_id)
);
CREATE TABLE "segments" (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL,
    collection TEXT REFERENCES collection(id) NOT NULL
);
CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL, seq_id BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (segment_id, embedding_id)
);
CREATE TABLE embedding_metadata (
    id INTEGER REFERENCES embeddings(id), key TEXT NOT NULL, string_value TEXT, int_value INTEGER,
    float_value REAL, bool_value INTEGER, PRIMARY KEY (id, key)
);
INSERT INTO collections VALUES ('c1', 'memories', 2, 'd1', '{}', '{}');
INSERT INTO segments VALUES ('s1', 'urn:chroma:segment/vector/hnsw-local-persisted', 'VECTOR', 'c1');
INSERT INTO segments VALUES ('s2', 'urn:chroma:segment/metadata/sqlite', 'METADATA', 'c1');
"""
"""What chromadb 1.5 makes of it that matters here."""


def langgraph(file: Path, items: Sequence[tuple[str, str, Any]]) -> Path:
    """A SqliteStore with items: namespace, key, value. Values are bytes of JSON, as orjson gives them."""
    with closing(sqlite3.connect(file)) as base, base:
        base.executescript(LANGGRAPH)
        for number, (prefix, key, value) in enumerate(items):
            at = f"2026-03-01 12:00:{number:02}"
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            base.execute("INSERT INTO store VALUES (?, ?, ?, ?, ?, NULL, NULL)", (prefix, key, raw, at, at))
    return file


def amem_memory(name: str, content: str, **more: Any) -> dict[str, str]:
    """What A-MEM keeps of a memory in Chroma: lists as JSON, all else as text."""
    meta = {
        "id": name,
        "content": content,
        "keywords": ["home"],
        "links": [],
        "retrieval_count": 0,
        "timestamp": "202603011230",
        "last_accessed": "202603011230",
        "context": "General",
        "evolution_history": [],
        "category": "Uncategorized",
        "tags": ["people"],
        **more,
    }
    return {key: json.dumps(value) if isinstance(value, list) else str(value) for key, value in meta.items()}


def amem(folder: Path, memories: Sequence[dict[str, str]]) -> Path:
    """A-MEM's folder with these memories; Chroma adds the text that it embedded."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as base, base:
        base.executescript(CHROMA)
        for number, meta in enumerate(memories, 1):
            name = meta.get("id", f"id-{number}")
            base.execute(
                "INSERT INTO embeddings VALUES (?, 's2', ?, ?, '2026-03-01')", (number, name, number)
            )
            document = f"{meta.get('content', 'A document.')} context: x"
            for key, value in {**meta, "chroma:document": document}.items():
                row = (number, key, value)
                base.execute("INSERT INTO embedding_metadata VALUES (?, ?, ?, NULL, NULL, NULL)", row)
    return folder
