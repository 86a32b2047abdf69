"""Addresses that must not be sent to: who, within what, and why."""

import re
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct, ValidationError, convert

from services.api.domain.errors import ApiError
from shared.acceptance import Refusal, from_decode_error, parse_mailbox, valid_name
from shared.acceptance.refusal import Refused
from shared.acceptance.texts import require_clean
from shared.events.envelope import UtcTime
from shared.tokens import recipient_ref

_REF: Final = re.compile(r"[0-9a-f]{32}")
_SCOPES: Final = frozenset({"tenant", "stream:transactional", "stream:broadcast"})
_LONGEST_REASON: Final = 200


class SuppressionRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Do not send to `recipient` (an address, or the recipient_ref of one) within `scope`.

    `scope` is `tenant`, `stream:transactional`, `stream:broadcast` or `list:<list>`. `reason` is for operators and
    stands in an event: write nothing personal there. `causing_event_id` is the event that is the reason, if one is.
    """

    recipient: str
    scope: str = "tenant"
    reason: str = "manual"
    expires_at: UtcTime | None = None
    causing_event_id: UUID | None = None


class SuppressionsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 `SuppressionRequest`s; each is added or refused on its own."""

    suppressions: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1000)]


def read_one(item: dict[str, Any]) -> SuppressionRequest:
    """One of many, checked; raises ApiError."""
    try:
        found = convert(item, SuppressionRequest)
    except (ValidationError, RecursionError) as error:
        raise ApiError.of(from_decode_error(error)) from None
    check_reason(found.reason)
    check_scope(found.scope)
    return found


def check_scope(scope: str) -> str:
    """The scope, or ApiError."""
    if scope in _SCOPES or (scope.startswith("list:") and valid_name(scope.removeprefix("list:"))):
        return scope
    raise ApiError("wrong_type", "is tenant, stream:transactional, stream:broadcast or list:<list>", field="scope")


def check_reason(reason: str | None) -> str | None:
    """The reason, or ApiError."""
    try:
        require_clean(reason, field="reason", longest=_LONGEST_REASON)
    except Refused as refused:
        raise ApiError.of(refused.refusal) from None
    return reason


def ref_of(recipient: str, *, tenant: str, secret: bytes) -> str:
    """The keyed hash of an address; one that is such a hash already is taken as it is."""
    if _REF.fullmatch(recipient):
        return recipient
    found = parse_mailbox(recipient, field="recipient")
    if isinstance(found, Refusal):
        raise ApiError.of(found)
    return recipient_ref(key=secret, tenant=tenant, address=found.address)
