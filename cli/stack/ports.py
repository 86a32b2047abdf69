"""Ports on loopback: the usual one, else a free one; remembered, so that addresses survive a restart."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
USUAL: Final[Mapping[str, int]] = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "postgres": 5432,
    "smtp": 2525,
    "inbox": 8025,
    "api": 8080,
    "tracker": 8081,
    "sender": 8082,
    "projector": 8083,
}


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no hindrance
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def choose_ports(remembered: Path, *, usual: Mapping[str, int] = USUAL) -> dict[str, int]:
    """A port for each name in `usual`: the one of last time, else the usual one, else any free one (a usual one of 0
    means any). The choice is written to the file `remembered`."""
    before: dict[str, int] = json.loads(remembered.read_text()) if remembered.exists() else {}
    chosen: dict[str, int] = {}
    for name, port in usual.items():
        wanted = [before.get(name, 0), port]
        chosen[name] = next((p for p in wanted if p and p not in chosen.values() and is_free(p)), 0) or free_port()
    remembered.write_text(json.dumps(chosen, indent=2) + "\n")
    return chosen
