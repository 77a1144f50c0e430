"""Memories in and out of files: JSONL of messages or whole notes, and pictures of the graph."""

from .files import confined, replacing
from .jsonl import BadLine, Incoming, note_line, read_note, read_time, read_turns
from .picture import as_dot, as_svg

__all__ = [
    "BadLine",
    "Incoming",
    "as_dot",
    "as_svg",
    "confined",
    "note_line",
    "read_note",
    "read_time",
    "read_turns",
    "replacing",
]
