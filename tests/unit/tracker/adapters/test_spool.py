"""The spool on a real disk: order, restarts, torn tails, bounds, one owner."""

import contextlib
import multiprocessing
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.tracker.adapters.spool import SEGMENT_BYTES, Place, Spool, SpoolFull
from services.tracker.handlers.records import Record

MIB = 1 << 20


def a_record(number: int, *, size: int = 200) -> Record:
    """A record that says its number."""
    return Record("email.events", str(number).encode(), b"v" * size, (("ce_id", str(number).encode()),))


def numbers(taken: list[tuple[Place, Record]]) -> list[int]:
    """The numbers of records taken to be sent again."""
    return [int(record.key) for _, record in taken]


def drain(spool: Spool) -> list[int]:
    """All that waits, file after file, acknowledged."""
    found = []
    while taken := spool.take_failed():
        found += numbers(taken)
        for place, _ in taken:
            spool.settle(place)
    return found


def files(folder: Path) -> list[Path]:
    """The spool's files."""
    return sorted(folder.glob("*.spool"))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    spool = Spool(tmp_path, max_bytes=8 * MIB)
    yield spool
    spool.close()


def test_a_failed_record_comes_again_and_an_acknowledged_one_does_not(spool: Spool) -> None:
    places = spool.append([a_record(n) for n in range(5)])
    spool.settle(places[0])
    spool.fail(places[1])
    spool.fail(places[3])
    taken = spool.take_failed()
    assert numbers(taken) == [1, 3]
    assert spool.take_failed() == [], "what was taken is on its way"
    spool.fail(taken[0][0])
    assert numbers(spool.take_failed()) == [1]


def test_what_came_first_is_taken_first(spool: Spool) -> None:
    places = [spool.append([a_record(n, size=1000)])[0] for n in range(1000)]
    for place in reversed(places):
        spool.fail(place)
    assert len({place.segment for place in places}) > 3
    assert drain(spool) == list(range(1000))


def test_a_file_goes_when_all_of_it_is_acknowledged(spool: Spool, tmp_path: Path) -> None:
    places = [spool.append([a_record(n, size=1000)])[0] for n in range(400)]
    first = files(tmp_path)[0]
    for place in places[1:]:
        spool.settle(place)
    assert first in files(tmp_path)
    spool.settle(places[0])
    assert first not in files(tmp_path)


def test_nothing_is_left_on_disk_when_all_is_acknowledged(spool: Spool, tmp_path: Path) -> None:
    for place in spool.append([a_record(1)]):
        spool.settle(place)
    spool.sync()
    assert files(tmp_path) == []
    assert spool.size() == 0
    spool.settle(spool.append([a_record(2)])[0])


def test_the_next_process_takes_over_what_was_not_acknowledged(tmp_path: Path) -> None:
    before = Spool(tmp_path, max_bytes=8 * MIB)
    places = before.append([a_record(n) for n in range(10)])
    before.settle(places[0])
    before.close()
    after = Spool(tmp_path, max_bytes=8 * MIB)
    assert after.size() > 0
    after.append([a_record(99)])
    assert drain(after) == list(range(10)), "all of the file: which of it was acknowledged died with the process"
    assert len(files(tmp_path)) == 1
    after.close()


def test_a_torn_tail_costs_nothing_but_itself(tmp_path: Path) -> None:
    before = Spool(tmp_path, max_bytes=8 * MIB)
    before.append([a_record(n) for n in range(10)])
    before.close()
    file = files(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:-7])
    after = Spool(tmp_path, max_bytes=8 * MIB)
    assert drain(after) == list(range(9))
    assert files(tmp_path) == []
    assert [path.suffix for path in tmp_path.iterdir() if "spool" not in path.name and path.name != "lock"] == [
        ".damaged"
    ]
    after.close()


def test_a_file_of_garbage_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "000000000007.spool").write_bytes(os.urandom(5000))
    spool = Spool(tmp_path, max_bytes=8 * MIB)
    spool.fail(spool.append([a_record(1)])[0])
    assert drain(spool) == []
    assert drain(spool) == [1]
    spool.close()


def fill(spool: Spool, *, last_reserve: bool = False) -> list[Place]:
    """Records of about a kilobyte each, until there is no more room."""
    places: list[Place] = []
    with contextlib.suppress(SpoolFull):
        while True:
            places += spool.append([a_record(len(places), size=1000)], last_reserve=last_reserve)
    return places


def test_full_for_hits_before_it_is_full_for_unsubscribes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    assert 850 < len(fill(spool)) < 950
    assert 80 < len(fill(spool, last_reserve=True)) < 120
    assert sum(file.stat().st_size for file in files(tmp_path)) == spool.size() <= MIB
    spool.close()


def test_there_is_room_again_once_kafka_is_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    for place in fill(spool):
        spool.fail(place)
    drain(spool)
    spool.sync()
    assert len(fill(spool)) > 850
    spool.close()


def test_a_disk_that_takes_no_more_leaves_no_half_record(spool: Spool, tmp_path: Path) -> None:
    spool.append([a_record(1)])
    size = spool.size()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        with pytest.raises(OSError, match="a part only"):
            spool.append([a_record(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert spool.size() == size == files(tmp_path)[0].stat().st_size
    spool.fail(spool.append([a_record(3)])[0])
    assert drain(spool) == [3]


def test_pretending_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    for number in range(2000):
        spool.pretend([a_record(number)])
    assert spool.size() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert SEGMENT_BYTES < 2000 * 200, "the decoy was renewed on the way"


def test_hits_may_be_kept_in_full_so_only_the_owner_reads_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new", max_bytes=MIB)
    spool.append([a_record(1)])
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert files(tmp_path / "new")[0].stat().st_mode & 0o777 == 0o600
    spool.close()


def test_a_second_process_is_told_to_take_its_own_folder(spool: Spool, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        said = pool.apply(_try_to_open, (tmp_path,))
    assert "POSTLOG_SPOOL_DIR" in said


def _try_to_open(folder: Path) -> str:
    try:
        Spool(folder, max_bytes=MIB)
    except RuntimeError as error:
        return str(error)
    return "opened"


def test_check_says_that_the_folder_cannot_be_written_to(spool: Spool, tmp_path: Path) -> None:
    assert spool.check() is None
    (tmp_path / "probe").mkdir()  # in the way: as root no permission would be
    assert "cannot be written to" in str(spool.check())
