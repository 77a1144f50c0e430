"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be repeated.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only with this tag; may be repeated.")]
Thread = Annotated[str | None, typer.Option("--thread", help="Only this conversation.")]
Since = Annotated[str | None, typer.Option("--since", help="What happened then or later (ISO 8601).")]
Until = Annotated[str | None, typer.Option("--until", help="What happened before then (ISO 8601).")]
NoteId = Annotated[str, typer.Argument(help="The note's id.")]


class JudgeName(StrEnum):
    """Who decides about links and evolution."""

    OFFLINE = "offline"
    MODEL = "model"
    LATER = "later"
    NONE = "none"


class TrustName(StrEnum):
    """How far words may be believed."""

    UNTRUSTED = "untrusted"
    REPORTED = "reported"
    STATED = "stated"
    VERIFIED = "verified"


JudgeOption = Annotated[
    JudgeName | None,
    typer.Option("--judge", help="Who decides about links.", show_default="model if --model is given"),
]
