"""Many records at once: other requests have their turn meanwhile."""

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from services.api.adapters.log import AT_ONCE, KafkaLog
from services.api.domain.record import Record
from shared.settings import KafkaSettings

pytestmark = pytest.mark.asyncio


class Taking:
    """A producer that takes all at once."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def send_all(self, records: list[object]) -> "Future[None]":
        self.taken.append(len(records))
        done: Future[None] = Future()
        done.set_result(None)
        return done


async def test_a_large_write_lets_others_in_between() -> None:
    producer: Any = Taking()
    log = KafkaLog(KafkaSettings(), producer=producer)
    seen: list[int] = []

    async def other() -> None:
        while len(producer.taken) < 4:
            seen.append(len(producer.taken))
            await asyncio.sleep(0)

    one = Record(topic="email.requests", key=b"k", value=b"v", headers=[])
    await asyncio.gather(log.write([one] * (3 * AT_ONCE + 1)), other())
    assert producer.taken == [AT_ONCE, AT_ONCE, AT_ONCE, 1]
    assert {1, 2, 3} <= set(seen)
