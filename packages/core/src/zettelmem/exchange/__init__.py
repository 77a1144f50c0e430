"""Memories in and out of files: JSONL of messages or whole notes, and graphs of notes."""

from .dot import as_dot
from .files import confined, replacing
from .jsonl import BadLine, Incoming, note_line, read_note, read_time, read_turns

__all__ = [
    "BadLine",
    "Incoming",
    "as_dot",
    "confined",
    "note_line",
    "read_note",
    "read_time",
    "read_turns",
    "replacing",
]
