"""Ports: the usual one, else a free one, the same next time."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.ports import choose_ports, free_port, is_free

pytestmark = pytest.mark.integration


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_port_whose_connections_linger_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        client.close()
    assert is_free(port)


def test_the_usual_port_is_taken_when_it_is_free(tmp_path: Path) -> None:
    usual = free_port()
    assert choose_ports(tmp_path / "ports.json", usual={"api": usual}) == {"api": usual}


def test_a_free_port_is_found_when_the_usual_one_is_taken(tmp_path: Path, taken: int) -> None:
    chosen = choose_ports(tmp_path / "ports.json", usual={"api": taken})
    assert chosen["api"] != taken
    assert is_free(chosen["api"])


def test_the_port_of_last_time_comes_first(tmp_path: Path, taken: int) -> None:
    before = choose_ports(tmp_path / "ports.json", usual={"api": taken})
    assert choose_ports(tmp_path / "ports.json", usual={"api": free_port()}) == before


def test_the_port_of_last_time_is_given_up_when_it_is_taken(tmp_path: Path, taken: int) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"api": taken}))
    usual = free_port()
    assert choose_ports(tmp_path / "ports.json", usual={"api": usual}) == {"api": usual}


def test_no_port_is_chosen_twice(tmp_path: Path) -> None:
    usual = free_port()
    chosen = choose_ports(tmp_path / "ports.json", usual={"api": usual, "tracker": usual, "sender": 0})
    assert len(set(chosen.values())) == 3
