"""Processes in groups of their own that die with their parent, write to a log file and can be ended for certain."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from cli.errors import CommandError

LEASH: Final = str(Path(__file__).with_name("leash.py"))
LOG_LIMIT: Final = 16 * 1024 * 1024  # bytes; a longer log is put aside at the next start


async def spawn(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Process:
    """Start `command`, its output appended to `log`."""
    with _open_log(log) as output:
        return await asyncio.create_subprocess_exec(
            *_leashed(command),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            env=dict(environment),
            start_new_session=True,
        )


async def run(
    command: Sequence[str], *, doing: str, environment: Mapping[str, str] | None = None, say: str = ""
) -> str:
    """Run a short command to its end, `say` on its standard input; returns its standard output.

    Raises CommandError with what it wrote when it fails; kills it when cancelled.
    """
    process = await asyncio.create_subprocess_exec(
        *_leashed(command),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(environment or os.environ),
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate(say.encode())
    finally:
        kill_group(process)
    if process.returncode:
        raise CommandError(f"{doing} failed: {(errors or output).decode(errors='replace').strip()}")
    return output.decode()


def _leashed(command: Sequence[str]) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", LEASH, str(os.getpid()), *command)


def _open_log(log: Path) -> BinaryIO:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))
    return log.open("ab")


async def end(process: Process, *, with_signal: signal.Signals, seconds: float) -> None:
    """Ask the process to stop, wait up to `seconds`, then kill what is left of its group."""
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        process.send_signal(with_signal)
        async with asyncio.timeout(seconds):
            await process.wait()
    kill_group(process)
    await process.wait()


def kill_group(process: Process) -> None:
    """SIGKILL to the process and all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """`exit code 3`, or the signal's name."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def last_lines(log: Path, *, count: int = 12) -> str:
    """The end of a log file."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
