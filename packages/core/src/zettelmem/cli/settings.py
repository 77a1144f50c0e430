"""What every command can be told, on the command line or in the environment, and nowhere else."""

from __future__ import annotations

import codecs
import functools
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO, get_type_hints

import typer
from pydantic import BaseModel

from zettelmem.errors import InvalidInput, NotFound, ZettelmemError
from zettelmem.exchange import read_time
from zettelmem.local import zone_of
from zettelmem.namespace import DEFAULT_NAMESPACE, Namespace, as_namespace
from zettelmem.protocols import Embedder, LanguageModel
from zettelmem.providers import named_embedder
from zettelmem.sync import Memory

BAD_INPUT, FAILURE = 2, 1
"""Exit codes: what was given cannot be used; it could be, but something failed."""

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="ZETTELMEM_DB",
        show_default="the user's data folder",
        help="Where the memory is: a directory, or a URI such as s3://bucket/memory.",
    ),
]
Space = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        envvar="ZETTELMEM_NAMESPACE",
        help="Whose memory, as a path such as acme/ana; / is all of them.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
EmbedderName = Annotated[
    str,
    typer.Option(
        "--embedder",
        envvar="ZETTELMEM_EMBEDDER",
        help="wordllama, minilm, multilingual, or sentence-transformers:NAME_OR_FOLDER.",
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="ZETTELMEM_MODEL",
        help="A language model that judges, such as anthropic:claude-haiku-4-5.",
        show_default="offline rules",
    ),
]


class ReviewName(StrEnum):
    """What of a model's word a person looks at first."""

    ALL = "all"
    CLOSINGS = "closings"
    NONE = "none"


Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        envvar="ZETTELMEM_TIMEZONE",
        help="Whose days are meant and shown, and times without a zone, such as Europe/Lisbon.",
        show_default="UTC; times without a zone are refused",
    ),
]

Reviewed = Annotated[
    ReviewName,
    typer.Option(
        "--review",
        envvar="ZETTELMEM_REVIEW",
        help="What of the model's word you look at first, with `review`.",
    ),
]
AuditFile = Annotated[
    str | None,
    typer.Option(
        "--audit",
        envvar="ZETTELMEM_AUDIT",
        help="A log of who changed what and when, to go on with.",
        show_default="none",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options that every command has."""

    db: Db = None
    namespace: Space = DEFAULT_NAMESPACE
    as_json: AsJson = False
    embedder: EmbedderName = "wordllama"
    model: ModelName = None
    timezone: Zone = None
    audit: AuditFile = None
    review: Reviewed = ReviewName.NONE

    @property
    def space(self) -> Namespace:
        """The namespace as a path."""
        return as_namespace(self.namespace)

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of days, and of times that name none.

        Raises:
            InvalidInput: there is no such time zone.
        """
        return zone_of(self.timezone)

    def time(self, text: str | None) -> datetime | None:
        """A time as the user wrote it."""
        return None if text is None else read_time(text, self.zone)

    def day(self, text: str | None) -> datetime | date | None:
        """A date or a time as the user wrote it; a date is a whole day."""
        if text is not None and len(text) == len("2026-05-03"):
            with suppress(ValueError):
                return date.fromisoformat(text)
        return self.time(text)

    @property
    def place(self) -> str:
        """The memory's directory or URI; by default where the MCP server keeps it too."""
        if self.db is not None:
            return self.db
        import platformdirs

        return str(platformdirs.user_data_path("zettelmem", appauthor=False) / "memory")

    def _embedder(self) -> Embedder:
        return named_embedder(self.embedder)

    def _judge(self) -> LanguageModel | None:
        if self.model is None:
            return None
        from zettelmem.providers.pydantic_ai import PydanticAI

        judge = PydanticAI(self.model)
        judge.load()  # a wrong name is told now, not once for every note
        return judge

    @contextmanager
    def memory(self, *, new: bool = False, judged: bool = False) -> Iterator[Memory]:
        """The memory, open.

        Args:
            new: make it if it is not there; otherwise a mistyped path would look like an empty memory.
            judged: with the language model, if one is named.

        Raises:
            InvalidInput: there is none, or an option does not fit.
            ExtraMissing: an option needs a package that is not installed.
        """
        self.check_place(new)
        judge = self._judge() if judged else None
        with Memory(
            self.place,
            embedder=self._embedder(),
            model=judge,
            audit=self.audit,
            timezone=self.timezone,
            review=self.review.value,
        ) as memory:
            yield memory

    def check_place(self, new: bool = False) -> None:
        """Refuse a place that is none, or where nothing is and nothing is to be made.

        Raises:
            InvalidInput: it is such a place.
        """
        if not self.place or "\0" in self.place:
            raise InvalidInput("--db is no path; give a directory or a URI")
        if "://" in self.place:
            return
        path = Path(self.place).expanduser()
        if path.exists() and not path.is_dir():
            raise InvalidInput(f"{path} is a file; --db takes the directory that the memory lives in")
        if not new and (not path.exists() or not any(path.iterdir())):
            raise InvalidInput(
                f"there is no memory in {path}; `remember`, `import` and `restore` make one, --db names "
                "another place"
            )

    def tell(self, value: BaseModel | dict[str, Any], show: Callable[[], None]) -> None:
        """Print `value` as JSON if that is wanted, or `show` it to people."""
        if self.as_json:
            plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            wide = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
            typer.echo(json.dumps(plain, ensure_ascii=not wide))
        else:
            show()


# What our own lines are made of, for streams whose encoding lacks it.
_PLAIN = {"\u2502": "|", "\u2192": "->", "\u2190": "<-", "\u2026": "..."}


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each, "?") for each in lacking), error.end


codecs.register_error("zettelmem.plainer", _plainer)


def print_what_fits(stream: TextIO) -> None:
    """Let a stream print a "?" for what its encoding lacks, instead of failing after the work is done."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="zettelmem.plainer")


def complain(problem: str) -> None:
    """One line on stderr."""
    typer.echo(f"zettelmem: {' '.join(problem.split())}", err=True)


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """The function as a command: with everybody's options, and errors told in one line.

    Its first parameter is the `Settings`; the options are taken from there.
    """
    signature = inspect.signature(function)
    own = get_type_hints(function, include_extras=True)
    common = get_type_hints(Settings, include_extras=True)
    parameters = [each.replace(annotation=own[each.name]) for each in list(signature.parameters.values())[1:]]
    parameters += [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=common[each.name],
        )
        for each in fields(Settings)
    ]

    @functools.wraps(function)
    def command(**given: Any) -> None:
        settings = Settings(**{each.name: given.pop(each.name) for each in fields(Settings)})
        try:
            function(settings, **given)
        except (InvalidInput, NotFound) as error:
            complain(str(error))
            raise typer.Exit(BAD_INPUT) from error
        except ZettelmemError as error:
            complain(str(error))
            raise typer.Exit(FAILURE) from error

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
