"""The supervisor on real processes: readiness, crashes, stubborn ones, groups."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cli.errors import CommandError
from cli.stack.part import Part, answers_http
from cli.stack.ports import free_port
from cli.stack.supervisor import Supervisor

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


class Said(list[str]):
    """The lines that the supervisor said, to be waited for."""

    async def wait_for(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self):
                await asyncio.sleep(0.02)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path, said: Said) -> AsyncIterator[Supervisor]:
    found = Supervisor(logs=tmp_path, say=said.append)
    yield found
    await found.stop("web", "other")


def web(name: str = "web", *, port: int, **more: Any) -> Part:
    """A small real server."""
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    return Part(name=name, command=command, ready=answers_http(port, "/"), address=f"http://127.0.0.1:{port}", **more)


def program(code: str, **more: Any) -> Part:
    """A Python program that is ready when it has written the file named `ready` to its log folder."""

    async def ready() -> str | None:
        return None if Path(os.environ["READY"]).exists() else "no file"

    return Part(name="web", command=(sys.executable, "-c", code), ready=ready, address="", **more)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def test_it_waits_until_the_part_answers(supervisor: Supervisor, said: Said) -> None:
    port = free_port()
    await supervisor.start(web(port=port))
    assert await answers_http(port, "/")() is None
    assert len(said) == 1
    assert said[0].startswith("web        ready in ")
    assert said[0].endswith(f"http://127.0.0.1:{port}")


async def test_a_crashed_part_is_started_again_and_it_says_so(supervisor: Supervisor, said: Said) -> None:
    port = free_port()
    await supervisor.start(web(port=port))
    first = supervisor["web"].pid
    supervisor["web"].kill()
    await said.wait_for("web crashed (SIGKILL): starting again in 0.5 s")
    async with asyncio.timeout(20):
        await supervisor["web"].serving()
    assert "web is back" in said
    assert supervisor["web"].pid not in {None, first}
    assert await answers_http(port, "/")() is None


async def test_the_pause_grows_while_it_keeps_crashing(supervisor: Supervisor, said: Said) -> None:
    port = free_port()
    await supervisor.start(web(port=port))
    supervisor["web"].kill()
    await said.wait_for("web is back")
    supervisor["web"].kill()
    await said.wait_for("web crashed (SIGKILL): starting again in 1 s")


async def test_a_part_that_ends_before_it_is_ready_shows_its_log(supervisor: Supervisor) -> None:
    port = free_port()
    broken = Part(
        name="web",
        command=(sys.executable, "-c", "import sys; print('POSTLOG_X is missing'); sys.exit(2)"),
        ready=answers_http(port, "/"),
        address="",
    )
    with pytest.raises(CommandError, match=r"web ended with exit code 2 before it was ready\n.*\nPOSTLOG_X is missing"):
        await supervisor.start(broken)


async def test_a_part_that_never_gets_ready_says_what_is_missing(supervisor: Supervisor) -> None:
    other = free_port()
    slow = Part(
        name="web",
        command=(sys.executable, "-m", "http.server", str(free_port()), "--bind", "127.0.0.1"),
        ready=answers_http(other, "/readyz"),
        address="",
        start_seconds=0.5,
    )
    with pytest.raises(CommandError, match=rf"not ready after 0\.5 s: /readyz on port {other} does not answer"):
        await supervisor.start(slow)
    pid = supervisor["web"].pid
    await supervisor.stop("web")
    assert pid
    assert not alive(pid)


async def test_the_failure_of_one_part_is_the_error_of_all(supervisor: Supervisor) -> None:
    port = free_port()
    broken = Part(name="other", command=(sys.executable, "-c", ""), ready=answers_http(free_port(), "/"), address="")
    with pytest.raises(CommandError, match="other ended with exit code 0"):
        await supervisor.start(web(port=port), broken)


async def test_stop_ends_the_process_and_is_final(supervisor: Supervisor) -> None:
    await supervisor.start(web(port=free_port()))
    pid = supervisor["web"].pid
    await supervisor.stop("web")
    assert pid
    assert not alive(pid)


async def test_a_stubborn_part_and_its_children_are_killed_at_the_deadline(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    monkeypatch.setenv("READY", str(ready))
    code = (
        "import os, pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(os.environ['READY'] + '.tmp').write_text(str(child.pid))\n"
        "os.rename(os.environ['READY'] + '.tmp', os.environ['READY'])\n"
        "time.sleep(600)\n"
    )
    await supervisor.start(program(code, stop_seconds=0.3))
    pid, child = supervisor["web"].pid, int(ready.read_text())
    began = time.monotonic()
    await supervisor.stop("web")
    assert 0.3 <= time.monotonic() - began < 5
    assert pid
    assert not alive(pid)
    async with asyncio.timeout(5):  # the child is not ours to reap: init does it
        while alive(child):
            await asyncio.sleep(0.02)


async def test_the_group_of_a_part_does_not_get_our_signals(supervisor: Supervisor) -> None:
    await supervisor.start(web(port=free_port()))
    pid = supervisor["web"].pid
    assert pid
    assert os.getpgid(pid) == pid != os.getpgid(0)
    os.kill(pid, signal.SIGCONT)
