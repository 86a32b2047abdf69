"""Composes the message of an email: the same bytes in every attempt (RFC 5322, 2045, 2369, 8058)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from services.sender.adapters.bodies import Finished, finish
from services.sender.adapters.content import File
from services.sender.adapters.dkim import Signer
from services.sender.adapters.headers import CannotCompose, address_field, text_field
from services.sender.adapters.links import TrackerLinks, links_of
from services.sender.adapters.parts import Part, file_part, multipart
from services.sender.domain.mail import Composed
from shared.acceptance import Mailbox, Refusal, parse_mailbox
from shared.acceptance.headers import DENIED, DENIED_FAMILIES
from shared.commands import Address, SendEmail
from shared.records import OpenEmail
from shared.rendering.renderer import Rendered
from shared.tokens import Keys

__all__ = ["CannotCompose", "Composed", "House", "assemble", "compose"]

ONE_CLICK: Final = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


@dataclass(frozen=True, kw_only=True)
class House:
    """What all our mail has in common."""

    keys: Keys
    tracker_url: str
    bounce_domain: str
    postal_address: str | None = None


def compose(
    email: OpenEmail, content: Rendered, *, house: House, files: Sequence[File] = (), signer: Signer | None = None
) -> Composed:
    """The message of `email`; raises `CannotCompose`."""
    links = links_of(email, tracker_url=house.tracker_url, keys=house.keys)
    finished = finish(email.request, content, links=links, postal_address=house.postal_address)
    return assemble(email, finished, links=links, house=house, files=files, signer=signer)


def assemble(
    email: OpenEmail,
    content: Finished,
    *,
    links: TrackerLinks,
    house: House,
    files: Sequence[File],
    signer: Signer | None,
) -> Composed:
    """The message of `email`, whose content is finished, signed; raises `CannotCompose`.

    Its date is when the email was queued, or when it was scheduled for.
    """
    request = email.request
    sender, first = _sender(request.sender)
    recipient = _mailbox(request.to, field="to")
    date = max(email.queued_at, request.send_at or email.queued_at)
    token, name = house.keys.verp(request.email_id), str(request.email_id)
    body = _body(content, files=files, mark=f"=_{name.replace('-', '')}")
    fields = [
        first,
        address_field("To", recipient.address, display=recipient.name),
        *_replies(request),
        text_field("Subject", content.subject),
        _date(date.replace(microsecond=0)),
        f"Message-ID: <{name}@{sender.domain}>",
        "MIME-Version: 1.0",
        *_callers(request.headers),
        *_leaving(request, links=links, mailto=f"unsubscribe+{token}@{house.bounce_domain}"),
        _feedback(request.batch_id, request.stream, tenant=request.tenant),
        *body.fields,
    ]
    text = "\r\n".join(fields)
    head = text.encode()
    signature = b"" if signer is None else signer.signature(head, body.relaxed, domain=sender.domain, at=date)
    return Composed(
        message=b"".join((signature, head, b"\r\n\r\n", body.body)),
        envelope_sender=f"bounces+{token}@{house.bounce_domain}",
        envelope_id=name,
        recipient=recipient.address,
        from_domain=sender.domain,
        date=date,
        smtputf8=not text.isascii(),
        eight_bit=not text.isascii(),
    )


@lru_cache(maxsize=1000)
def _sender(given: str | Address) -> tuple[Mailbox, str]:
    """Who sends, and the field that says it: the same for many emails."""
    sender = _mailbox(given, field="from")
    return sender, address_field("From", sender.address, display=sender.name)


@lru_cache(maxsize=1000)
def _date(second: datetime) -> str:
    return f"Date: {format_datetime(second)}"


@lru_cache(maxsize=1000)
def _feedback(batch: UUID | None, stream: str, *, tenant: str) -> str:
    return f"Feedback-ID: {batch or '-'}:{stream}:{tenant}:postlog"


def _mailbox(given: str | Address, *, field: str) -> Mailbox:
    found = parse_mailbox(given, field=field)
    if isinstance(found, Refusal):
        raise CannotCompose(f"{field}: {found.detail}")
    return found


def _replies(request: SendEmail) -> Iterator[str]:
    if request.reply_to is not None:
        mailbox = _mailbox(request.reply_to, field="reply_to")
        yield address_field("Reply-To", mailbox.address, display=mailbox.name)


def _callers(headers: dict[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        lower = name.lower()
        if lower in DENIED or lower.startswith(DENIED_FAMILIES):
            raise CannotCompose("a header field that only the service writes")
        yield text_field(name, value)


def _leaving(request: SendEmail, *, links: TrackerLinks, mailto: str) -> Iterator[str]:
    if request.stream == "broadcast":
        yield f"List-Unsubscribe: <{links.unsubscribe}>,\r\n <mailto:{mailto}?subject=unsubscribe>"
        yield ONE_CLICK


def _body(content: Finished, *, files: Sequence[File], mark: str) -> Part:
    """mixed ( alternative ( text, related ( html, images ) ), files ), without the levels that have one member."""
    shown = [file_part(file) for file in files if file.content_id is not None]
    attached = [file_part(file) for file in files if file.content_id is None]
    versions = [] if content.text is None else [content.text]
    if content.html is not None:
        versions.append(multipart("related", [content.html, *shown], boundary=f"{mark}_r"))
    else:
        attached = shown + attached
    if not versions:
        raise CannotCompose("there is neither html nor text")
    body = multipart("alternative", versions, boundary=f"{mark}_a")
    return multipart(_outermost(files), [body, *attached], boundary=f"{mark}_m")


def _outermost(files: Sequence[File]) -> str:
    """A TLS report has a type of its own (RFC 8460 section 5.3)."""
    report = any(file.content_type == "application/tlsrpt+gzip" for file in files)
    return "report; report-type=tlsrpt" if report else "mixed"
