"""The last words of operators, replies and senders, as a copy of `email.controls` in memory."""

import asyncio
from typing import Final

from services.api.domain.errors import ApiError
from shared.kafka.table import TopicTable
from shared.records import Control, ControlKind, decode_control
from shared.settings import KafkaSettings
from shared.topics import CONTROLS

_PATIENCE: Final = 5.0  # seconds that a request waits for the copy to be as new as the log


class ControlCopy:
    """Read in the event loop, written by the follower's thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._controls: dict[str, Control] = {}
        self._table = TopicTable(settings, topic=CONTROLS.name, apply=self._apply)

    def start(self) -> None:
        """Begin to follow; Kafka may come later."""
        self._table.start()

    def close(self) -> None:
        """Stop following."""
        self._table.close()

    async def refresh(self) -> None:
        """Wait until the copy holds all that the log holds now; raises ApiError `kafka_unavailable`."""
        if not await asyncio.to_thread(self._table.catch_up, timeout=_PATIENCE):
            raise ApiError("kafka_unavailable", "the controls cannot be read")

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""
        return self._controls.get(f"{tenant}/{kind}/{name}")

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""
        return [control for control in list(self._controls.values()) if control.kind == kind]

    def _apply(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._controls.pop(key, None)
        else:
            self._controls[key] = decode_control(value)
