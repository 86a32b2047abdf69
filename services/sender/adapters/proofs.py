"""Looks for proof on `email.events`: what others report about emails that are in doubt. Reads only while there are any.

An email's facts are in the partition of the number that its requests are in, so its owner knows where to look.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.sender.domain.doubts import proven_by
from shared.clock import Clock
from shared.events import EmailEvent, codec
from shared.ids import text_of
from shared.kafka import config
from shared.settings import KafkaSettings
from shared.topics import EVENTS

log = structlog.get_logger()
PATIENCE: Final = 10  # seconds for Kafka to say where a moment lies in the log
WAIT: Final = 0.1
Wanted = Mapping[int, Mapping[UUID, datetime]]  # by partition: emails in doubt, and from when on facts are proof


@dataclass
class _Place:
    """How far a partition has been read, for which emails. `read_to` is the log time of the last record, in seconds."""

    offset: int
    keys: frozenset[bytes]
    at_end: bool = False
    read_to: float = 0.0


class ProofReader:
    """A thread that reads. `look_for` and `has_looked` are called by the owner's thread, which empties `found`."""

    def __init__(self, settings: KafkaSettings, *, clock: Clock) -> None:
        self.found: deque[tuple[int, EmailEvent]] = deque()
        self._topic = settings.topic(EVENTS.name)
        self._clock = clock
        self._consumer = Consumer(config.consumer(settings, group_id=f"postlog-proofs-{self._topic}"))
        self._wanted: Wanted = {}
        self._places: dict[int, _Place] = {}
        self._changed = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="proofs", daemon=True)

    def start(self) -> None:
        """Begin; nothing is read before something is looked for."""
        self._thread.start()

    def look_for(self, wanted: Wanted) -> None:
        """From now on look for proof about these emails and no others."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    def has_looked(self, partition: int, email_id: UUID, *, until: float) -> bool:
        """Whether what the log had about the email at `until` (epoch seconds) has been looked at."""
        place = self._places.get(partition)
        if place is None or text_of(email_id).encode() not in place.keys:
            return False
        return place.at_end or place.read_to >= until

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._closing:
            if not self._wanted:
                self._changed.wait()
            if self._changed.is_set():
                self._changed.clear()
                self._begin_anew(self._wanted)
            for message in self._consumer.consume(2000, WAIT) if self._places else []:
                self._take(message)

    def _begin_anew(self, wanted: Wanted) -> None:
        """Go on where reading has come to; back to the moment of a doubt that is new."""
        try:
            places = {number: self._place(number, emails) for number, emails in wanted.items() if emails}
        except KafkaException as error:
            log.warning("the log cannot be asked for proof, and is asked again", error=str(error))
            self._changed.set()
            self._clock.sleep(WAIT)
            return
        self._places = places
        self._consumer.assign([TopicPartition(self._topic, number, place.offset) for number, place in places.items()])

    def _place(self, number: int, emails: Mapping[UUID, datetime]) -> _Place:
        keys = {text_of(email_id).encode(): since for email_id, since in emails.items()}
        known = self._places.get(number)
        new = keys.keys() - known.keys if known else keys.keys()
        begins = [self._offset_at(number, min(keys[key] for key in new))] if new else []
        offset = min([*begins, known.offset] if known else begins)
        return _Place(offset, frozenset(keys))

    def _offset_at(self, number: int, moment: datetime) -> int:
        where = TopicPartition(self._topic, number, int(moment.timestamp() * 1000))
        _, end = self._consumer.get_watermark_offsets(where, timeout=PATIENCE)
        (found,) = self._consumer.offsets_for_times([where], timeout=PATIENCE)
        if found.error is not None:
            raise KafkaException(found.error)
        return int(found.offset) if found.offset >= 0 else int(end)

    def _take(self, message: Message) -> None:
        place = self._places[message.partition() or 0]
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                place.at_end = True
            return
        place.at_end = False
        place.offset, place.read_to = (message.offset() or 0) + 1, message.timestamp()[1] / 1000
        if message.key() in place.keys:
            self._look_at(message)

    def _look_at(self, message: Message) -> None:
        """What is not understood proves nothing: whether it can be read at all is the projector's business."""
        try:
            fact = codec.decode(message.value())
        except (codec.UnreadableRecord, codec.UnknownFact):
            return
        if isinstance(fact, EmailEvent) and proven_by(fact) is not None:
            self.found.append((message.partition() or 0, fact))
