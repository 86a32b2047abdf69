"""The check of one email: each rule in turn, the first refusal counts."""

from dataclasses import dataclass
from datetime import datetime

from shared.acceptance.attachments import check_attachments
from shared.acceptance.content import check_content, check_template
from shared.acceptance.headers import check_headers
from shared.acceptance.limits import (
    MAX_METADATA,
    MAX_METADATA_KEY,
    MAX_METADATA_VALUE,
    MAX_RECORD,
    MAX_REFERENCE,
    MAX_SEND_AHEAD,
    MAX_TAG,
    MAX_TAGS,
)
from shared.acceptance.mailboxes import Mailbox, mailbox
from shared.acceptance.refusal import Refusal, Refused
from shared.acceptance.texts import require_clean, require_few, require_name
from shared.commands import SendEmail, encode
from shared.records import TemplateVersion


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The parties of an acceptable email; `recipient_domain` is in A-labels and lower case."""

    sender: Mailbox
    recipient: Mailbox
    reply_to: Mailbox | None
    recipient_domain: str


def check(
    command: SendEmail,
    *,
    sending_domains: frozenset[str],
    template: TemplateVersion | None,
    broadcast_ready: bool,
    now: datetime,
    largest: int = MAX_RECORD,
) -> Accepted | Refusal:
    """Whether the email may be sent, by everything that can be known before it is.

    `template` is the version that the command means, None when there is none. `largest` is the size of the encoded
    command in bytes. The labels come first: what is refused later has labels that may stand in an event.
    """
    try:
        _check_labels(command)
        parties = _check_parties(command, sending_domains)
        check_headers(command)
        check_content(command)
        check_template(command, template)
        check_attachments(command)
        _check_times(command, now)
        _check_broadcast(command, ready=broadcast_ready)
        _check_size(command, largest=largest)
    except Refused as refused:
        return refused.refusal
    return parties


def _check_labels(command: SendEmail) -> None:
    require_name(command.tenant, field="tenant")
    require_few(len(command.tags), field="tags", most=MAX_TAGS)
    for number, tag in enumerate(command.tags):
        require_clean(tag, field=f"tags[{number}]", longest=MAX_TAG)
    require_clean(command.reference, field="reference", longest=MAX_REFERENCE)
    require_name(command.list, field="list")
    require_few(len(command.metadata), field="metadata", most=MAX_METADATA)
    for key, value in command.metadata.items():
        require_clean(key, field="metadata", longest=MAX_METADATA_KEY)
        require_clean(value, field="metadata", longest=MAX_METADATA_VALUE)


def _check_parties(command: SendEmail, sending_domains: frozenset[str]) -> Accepted:
    sender = mailbox(command.sender, field="from")
    if sender.domain not in sending_domains:
        raise Refused("unknown_sender_domain", "from", "the domain is not one that this service sends for")
    recipient = mailbox(command.to, field="to")
    reply_to = mailbox(command.reply_to, field="reply_to") if command.reply_to is not None else None
    return Accepted(sender=sender, recipient=recipient, reply_to=reply_to, recipient_domain=recipient.domain)


def _check_times(command: SendEmail, now: datetime) -> None:
    if command.send_at is not None and command.send_at > now + MAX_SEND_AHEAD:
        raise Refused("send_at_too_far", "send_at", "is more than a year ahead")
    if command.expires_at is not None and command.expires_at <= max(now, command.send_at or now):
        raise Refused("already_expired", "expires_at", "is not after now and send_at")


def _check_broadcast(command: SendEmail, *, ready: bool) -> None:
    if command.stream == "broadcast" and not ready:
        raise Refused("postal_address_missing", "stream", "broadcast mail must carry a postal address, none is set")


def _check_size(command: SendEmail, *, largest: int) -> None:
    size = len(encode(command))
    if size > largest:
        raise Refused("body_too_large", None, f"the request has {size} bytes, at most {largest} fit")
