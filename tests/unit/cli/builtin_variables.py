"""Variables for the templates that Postlog ships with."""

from typing import Any, Final

_LINES: Final = [
    {"description": "Oak table, 180 x 90 cm, oiled", "quantity": 1, "amount": "€ 1,290.00"},
    {"description": "Chair <Nora> & cushion", "quantity": 4, "amount": "€ 716.00"},
]
_SHARED: Final = {"company": "Seaside Joinery", "address": "1 Example Street, Exampletown"}
_MONEY: Final = {"lines": _LINES, "subtotal": "€ 1,685.71", "tax": "€ 320.29", "total": "€ 2,006.00"}
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    "invoice": _SHARED
    | _MONEY
    | {
        "name": "Ada Lovelace",
        "number": "2026-4711",
        "issued": "24 November 2026",
        "due": "8 December 2026",
        "pay_url": "https://pay.example/4711",
        "note": "Delivery is on Thursday between 8 and 12.",
    },
    "receipt": _SHARED
    | _MONEY
    | {
        "name": "Ada Lovelace",
        "number": "R-4711",
        "paid": "25 November 2026",
        "method": "card ending in 4242",
        "receipt_url": "https://pay.example/r/4711",
    },
    "password-reset": _SHARED
    | {
        "name": "Ada",
        "valid": "30 minutes",
        "reset_url": "https://acme.example/reset/0123456789abcdef0123456789abcdef",
    },
    "newsletter": _SHARED
    | {
        "title": "Winter in the workshop",
        "intro": "What we build when it is cold outside, and how wood likes to spend the winter.",
        "items": [
            {"title": "Why oak moves", "text": "A table is wider in summer.", "url": "https://acme.example/oak"},
            {"title": "Oil or lacquer?", "text": "Both, but not at once.", "url": "https://acme.example/oil"},
        ],
    },
}
