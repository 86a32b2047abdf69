"""The demo's place: a data directory that is empty at each run, and no settings but its own."""

import os
import shutil
from pathlib import Path
from typing import Final

from cli.errors import CommandError
from cli.stack.claim import AlreadyRunning, Claim

MARK: Final = "postlog-demo"
OTHERS: Final = ("POSTLOG_", "KAFKA_", "DATABASE_URL")


def take_over(data: Path) -> Path:
    """Empty the directory of the last demo, or make it; returns its absolute path.

    Raises CommandError when it holds anything that is not a demo's, or a demo is running in it.
    """
    place = data.resolve()
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            _empty(place)
        (place / MARK).touch()
    except OSError as error:
        raise CommandError(f"{place} cannot be used: {error.strerror}; name another directory with --data") from None
    return place


def leave_settings_behind(place: Path) -> None:
    """Forget the settings of the environment, and leave the directory whose `.env` has more.

    With them the figures would be others', and mail might go out to a real server.
    """
    for name in [name for name in os.environ if name.startswith(OTHERS)]:
        del os.environ[name]
    os.chdir(place)


def _empty(place: Path) -> None:
    if not (place / MARK).exists():
        raise CommandError(f"{place} is not empty and not a demo's: name another directory with --data", exit_code=2)
    try:
        claim = Claim.on(place)
    except AlreadyRunning as running:
        raise CommandError(f"{running}: wait for it, or name another directory with --data") from None
    for inner in place.iterdir():
        if inner.is_dir():
            shutil.rmtree(inner)
        elif inner.name != MARK:
            inner.unlink()
    claim.release()
