"""Everything zettelmem raises on purpose, as one tree.

ZettelmemError
├── InvalidInput (ValueError)         a value cannot be used; the text says what to send instead
│   ├── LimitExceeded                 it is larger than a stated limit
│   │   └── QuotaError                its namespace would hold more than it may
│   └── DecisionRefused               a judge's decision names, changes or touches what it may not
├── NotFound (LookupError)            no such note or change in this namespace
├── ConflictError                     others changed the same notes; names them, nothing was overwritten
├── ModelError                        a language model, embedder or reranker failed
│   └── AnswerUnfit (ValueError)      a language model answered, and not in the shape it was asked for
├── StoreError                        the store cannot be opened, read or written
│   └── StoreMismatch                 it was written by another schema version or another embedding model
└── ExtraMissing (ImportError)        an optional package is not installed; the text gives the command
"""

from __future__ import annotations

import re

# Where in a dependency's source an error arose, as LanceDB writes it: of use to its makers alone.
_SOURCE_PLACE = re.compile(r",?\s*(?:at\s+)?\S*/\S+\.rs:\d+(?::\d+)*:?")


def without_places(error: BaseException) -> str:
    """What a dependency's error says, without paths of the machine that built the dependency."""
    return _SOURCE_PLACE.sub("", str(error)).strip() or type(error).__name__


class ZettelmemError(Exception):
    """Base of every error that zettelmem raises on purpose."""


class InvalidInput(ZettelmemError, ValueError):
    """A value given by the caller cannot be used."""


class LimitExceeded(InvalidInput):
    """A value is larger than a stated limit."""


class QuotaError(LimitExceeded):
    """A namespace would hold more notes or bytes than its quota; nothing was written."""


class DecisionRefused(InvalidInput):
    """A decision was refused as a whole; nothing of it was applied."""


class NotFound(ZettelmemError, LookupError):
    """No such note or change in the namespace that was asked."""


class ConflictError(ZettelmemError):
    """Notes changed while a decision about them was being made.

    Attributes:
        note_ids: the notes that changed meanwhile.
    """

    def __init__(self, message: str, note_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.note_ids = note_ids


class ModelError(ZettelmemError):
    """A language model, embedder or reranker failed or answered what cannot be used."""


class AnswerUnfit(ModelError, ValueError):
    """A language model answered, and not in the shape that it was asked for: it works all the same."""


class StoreError(ZettelmemError):
    """The store cannot be opened, read or written."""


class StoreMismatch(StoreError):
    """The store belongs to another schema version or another embedding model."""


class ExtraMissing(ZettelmemError, ImportError):
    """An optional package is not installed."""
