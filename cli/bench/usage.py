"""CPU time and memory of processes and their children, from /proc."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, all threads; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def by_thread(pid: int) -> dict[str, float]:
    """CPU seconds of a sender so far: its owner (the first thread), Kafka's client, and the rest, which is delivery."""
    found = {"owner": 0.0, "kafka client": 0.0, "delivery": 0.0}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, fields = (task / "comm").read_text(), (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        role = "owner" if int(task.name) == pid else "kafka client" if name.startswith("rdk:") else "delivery"
        found[role] += (int(fields[11]) + int(fields[12])) / _TICK
    return found


def resident_mb(pid: int) -> float:
    """Resident memory of one process in MiB; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(pid: int) -> list[int]:
    """Processes below one, at any depth."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def totals(pids: Iterable[int]) -> float:
    """CPU seconds of several processes."""
    return sum(cpu_seconds(pid) for pid in pids)
