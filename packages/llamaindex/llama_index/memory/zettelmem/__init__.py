"""Zettelmem as long-term memory for LlamaIndex: a memory, a memory block, tools, model adapters."""

from .block import ZettelmemMemoryBlock
from .memory import ZettelmemMemory
from .models import as_embedder, as_language_model
from .tools import ZettelmemToolSpec

__version__ = "0.1.0"

__all__ = ["ZettelmemMemory", "ZettelmemMemoryBlock", "ZettelmemToolSpec", "as_embedder", "as_language_model"]
