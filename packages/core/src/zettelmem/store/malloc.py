"""Memory that LanceDB and Arrow asked for and do not need any more: given back to the system."""

from __future__ import annotations

import ctypes
import os

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""The numbers of these settings in glibc's malloc.h."""
LARGE = 4 << 20
"""Bytes of a piece of memory that goes back to the system as soon as it is freed."""


def few_heaps() -> None:
    """Let glibc make one heap a core for the threads of LanceDB, not eight, and none of large pieces.

    Each keeps what its threads freed, so a long-lived writer came to hold twice what it used. These are
    settings of the whole process; where the environment sets one of them, they are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None and not {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys():
        mallopt(M_ARENA_MAX, max(2, os.cpu_count() or 2))
        mallopt(M_MMAP_THRESHOLD, LARGE)


def trim_memory() -> None:
    """Give back what compaction needed: glibc and Arrow keep it for the threads that it ran in."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
