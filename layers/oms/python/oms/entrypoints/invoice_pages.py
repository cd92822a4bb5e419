"""A document as pages: who sells to whom, the lines, totals by rate, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.billing import DocumentKind
from oms.domain.money import format_minor
from oms.entrypoints import pdf
from oms.entrypoints.pdf import Rule, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oms.domain.canonical import Contact
    from oms.domain.invoices import DocumentIssued, InvoiceLine

TITLES: Final = {
    DocumentKind.INVOICE: "Invoice",
    DocumentKind.CREDIT_NOTE: "Credit note",
    DocumentKind.DEBIT_NOTE: "Debit note",
}
QUALIFIED: Final = " / 適格請求書"
"""What a document of a registered Japanese seller is called besides."""
BESIDE: Final = {"shipping": "Shipping", "fees": "Fees", "tips": "Tip", "duties": "Duties"}
FIRST_ROWS: Final = 24
"""Lines on the first page, below the addresses."""
MORE_ROWS: Final = 42
_ROW: Final = 15.0
_TITLE_COLUMNS: Final = 48
_ADDRESS_COLUMNS: Final = 52
_COLUMNS: Final = {"quantity": 330.0, "rate": 372.0, "net": 435.0, "tax": 485.0, "gross": 545.0}
_LOWEST: Final = 44.0
"""Of totals and notes."""


def render(told: DocumentIssued, contact: Contact | None) -> bytes:
    """The document as a PDF file; without its buyer when the contact is erased."""
    rows = list(told.lines)
    parts = [rows[:FIRST_ROWS]]
    parts += [rows[start : start + MORE_ROWS] for start in range(FIRST_ROWS, len(rows), MORE_ROWS)]
    pages: list[list[Text | Rule]] = []
    end = 0.0
    for number, part in enumerate(parts):
        page: list[Text | Rule] = list(_head(told, contact)) if number == 0 else [_small(told)]
        top = 560.0 if number == 0 else 760.0
        page += _table(told, part, top)
        end = top - 22 - _ROW * len(part)
        pages.append(page)
    if end - 46 - 14 * len(told.rates) - 18 * len(told.notes) < _LOWEST:
        pages.append([_small(told)])
        end = 780.0
    pages[-1] += _totals(told, end - 6)
    for number, page in enumerate(pages, start=1):
        page.append(Text(pdf.MARGIN, 30, f"{told.number}   {number}/{len(pages)}", 8))
    return pdf.document(pages, f"{TITLES[told.kind]} {told.number}")


def _small(told: DocumentIssued) -> Text:
    return Text(pdf.MARGIN, 790, f"{TITLES[told.kind]} {told.number}", 10, bold=True)


def _head(told: DocumentIssued, contact: Contact | None) -> Iterator[Text]:
    seller = told.seller
    title = TITLES[told.kind] + (QUALIFIED if seller.country == "JP" else "")
    yield Text(pdf.MARGIN, 785, title, 16, bold=True)
    for number, text in enumerate((seller.name, *seller.address, seller.country, *seller.tax_ids)):
        yield Text(320, 785 - 12 * number, pdf.fitting(text, _ADDRESS_COLUMNS), 9, bold=number == 0)
    for number, text in enumerate(buyer_of(contact)[:8]):
        yield Text(pdf.MARGIN, 735 - 12 * number, pdf.fitting(text, _ADDRESS_COLUMNS))
    facts = [
        ("Number", told.number),
        ("Date", f"{told.issued_at:%Y-%m-%d}"),
        ("Date of supply" if told.kind is DocumentKind.INVOICE else "Date of change", f"{told.supplied_at:%Y-%m-%d}"),
        ("Order", told.order_number or told.order_id),
        ("Currency", told.currency),
    ]
    if told.corrects:
        facts.append(("Amends", ", ".join(told.corrects)))
    for number, (name, text) in enumerate(facts):
        x, y = (pdf.MARGIN, 625 - 13 * (number // 2)) if number % 2 == 0 else (320, 625 - 13 * (number // 2))
        yield Text(x, y, f"{name}:", 9, bold=True)
        yield Text(x + 90, y, pdf.fitting(text, 30 if number % 2 == 0 else 34))


def _table(told: DocumentIssued, lines: Sequence[InvoiceLine], top: float) -> Iterator[Text | Rule]:
    yield Text(pdf.MARGIN, top, "Description", 8, bold=True)
    for name, x in _COLUMNS.items():
        shown = {"quantity": "Qty", "rate": "Tax %", "net": "Net", "tax": "Tax", "gross": "Total"}[name]
        yield Text(x - len(shown) * 4.4, top, shown, 8, bold=True)
    yield Rule(top - 5)
    for number, line in enumerate(lines):
        y = top - 18 - _ROW * number
        title = BESIDE.get(line.title, line.title) if not line.line_id else f"{line.title or line.sku}"
        yield Text(pdf.MARGIN, y, pdf.fitting(title, _TITLE_COLUMNS))
        cells = {
            "quantity": str(line.quantity) if line.quantity else "",
            "rate": line.rate,
            **{name: format_minor(getattr(line, name), told.currency) for name in ("net", "tax", "gross")},
        }
        for name, text in cells.items():
            yield Text(_COLUMNS[name], y, text, right=True)
    yield Rule(top - 22 - _ROW * len(lines) + 8)


def _totals(told: DocumentIssued, top: float) -> Iterator[Text | Rule]:
    y = top
    for each in told.rates:
        y -= 14
        yield Text(250, y, f"{each.rate} %" if each.rate else "Other")
        for name in ("net", "tax", "gross"):
            yield Text(_COLUMNS[name], y, format_minor(getattr(each, name), told.currency), right=True)
    y -= 20
    yield Text(250, y, f"Total {told.currency}", 11, bold=True)
    for name in ("net", "tax", "gross"):
        yield Text(_COLUMNS[name], y, format_minor(getattr(told, name), told.currency), 9, bold=True, right=True)
    for note in told.notes:
        y -= 18
        yield Text(pdf.MARGIN, y, pdf.fitting(note, 100))


def buyer_of(contact: Contact | None) -> list[str]:
    """Whom it is for, line by line: the billing address, else the shipping address."""
    if contact is None:
        return []
    where = contact.billing or contact.shipping
    if where is None:
        return [contact.name] if contact.name else []
    town = " ".join(part for part in (where.postal_code, where.city, where.region) if part)
    name = where.name or contact.name
    return [text for text in (where.company, name, *where.lines, town, where.country) if text]
