"""Small files of each format that is read, made after the formats' own documentation."""

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
