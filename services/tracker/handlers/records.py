"""A genuine token and the facts of a request become records. Pure: ids and times are handed in."""

from typing import Any, Final, Literal, cast
from uuid import UUID

import msgspec

from services.tracker.domain.hit import Hit
from shared import records
from shared.events import EmailClicked, EmailOpened, EmailUnsubscribed, Event, SuppressionAdded, codec
from shared.ids import event_id_for
from shared.records import Suppression, suppression_key
from shared.tokens import EmailToken
from shared.topics import EVENTS, SUPPRESSIONS

SOURCE: Final = "/postlog/tracker"
UnsubscribeMethod = Literal["one_click", "link"]


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One record for Kafka; `topic` is the name in the code, without the cluster's prefix."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def opened(token: EmailToken, hit: Hit, *, event_id: UUID, count: int = 1) -> Record:
    """The pixel was fetched."""
    return _event(
        EmailOpened(
            event_id=event_id,
            occurred_at=hit.at,
            method=hit.method,
            user_agent=hit.user_agent,
            ip=hit.ip,
            count=count,
            **_of(token),
        ),
        hit,
    )


def clicked(token: EmailToken, hit: Hit, *, event_id: UUID, count: int = 1) -> Record:
    """A link was followed."""
    return _event(
        EmailClicked(
            event_id=event_id,
            occurred_at=hit.at,
            link_position=token.position,
            method=hit.method,
            user_agent=hit.user_agent,
            ip=hit.ip,
            count=count,
            **_of(token),
        ),
        hit,
    )


def unsubscribed(token: EmailToken, hit: Hit, *, method: UnsubscribeMethod) -> tuple[Record, ...]:
    """The recipient left the list, or the stream when the token names no list (RFC 8058).

    Done twice it gives the same event ids and the same record key.
    """
    fact = EmailUnsubscribed(
        event_id=event_id_for(subject=token.email, kind="email.unsubscribed", cause=token.list),
        occurred_at=hit.at,
        method=method,
        list=token.list,
        **_of(token),
    )
    scope = f"list:{token.list}" if token.list else f"stream:{token.stream}"
    added = SuppressionAdded(
        event_id=event_id_for(subject=token.email, kind="email.suppression.added", cause=fact.event_id),
        occurred_at=hit.at,
        tenant=token.tenant,
        causation_id=fact.event_id,
        recipient_ref=token.recipient_ref,
        scope=scope,
        reason="unsubscribed",
        causing_event_id=fact.event_id,
    )
    return _event(fact, hit), _event(added, hit), _suppression(added)


def _suppression(added: SuppressionAdded) -> Record:
    suppression = Suppression(
        tenant=added.tenant,
        scope=added.scope,
        recipient_ref=added.recipient_ref,
        reason=added.reason,
        causing_event_id=added.causing_event_id,
        added_at=added.occurred_at,
    )
    key = suppression_key(tenant=added.tenant, scope=added.scope, recipient_ref=added.recipient_ref)
    return Record(SUPPRESSIONS.name, key.encode(), records.encode(suppression), (("ce_source", SOURCE.encode()),))


def _of(token: EmailToken) -> dict[str, Any]:
    """What the token says of its email, as the envelope's fields."""
    return {
        "tenant": token.tenant,
        "email_id": token.email,
        "stream": token.stream,
        "batch_id": token.batch,
        "recipient_ref": token.recipient_ref,
        "recipient_domain": token.recipient_domain,
    }


def _event(event: Event, hit: Hit) -> Record:
    headers = cast(list[tuple[str, bytes]], codec.headers(event, source=SOURCE, traceparent=hit.traceparent))
    return Record(EVENTS.name, codec.key(event), codec.encode(event), tuple(headers))
