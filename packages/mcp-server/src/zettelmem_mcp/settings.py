"""Every setting of the server, its default, and the one place where the environment is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

PREFIX = "ZETTELMEM_"
SHARED = PREFIX + "SHARED_FOLDER"
"""Names the folder that the workers of one server share; the server itself sets it."""
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
    timezone: str = ""
    """Whose days are meant and shown, such as Europe/Lisbon; those of this machine if empty."""
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
    """URL of the authorization server whose tokens are taken; clients are told of it."""
    jwks: Place = ""
    """URL or file of that server's public keys (a JSON Web Key Set)."""
    audience: str = ""
    """What a token has to be made for; what clients call the HTTP server if empty."""
    namespace_claims: str = "sub"
    """Claims of a token that say whose memory it opens, comma-separated, outermost first."""
    public_url: str = ""
    """What clients call the HTTP server; from the address if empty."""
    proxies: str = ""
    """Addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma-separated."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve HTTP on one port."""
    resident: int = Field(default=1024, ge=16)
    """MiB that each process may use to keep memories at hand."""
    rate: int = Field(default=1200, ge=0)
    """HTTP requests a minute of one subject or address, 0: no limit."""
    max_request: int = Field(default=2 * 1024 * 1024, ge=1024)
    """Bytes of one HTTP request."""
    metrics: str = ""
    """HOST:PORT to tell Prometheus metrics on; none if empty."""
    traces: bool = False
    """Send OpenTelemetry traces to where the OTEL_EXPORTER_OTLP_* variables say."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    """What goes to stderr."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.judge == "model" and not self.model:
            raise ValueError("judge 'model' needs a model; give --model openai:gpt-5-mini or another")
        if any(not part or len(part) > 200 for part in self.path):
            raise ValueError(f"namespace {self.namespace!r} has an empty or too long segment")
        self._fits_http()
        return self

    def _fits_http(self) -> None:
        if sum(map(bool, (self.token_file, self.jwks, self.verifier))) > 1:
            raise ValueError("give one of --token-file, --jwks and --verifier")
        if self.issuer and not (self.jwks or self.verifier):
            raise ValueError("an issuer goes with --jwks or --verifier; a token file has none")
        if self.jwks and not self.issuer:
            raise ValueError("--jwks needs the --issuer of the tokens, as their claim `iss` has it")
        for name, url in (("issuer", self.issuer), ("jwks", self.jwks)):
            if "://" in url and not (_safe(url)):
                raise ValueError(f"{name} {url!r} has to begin with https://")
        if self.audience and not self.jwks:
            raise ValueError("an audience goes with --jwks")
        if not self.claims:
            raise ValueError("namespace claims: give at least one, such as sub")
        if self.workers > 1 and self.uri.startswith("memory://"):
            raise ValueError("workers share a directory or a bucket, not memory://; give --db")
        if self.metrics:
            _host_and_port("metrics", self.metrics)
        if not self.http or self.address[0] in LOCAL:
            return
        reached = f"{self.address[0]} can be reached from other machines, so"
        if not self.many:
            raise ValueError(f"{reached} give --jwks, --token-file or --verifier, or serve on 127.0.0.1")
        if not self.hosts or "*" in self.hosts:
            raise ValueError(f"{reached} name what clients call it: --allowed-hosts memory.example.com")

    @property
    def many(self) -> bool:
        """Whether tokens tell users apart."""
        return bool(self.token_file or self.jwks or self.verifier)

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims in `namespace_claims`."""
        return tuple(name.strip() for name in self.namespace_claims.split(",") if name.strip())

    @property
    def path(self) -> tuple[str, ...]:
        """The namespace as a path."""
        return tuple(self.namespace.split("/"))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to serve HTTP on."""
        return _host_and_port("http", self.http)

    @property
    def metrics_address(self) -> tuple[str, int]:
        """Host and port to tell metrics on."""
        return _host_and_port("metrics", self.metrics)

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


def _host_and_port(name: str, given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{name} is {given!r}; give HOST:PORT, for instance 127.0.0.1:8765")
    return host.strip("[]"), int(port)


def _safe(url: str) -> bool:
    """Whether nobody on the way can change what is read from a URL."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)


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


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that the workers of one server share."""
    return Path(environment[SHARED])


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment that says the same as the settings, for processes that are started with it."""
    told = settings.model_dump(exclude_defaults=True)
    return {PREFIX + name.upper(): str(value) for name, value in told.items()}


def in_words(error: ValidationError) -> str:
    """What is wrong, field by field, without the values."""
    problems = []
    for each in error.errors(include_url=False, include_input=False)[:5]:
        where = "".join(f"{part}." for part in each["loc"]).removesuffix(".")
        told = each["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {told}" if where else told)
    return "; ".join(problems)
