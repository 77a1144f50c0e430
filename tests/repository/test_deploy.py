"""The container and the composition: no engine runs them here, so they are read and held against the code."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from zettelmem_mcp.settings import PREFIX, BadSetting, Settings, read_settings

ROOT = Path(__file__).resolve().parents[2]
SETTING = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
GIVEN = {
    "ISSUER": "https://login.example.com/",
    "JWKS": "https://login.example.com/keys",
    "NAME": "memory.example.com",
    "S3_PASSWORD": "secret",
}


def composition() -> dict[str, Any]:
    """The composition with its variables filled in, as `docker compose config` shows it."""
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    filled = SETTING.sub(lambda found: GIVEN.get(found[1], found[2] or ""), text)
    made: dict[str, Any] = yaml.safe_load(filled)
    return made


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file: their word, and the rest."""
    text = (ROOT / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_composition_gives_settings_that_the_server_takes() -> None:
    environment = composition()["services"]["memory"]["environment"]
    told = {name: str(value) for name, value in environment.items()}
    unknown = {each for each in told if each.startswith(PREFIX)} - {
        PREFIX + name.upper() for name in Settings.model_fields
    }
    assert not unknown
    settings = read_settings({"http": "0.0.0.0:8765"}, told)
    assert (settings.workers, settings.many) == (2, True)
    assert settings.url == "https://memory.example.com/mcp"
    for needed in ("ZETTELMEM_JWKS", "ZETTELMEM_ALLOWED_HOSTS"):
        without = {name: value for name, value in told.items() if name != needed}
        try:
            read_settings({"http": "0.0.0.0:8765"}, without)
        except BadSetting:
            continue
        raise AssertionError(f"without {needed} the server would be open")


def test_the_parts_of_the_composition_fit_each_other() -> None:
    services = composition()["services"]
    ports = " ".join(rest for word, rest in instructions() if word == "EXPOSE").split()
    published = services["memory"]["ports"][0].split(":")
    assert published[0] == "127.0.0.1"
    assert published[-1] in ports
    assert services["memory"]["environment"]["ZETTELMEM_METRICS"].rpartition(":")[2] in ports
    assert services["memory"]["environment"]["AWS_ENDPOINT"] == "http://s3:9000"
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
    password = services["s3"]["environment"]["MINIO_ROOT_PASSWORD"]
    assert password == services["memory"]["environment"]["AWS_SECRET_ACCESS_KEY"]


def test_the_container_copies_what_is_there_and_does_not_run_as_root() -> None:
    known = set("FROM RUN WORKDIR COPY USER EXPOSE HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD".split())
    words = [word for word, _ in instructions()]
    assert set(words) <= known
    for word, rest in instructions():
        if word == "COPY":
            assert (ROOT / shlex.split(rest)[0]).exists()
    assert words.index("USER") < words.index("ENTRYPOINT")
    [entry] = [rest for word, rest in instructions() if word == "ENTRYPOINT"]
    scripts = (ROOT / "packages" / "mcp-server" / "pyproject.toml").read_text()
    assert entry.strip('[]"') in scripts
    dockerignore = (ROOT / ".dockerignore").read_text().split()
    assert {"!packages/core", "!packages/mcp-server", "!constraints.txt"} <= set(dockerignore)
