"""Where CPU and memory go while the bench runs, by process and by the senders' threads."""

from collections.abc import Callable, Mapping, Sequence

from cli.bench.usage import by_thread, children, resident_mb, totals


class Parts:
    """The processes that take part. Snapshots are CPU seconds by part."""

    def __init__(self, *, senders: Sequence[int], kafka: int, sink: int) -> None:
        self._senders = senders
        self._of: dict[str, Callable[[], list[int]]] = {
            "sender": lambda: list(senders),
            "rendering": lambda: [child for pid in senders for child in children(pid)],
            "kafka": lambda: [kafka, *children(kafka)],
            "sink": lambda: [sink],
        }

    def snapshot(self) -> dict[str, float]:
        """CPU seconds of each part so far; of the senders also by what their threads do."""
        threads = [by_thread(pid) for pid in self._senders]
        roles = {role: sum(one[role] for one in threads) for role in threads[0]}
        return {name: totals(pids()) for name, pids in self._of.items()} | roles

    def since(self, before: Mapping[str, float], *, emails: int) -> dict[str, float]:
        """Milliseconds an email since `before`."""
        return {name: 1000 * (now - before[name]) / emails for name, now in self.snapshot().items()}

    def resident(self) -> dict[str, float]:
        """MiB of each part."""
        return {name: sum(resident_mb(pid) for pid in pids()) for name, pids in self._of.items()}
