"""Our own programs as parts of the stack: the services and the inbox."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cli.stack.part import Part, answers_http
from cli.stack.ports import HOST

POSTLOG: Final = (sys.executable, "-m", "cli.main")


def service_part(name: str, *, port: int, environment: Mapping[str, str]) -> Part:
    """One of the services; ready when its /readyz says so."""
    return Part(
        name=name,
        command=(*POSTLOG, "serve", name),
        environment=environment,
        ready=answers_http(port, "/readyz"),
        address=f"http://{HOST}:{port}",
    )


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
