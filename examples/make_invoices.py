"""Make invoices.csv: 300 customers of a small firm, the same file every time.

python examples/make_invoices.py > examples/invoices.csv
"""

import csv
import random
import sys
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TextIO

CUSTOMERS: Final = 300
FIRST_DAY: Final = date(2026, 10, 26)
COLUMNS: Final = (
    "customer",
    "name",
    "email",
    "invoice",
    "issued",
    "due",
    "currency",
    "total",
    "lines",
)

# Invented people: given and family names in the scripts that a firm with a web shop meets.
NAMES: Final = {
    "latin": (
        ("José", "Zoë", "Łukasz", "Åsa", "Çağla", "Siân", "Jürgen", "Élodie", "Nuria", "Ǻke", "Dvořák", "Mary-Jane"),
        ("Peña", "Müller", "Kowalski", "Sjögren", "Yılmaz", "O’Brien", "Nguyễn", "Lefèvre", "Đurić", "van der Berg"),
    ),
    "greek": (("Ελένη", "Γιώργος", "Σοφία", "Νίκος"), ("Παπαδοπούλου", "Ιωάννου", "Δημητρίου")),
    "cyrillic": (("Олена", "Дмитро", "Светлана", "Петър"), ("Шевченко", "Иванова", "Петков")),
    "hebrew": (("נועה", "דוד", "יעל"), ("כהן", "לוי", "מזרחי")),
    "arabic": (("فاطمة", "محمد", "ليلى"), ("الخطيب", "حداد", "منصور")),
    "devanagari": (("आरती", "विक्रम", "सुनीता"), ("शर्मा", "पटेल", "गुप्ता")),
    "thai": (("สมชาย", "อรุณี"), ("ใจดี", "วงศ์สว่าง")),
    "han": (("小明", "美玲", "志强"), ("王", "陈", "林")),
    "japanese": (("さくら", "健太", "美咲"), ("佐藤", "鈴木", "高橋")),
    "hangul": (("민준", "서연"), ("김", "박")),
    "armenian": (("Անահիտ", "Արամ"), ("Հակոբյան", "Սարգսյան")),
}
FAMILY_FIRST: Final = {"han", "japanese", "hangul"}
SCRIPTS: Final = ("latin",) * 9 + tuple(NAMES)  # most customers write Latin letters

DOMAINS: Final = (
    "example.com",
    "example.net",
    "example.org",
    "mail.example",
    "post.example",
    "customers.test",
    "shop.test",
)
# Every tenth customer has an address that behaves (see `postlog inbox behaviours`); the rest of the cycle is ordinary.
BEHAVING: Final = ("hardbounce", "mailboxfull", "reject", "greylist", "defer", "drop", "slow")
GOODS: Final = (
    ("Oak shelf, 80 cm", Decimal("64.00")),
    ("Window frame, repaired", Decimal("118.50")),
    ("Kitchen drawer runners, pair", Decimal("17.90")),
    ("Teak oil, 1 l", Decimal("12.75")),
    ("Door, planed and hung", Decimal("95.00")),
    ("Boat hatch, made to measure", Decimal("342.20")),
    ("Hours in the workshop", Decimal("48.00")),
    ("Delivery", Decimal("9.50")),
)
CURRENCIES: Final = ("EUR",) * 6 + ("GBP", "SEK", "CHF")


def person(chance: random.Random) -> str:
    """A name."""
    script = chance.choice(SCRIPTS)
    given, family = (chance.choice(names) for names in NAMES[script])
    if script in FAMILY_FIRST:
        return f"{family}{given}" if script != "hangul" else f"{family} {given}"
    return f"{given} {family}"


def address(number: int, chance: random.Random) -> str:
    """An address: of the behaving kind, a reader's, or an ordinary one."""
    domain = chance.choice(DOMAINS)
    if number % 10 == 7:
        return f"{BEHAVING[number // 10 % len(BEHAVING)]}+{number}@{domain}"
    if number % 7 == 3:
        return f"reader+{number}@{domain}"
    return f"customer.{number}@{domain}"


def lines(chance: random.Random) -> list[tuple[str, int, Decimal]]:
    """What was bought: goods, how many, price of one."""
    return [(name, chance.randint(1, 4), price) for name, price in chance.sample(GOODS, chance.randint(1, 4))]


def row(number: int, chance: random.Random) -> dict[str, str]:
    """One customer and the invoice."""
    bought = lines(chance)
    issued = FIRST_DAY + timedelta(days=chance.randrange(30))
    return {
        "customer": f"C{10_000 + number}",
        "name": person(chance),
        "email": address(number, chance),
        "invoice": f"2026-{number:04}",
        "issued": issued.isoformat(),
        "due": (issued + timedelta(days=chance.choice((14, 30)))).isoformat(),
        "currency": chance.choice(CURRENCIES),
        "total": str(sum(count * price for _, count, price in bought)),
        "lines": "; ".join(f"{count} × {name} à {price}" for name, count, price in bought),
    }


def write(output: TextIO) -> None:
    """The whole file."""
    chance = random.Random(20261124)
    table = csv.DictWriter(output, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(row(number, chance) for number in range(1, CUSTOMERS + 1))


if __name__ == "__main__":
    write(sys.stdout)
