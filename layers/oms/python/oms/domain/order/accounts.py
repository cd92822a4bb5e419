"""The order's money in double entry: what every account of it stands at, and the entries that led there.

Amounts are minor units of the order's currency; a debit is positive, a credit negative. `balances` is a function of the
order, and of the tax that its credit notes say went back (`billing`); it sums to zero. A commit's entries are by how
much it changed them, so that debits equal credits at every instant, and entries cannot be lost, doubled or written
late.

    receivable          charged, less what gift cards and tenders paid, plus what is given back of an overpayment
    tender:<provider>   captured, less refunds that went through and what is taken for disputes: `tender:stripe`,
                        `tender:in_channel`, ...; of a second tender of the same provider with its number, as in
                        `tender:stripe:2`
    gift_cards          what gift cards paid of what is charged: they are used up first
    exchanges           credit: what a return of this order pays for, less what came back of it; debit: what a
                        return of another order paid for this one. Over both orders it sums to zero
    refunds_payable     refunds that are on their way
    disputed            taken by the provider for disputes, and may come back
    chargebacks         taken for disputes that were lost
    dispute_fees        what the provider took beside, in the order's currency
    withheld:<provider> what that came off: payouts to come
    goodwill            refunds out of goodwill: they lower no price, and so no tax
    returns             other refunds that are no overpayment: of units that had left, or of a price; without their tax
    returned_tax        the tax in them, as credit notes tell it: from when they went through
    goods, tax, shipping, fees, tips, duties
                        charged, as in `charging`: units with the shipment that hands them over, all else with the
                        first. Tax is counted once: of prices that include it, it is taken out of the rest.

An overpayment is what was taken beyond what is to be paid of the units that are not cancelled. Refunds give that back
first, whatever they say they are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.billing import Billed
from oms.domain.frozen import frozen
from oms.domain.order.charging import owed, units_value
from oms.domain.order.covering import overpaid_back
from oms.domain.order.evolve import fold
from oms.domain.order.goodwill import given as given_away
from oms.domain.order.stakes import stakes
from oms.domain.order.status import NextStep, next_step
from oms.domain.order.tenders import account_of, captured_of, read_key, refunded_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.commit import Commit
    from oms.domain.order.events import OrderPlaced, PlacedLine
    from oms.domain.order.state import Order, Payment
    from oms.domain.order.tenders import Tendered

RECEIVABLE: Final = "receivable"
TENDER: Final = "tender:"
GIFT_CARDS: Final = "gift_cards"
EXCHANGES: Final = "exchanges"
DISPUTED: Final = "disputed"
CHARGEBACKS: Final = "chargebacks"
DISPUTE_FEES: Final = "dispute_fees"
WITHHELD: Final = "withheld:"
PAYABLE: Final = "refunds_payable"
GOODWILL: Final = "goodwill"
RETURNS: Final = "returns"
RETURNED_TAX: Final = "returned_tax"
CHARGED: Final = ("goods", "tax", "shipping", "fees", "tips", "duties")


@frozen
class Entry:
    """A change of one account by one commit."""

    commit: int
    at: datetime
    account: str
    amount: int


def balances(order: Order, tax_back: int = 0) -> dict[str, int]:
    """Every account of the order; those at zero are left out. Their sum is zero.

    `tax_back` is what `billing.Billed` says of its log; `returns` contains it where nobody asked.
    """
    charges = charged(order)
    total = sum(charges.values())
    payment = order.payment
    by_card = min(order.placed.gift_cards, total)
    gone = payment.refunded
    coming = sum(each.amount for each in payment.refunds.values() if each.open and not each.out_of)
    moved = sum(each.amount for each in payment.refunds.values() if each.moved)
    given = [each for each in payment.refunds.values() if each.out_of and each.counts]
    back = overpaid_back(order)
    kindness = min(given_away(order), gone + coming - back)
    found = {
        RECEIVABLE: total - by_card - payment.captured + back,
        **{
            _account(payment, each): captured_of(payment, each.number) - refunded_of(payment, each.number)
            for each in payment.tenders
        },
        GIFT_CARDS: by_card,
        PAYABLE: -coming - sum(each.amount for each in given if each.open),
        GOODWILL: kindness,
        RETURNS: gone + coming - back - kindness - tax_back,
        RETURNED_TAX: tax_back,
        **{account: -amount for account, amount in charges.items()},
    }
    found[EXCHANGES] = found.get(EXCHANGES, 0) - moved + sum(each.amount for each in given)
    _dispute(order, found)
    return {account: amount for account, amount in found.items() if amount}


def _account(payment: Payment, tender: Tendered) -> str:
    return EXCHANGES if tender.exchange else account_of(payment, tender, TENDER)


def _dispute(order: Order, found: dict[str, int]) -> None:
    """What disputes move, each from its tender, and what they cost beside: withheld by its provider."""
    if not order.disputes.known and not order.disputes.movements:
        return
    stands = stakes(order)
    found |= {DISPUTED: stands.disputed, CHARGEBACKS: stands.charged_back, DISPUTE_FEES: 0}
    for tender in order.payment.tenders:
        found[_account(order.payment, tender)] -= stakes(order, tender.number).taken
        fees = sum(
            each.amount
            for each in order.disputes.fees.values()
            if each.tender == tender.number and each.currency == order.placed.currency
        )
        withheld = f"{WITHHELD}{tender.provider}"
        found[DISPUTE_FEES] += fees
        found[withheld] = found.get(withheld, 0) - fees


def charged(order: Order) -> dict[str, int]:
    """By account, what is charged for what has been handed over."""
    placed = order.placed
    summed = dict.fromkeys(CHARGED, 0)
    if not order.handovers:
        return summed
    units: dict[str, int] = {}
    for handed in order.handovers.values():
        for line_id, count in handed.items():
            units[line_id] = units.get(line_id, 0) + count
    for line_id, count in units.items():
        goods, tax = _of_line(order.lines[line_id].placed, count, tax_included=placed.tax_included)
        summed["goods"] += goods
        summed["tax"] += tax
    for account, amount in _beside(placed).items():
        summed[account] += amount
    return summed


def _of_line(line: PlacedLine, units: int, *, tax_included: bool) -> tuple[int, int]:
    """(goods, tax) of the first units of a line: what they are worth, and what of it is tax."""
    worth = units_value(line, 0, units, tax_included=tax_included)
    base, rest = divmod(line.tax, line.quantity)
    tax = min(base * units + min(units, rest), worth)
    return worth - tax, tax


def _beside(placed: OrderPlaced) -> dict[str, int]:
    """What the order costs beside its lines, its taxes taken out of prices that include them."""
    shipping, fees = placed.shipping, placed.fees
    shipping_tax, fee_tax = placed.shipping_tax, placed.fee_tax
    if placed.tax_included:
        shipping_tax, fee_tax = min(shipping_tax, shipping), min(fee_tax, fees)
        shipping, fees = shipping - shipping_tax, fees - fee_tax
    return {
        "tax": shipping_tax + fee_tax,
        "shipping": shipping,
        "fees": fees,
        "tips": placed.tips,
        "duties": placed.duties,
    }


class Ledger:
    """An order's accounts, followed commit by commit."""

    __slots__ = ("_billed",)

    def __init__(self) -> None:
        self._billed = Billed()

    def follow(self, order: Order, commit: Commit) -> dict[str, int]:
        """`balances` after a commit; `order` is what it led to."""
        self._billed.follow(order, commit)
        return balances(order, self._billed.tax_back)


def entries(order_id: str, commits: Iterable[Commit]) -> tuple[Entry, ...]:
    """Commit by commit, by how much accounts changed; of each commit they sum to zero."""
    order: Order | None = None
    ledger, before = Ledger(), dict[str, int]()
    found: list[Entry] = []
    for commit in commits:
        order = fold(order_id, commit.events, order)
        after = ledger.follow(order, commit) if order else {}
        changed = {each: after.get(each, 0) - before.get(each, 0) for each in sorted(before.keys() | after.keys())}
        found += [
            Entry(commit=commit.number, at=commit.at, account=account, amount=amount)
            for account, amount in changed.items()
            if amount
        ]
        before = after
    return tuple(found)


def summed(found: Iterable[Entry]) -> dict[str, int]:
    """What accounts stand at after these entries; those at zero are left out."""
    stands: dict[str, int] = {}
    for each in found:
        stands[each.account] = stands.get(each.account, 0) + each.amount
    return {account: amount for account, amount in stands.items() if amount}


def imbalance(stands: Mapping[str, int]) -> int:
    """Minor units by which accounts are wrong, whatever is still to come.

    Debits equal credits, and no refund gives back more than the tender took.
    """
    overdrawn = sum(max(0, -amount) for account, amount in stands.items() if account.startswith(TENDER))
    return abs(sum(stands.values())) + overdrawn


def drift(order: Order) -> int:
    """Minor units by which an order is wrong, or is not settled though nothing is to come; 0 of any that is right.

    Of a payment that is captured shipment by shipment, all that was charged is paid when nothing is left to hand over
    or to settle. What a provider has not decided is still to come; what it did not take, or took back, is owed, and
    stands in `receivable`.
    """
    stands = balances(order)
    wrong = imbalance(stands)
    done = all(line.ledger.gone == line.ledger.live for line in order.lines.values())
    done = done and not order.payment.submitted and not order.payment.undone
    covered = order.payment.authorized >= owed(order)
    by_shipment = bool(order.payment.captures) and all(read_key(key)[0] for key in order.payment.captures)
    ours = not order.placed.payment.in_channel and by_shipment
    ours = ours and not any(each.on_invoice for each in order.payment.tenders)
    if done and ours and covered and next_step(order) is not NextStep.SETTLE:
        wrong += abs(stands.get(RECEIVABLE, 0))
    return wrong
