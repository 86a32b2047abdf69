"""Threads that do not swallow what goes wrong in them."""

import threading
from collections.abc import Callable


class Failing(threading.Thread):
    """A thread whose exception is raised by `join`."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        except BaseException as error:
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end; raises what went wrong in it."""
        super().join(timeout)
        if self._error is not None:
            raise self._error
