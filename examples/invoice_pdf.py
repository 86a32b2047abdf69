"""A one-page invoice as a PDF. The built-in PDF fonts know Latin letters only, so it names the customer's number."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from fpdf import FPDF

INK, SOFT, BAR = (28, 39, 51), (90, 107, 122), (20, 48, 74)


def invoice_pdf(invoice: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> bytes:
    """The PDF of an invoice: the same bytes for the same invoice."""
    page = FPDF(format="A4")
    page.set_creation_date(datetime.fromisoformat(invoice["issued"]).replace(tzinfo=UTC))
    page.add_page()
    _head(page, invoice)
    _lines(page, lines)
    page.set_font("Helvetica", "B", 12)
    page.cell(130, 12, "Total")
    page.cell(50, 12, f"{invoice['currency']} {invoice['total']}", align="R", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", "", 10)
    page.set_text_color(*SOFT)
    page.multi_cell(180, 6, f"Please pay by {invoice['due']}, naming {invoice['invoice']}.")
    return bytes(page.output())


def _head(page: FPDF, invoice: Mapping[str, str]) -> None:
    page.set_fill_color(*BAR)
    page.rect(0, 0, 210, 28, style="F")
    page.set_text_color(255, 255, 255)
    page.set_font("Helvetica", "B", 18)
    page.set_y(9)
    page.cell(180, 10, "Seaside Joinery", new_x="LMARGIN", new_y="NEXT")
    page.set_y(40)
    page.set_text_color(*INK)
    page.set_font("Helvetica", "B", 15)
    page.cell(180, 9, f"Invoice {invoice['invoice']}", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", "", 11)
    page.cell(180, 7, f"Customer {invoice['customer']}, {invoice['issued']}", new_x="LMARGIN", new_y="NEXT")
    page.ln(6)


def _lines(page: FPDF, lines: Sequence[Mapping[str, str]]) -> None:
    page.set_font("Helvetica", "", 11)
    page.set_draw_color(216, 224, 231)
    for line in lines:
        page.cell(110, 9, line["description"], border="B")
        page.cell(20, 9, line["quantity"], border="B", align="R")
        page.cell(50, 9, line["amount"], border="B", align="R", new_x="LMARGIN", new_y="NEXT")
