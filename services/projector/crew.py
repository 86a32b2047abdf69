"""Several loops in one process: while one waits for PostgreSQL, another reads and folds."""

import threading
from collections.abc import Sequence

from services.projector.consumer import Projector


class Crew:
    """Runs projectors until stopped. When one of them fails all stop, and `run` raises what it failed of."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._projectors = projectors
        self.failure: BaseException | None = None

    def stop(self) -> None:
        """Ask them to finish; safe from a signal handler."""
        for projector in self._projectors:
            projector.stop()

    def run(self) -> None:
        """Serve until all have stopped."""
        threads = [threading.Thread(target=self._work, args=(projector,)) for projector in self._projectors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failure is not None:
            raise self.failure

    @property
    def joined(self) -> bool:
        """Whether the group has given each of them its share."""
        return all(projector.joined for projector in self._projectors)

    @property
    def trouble(self) -> str | None:
        """What they wait for, in a sentence."""
        return next((projector.trouble for projector in self._projectors if projector.trouble), None)

    @property
    def blocked(self) -> str | None:
        """Why a partition cannot go on, in a sentence."""
        return next((projector.blocked for projector in self._projectors if projector.blocked), None)

    @property
    def behind(self) -> float:
        """Age of the read models in seconds at most, as far as these projectors know; -1 while unknown."""
        ages = [projector.behind for projector in self._projectors]
        return -1.0 if None in ages else max((age for age in ages if age is not None), default=0.0)

    def _work(self, projector: Projector) -> None:
        try:
            projector.run()
        except BaseException as failure:  # noqa: BLE001 (raised by `run`)
            self.failure = self.failure or failure
            self.stop()
