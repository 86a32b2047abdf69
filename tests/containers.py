"""Kafka and PostgreSQL by testcontainers, from the images that docker-compose.yml pins."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).parent.parent / "docker-compose.yml"


@cache
def docker_answers() -> bool:
    """Whether a Docker engine answers here."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0


def composed(service: str) -> dict[str, Any]:
    """What docker-compose.yml says of a service."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"][service]
    return found


def kafka_container() -> tuple[str, Callable[[], object]]:
    """Bootstrap servers and what stops it. The port is chosen before: the broker must know what it advertises."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    from cli.stack.ports import free_port

    port = free_port()
    service = composed("kafka")
    container = DockerContainer(service["image"]).with_bind_ports(9092, port)
    for name, value in service["environment"].items():
        container.with_env(name, str(value))
    container.with_env("KAFKA_ADVERTISED_LISTENERS", f"INTERNAL://localhost:19092,PLAINTEXT://127.0.0.1:{port}")
    container.with_env("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093")
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60)).start()
    return f"127.0.0.1:{port}", container.stop


def postgres_container() -> tuple[str, Callable[[], object]]:
    """libpq URL and what stops it."""
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(composed("postgres")["image"], driver=None).start()
    return container.get_connection_url(), container.stop
