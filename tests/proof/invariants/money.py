"""Money (I2, I3, I5, I10): books against the provider's record, parts against totals, all in minor units."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.proof.invariants.books import CANCELLED, DELIVERED, RETURNED, SHIPPED
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.order.events import OrderPlaced, PlacedLine
    from tests.proof.invariants.books import Books
    from tests.proof.invariants.evidence import PaymentRecord

ON_INVOICE = "on_invoice"


def within(record: PaymentRecord) -> Iterator[Finding]:
    """I2 and I5 of what the provider recorded of one payment, whatever the system thinks."""
    about = f"{record.reference}: {record.authorized} authorized, {record.captured} captured, {record.refunded} back"
    if not record.refunded <= record.captured <= record.authorized:
        yield Finding(invariant="I2", detail=about)
    if any(amount <= 0 for _, amount in record.captures) or any(each.amount <= 0 for each in record.refunds):
        yield Finding(invariant="I2", detail=f"{about}: a movement of nothing or less")
    keys = Counter(key for key, _ in record.captures if key)
    ours = Counter(each.our_id for each in record.refunds if each.our_id)
    for what, count in (*keys.items(), *ours.items()):
        if count > 1:
            yield Finding(invariant="I5", detail=f"{record.reference}: {what} moved money {count} times")


def agree(order_id: str, books: Books, record: PaymentRecord, tender: int = 1) -> Iterator[Finding]:
    """I3: at rest our books of a payment say what the provider's say; I2: in the same currency."""
    if record.currency.upper() != books.placed.currency.upper():
        yield Finding(
            invariant="I2",
            detail=f"{order_id} is in {books.placed.currency}, {record.reference} in {record.currency}",
        )
        return
    ours = books.taken_of(tender), books.paid_back_of(tender), books.taken[tender]
    theirs = record.captured, record.refunded, record.taken
    if ours != theirs:
        detail = f"{order_id}: captured, refunded and disputed {ours} in our books, {theirs} at the provider"
        yield Finding(invariant="I3", detail=detail)
    known = Counter(each.ref for each in books.refunds.values() if each.ref)
    for ref, count in known.items():
        if count > 1:
            yield Finding(invariant="I5", detail=f"{order_id} books {ref} {count} times")


def by_line(order_id: str, books: Books) -> Iterator[Finding]:
    """I2: of no line more units are given back than were ordered; refunds that name lines cost what these are worth."""
    units: Counter[str] = Counter()
    for book in books.refunds.values():
        if book.counts:
            units.update(book.lines)
    for line_id, count in units.items():
        ordered = sum(books.units.get(line_id, [0]))
        if count > ordered:
            yield Finding(invariant="I2", detail=f"{order_id} gives back {count} of {ordered} units of line {line_id}")


def line_value(placed: OrderPlaced, line: PlacedLine) -> int:
    """What the customer pays for the whole line."""
    return line.unit_price * line.quantity - line.discount + (0 if placed.tax_included else line.tax)


def header_value(placed: OrderPlaced) -> int:
    """What the order costs beside its lines."""
    taxes = 0 if placed.tax_included else placed.shipping_tax + placed.fee_tax
    return placed.shipping + placed.fees + placed.tips + placed.duties + taxes


def adds_up(order_id: str, placed: OrderPlaced) -> Iterator[Finding]:
    """I10: lines, shipping, fees, duties and taxes sum to the total, in whole minor units."""
    parts = [placed.total, placed.shipping, placed.shipping_tax, placed.fees, placed.fee_tax, placed.tips]
    parts += [placed.duties, placed.gift_cards]
    parts += [amount for line in placed.lines for amount in (line.unit_price, line.discount, line.tax, line.quantity)]
    if any(type(each) is not int or each < 0 for each in parts):
        yield Finding(invariant="I10", detail=f"{order_id} has an amount that is no whole number of minor units")
        return
    summed = header_value(placed) + sum(line_value(placed, line) for line in placed.lines)
    if summed != placed.total:
        yield Finding(invariant="I10", detail=f"{order_id} costs {placed.total}, its parts {summed}")


def kept_value(books: Books) -> int:
    """What is to be paid for the units that are not cancelled: largest remainder by unit, the dear ones first."""
    if books.live == 0:
        return 0
    summed = header_value(books.placed)
    for line in books.placed.lines:
        base, dear = divmod(line_value(books.placed, line), line.quantity)
        prices = [base + 1] * dear + [base] * (line.quantity - dear)
        summed += sum(prices[: line.quantity - books.units[line.line_id][CANCELLED]])
    return max(0, summed - books.placed.gift_cards)


def charged(order_id: str, books: Books) -> Iterator[Finding]:
    """I10: once everything was handed over, shipment by shipment, what was captured is what that is worth.

    Payments that the channel or a single capture took as a whole are not ours to divide, and invoices are paid later.
    """
    placed = books.placed
    if any(each.provider == ON_INVOICE for each in books.tenders):
        return
    if placed.payment.in_channel or books.voided or books.undone or any(not each[0] for each in books.captures):
        return
    gone = books.at(SHIPPED) + books.at(DELIVERED) + books.at(RETURNED)
    due = kept_value(books)
    if books.captured > due and books.captured > 0 and not books.at(CANCELLED):
        yield Finding(invariant="I10", detail=f"{order_id} is charged {books.captured} of {due}")
    if gone and gone == books.live and books.authorized and books.captured != min(due, books.authorized):
        detail = f"{order_id} is charged {books.captured}, handed over {due}, authorized {books.authorized}"
        yield Finding(invariant="I10", detail=detail)


def accounts(books: Mapping[str, Books], payments: Mapping[str, PaymentRecord], *, idle: bool) -> Iterator[Finding]:
    """All of the above for every order that pays through a provider, and every payment that one recorded."""
    payers: Counter[str] = Counter()
    for order_id, book in books.items():
        yield from by_line(order_id, book)
        yield from adds_up(order_id, book.placed)
        for number, tender in enumerate(book.tenders, 1):
            if tender.reference and tender.provider != ON_INVOICE:
                payers[tender.reference] += 1
            record = payments.get(tender.reference)
            if record is not None and idle:
                yield from agree(order_id, book, record, number)
        if idle:
            yield from charged(order_id, book)
    for reference, count in payers.items():
        if count > 1:
            yield Finding(invariant="I5", detail=f"{reference} pays for {count} orders")
    for record in payments.values():
        yield from within(record)
