"""The plain loop that delivery is compared with: EmailMessage, dkimpy, smtplib, one connection."""

import smtplib
import time
from email.message import EmailMessage
from email.utils import formatdate

import dkim

from cli.bench.mails import DOMAIN


def emails_per_second(*, port: int, key: bytes, seconds: float) -> float:
    """How many 10 KB mails a second one simple script signs and sends to the sink."""
    made, begun = 0, time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        while time.perf_counter() - begun < seconds:
            message = _message(made).as_bytes().replace(b"\n", b"\r\n")
            signature = dkim.sign(message, b"b1", DOMAIN.encode(), key, canonicalize=(b"relaxed", b"relaxed"))
            smtp.sendmail(f"bounces@{DOMAIN}", [f"c{made}@d.example"], signature + message)
            made += 1
    return made / (time.perf_counter() - begun)


def _message(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = f"billing@{DOMAIN}", f"c{number}@d.example"
    message["Subject"], message["Date"] = f"Invoice {number}", formatdate()
    message["Message-ID"] = f"<{number}@{DOMAIN}>"
    rows = "".join(
        f'<p>Item {line} for {number}: <a href="https://t.test/c/{number}/{line}">x</a></p>' for line in range(10)
    )
    message.set_content(f"Invoice {number}")
    message.add_alternative(
        f"<html><body>{rows}{'<p>Payment is due within thirty days.</p>' * 200}</body></html>", subtype="html"
    )
    return message
