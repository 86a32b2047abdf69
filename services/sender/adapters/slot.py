"""A slot: a number that names one sender for good, and a folder that no two processes can hold at once."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST: Final = 64


class NoSlot(RuntimeError):
    """All slots are taken."""


@dataclass(frozen=True)
class Slot:
    """The lock is held as long as `handle` is open."""

    number: int
    folder: Path
    handle: int

    @property
    def name(self) -> str:
        """Names the group member and the transactional id: role and slot, static."""
        return f"sender-{self.number}"


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
            return Slot(number, place, handle)
    raise NoSlot(f"{_MOST} senders run on {folder} already")
