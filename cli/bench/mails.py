"""The bench's emails: 10 KB invoices from one template; name, amounts and ten tracked links differ."""

import json
from typing import Final
from uuid import UUID, uuid4

from shared.records import PublishedTemplate, TemplateVersion

TENANT: Final = "default"
NAME: Final = "bench-invoice"
DOMAIN: Final = "acme.test"
POSTAL: Final = "Acme, 1 Harbour Road, Porto"
_STYLE: Final = "font-family:Helvetica,Arial,sans-serif;font-size:14px;line-height:20px;color:#333333"
_TERMS: Final = "Payment is due within thirty days of the date of this invoice, by bank transfer or by card. "
_HTML: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Invoice {{{{ number }}}}</title></head>
<body style="{_STYLE};margin:0;padding:24px">
<p>Dear {{{{ name }}}},</p>
<p>this is invoice {{{{ number }}}} over {{{{ total }}}}. Thank you for your order.</p>
<table role="presentation" width="100%">
{{% for row in rows %}}<tr><td style="padding:8px">{{{{ row.item }}}}</td><td align="right">{{{{ row.price }}}}</td>
<td><a href="{{{{ row.url }}}}" style="color:#0a58ca">details</a></td></tr>
{{% endfor %}}</table>
{"".join(f'<p style="{_STYLE}">{number}. {_TERMS}</p>' + chr(10) for number in range(1, 16))}
<p>{POSTAL}</p>
</body></html>
"""
_TEXT: Final = f"""Dear {{{{ name }}}},

this is invoice {{{{ number }}}} over {{{{ total }}}}. Thank you for your order.
{{% for row in rows %}}
{{{{ row.item }}}}: {{{{ row.price }}}}{{% endfor %}}

{POSTAL}
"""


def template() -> tuple[TemplateVersion, PublishedTemplate]:
    """The template's records."""
    version = TemplateVersion(
        tenant=TENANT, name=NAME, version=1, subject="Invoice {{ number }}", html=_HTML, text=_TEXT, content_hash="b1"
    )
    return version, PublishedTemplate(tenant=TENANT, name=NAME, version=1)


def request(number: int, *, destinations: int, batch: UUID | None, stream: str = "broadcast") -> tuple[bytes, bytes]:
    """The key and value of one request record; every one differs from the others."""
    email_id, who = str(uuid4()), f"{number:x}"
    rows = [
        {
            "item": f"Item {line} for customer {who}",
            "price": f"{(number * 7 + line) % 997}.{line:02}",
            "url": f"https://shop.test/orders/{who}/{line}",
        }
        for line in range(10)
    ]
    body = {
        "type": "SendEmail",
        "email_id": email_id,
        "stream": stream,
        "from": f"Acme <billing@{DOMAIN}>",
        "to": f"c{who}@d{number % destinations}.example",
        "template": NAME,
        "variables": {
            "name": f"Customer {who}",
            "number": number,
            "total": f"{number * 13 % 9973}.{number % 100:02}",
            "rows": rows,
        },
    }
    if batch is not None:
        body["batch_id"] = str(batch)
    return email_id.encode(), json.dumps(body).encode()
