"""The spool: every record is on this disk from before it is sent until Kafka has acknowledged it."""

import fcntl
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from services.tracker.adapters.frames import frame
from services.tracker.adapters.segment import Segment
from services.tracker.handlers.records import Record

SEGMENT_BYTES: Final = 256 * 1024  # bounds what is sent a second time after a kill
HITS_SHARE: Final = 0.9  # the rest is kept free for unsubscribes

log = structlog.get_logger()


class SpoolFull(OSError):
    """The spool holds as many bytes as it may."""


class Place(NamedTuple):
    """Where a record stands."""

    segment: Segment
    number: int


class Spool:
    """Append-only files in a folder, drained oldest first. Its methods may be called from any thread.

    A plain write survives the death of the process; `sync` makes it survive a power cut too.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._mutex = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._claim = _claim(folder)
        self._decoy = _nameless(folder)
        found = sorted(folder.glob("*.spool"))
        self._segments = deque(Segment(path, size=path.stat().st_size, known=False) for path in found)
        self._size = sum(segment.size for segment in self._segments)
        self._next = int(found[-1].stem) + 1 if found else 1

    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    def append(self, records: Sequence[Record], *, last_reserve: bool = False) -> list[Place]:
        """Write the records. Raises OSError when the disk is in trouble, `SpoolFull` when the bound is reached."""
        frames = [frame(record) for record in records]
        allowed = self._max_bytes if last_reserve else self._max_bytes * HITS_SHARE
        with self._mutex:
            before = self._size
            if before + sum(map(len, frames)) > allowed:
                raise SpoolFull(f"the spool holds {before} bytes: Kafka has been away for too long")
            segment = self._active()
            numbers = segment.append(frames)
            self._size += sum(map(len, frames))
        return [Place(segment, number) for number in numbers]

    def pretend(self, records: Sequence[Record]) -> None:
        """Take as long as `append` and keep nothing: the same writes, to a file without a name."""
        frames = [frame(record) for record in records]
        with self._mutex:
            if self._decoy.size >= SEGMENT_BYTES:
                self._decoy.close()
                self._decoy = _nameless(self._folder)
            [Place(self._decoy, number) for number in self._decoy.append(frames)]

    def settle(self, place: Place) -> None:
        """Kafka has acknowledged it."""
        with self._mutex:
            place.segment.unsettled.discard(place.number)
            self._remove_if_done(place.segment)

    def fail(self, place: Place) -> None:
        """Kafka has not taken it: it is to be sent again."""
        with self._mutex:
            place.segment.failed.add(place.number)

    def take_failed(self) -> list[tuple[Place, Record]]:
        """What is to be sent again from the oldest file that has any; each has to be settled or failed again."""
        with self._mutex:
            segment = next((each for each in self._segments if each.waits()), None)
        if segment is None:
            return []
        records, unreadable = segment.read()
        with self._mutex:
            if not segment.known:
                self._get_to_know(segment, records=len(records), unreadable=unreadable)
            numbers, segment.failed = sorted(segment.failed), set()
        return [(Place(segment, number), records[number]) for number in numbers]

    def sync(self) -> None:
        """Make what waits safe against a power cut."""
        with self._mutex:
            if self._segments and self._segments[-1].done():
                self._segments[-1].close()
                self._remove_if_done(self._segments[-1])
            waiting = [segment for segment in self._segments if not segment.synced]
        for segment in waiting:
            segment.sync()
        if waiting:
            _sync_folder(self._folder)

    def check(self) -> str | None:
        """What is wrong with the folder, or None."""
        probe = self._folder / "probe"
        try:
            probe.write_bytes(b"written to see whether it can be")
            probe.unlink()
        except OSError as error:
            return f"the spool {self._folder} cannot be written to: {error.strerror}"
        return None

    def close(self) -> None:
        """Sync what waits and let another process have the folder."""
        self.sync()
        for segment in self._segments:
            segment.close()
        self._decoy.close()
        os.close(self._claim)

    def _active(self) -> Segment:
        """The file to append to; a full one is closed and another begun."""
        last = self._segments[-1] if self._segments else None
        if last is not None and not last.closed:
            if last.size < SEGMENT_BYTES:
                return last
            last.close()
            self._remove_if_done(last)
        fresh = Segment.create(self._folder / f"{self._next:012d}.spool")
        self._next += 1
        self._segments.append(fresh)
        return fresh

    def _get_to_know(self, segment: Segment, *, records: int, unreadable: int) -> None:
        segment.known = True
        segment.unsettled, segment.failed = set(range(records)), set(range(records))
        if unreadable:
            aside = segment.path.with_suffix(".damaged")
            aside.write_bytes(segment.path.read_bytes())
            log.error("a spool file has a damaged end; a copy is kept", file=str(aside), bytes=unreadable)
        self._remove_if_done(segment)

    def _remove_if_done(self, segment: Segment) -> None:
        if segment.closed and segment.done():
            segment.path.unlink()
            self._segments.remove(segment)
            self._size -= segment.size


def _claim(folder: Path) -> int:
    """Lock the folder for this process."""
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise RuntimeError(f"another tracker uses the spool {folder}: give each its own POSTLOG_SPOOL_DIR") from None
    return file


def _nameless(folder: Path) -> Segment:
    """A file that is gone when it is closed."""
    path = folder / "decoy"
    path.unlink(missing_ok=True)
    segment = Segment.create(path)
    path.unlink()
    return segment


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
