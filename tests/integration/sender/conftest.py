"""Everything here runs on the event loop that the delivery runs on: much depends on its transports and sockets."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The one loop."""
    return {"uvloop": uvloop.new_event_loop}
