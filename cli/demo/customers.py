"""The customers of examples/invoices.csv as requests."""

import base64
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from cli.errors import CommandError

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
TEMPLATE: Final = "invoice"
TAG: Final = "invoice"
SENDER: Final = "Seaside Joinery <invoices@acme.example>"
PAY: Final = "https://pay.acme.example/"
_LINE: Final = re.compile(r"(\d+) × (.+) à (\d+\.\d\d)")


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One row of the file."""

    row: dict[str, str]
    lines: tuple[dict[str, str], ...]

    @property
    def email(self) -> str:
        """The address."""
        return self.row["email"]

    @property
    def name(self) -> str:
        """The customer's name, in any script."""
        return self.row["name"]

    @property
    def subject(self) -> str:
        """What the template must make of it."""
        return "Invoice {invoice} from Seaside Joinery: {currency} {total}, due {due}".format_map(self.row)

    @cached_property
    def pdf(self) -> bytes:
        """The invoice as a PDF."""
        made: bytes = _maker().invoice_pdf(self.row, self.lines)
        return made

    def content(self) -> dict[str, Any]:
        """The email's content: variables for the template, and the PDF."""
        file = {
            "filename": f"{self.row['invoice']}.pdf",
            "content_type": "application/pdf",
            "content": base64.b64encode(self.pdf).decode(),
        }
        return {
            "to": {"email": self.email, "name": self.name},
            "variables": {**self.row, "lines": list(self.lines), "pay_url": PAY + self.row["invoice"]},
            "reference": self.row["invoice"],
            "metadata": {"customer_name": self.name},
            "attachments": [file],
        }


def load_customers(most: int) -> list[Customer]:
    """The first customers of the file."""
    try:
        with (EXAMPLES / "invoices.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[:most]
    except FileNotFoundError:
        raise CommandError("the demo needs the folder examples/ of the repository: run it in a clone") from None
    return [Customer(row=row, lines=_lines(row["lines"])) for row in rows]


def template_source() -> dict[str, str]:
    """Subject, HTML and text of the invoice template."""
    folder = EXAMPLES / "templates"
    return {
        "subject": (folder / "invoice.subject.txt").read_text(encoding="utf-8").strip(),
        "html": (folder / "invoice.html").read_text(encoding="utf-8"),
        "text": (folder / "invoice.txt").read_text(encoding="utf-8"),
    }


def batch_request(customers: Sequence[Customer]) -> dict[str, Any]:
    """The body of `POST /v1/batches`."""
    defaults = {"from": SENDER, "template": TEMPLATE, "tags": [TAG], "stream": "transactional"}
    return {"defaults": defaults, "tags": [TAG], "emails": [customer.content() for customer in customers]}


def _lines(text: str) -> tuple[dict[str, str], ...]:
    found = []
    for part in text.split("; "):
        match = _LINE.fullmatch(part)
        if match is None:
            raise CommandError(f"examples/invoices.csv: cannot read the line {part!r}")
        cents = int(match[1]) * int(match[3].replace(".", ""))
        amount = f"{cents // 100}.{cents % 100:02}"
        found.append({"quantity": match[1], "description": match[2], "amount": amount})
    return tuple(found)


@cache
def _maker() -> ModuleType:
    """examples/invoice_pdf.py, which is no part of a package."""
    place = util.spec_from_file_location("invoice_pdf", EXAMPLES / "invoice_pdf.py")
    assert place is not None and place.loader is not None
    module = util.module_from_spec(place)
    place.loader.exec_module(module)
    return module
