"""Every setting of the server, its default, and the one place where the environment is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

Judge = Literal["ask", "model", "client", "offline"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
PREFIX = "ZETTELMEM_"
LOCAL = ("127.0.0.1", "localhost", "::1")


class BadSetting(ValueError):
    """A setting that cannot be used; the text says what to give instead."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the server can be told. Each is a flag, `--allowed-hosts`, and ZETTELMEM_ALLOWED_HOSTS.

    Attributes:
        db: directory of the memory, or an object-store URI; the user's data directory if empty.
        namespace: whose memory, a path such as `me` or `acme/ana`.
        judge: who links notes: the assistant (`ask`), a `model`, the `client`'s model, `offline` rules.
        model: the model of `--judge model`, as pydantic-ai names it: `openai:gpt-5-mini`.
        confirm: ask the user before a note is forgotten or rewritten, where the client can ask.
        http: HOST:PORT to serve streamable HTTP on; stdio if empty.
        allowed_hosts: names that clients may call an HTTP server by, comma-separated.
        token_file: JSON file of the bearer tokens that an HTTP server accepts.
        verifier: `module:name` of your own token verifier, instead of a token file.
        public_url: what clients call the HTTP server, for tokens' audience; from the address if empty.
        rate: HTTP requests a minute of one token or address, 0 for no limit.
        max_request: bytes of one HTTP request.
        log_level: what goes to stderr.
    """

    db: str = ""
    namespace: str = "me"
    judge: Judge = "ask"
    model: str = ""
    confirm: bool = True
    http: str = ""
    allowed_hosts: str = ""
    token_file: str = ""
    verifier: str = ""
    public_url: str = ""
    rate: int = 1200
    max_request: int = 2 * 1024 * 1024
    log_level: LogLevel = "WARNING"

    def __post_init__(self) -> None:
        if self.judge not in get_args(Judge):
            raise BadSetting(f"judge is {self.judge!r}; use {', '.join(get_args(Judge))}")
        if self.log_level not in get_args(LogLevel):
            raise BadSetting(f"log level is {self.log_level!r}; use {', '.join(get_args(LogLevel))}")
        if self.judge == "model" and not self.model:
            raise BadSetting("judge 'model' needs a model; give --model openai:gpt-5-mini or another")
        if not self.path or any(not part or len(part) > 200 for part in self.path):
            raise BadSetting(f"namespace {self.namespace!r} has an empty or too long segment")
        if self.rate < 0 or self.max_request < 1024:
            raise BadSetting("rate is at least 0, max_request at least 1024")
        if self.http:
            self._check_http()

    def _check_http(self) -> None:
        host, _ = self.address
        if self.token_file and self.verifier:
            raise BadSetting("give a token file or a verifier, not both")
        if host not in LOCAL:
            if not (self.token_file or self.verifier):
                raise BadSetting(
                    f"{host} can be reached from other machines, so tokens are needed: give "
                    "--token-file or --verifier, or serve on 127.0.0.1"
                )
            if not self.allowed_hosts or "*" in self.hosts:
                raise BadSetting(
                    f"{host} can be reached from other machines, so say by which names clients may "
                    "call it: --allowed-hosts memory.example.com"
                )

    @property
    def path(self) -> tuple[str, ...]:
        """The namespace as a path."""
        return tuple(self.namespace.split("/"))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to serve HTTP on."""
        host, _, port = self.http.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65_535:
            raise BadSetting(f"http is {self.http!r}; give HOST:PORT, for instance 127.0.0.1:8765")
        return host.strip("[]"), int(port)

    @property
    def hosts(self) -> list[str]:
        """The names in `allowed_hosts`."""
        return [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]

    @property
    def uri(self) -> str:
        """Where the memory is."""
        if self.db:
            return self.db if "://" in self.db else str(Path(self.db).expanduser())
        import platformdirs

        return str(Path(platformdirs.user_data_dir("zettelmem", appauthor=False)) / "memory")


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Flags first, then the environment, then the defaults.

    Raises:
        BadSetting: one of them cannot be used.
    """
    given: dict[str, Any] = {}
    for field in fields(Settings):
        value: Any = flags.get(field.name)
        if value is None:
            value = environment.get(PREFIX + field.name.upper())
        if value is not None:
            given[field.name] = _parse(field.name, value, type(field.default))
    return Settings(**given)


def _parse(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, str) or kind is str:
        return value
    try:
        if kind is bool:
            words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
            return words[value.strip().lower()]
        return kind(value)
    except (ValueError, KeyError) as error:
        wanted = "yes or no" if kind is bool else "a whole number"
        raise BadSetting(f"{name} is {value!r}; give {wanted}") from error
