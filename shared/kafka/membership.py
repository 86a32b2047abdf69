"""A member of a group, and whether the group still knows of it."""

import time
from typing import Final

from confluent_kafka import Consumer, KafkaException

PATIENCE: Final = 60.0  # seconds without a word of the group while Kafka answers; others may take long to let go
LOOK: Final = 1.0  # seconds between two questions whether it does, and that an answer may take


class Forgotten(RuntimeError):
    """The group has taken all partitions away and says nothing more: this member must be made anew."""


class Membership:
    """Told what the group does, it notices when nothing more comes.

    After an outage the client may wait for a coordinator for ever (seen with 2.16): it looks well, and reads nothing.
    """

    def __init__(self, consumer: Consumer, *, patience: float = PATIENCE) -> None:
        self._consumer = consumer
        self._patience = patience
        self._since: float | None = None
        self._looked_at = 0.0

    def lost(self) -> None:
        """The group has taken everything away without asking."""
        self._since = self._looked_at = time.monotonic()

    def given(self) -> None:
        """The group has spoken."""
        self._since = None

    def check(self) -> None:
        """To be called often. Raises `Forgotten`."""
        now = time.monotonic()
        if self._since is None or now - self._looked_at < LOOK:
            return
        self._looked_at = now
        try:
            self._consumer.list_topics(timeout=LOOK)
        except KafkaException:
            self._since = time.monotonic()  # while Kafka is away there is no word to wait for
            return
        if now - self._since > self._patience:
            raise Forgotten(f"no word of the group in {self._patience:.0f} s: started again this member joins anew")
