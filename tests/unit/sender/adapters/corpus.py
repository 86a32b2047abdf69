"""Signed mail of every kind that we compose: charsets, long lines, files, trailing white space, empty bodies, tabs."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final
from uuid import UUID

from services.sender.adapters.content import File
from services.sender.adapters.dkim import Signer
from shared.commands import Address
from tests.unit.sender.adapters.mails import an_email, composed

WORDS: Final = (
    *(
        "Invoice",
        "Größe",
        "José",
        "Zażółć gęślą jaźń",
        "Счёт",
        "日本語のメール",
        "한국어",
        "مرحبا",
        "שלום",
        "ไทย",
        "😀🎉",
        "½ € – …",
    ),
    *(
        "a=b",
        "=?utf-8?q?x?=",
        "=20",
        "From me",
        ".",
        "..",
        "  ",
        "\t",
        " \t ",
        "x" * 200,
        "ü" * 200,
        "\xa0",
        "&amp;",
        "\x0b",
        "\x7f",
    ),
)
LINE_ENDS: Final = ("\n", "\n", "\r\n", " \n", "\t\n", "\n\n\n", "\r")
TYPES: Final = ("application/pdf", "image/png", "text/calendar; method=REQUEST; charset=utf-8", "text/plain")


def signed_mail(signer: Signer, *, count: int) -> Iterator[bytes]:
    """So many mails, the same in every run."""
    for number in range(count):
        random = Random(number)
        mail = composed(
            an_email(email_id=UUID(int=number + 1), **_request(random)), files=_files(random), signer=signer
        )
        yield mail.message


def _request(random: Random) -> dict[str, Any]:
    html = (
        None if random.random() < 0.3 else f"<p>{_text(random)}</p><a href='https://acme.test/{_number(random)}'>x</a>"
    )
    local = random.choice(["jo", "josé", "用户", "o'neil"])
    return {
        "sender": Address("billing@acme.test", _line(random) or None),
        "to": Address(f"{local}@example.com", _line(random) or None),
        "subject": _line(random),
        "html": html,
        "text": _text(random) if html is None or random.random() < 0.7 else None,
        "headers": {"X-Order": _line(random), "X-Long": "word " * random.randrange(60)},
        "reply_to": random.choice([None, "help@acme.test", "hilfe@bücher.example"]),
        "stream": random.choice(["transactional", "broadcast"]),
        "list": "news",
    }


def _number(random: Random) -> int:
    return random.randrange(10**6)


def _line(random: Random) -> str:
    text = " ".join(random.choices(WORDS, k=random.randrange(5)))
    return "".join(char for char in text if char.isprintable() and char != "\xa0").strip()[:190].strip()


def _text(random: Random) -> str:
    return "".join(word + random.choice([" ", *LINE_ENDS]) for word in random.choices(WORDS, k=random.randrange(12)))


def _files(random: Random) -> list[File]:
    return [
        File(
            filename=random.choice(["a.pdf", "Rechnung März.pdf", "請求書" * 30, 'a"b\\c', "two  spaces.txt"]),
            content_type=random.choice(TYPES),
            content=random.randbytes(random.choice([0, 1, 56, 57, 58, 5000])),
            content_id=random.choice([None, "logo@acme"]),
        )
        for _ in range(random.choice([0, 0, 1, 2]))
    ]
