"""Our own programs as parts of the stack: the services and the inbox."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cli.stack.part import Part, answers_http
from cli.stack.ports import HOST

POSTLOG: Final = (sys.executable, "-m", "cli.main")
STOP_SECONDS: Final = 8.0  # of a service, before it is killed; for the sender after the time that its drain may take
LONGEST_DRAIN: Final = 20  # seconds; the most that the setting allows


def service_part(name: str, *, port: int, environment: Mapping[str, str]) -> Part:
    """One of the services; ready when its /readyz says so."""
    return Part(
        name=name,
        command=(*POSTLOG, "serve", name),
        environment=environment,
        ready=answers_http(port, "/readyz"),
        address=f"http://{HOST}:{port}",
        stop_seconds=STOP_SECONDS + (_drain(environment) if name == "sender" else 0),
    )


def _drain(environment: Mapping[str, str]) -> float:
    return float(environment.get("POSTLOG_DRAIN_SECONDS", LONGEST_DRAIN))


def inbox_part(data: Path, *, smtp_port: int, http_port: int, environment: Mapping[str, str]) -> Part:
    """The SMTP inbox."""
    ports = ("--smtp-port", str(smtp_port), "--http-port", str(http_port))
    return Part(
        name="inbox",
        command=(*POSTLOG, "inbox", "serve", *ports, "--data", str(data)),
        environment=environment,
        ready=answers_http(http_port, "/healthz"),
        address=f"smtp {HOST}:{smtp_port}   http://{HOST}:{http_port}",
    )
