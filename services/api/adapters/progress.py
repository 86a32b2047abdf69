"""How far the log goes and how far the sender has read it, asked of Kafka."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.api.domain.errors import ApiError
from services.api.domain.places import Offsets, Place
from shared.kafka.config import client
from shared.settings import KafkaSettings

_PATIENCE: Final = 2.0  # seconds for Kafka to answer


class KafkaProgress:
    """Ends of partitions, and what the senders' group has committed."""

    def __init__(self, settings: KafkaSettings, *, sender_group: str) -> None:
        self._settings = settings
        self._group = settings.topic(sender_group)
        self._renew()

    async def ends(self, places: Collection[Place]) -> Offsets:
        """Where the partitions end, with what transactions under way have written; raises `kafka_unavailable`."""
        with _said_plainly():
            try:
                return await self._ends(places)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.FENCED_LEADER_EPOCH:
                    raise
                await asyncio.to_thread(self._renew)  # a broker was restarted, and librdkafka keeps the old epoch
                return await self._ends(places)

    async def _ends(self, places: Collection[Place]) -> Offsets:
        asked = {place: self._at(place) for place in places}
        newest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        futures = self._admin.list_offsets(dict.fromkeys(asked.values(), newest), request_timeout=_PATIENCE)
        found = await asyncio.gather(*(asyncio.wrap_future(futures[one]) for one in asked.values()))
        return {place: int(one.offset) for place, one in zip(asked, found, strict=True)}

    async def decided(self, places: Collection[Place]) -> Offsets:
        """Up to where the sender has decided about requests: its offsets commit with its facts."""
        asked = {self._at(place): place for place in places}
        of_group = ConsumerGroupTopicPartitions(self._group, list(asked))
        with _said_plainly():
            futures = self._admin.list_consumer_group_offsets([of_group], request_timeout=_PATIENCE)
            found: Any = await asyncio.wrap_future(futures[self._group])
        return {asked[TopicPartition(one.topic, one.partition)]: max(one.offset, 0) for one in found.topic_partitions}

    def _renew(self) -> None:
        self._admin = AdminClient(client(self._settings))

    def _at(self, place: Place) -> TopicPartition:
        return TopicPartition(self._settings.topic(place[0]), place[1])


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise ApiError("kafka_unavailable", "how far the log goes cannot be asked") from error
