"""Every setting of the server, its default, and the one place where the environment is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

PREFIX = "ZETTELMEM_"
LOCAL = ("127.0.0.1", "localhost", "::1")


class BadSetting(ValueError):
    """A setting that cannot be used; the text says what to give instead."""


def _absolute(place: str) -> str:
    return place if not place or "://" in place else str(Path(place).expanduser().absolute())


Place = Annotated[str, AfterValidator(_absolute)]
"""A path, from the root on, for clients start us in folders of their own; or an object-store URI."""


class Settings(BaseModel):
    """What the server can be told. Each is a flag, `--allowed-hosts`, and ZETTELMEM_ALLOWED_HOSTS."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    db: Place = ""
    """Directory of the memory, or an object-store URI; your data directory if empty."""
    namespace: str = "me"
    """Whose memory, a path such as `me` or `acme/ana`."""
    embedder: str = Field(
        default="wordllama", pattern="^(wordllama|minilm|multilingual|sentence-transformers(:.+)?)$"
    )
    """What compares meanings: wordllama, minilm, multilingual, sentence-transformers:NAME_OR_FOLDER."""
    judge: Literal["ask", "model", "client", "offline"] = "ask"
    """Who links notes: the assistant, a model, the client's model, the rules."""
    model: str = ""
    """The model of `--judge model`, such as `openai:gpt-5-mini`."""
    compat: Literal["", "reference"] = ""
    """`reference` serves the tools of the official reference memory server instead of ours."""
    memory_file: Place = ""
    """The reference server's memory.json or memory.jsonl, taken over at the first start."""
    audit: Place = ""
    """File of a log of who changed what and when; none if empty."""
    confirm: bool = True
    """Ask the user before a note is forgotten or rewritten."""
    http: str = ""
    """HOST:PORT to serve streamable HTTP on; stdio if empty."""
    allowed_hosts: str = ""
    """Names that clients may call an HTTP server by, comma-separated."""
    token_file: Place = ""
    """JSON file of the bearer tokens that an HTTP server accepts."""
    verifier: str = ""
    """`module:name` of your own token verifier, instead of a token file."""
    issuer: str = ""
    """URL of the authorization server whose tokens the verifier takes; clients are told of it."""
    public_url: str = ""
    """What clients call the HTTP server; from the address if empty."""
    rate: int = Field(default=1200, ge=0)
    """HTTP requests a minute of one token or address, 0: no limit."""
    max_request: int = Field(default=2 * 1024 * 1024, ge=1024)
    """Bytes of one HTTP request."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    """What goes to stderr."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.judge == "model" and not self.model:
            raise ValueError("judge 'model' needs a model; give --model openai:gpt-5-mini or another")
        if any(not part or len(part) > 200 for part in self.path):
            raise ValueError(f"namespace {self.namespace!r} has an empty or too long segment")
        if self.token_file and self.verifier:
            raise ValueError("give a token file or a verifier, not both")
        if self.issuer and not self.verifier:
            raise ValueError("an issuer goes with --verifier; a token file has none")
        if not self.http or self.address[0] in LOCAL:
            return self
        reached = f"{self.address[0]} can be reached from other machines, so"
        if not (self.token_file or self.verifier):
            raise ValueError(f"{reached} give --token-file or --verifier, or serve on 127.0.0.1")
        if not self.hosts or "*" in self.hosts:
            raise ValueError(f"{reached} name what clients call it: --allowed-hosts memory.example.com")
        return self

    @property
    def path(self) -> tuple[str, ...]:
        """The namespace as a path."""
        return tuple(self.namespace.split("/"))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to serve HTTP on."""
        host, _, port = self.http.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65_535:
            raise ValueError(f"http is {self.http!r}; give HOST:PORT, for instance 127.0.0.1:8765")
        return host.strip("[]"), int(port)

    @property
    def url(self) -> str:
        """What clients call the HTTP server."""
        host, port = self.address
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}/mcp"

    @property
    def hosts(self) -> list[str]:
        """The names in `allowed_hosts`."""
        return [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]

    @property
    def uri(self) -> str:
        """Where the memory is."""
        return self.db or str(platformdirs.user_data_path("zettelmem", appauthor=False) / "memory")


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Flags first, then the environment, then the defaults.

    Raises:
        BadSetting: one of them cannot be used.
    """
    names = {name: PREFIX + name.upper() for name in Settings.model_fields}
    told = {name: environment[variable] for name, variable in names.items() if variable in environment}
    if file := environment.get("MEMORY_FILE_PATH"):  # what the reference server calls it
        told = (
            {"memory_file": file} | told if "reference" in (flags.get("compat"), told.get("compat")) else told
        )
    try:
        return Settings(**{**told, **{name: flags[name] for name in names if name in flags}})
    except ValidationError as error:
        raise BadSetting(in_words(error)) from error


def in_words(error: ValidationError) -> str:
    """What is wrong, field by field, without the values."""
    problems = []
    for each in error.errors(include_url=False, include_input=False)[:5]:
        where = "".join(f"{part}." for part in each["loc"]).removesuffix(".")
        told = each["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {told}" if where else told)
    return "; ".join(problems)
