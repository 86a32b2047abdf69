"""Ten-day holds and a thirty-day schedule outlive the request topics' retention, and the sender's disk."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from shared.commands import HoldEmail, ReleaseEmail
from shared.kafka import config
from shared.records import Control
from shared.topics import REQUESTS, REQUESTS_BULK
from tests.scale.pace import Pace
from tests.scale.place import Place, Sender, an_email

DAY: Final = 86_400.0
HELD: Final = "held.example"
Expire = Callable[[Place], None]


def run(place: Place, *, emails: int, seconds: float, expire: Expire) -> dict[str, float]:
    """Thirty days pass in so many seconds. `expire` sees to it that the requests are deleted."""
    pace = Pace(since=time.time(), factor=30 * DAY / seconds)
    _hold(place, paused=True, at=pace.after(0))
    sender = place.sender(pace=pace)
    sender.start()
    begins = time.time() - pace.since
    due = pace.after(begins + seconds)
    scheduled = [an_email(number, send_at=due) for number in range(emails)]
    # Scheduled for the third day, so that they still wait when the hold comes; held until the tenth.
    held = [an_email(emails + number, send_at=pace.after(begins + seconds / 10)) for number in range(emails)]
    behind = [an_email(2 * emails + number, to=f"n{number}@{HELD}") for number in range(emails)]
    place.ask([*behind, *scheduled, *held, *(HoldEmail(email_id=email.email_id) for email in held)])
    place.until(lambda: place.log.kinds["held"] == emails, "all held", seconds=20)
    place.until(lambda: place.log.kinds["scheduled"] == 2 * emails, "all scheduled", seconds=20)
    expire(place)
    deleted = sum(first_offset(place, topic, number) for topic in _topics(place) for number in _partitions(place))
    assert deleted >= 4 * emails, f"{deleted} of {4 * emails} requests were deleted"
    _lose_the_disk(sender)
    time.sleep(max(0.0, pace.since + begins + seconds / 3 - time.time()))  # ten days
    assert place.log.kinds["sending"] == 0, "what is held does not go out"
    place.ask(ReleaseEmail(email_id=email.email_id) for email in held)
    _hold(place, paused=False, at=pace.after(begins + seconds / 3))
    place.until(lambda: place.log.kinds["delivered"] == 2 * emails, "the held ones delivered", seconds=30)
    assert time.time() < pace.real(due.timestamp()), "the others were due meanwhile"
    _lose_the_disk(sender)
    place.until(lambda: place.log.kinds["delivered"] == 3 * emails, "all delivered", seconds=seconds + 30)
    return _judge(place, deleted, due={str(email.email_id): due.timestamp() for email in scheduled})


def _hold(place: Place, *, paused: bool, at: datetime) -> None:
    """Hold a destination, or release it."""
    place.control(Control(tenant="default", kind="destination", name=HELD, paused=paused, at=at))


def by_retention(place: Place) -> None:
    """Make the broker's own retention delete them: it looks as often as its settings say."""
    admin = AdminClient(config.client(place.settings))
    small = {"retention.ms": "1000", "segment.ms": "1000"}
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in small.items()]
    for topic in _topics(place):
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        admin.incremental_alter_configs([resource])[resource].result(20)
    places = [(topic, number) for topic in _topics(place) for number in _partitions(place)]
    ends = {where: _offsets(place, *where)[1] for where in places}

    def deleted() -> bool:
        return all(first_offset(place, *where) == end for where, end in ends.items())

    place.until(deleted, "the requests deleted by retention", seconds=120)


def by_deletion(place: Place) -> None:
    """Delete them, as retention would."""
    admin = AdminClient(config.client(place.settings))
    wanted = [
        TopicPartition(topic, number, _offsets(place, topic, number)[1])
        for topic in _topics(place)
        for number in _partitions(place)
    ]
    for future in admin.delete_records(wanted).values():
        future.result(20)


def first_offset(place: Place, topic: str, number: int) -> int:
    """Where the partition begins by now."""
    return _offsets(place, topic, number)[0]


def _offsets(place: Place, topic: str, number: int) -> tuple[int, int]:
    consumer = Consumer(config.consumer(place.settings, group_id="scale-offsets"))
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
    finally:
        consumer.close()
    return int(low), int(high)


def _topics(place: Place) -> list[str]:
    return [place.settings.topic(topic.name) for topic in (REQUESTS, REQUESTS_BULK)]


def _partitions(place: Place) -> range:
    return range(place.settings.partitions)


def _lose_the_disk(sender: Sender) -> None:
    sender.kill()
    sender.forget()
    sender.start()


def _judge(place: Place, deleted: int, *, due: dict[str, float]) -> dict[str, float]:
    copies = [copy.email_id for copy in place.server.wire.copies if copy.kept]
    early = [
        email_id
        for email_id, at in due.items()
        if any(told.kind == "sending" and told.occurred_at < at for told in place.log.about[email_id])
    ]
    figures: dict[str, float] = {
        "emails": 3 * len(due),
        "arrived": len(copies),
        "twice": len(copies) - len(set(copies)),
    }
    figures |= {"early": len(early), "requests_deleted": deleted}
    assert figures["arrived"] == figures["emails"] and not figures["twice"] and not early, figures
    return figures
