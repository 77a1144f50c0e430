"""Zettelmem as a retriever for LlamaIndex, and the way in for documents."""

from .ingestion import remember_nodes
from .retriever import ZettelmemRetriever

__version__ = "0.1.0"

__all__ = ["ZettelmemRetriever", "remember_nodes"]
