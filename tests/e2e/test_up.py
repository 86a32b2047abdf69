"""The whole stack by `postlog up`: it serves, survives a kill -9 of itself, and stops without a trace."""

import signal
from pathlib import Path

import httpx2
import pytest

from tests.up_process import Up, processes_of, wait_until_gone

pytestmark = pytest.mark.e2e

PARTS = ("kafka", "postgres", "inbox", "api", "sender", "tracker", "projector")


def test_the_whole_stack(tmp_path: Path) -> None:
    first = Up(tmp_path / "data")
    try:
        first.wait_for("Ctrl-C stops it.")
        assert all(f"\n{part:<10} ready in " in f"\n{first.printed}" for part in PARTS)
        headers = {"Authorization": f"Bearer {first.address('api_key')}"}
        answer = httpx2.get(f"{first.address('api')}/v1/emails", headers=headers)
        assert answer.status_code == 200, answer.text
        assert len(processes_of(first.data)) > len(PARTS)
    finally:
        first.end(signal.SIGKILL)
    wait_until_gone(first.data, seconds=5)

    second = Up(first.data)
    try:
        second.wait_for("Ctrl-C stops it.")
        assert second.address("api_key") == first.address("api_key")
    finally:
        code = second.end(signal.SIGTERM)
    assert code == 0
    assert processes_of(first.data) == []
