"""The templates, as a copy of `email.templates` in memory."""

import asyncio
from typing import Final

from services.api.domain.errors import ApiError
from shared.kafka.table import TopicTable
from shared.records import PublishedTemplate, TemplateVersion, decode_template
from shared.settings import KafkaSettings
from shared.topics import TEMPLATES

_PATIENCE: Final = 5.0  # seconds that a request waits for the copy to be as new as the log


class TemplateCopy:
    """All versions, and which is published. Read in the event loop, written by the follower's thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._versions: dict[tuple[str, str, int], TemplateVersion] = {}
        self._published: dict[tuple[str, str], int] = {}  # without those that were deleted
        self._table = TopicTable(settings, topic=TEMPLATES.name, apply=self._apply)

    def start(self) -> None:
        """Begin to follow; Kafka may come later."""
        self._table.start()

    def close(self) -> None:
        """Stop following."""
        self._table.close()

    def loaded(self) -> bool:
        """Whether the topic has been read whole, once."""
        return self._table.age() != float("inf")

    async def find(self, tenant: str, name: str, version: int | None = None) -> TemplateVersion | None:
        """That version, or the published one; looks at the log again before it says None."""
        found = self._find(tenant, name, version)
        if found is None:
            await self.refresh()
            found = self._find(tenant, name, version)
        return found

    async def refresh(self) -> None:
        """Wait until the copy holds all that the log holds now; raises ApiError `kafka_unavailable`."""
        if not await asyncio.to_thread(self._table.catch_up, timeout=_PATIENCE):
            raise ApiError("kafka_unavailable", "the templates cannot be read")

    def published(self, tenant: str, name: str) -> int | None:
        """The number of the published version, as far as is known here."""
        return self._published.get((tenant, name))

    def newest(self, tenant: str, name: str) -> int:
        """The highest version number, 0 before the first."""
        numbers = [number for one, other, number in list(self._versions) if (one, other) == (tenant, name)]
        return max(numbers, default=0)

    def version(self, tenant: str, name: str, number: int) -> TemplateVersion | None:
        """That version, also when the template was deleted, as far as is known here."""
        return self._versions.get((tenant, name, number))

    def names(self, tenant: str) -> list[str]:
        """The templates that are published, as far as is known here."""
        return [name for one, name in list(self._published) if one == tenant]

    def _find(self, tenant: str, name: str, version: int | None) -> TemplateVersion | None:
        published = self.published(tenant, name)
        return self.version(tenant, name, version or published) if published is not None else None

    def _apply(self, key: str, value: bytes | None) -> None:
        if value is None:
            return  # nobody writes tombstones here: a deleted template still serves the emails accepted with it
        record = decode_template(value)
        if isinstance(record, PublishedTemplate):
            self._point(record)
        else:
            self._versions[record.tenant, record.name, record.version] = record

    def _point(self, pointer: PublishedTemplate) -> None:
        if pointer.deleted:
            self._published.pop((pointer.tenant, pointer.name), None)
        else:
            self._published[pointer.tenant, pointer.name] = pointer.version
