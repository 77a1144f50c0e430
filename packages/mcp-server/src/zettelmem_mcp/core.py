"""The core's front door, opened by the first use of it: to import it costs time that no handshake has."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zettelmem import *  # noqa: F403 - the same names, for whoever checks types


def __getattr__(name: str) -> Any:
    return getattr(import_module("zettelmem"), name)
