"""A slot: a number that names one sender for good, and a folder that no two processes can hold at once."""

import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST: Final = 64


class NoSlot(RuntimeError):
    """All slots are taken."""


@dataclass(frozen=True)
class Slot:
    """The lock is held as long as `handle` is open. `identity` is the folder's own: no other machine has it."""

    number: int
    folder: Path
    handle: int
    identity: str

    @property
    def name(self) -> str:
        """Names the group member and the transactional id: role and slot, static."""
        return f"sender-{self.number}-{self.identity}"


def claim(folder: Path) -> Slot:
    """The first free slot below `folder`; raises `NoSlot`."""
    for number in range(_MOST):
        place = folder / f"slot-{number}"
        place.mkdir(parents=True, exist_ok=True)
        handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        else:
            return Slot(number, place, handle, _identity(place / "identity"))
    raise NoSlot(f"{_MOST} senders run on {folder} already")


def _identity(file: Path) -> str:
    """Made once for a folder: it makes the static ids of senders on several machines different."""
    if not file.exists():
        file.write_text(secrets.token_hex(6), encoding="ascii")
    return file.read_text(encoding="ascii")
