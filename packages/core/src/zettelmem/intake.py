"""Drafts at the door: data as its kind wants it, and likely secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from .drafts import Draft
from .errors import InvalidInput
from .language.secrets import kinds_in, redacted
from .limits import MAX_WORDS
from .note import KINDS
from .values import build

Secrets = Literal["allow", "flag", "redact", "refuse"]
"""What is done with likely secrets: nothing, a tag, taking them out, or not storing the note."""
SECRET = "secret"
"""The tag of notes that hold one."""


class Intake:
    """What a draft has to pass.

    Args:
        kinds: the application's own kinds, each with the model of the note's `data`.
        secrets: what is done with likely secrets.
    """

    def __init__(self, kinds: Mapping[str, type[BaseModel]], secrets: Secrets) -> None:
        self._kinds = dict(kinds)
        self._secrets = secrets

    def checked(self, draft: Draft) -> Draft:
        """The draft, with its `data` as the model of its kind wants it, and without secrets if so set."""
        if self._secrets in ("redact", "refuse"):
            draft = self._without_secrets(draft)
        if draft.kind is None or draft.kind in KINDS:
            return draft
        if draft.kind not in self._kinds:
            known = ", ".join((*KINDS, *self._kinds))
            raise InvalidInput(
                f"kind {draft.kind!r} is not registered; use one of {known}, or give "
                f"kinds={{{draft.kind!r}: YourModel}} to the memory"
            )
        data = build(self._kinds[draft.kind], draft.data or {}).model_dump(mode="json")
        return draft.model_copy(update={"data": data})

    def _without_secrets(self, draft: Draft) -> Draft:
        texts = {name: getattr(draft, name) for name in ("content", "context", "keywords", "tags", "data")}
        kinds = kinds_in(list(texts.values()))
        if not kinds:
            return draft
        if self._secrets == "refuse":
            raise InvalidInput(
                f"this looks like it holds a {' and a '.join(kinds)}, and this memory refuses secrets; leave "
                "it out, or keep it in a vault and remember where"
            )
        return build(Draft, {**dict(draft), **{name: redacted(value) for name, value in texts.items()}})

    def flagged(self, tags: tuple[str, ...], *texts: Any) -> tuple[str, ...]:
        """The tags, with one that tells of a likely secret in the texts, if that is wanted."""
        if self._secrets != "flag" or SECRET in tags or not kinds_in(list(texts)):
            return tags
        return (*tags[: MAX_WORDS - 1], SECRET)
