"""Kafka as the handlers see it: records in, acknowledgements out, within a time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.api.domain.errors import ApiError
from services.api.domain.record import Record
from shared.kafka.producer import FutureProducer, ProduceFailed
from shared.settings import KafkaSettings

AT_ONCE: Final = 50  # records written before other requests have their turn


class KafkaLog:
    """Writes with `acks=all`, idempotently."""

    def __init__(self, settings: KafkaSettings, *, producer: FutureProducer) -> None:
        self._settings = settings
        self._producer = producer

    async def write(self, records: Sequence[Record]) -> None:
        """Return when all are acknowledged; raises ApiError `kafka_unavailable` when not all are in time."""
        futures = []
        for at in range(0, len(records), AT_ONCE):
            some = [
                (self._settings.topic(one.topic), one.key, one.value, one.headers) for one in records[at : at + AT_ONCE]
            ]
            futures.append(self._producer.send_all(some))
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, ProduceFailed):
                raise _error(outcome) from outcome
            if isinstance(outcome, BaseException):
                raise outcome


def _error(failure: ProduceFailed) -> ApiError:
    if failure.retriable:
        return ApiError("kafka_unavailable", "not every record was acknowledged; nothing is lost by asking again")
    return ApiError("body_too_large", "the request does not fit into a record")
