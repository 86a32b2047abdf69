"""One append-only file of the spool, and which of its records Kafka has not acknowledged yet."""

import os
from pathlib import Path
from typing import Self

from services.tracker.adapters.frames import whole_frames
from services.tracker.handlers.records import Record


class Segment:
    """`unsettled` are the numbers of records not acknowledged, `failed` those of them to be sent again.

    A file that an earlier process left is not `known`: none of its records counts as settled until it has been read.
    """

    def __init__(self, path: Path, *, size: int, known: bool) -> None:
        self.path = path
        self.size = size
        self.known = known
        self.closed = not known
        self.synced = not known
        self.unsettled: set[int] = set()
        self.failed: set[int] = set()
        self._records = 0
        self._file = -1

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new file to append to; readable by its owner only, since addresses may be kept in full."""
        segment = cls(path, size=0, known=True)
        segment._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        return segment

    def append(self, frames: list[bytes]) -> range:
        """Write whole frames; returns their numbers. OSError when the disk does not take them: nothing is written."""
        data = b"".join(frames)
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("the disk took a part only")
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        numbers = range(self._records, self._records + len(frames))
        self._records, self.size, self.synced = numbers.stop, self.size + len(data), False
        self.unsettled.update(numbers)
        return numbers

    def close(self) -> None:
        """No more appends."""
        if not self.closed:
            os.close(self._file)
            self.closed = True

    def done(self) -> bool:
        """Whether everything in it has been acknowledged."""
        return self.known and not self.unsettled

    def waits(self) -> bool:
        """Whether there is something in it to be sent again."""
        return bool(self.failed) or not self.known

    def read(self) -> tuple[list[Record], int]:
        """Its records, and how many bytes at its end cannot be read."""
        return whole_frames(self.path.read_bytes())

    def sync(self) -> None:
        """Make it safe against a power cut; may take long, appends go on and count as not synced."""
        self.synced = True
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return  # acknowledged and removed meanwhile
        try:
            os.fsync(file)
        except OSError:
            self.synced = False
            raise
        finally:
            os.close(file)
