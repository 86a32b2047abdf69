"""Frames: whatever happens to the end of a file, what comes before is read and nothing is invented."""

from hypothesis import given
from hypothesis import strategies as st

from services.tracker.adapters.frames import frame, whole_frames
from services.tracker.handlers.records import Record

RECORDS = [Record("email.events", f"key{n}".encode(), bytes([n]) * n, (("ce_id", b"x"),)) for n in range(1, 6)]
FILE = b"".join(map(frame, RECORDS))


def test_what_was_written_is_read() -> None:
    assert whole_frames(FILE) == (RECORDS, 0)
    assert whole_frames(b"") == ([], 0)


def test_a_file_torn_anywhere_gives_the_whole_records_before() -> None:
    for size in range(len(FILE)):
        records, left = whole_frames(FILE[:size])
        assert records == RECORDS[: len(records)]
        assert sum(len(frame(record)) for record in records) + left == size


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_changed_byte_ends_the_reading_before_it(at: int, change: int) -> None:
    damaged = bytearray(FILE)
    damaged[at] ^= change
    records, left = whole_frames(bytes(damaged))
    assert records == RECORDS[: len(records)]
    assert left >= len(FILE) - at


@given(st.binary(max_size=200))
def test_garbage_is_no_record(garbage: bytes) -> None:
    records, left = whole_frames(garbage)
    assert records == []
    assert left == len(garbage)
