"""Composes the message of an email: the same bytes in every attempt (RFC 5322, 2045, 2369, 8058)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from services.sender.adapters.bodies import finish
from services.sender.adapters.content import File
from services.sender.adapters.headers import CannotCompose, address_field, text_field
from services.sender.adapters.links import TrackerLinks, links_of
from services.sender.adapters.parts import Part, file_part, multipart, text_part
from services.sender.adapters.templates import Rendered
from services.sender.domain.mail import Composed
from shared.acceptance import Mailbox, Refusal, parse_mailbox
from shared.acceptance.headers import DENIED, DENIED_FAMILIES
from shared.commands import Address
from shared.records import OpenEmail
from shared.tokens import Keys

__all__ = ["CannotCompose", "Composed", "House", "compose"]

ONE_CLICK: Final = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


@dataclass(frozen=True, kw_only=True)
class House:
    """What all our mail has in common."""

    keys: Keys
    tracker_url: str
    bounce_domain: str
    postal_address: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Parties:
    sender: Mailbox
    recipient: Mailbox
    reply_to: Mailbox | None


def compose(email: OpenEmail, content: Rendered, *, house: House, files: Sequence[File] = ()) -> Composed:
    """The message of `email`; raises `CannotCompose`.

    Its date is when the email was queued, or when it was scheduled for.
    """
    request = email.request
    parties = _parties(email)
    date = max(email.queued_at, request.send_at or email.queued_at)
    links = links_of(email, tracker_url=house.tracker_url, keys=house.keys)
    body = _body(email, content, links=links, house=house, files=files)
    fields = [
        *_head(email, content.subject, parties=parties, date=date),
        *_callers(request.headers),
        *_ours(email, links=links, house=house),
        *body.fields,
    ]
    head = "".join(f"{field}\r\n" for field in fields)
    return Composed(
        message=head.encode() + b"\r\n" + body.body,
        envelope_sender=f"bounces+{house.keys.verp(request.email_id)}@{house.bounce_domain}",
        envelope_id=str(request.email_id),
        recipient=parties.recipient.address,
        from_domain=parties.sender.domain,
        date=date,
        smtputf8=not head.isascii(),
        eight_bit=not head.isascii(),
    )


def _parties(email: OpenEmail) -> _Parties:
    request = email.request
    reply_to = None if request.reply_to is None else _mailbox(request.reply_to, field="reply_to")
    return _Parties(
        sender=_mailbox(request.sender, field="from"), recipient=_mailbox(request.to, field="to"), reply_to=reply_to
    )


def _mailbox(given: str | Address, *, field: str) -> Mailbox:
    found = parse_mailbox(given, field=field)
    if isinstance(found, Refusal):
        raise CannotCompose(f"{field}: {found.detail}")
    return found


def _head(email: OpenEmail, subject: str, *, parties: _Parties, date: datetime) -> Iterator[str]:
    yield address_field("From", parties.sender.address, display=parties.sender.name)
    yield address_field("To", parties.recipient.address, display=parties.recipient.name)
    if parties.reply_to is not None:
        yield address_field("Reply-To", parties.reply_to.address, display=parties.reply_to.name)
    yield text_field("Subject", subject)
    yield f"Date: {format_datetime(date)}"
    yield f"Message-ID: <{email.request.email_id}@{parties.sender.domain}>"
    yield "MIME-Version: 1.0"


def _callers(headers: dict[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        lower = name.lower()
        if lower in DENIED or lower.startswith(DENIED_FAMILIES):
            raise CannotCompose("a header field that only the service writes")
        yield text_field(name, value)


def _ours(email: OpenEmail, *, links: TrackerLinks, house: House) -> Iterator[str]:
    request = email.request
    if request.stream == "broadcast":
        mailto = f"unsubscribe+{house.keys.verp(request.email_id)}@{house.bounce_domain}"
        yield f"List-Unsubscribe: <{links.unsubscribe(request.list)}>,\r\n <mailto:{mailto}?subject=unsubscribe>"
        yield ONE_CLICK
    yield f"Feedback-ID: {request.batch_id or '-'}:{request.stream}:{request.tenant}:postlog"


def _body(email: OpenEmail, content: Rendered, *, links: TrackerLinks, house: House, files: Sequence[File]) -> Part:
    """mixed ( alternative ( text, related ( html, images ) ), files ), without the levels that have one member."""
    bodies = finish(email.request, content, links=links, postal_address=house.postal_address)
    mark = f"=_{email.request.email_id.hex}"
    shown = [file_part(file) for file in files if file.content_id is not None]
    attached = [file_part(file) for file in files if file.content_id is None]
    versions = [] if bodies.text is None else [text_part(bodies.text, subtype="plain")]
    if bodies.html is not None:
        page = text_part(bodies.html, subtype="html")
        versions.append(multipart("related", [page, *shown], boundary=f"{mark}_r"))
    else:
        attached = shown + attached
    if not versions:
        raise CannotCompose("there is neither html nor text")
    body = multipart("alternative", versions, boundary=f"{mark}_a")
    return multipart("mixed", [body, *attached], boundary=f"{mark}_m")
