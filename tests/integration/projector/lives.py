"""Lives of emails as the services would log them: facts of every kind, in order, from a seed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from shared import events, records
from shared.events import EmailEvent, Event, codec
from shared.records import PersonalPart
from shared.topics import EVENTS, PERSONAL

T0 = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
DOMAINS = ("example.com", "example.org", "post.example", "xn--mnchen-3ya.example")
TAGS = ("invoice", "november", 'say "hi"', "back\\slash", "{brace}")
E = TypeVar("E", bound=Event)


class Record(NamedTuple):
    """A record to be produced."""

    topic: str
    key: bytes
    value: bytes | None


class Life:
    """One email: each call of `fact` is a later fact about it."""

    def __init__(self, dice: random.Random, *, batch_id: UUID | None, stream: str) -> None:
        self.dice = dice
        self.email_id = UUID(int=dice.getrandbits(128), version=4)
        self.at = T0 + timedelta(seconds=dice.uniform(0, 4 * 3600))
        self.attempt = 0
        self.common: dict[str, Any] = {
            "tenant": dice.choice(["default", "default", "other"]) if batch_id is None else "default",
            "stream": stream,
            "batch_id": batch_id,
            "recipient_ref": f"{dice.getrandbits(96):024x}",
            "recipient_domain": dice.choice(DOMAINS),
        }

    def fact(self, kind: type[E], /, **fields: Any) -> Record:
        """The next fact."""
        self.at += timedelta(seconds=self.dice.uniform(0.001, 30))
        event_id = UUID(int=self.dice.getrandbits(128), version=4)
        own = self.common | {"email_id": self.email_id, "attempt": self.attempt}
        return record(kind(event_id=event_id, occurred_at=self.at, **(own | fields)))

    def personal(self, *, present: bool = True) -> Record:
        """The personal part, or its tombstone."""
        part = PersonalPart(
            tenant=self.common["tenant"],
            address=f"{self.email_id.hex[:8]}@{self.common['recipient_domain']}",
            name=self.dice.choice([None, "Zoë \N{EARTH GLOBE EUROPE-AFRICA}", "王小明"]),
            subject="Invoice\t4711",
            metadata={"order": "17"} if self.dice.random() < 0.5 else {},
        )
        return Record(PERSONAL.name, str(self.email_id).encode(), records.encode(part) if present else None)

    def queued(self) -> list[Record]:
        """Taken on by the sender."""
        template = self.dice.choice([None, "invoice", "reminder"])
        queued = self.fact(
            events.EmailQueued,
            sender="billing@acme.test",
            request_hash="sha256:aa",
            content_hash="sha256:bb",
            template=template,
            template_version=3 if template else None,
            list="news" if self.common["stream"] == "broadcast" else None,
            tags=tuple(self.dice.sample(TAGS, self.dice.randint(0, 3))),
            reference=self.dice.choice([None, "order-17"]),
        )
        return [queued, self.personal()]

    def sending(self) -> Record:
        """The next attempt begins."""
        self.attempt += 1
        return self.fact(events.EmailSending, mx_host="mx.example")

    def deferred(self) -> Record:
        """A transient refusal."""
        reply = {"smtp_phase": "rcpt_to", "smtp_reply_code": 451, "smtp_reply_text": "4.7.1 Greylisted\nsee you"}
        return self.fact(events.EmailDeferred, retry_at=self.at + timedelta(minutes=5), **reply)

    def delivered(self) -> Record:
        """Taken by the next mail server."""
        reply = {"smtp_phase": "end_of_data", "smtp_reply_code": 250, "smtp_reply_text": "2.0.0 Ok: \0 queued"}
        return self.fact(events.EmailDelivered, queue_ms=900, session_ms=80, **reply)

    def bounced(self, origin: str) -> Record:
        """A permanent refusal."""
        said: dict[str, Any] = {"smtp_reply_code": 550, "smtp_reply_text": "5.1.1 unknown"}
        if origin != "smtp":
            said = {"dsn_action": "failed", "dsn_status": "5.2.2", "dsn_diagnostic_code": "smtp; 552 full"}
        judged = {"bounce_class": "hard", "bounce_category": "invalid_recipient", "classifier_version": 1}
        return self.fact(events.EmailBounced, origin=origin, **judged, **said)

    def suppressed_now(self, kind: type[Event]) -> Record:
        """Its recipient comes onto the list, or leaves it."""
        self.at += timedelta(seconds=1)
        fields: dict[str, Any] = {"tenant": self.common["tenant"], "recipient_ref": self.common["recipient_ref"]}
        event_id = UUID(int=self.dice.getrandbits(128), version=4)
        said: dict[str, Any] = {"scope": "tenant", "reason": "hard_bounce"}
        return record(kind(event_id=event_id, occurred_at=self.at, **said, **fields))

    def hits(self) -> list[Record]:
        """The reader."""
        found = [self.fact(events.EmailOpened, user_agent="Mail/1")]
        if self.dice.random() < 0.6:
            found += [self.fact(events.EmailClicked, link_position=0), self.fact(events.EmailOpened)]
        if self.dice.random() < 0.1:
            found += [self.fact(events.EmailComplained, feedback_type="abuse", attribution="verp")]
        if self.dice.random() < 0.1:
            found += [self.fact(events.EmailUnsubscribed, method="one_click", list="news")]
        return found


def record(event: Event) -> Record:
    """The fact as a record."""
    return Record(EVENTS.name, codec.key(event), codec.encode(event))


def _straight(life: Life) -> list[Record]:
    return [*life.queued(), life.sending(), life.delivered(), *life.hits()]


def _plain(life: Life) -> list[Record]:
    return [*life.queued(), life.sending(), life.delivered()]


def _greylisted(life: Life) -> list[Record]:
    return [*life.queued(), life.sending(), life.deferred(), life.sending(), life.delivered()]


def _refused(life: Life) -> list[Record]:
    return [*life.queued(), life.sending(), life.bounced("smtp"), life.suppressed_now(events.SuppressionAdded)]


def _returned(life: Life) -> list[Record]:
    found = [*_straight(life), life.bounced("dsn"), life.suppressed_now(events.SuppressionAdded)]
    return [*found, life.suppressed_now(events.SuppressionRemoved)]


def _given_up(life: Life) -> list[Record]:
    return [*life.queued(), life.sending(), life.deferred(), life.fact(events.EmailFailed, reason="expired")]


def _cancelled(life: Life) -> list[Record]:
    found = [*life.queued(), life.fact(events.EmailScheduled, send_at=life.at + timedelta(hours=1))]
    found += [life.fact(events.EmailRescheduled, send_at=life.at + timedelta(hours=2))]
    return [*found, life.fact(events.EmailCancelled, by="api"), life.fact(events.EmailCancelRefused, reason="final")]


def _rejected(life: Life) -> list[Record]:
    return [life.fact(events.EmailRejected, error_code="invalid_address", field="to")]


def _suppressed(life: Life) -> list[Record]:
    return [*life.queued(), life.fact(events.EmailSuppressed, reason="hard_bounce", scope="tenant")]


def _doubted(life: Life) -> list[Record]:
    found = [*life.queued(), life.sending(), life.fact(events.EmailInDoubt, evidence="the connection was lost")]
    found += [life.fact(events.EmailResolved, decision="retry", by="policy", reason="transactional")]
    return [*found, life.sending(), life.delivered(), life.fact(events.EmailAutoReplied, kind="vacation")]


def _dropped(life: Life) -> list[Record]:
    found = [*life.queued(), life.sending(), life.fact(events.EmailInDoubt, evidence="the connection was lost")]
    return [*found, life.fact(events.EmailResolved, decision="give_up", by="policy", reason="broadcast")]


def _erased(life: Life) -> list[Record]:
    return [*_straight(life), life.fact(events.EmailErased, by="api"), life.personal(present=False)]


def _held(life: Life) -> list[Record]:
    found = [*life.queued(), life.fact(events.EmailHeld, by="ops")]
    return [*found, life.fact(events.EmailReleased, by="ops")] if life.dice.random() < 0.5 else found


def _unknown(life: Life) -> list[Record]:
    return [life.fact(events.EmailRequestRefused, error_code="unknown_email")]


LIVES = (
    *(_straight, _plain, _plain, _greylisted, _refused, _returned, _given_up, _cancelled),
    *(_rejected, _suppressed, _doubted, _dropped, _erased, _held, _unknown),
)


def make_log(seed: int, *, emails: int) -> list[Record]:
    """A log of so many emails: each email's records in order, the emails mixed."""
    dice = random.Random(seed)
    batch = [UUID(int=dice.getrandbits(128), version=4) for _ in range(3)]
    stories = [list(_batch(dice, batch_id)) for batch_id in batch]
    for _ in range(emails):
        stream = dice.choice(["transactional", "broadcast"])
        life = Life(dice, batch_id=dice.choice([None, *batch]), stream=stream)
        stories.append(dice.choice(LIVES)(life))
    turns = [number for number, story in enumerate(stories) for _ in story]
    dice.shuffle(turns)
    left = [iter(story) for story in stories]
    return [next(left[number]) for number in turns]


def _batch(dice: random.Random, batch_id: UUID) -> Iterator[Record]:
    at = T0
    kinds: list[tuple[type[Event], dict[str, Any]]] = [
        (events.BatchOpened, {"template": "invoice", "tags": ("november",), "reference": "run-1"}),
        (events.BatchStarted, {"by": "api"}),
        (events.BatchPaused, {"by": "ops", "reason": "operator"}),
        (events.BatchClosed, {"acknowledged": 300, "refused": 2}),
        (events.BatchResumed, {"by": "ops", "reason": "operator"}),
    ]
    if dice.random() < 0.5:
        kinds.append((events.BatchCancelled, {"by": "ops", "reason": "operator"}))
    for kind, fields in kinds:
        at += timedelta(seconds=dice.uniform(1, 60))
        common: dict[str, Any] = {"tenant": "default", "batch_id": batch_id, "stream": "broadcast"}
        event_id = UUID(int=dice.getrandbits(128), version=4)
        yield record(kind(event_id=event_id, occurred_at=at, **common, **fields))


def facts(log: list[Record]) -> list[EmailEvent]:
    """The facts about emails in a log."""
    found = [codec.decode(one.value) for one in log if one.topic == EVENTS.name]
    return [event for event in found if isinstance(event, EmailEvent)]
