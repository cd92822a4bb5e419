"""Invoices, credit notes and debit notes as they are issued: complete, immutable, and without personal data.

A document is a commit of its series' stream, `invoices#<series>#<year>`: the commit's number is the document's, so that
numbers have no gap and come once whatever dies. The same transaction appends to `billing#<order id>` which number the
document has; who makes it again finds it there. Whom it is for is read from `contacts` when it is shown.
"""

from __future__ import annotations

import re
from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from typing import TYPE_CHECKING, Final

from oms.domain.billing import BESIDE, LINE, DocumentKind, beside, line_share
from oms.domain.canonical import ContactKey
from oms.domain.entities import Entity  # noqa: TC001 - the same
from oms.domain.frozen import frozen
from oms.domain.priced import GOODS, rate_borne

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.domain.billing import Due, Share
    from oms.domain.order.state import Order

_NUMBER: Final = re.compile(r"([A-Z][A-Z0-9]{0,9})-([0-9]{4})-([0-9]{6,8})", re.ASCII)
_DIGITS: Final = 6


@frozen
class InvoiceLine:
    """What a document says of a line of the order, or of shipping, fees, tips, duties; amounts in minor units.

    Of a credit note, `quantity` are units whose price goes back; 0 where it is of an amount.
    """

    line_id: str
    sku: str
    title: str
    quantity: int
    net: int
    tax: int
    gross: int
    rate: str
    """In percent; '' where it is none that is known."""


@frozen
class RateTotal:
    """A document's lines of one rate in all."""

    rate: str
    net: int
    tax: int
    gross: int


@frozen
class DocumentIssued:
    """A document. All of it but its buyer, who is in `contacts`."""

    document_id: str
    number: str
    kind: DocumentKind
    order_id: str
    of: str
    supplied_at: datetime
    issued_at: datetime
    currency: str
    seller: Entity
    lines: tuple[InvoiceLine, ...]
    rates: tuple[RateTotal, ...]
    net: int
    tax: int
    gross: int
    placed_at: datetime
    customer_id: str = ""
    order_number: str = ""
    country: str = ""
    """Where the goods go."""
    corrects: tuple[str, ...] = ()
    """Numbers of the documents that a credit or debit note amends."""
    notes: tuple[str, ...] = ()

    @property
    def contact_key(self) -> ContactKey:
        """Where its buyer is."""
        return ContactKey(customer_id=self.customer_id, placed_at=self.placed_at, order_id=self.order_id)


@frozen
class DocumentNumbered:
    """In the order's own list of documents: which number one has."""

    document_id: str
    number: str
    kind: DocumentKind
    of: str
    entity_id: str
    currency: str
    gross: int
    issued_at: datetime


InvoiceEvent = DocumentIssued | DocumentNumbered


def series_stream(series: str, year: int) -> str:
    """Where the documents of a year are."""
    return f"invoices#{series}#{year}"


def billing_stream(order_id: str) -> str:
    """Where the order's list of documents is."""
    return f"billing#{order_id}"


def document_number(series: str, year: int, number: int) -> str:
    """As it is printed: `DE-2026-000042`."""
    return f"{series}-{year}-{number:0{_DIGITS}d}"


def place_of_number(text: str) -> tuple[str, int] | None:
    """(stream, commit number) of a document's number; None for what is none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    series, year, number = found[1], int(found[2]), int(found[3])
    return (series_stream(series, year), number) if text == document_number(series, year, number) else None


def drawn_up(
    due: Due, order: Order, entity: Entity, number: str, at: datetime, before: Iterable[DocumentNumbered]
) -> DocumentIssued:
    """The document that is due, as the entity issues it; `before` are those that the order has."""
    placed = order.placed
    country = placed.ship_to.country if placed.ship_to else entity.country
    lines = tuple([_line(each, order, entity, country) for each in due.shares])
    rates = _by_rate(lines, entity)
    tax = sum(each.tax for each in rates)
    amended = DocumentKind.CREDIT_NOTE if due.kind is DocumentKind.DEBIT_NOTE else DocumentKind.INVOICE
    amends = due.kind is not DocumentKind.INVOICE
    return DocumentIssued(
        document_id=due.document_id,
        number=number,
        kind=due.kind,
        order_id=order.order_id,
        of=due.of,
        supplied_at=due.at,
        issued_at=at,
        currency=placed.currency,
        seller=entity,
        lines=lines,
        rates=rates,
        net=due.gross - tax,
        tax=tax,
        gross=due.gross,
        placed_at=placed.placed_at,
        customer_id=placed.customer_id,
        order_number=placed.number,
        country=country,
        corrects=tuple(each.number for each in before if each.kind is amended) if amends else (),
        notes=entity.notes_for(country, tax),
    )


def _line(share: Share, order: Order, entity: Entity, country: str) -> InvoiceLine:
    reckoned = order.placed.taxes
    if share.part in BESIDE:
        line_id = sku = tax_class = ""
        title = share.part
        whole = next(each for each in beside(order.placed) if each.part == share.part)
    else:
        line_id = share.part.removeprefix(LINE)
        placed = order.lines[line_id].placed
        sku, title, tax_class = placed.sku, placed.title, placed.tax_class
        whole = line_share(placed, tax_included=order.placed.tax_included)
    return InvoiceLine(
        line_id=line_id,
        sku=sku,
        title=title,
        quantity=share.units,
        net=share.gross - share.tax,
        tax=share.tax,
        gross=share.gross,
        rate=(rate_borne(reckoned, GOODS if line_id else share.part, tax_class) if reckoned and whole.tax else None)
        or entity.rate_of(country, whole.gross - whole.tax, whole.tax, whole.units),
    )


def _by_rate(lines: Iterable[InvoiceLine], entity: Entity) -> tuple[RateTotal, ...]:
    """Totals of each rate, in the order in which the lines name them."""
    gross: dict[str, int] = {}
    tax: dict[str, int] = {}
    for each in lines:
        gross[each.rate] = gross.get(each.rate, 0) + each.gross
        tax[each.rate] = tax.get(each.rate, 0) + each.tax
    if entity.rounding == "invoice":
        tax |= {rate: entity.tax_in(gross[rate], rate) for rate in gross if rate}
    return tuple(
        RateTotal(rate=rate, net=amount - tax[rate], tax=tax[rate], gross=amount) for rate, amount in gross.items()
    )
