"""One thing in the background while the next is made ready."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class OneBehind:
    """Lets one thing go on in the background; what goes wrong with it is raised when the next one is put."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def put(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for the one before, then begin this one."""
        try:
            await self.settle()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)

    async def settle(self) -> None:
        """Wait for the last one."""
        task, self._task = self._task, None
        if task is not None:
            await task

    async def leave(self) -> None:
        """Wait for the last one whatever comes of it: it may be half written."""
        task, self._task = self._task, None
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
