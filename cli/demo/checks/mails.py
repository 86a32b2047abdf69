"""The mails themselves: the right one to the right address, with its own invoice, tracked and signed."""

from collections.abc import Mapping
from email.message import EmailMessage
from hashlib import sha256
from typing import Final, cast

import dkim

from cli.demo.asked import Asked
from cli.demo.checks.figure import Check, each
from cli.demo.customers import PAY, Customer
from cli.demo.evidence import Arrived, Evidence

Told = tuple[str, ...]
NO_PDF: Final = ""


def checks(seen: Evidence) -> list[Check]:
    """What stands in every mail that arrived."""
    known = {one.email_id: seen.order.emails[one.email_id] for one in seen.arrived if one.email_id in seen.order.emails}
    invoices = [one for one in seen.arrived if one.email_id in known and known[one.email_id].customer]
    return [
        each(
            "mails with right recipient, name, subject and PDF",
            expected={email_id: _should_tell(email) for email_id, email in known.items()},
            found={one.email_id: _tells(one) for one in seen.arrived},
        ),
        each(
            "invoices with tracked pixel and pay link",
            expected={one.email_id: True for one in invoices},
            found={one.email_id: _is_tracked(one.mail, seen.tracker) for one in invoices},
        ),
        each(
            "mails whose DKIM signatures all verify",
            expected={str(one.row["id"]): True for one in seen.arrived},
            found={str(one.row["id"]): _verifies(one, seen.published) for one in seen.arrived},
        ),
    ]


def _should_tell(email: Asked) -> Told:
    customer: Customer | None = email.customer
    if customer is None:
        return (email.address, email.address, "", email.subject, NO_PDF)
    return (email.address, email.address, customer.name, email.subject, _digest(customer.pdf))


def _tells(one: Arrived) -> Told:
    (to,) = one.mail["To"].addresses
    files = [cast(bytes, part.get_payload(decode=True)) for part in one.mail.iter_attachments()]
    digests = " ".join(map(_digest, files))
    return (",".join(one.row["recipients"]), to.addr_spec, to.display_name, one.mail["Subject"], digests)


def _digest(file: bytes) -> str:
    return sha256(file).hexdigest()[:16]


def _is_tracked(mail: EmailMessage, tracker: str) -> bool:
    page = mail.get_body(preferencelist=("html",))
    html = "" if page is None else page.get_content()
    return f'src="{tracker}/o/' in html and f'href="{tracker}/c/' in html and f'href="{PAY}' not in html


def _verifies(one: Arrived, published: Mapping[str, bytes]) -> bool:
    """As many signatures as the domain has keys, each right for the record that stands under its own name."""

    def lookup(name: bytes, timeout: int = 5) -> bytes | None:
        return published.get(name.decode().rstrip("."))

    signatures = len(one.mail.get_all("DKIM-Signature", []))
    checker = dkim.DKIM(one.source)
    try:
        return signatures == len(published) and all(checker.verify(n, dnsfunc=lookup) for n in range(signatures))
    except dkim.DKIMException:
        return False
