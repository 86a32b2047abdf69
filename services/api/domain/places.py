"""Places in the log, and whether a reader has come past them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from shared.topics import REQUESTS, REQUESTS_BULK, TOPICS, Topic, partition_for

Place = tuple[str, int]  # a topic by its name without prefix, and a partition
Offsets = Mapping[Place, int]  # next offsets
ASKED = (REQUESTS, REQUESTS_BULK)
TOLD = tuple(topic for topic in TOPICS if "projector" in topic.consumers)


def places(topics: Iterable[Topic], *, partitions: int, about: UUID | None = None) -> list[Place]:
    """All partitions of the topics, or the one that holds what is about one email or batch."""
    home = range(partitions) if about is None else [partition_for(str(about).encode(), partitions)]
    return [(topic.name, number) for topic in topics for number in home]


def passed(reached: Offsets, ends: Offsets) -> bool:
    """Whether a reader that has reached these offsets knows all that is before `ends`."""
    return all(reached.get(place, 0) >= end for place, end in ends.items())
