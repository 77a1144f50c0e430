"""The types of the tools' arguments: lenient towards what models write, and lean in the tokens they cost."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

MAX_FACTS = 50
"""Facts of one call."""


class Lean(GenerateJsonSchema):
    """A JSON schema without titles, nulls and limits: half of the tokens. Errors tell the limits."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No field needs a title beside its name."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Left out is said by the field not being required."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Only defaults that say something."""
        made = super().default_schema(schema)
        if made.get("default") in (None, "", [], False):
            made.pop("default", None)
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A class's name and docstring are said to programmers."""
        made = super().model_schema(schema)
        return {key: value for key, value in made.items() if key not in ("title", "description")}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """A text of any length."""
        return {"type": "string"}

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        """A list of any length."""
        made = super().list_schema(schema)
        return {key: value for key, value in made.items() if key in ("type", "items")}


def _words(value: Any) -> Any:
    """A list for a text with commas; tags without the `#` that answers print; None for nothing."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return value
    parts = [part.strip().removeprefix("#") if isinstance(part, str) else part for part in value]
    return [part for part in parts if part != ""] or None


def _facts(value: Any) -> Any:
    """A list of facts for one fact, or for a list that was sent as a text."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    return [value] if isinstance(value, str) else value


def _ids(value: Any) -> Any:
    value = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _bare(value: Any) -> Any:
    """An id as it stands in answers and URIs, `[k3v9x2ab]` or `memory://note/k3v9x2ab`, without that."""
    return value.strip().rpartition("/")[2].strip("[]`'\" ") if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    """A time; where it names no zone, the memory's is meant."""
    try:
        return datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError, OverflowError, OSError) as error:
        raise ValueError("send a date like 2026-05-03 or 2026-05-03T14:30:00+02:00") from error


def _end(value: Any) -> Any:
    """As `_moment`; a mere date is the end of that day."""
    whole_day = isinstance(value, str) and re.fullmatch(r"\s*\d{4}-\d\d-\d\d\s*", value)
    return _moment(value) + timedelta(days=1) if whole_day else _moment(value)


Id = Annotated[str, BeforeValidator(_bare), Field(max_length=100)]
Ids = Annotated[list[str], BeforeValidator(_ids), Field(min_length=1, max_length=20)]
Facts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1_000_000)]],
    BeforeValidator(_facts),
    Field(min_length=1, max_length=MAX_FACTS),
]
Content = Annotated[
    Annotated[str, Field(max_length=1_000_000)] | None,
    Field(description="new words"),
]
Words = Annotated[Annotated[list[str], Field(max_length=20)] | None, BeforeValidator(_words)]
Moment = Annotated[datetime | None, BeforeValidator(_moment, json_schema_input_type=str)]
End = Annotated[datetime | None, BeforeValidator(_end, json_schema_input_type=str)]
Kind = Annotated[
    Literal["episodic", "semantic", "procedural", "insight"] | None,
    Field(description="what happened, what is so, how to, distilled"),
]
Who = Annotated[
    Literal["user", "assistant", "tool"] | None,
    Field(description="whose words: user, assistant if you concluded it, tool for pages, files, mail"),
]
Thread = Annotated[
    Annotated[str, Field(max_length=500)] | None,
    Field(description="conversation or project"),
]
Cursor = Annotated[
    Annotated[str, Field(max_length=200)] | None,
    Field(description="from the page before"),
]
Reason = Annotated[str, Field(max_length=500)]
Budget = Annotated[int, Field(ge=100, le=8_000, description="tokens of the answer")]


class LinkIn(BaseModel):
    """What one note is to another, as the assistant decided."""

    model_config = ConfigDict(extra="ignore")

    note_id: Id
    relation: Literal[
        "relates", "supports", "contradicts", "supersedes", "updates", "part_of", "derived_from"
    ] = "relates"
    to: Annotated[Id, Field(description="id of the older note")]
    reason: Reason = ""
    context: Annotated[
        str, Field(max_length=4_000, description="a better one-sentence description of the older note")
    ] = ""


class Sure(BaseModel):
    """What the user is asked."""

    sure: bool = Field(title="Go ahead", description="Nothing is changed otherwise")
