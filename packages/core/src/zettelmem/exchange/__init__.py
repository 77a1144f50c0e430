"""Memories in and out of files: other programs' exports, vaults of Markdown, our JSONL, graphs."""

from .backup import read_head, write_backup
from .dot import as_dot
from .files import confined, replacing
from .graphml import as_graphml
from .incoming import BadLine, Incoming, Reading, read_time
from .jsonl import note_line, read_note, read_turns
from .page import file_name, folder_name, mark_of, page_of
from .recognise import KNOWN, Recognised, recognise
from .reference import read as read_graph

__all__ = [
    "KNOWN",
    "BadLine",
    "Incoming",
    "Reading",
    "Recognised",
    "as_dot",
    "as_graphml",
    "confined",
    "file_name",
    "folder_name",
    "mark_of",
    "note_line",
    "page_of",
    "read_graph",
    "read_head",
    "read_note",
    "read_time",
    "read_turns",
    "recognise",
    "replacing",
    "write_backup",
]
