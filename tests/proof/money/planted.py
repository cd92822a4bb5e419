"""Defects of a minor unit, each in one formula of the system; every one of them has to show as drift."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from oms.domain import billing
from oms.domain.order import accounts, charging, covering, editing, settling, stakes
from tests.proof.money.drive import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEDS: Final = 3000
"""Orders that a defect has to show in."""

_units_value, _line_total, _refund_value = charging.units_value, charging.line_total, charging.refund_value
_due_captures, _cancelled_value, _owed = charging.due_captures, charging.cancelled_value, charging.owed
_of_line, _beside, _dear_left = accounts._of_line, accounts._beside, charging.dear_left
_balances, _freed_by = accounts.balances, covering.freed_by


def _cut_off(line: Any, start: int, stop: int, *, tax_included: bool) -> int:
    return int(_line_total(line, tax_included=tax_included) // line.quantity * (stop - start))


def _dear_last(line: Any, start: int, stop: int, *, tax_included: bool) -> int:
    whole = _units_value(line, 0, line.quantity, tax_included=tax_included)
    return whole - _units_value(line, 0, line.quantity - (stop - start), tax_included=tax_included)


def _tax_twice(line: Any, *, tax_included: bool) -> int:
    return _line_total(line, tax_included=tax_included) + int(line.tax if tax_included else 0)


def _one_more(order: Any, lines: Any) -> int:
    return _refund_value(order, lines) + 1


def _half_up(line: Any, units: int, *, tax_included: bool) -> tuple[int, int]:
    worth = _units_value(line, 0, units, tax_included=tax_included)
    tax = min((2 * line.tax * units + line.quantity) // (2 * line.quantity), worth)
    return worth - tax, tax


def _tax_beside_left_in(placed: Any) -> dict[str, int]:
    told = _beside(placed)
    return {**told, "fees": told["fees"] + placed.fee_tax, "tax": told["tax"] - placed.fee_tax}


def _captured_short(order: Any) -> Any:
    due = _due_captures(order)
    return tuple(replace(each, amount=each.amount - 1) if each.amount > 1 else each for each in due)


def _cancelled_short(before: Any, after: Any) -> int:
    return max(0, _cancelled_value(before, after) - 1)


def _cards_forgotten(order: Any) -> int:
    return charging.chargeable(order)


def _dear_for_ever(order: Any, line_id: str) -> int:
    placed = order.lines[line_id].placed
    used = sum(refund.dear.get(line_id, 0) for refund in order.payment.refunds.values())
    return int(charging.line_total(placed, tax_included=order.placed.tax_included) % placed.quantity - used)


def _credited_tax_cut_off(pool: Any, wanted: Any, units: Any) -> Any:
    taken = []
    for part, gross in wanted.items():
        if gross:
            left, tax_left = pool.gross[part], pool.tax[part]
            tax = tax_left * gross // left
            pool.gross[part], pool.tax[part] = left - gross, tax_left - tax
            taken.append(billing.Share(part=part, gross=gross, tax=tax, units=units.get(part, 0)))
    return tuple(taken)


def _credited_over_all(before: Any, order: Any, left: Any, amount: int) -> Any:
    return billing._spread(amount, left), {}


def _returns_with_tax(order: Any, tax_back: int = 0) -> dict[str, int]:
    stands = _balances(order, tax_back)
    return {**stands, "returns": stands.get("returns", 0) + tax_back} if tax_back else stands


def _paid_with_what_went_back(_order: Any) -> int:
    return 0


def _less_back_for_an_edit(order: Any, after: Any) -> int:
    return _freed_by(order, after) - 1


def _at_stake_given_back(order: Any) -> int:
    return charging.refundable(order)


def _lost_may_come_back(order: Any, tender: int = 0) -> Any:
    stands = stakes.stakes(order, tender)
    return replace(stands, disputed=stands.taken, charged_back=0)


def _goodwill_credited(order: Any) -> int:
    gone = order.payment.refunded
    return max(0, gone - charging.settled_back(order) - covering.overpaid(order)) if gone else 0


DEFECTS: Final[dict[str, tuple[Callable[..., Any], tuple[tuple[Any, str], ...]]]] = {
    "units_cut_off": (_cut_off, ((charging, "units_value"), (accounts, "units_value"))),
    "dear_units_last": (_dear_last, ((charging, "units_value"), (accounts, "units_value"))),
    "tax_counted_twice": (_tax_twice, ((charging, "line_total"),)),
    "a_refund_of_one_more": (_one_more, ((charging, "refund_value"), (settling, "refund_value"))),
    "tax_rounded_by_itself": (_half_up, ((accounts, "_of_line"),)),
    "tax_of_fees_left_in": (_tax_beside_left_in, ((accounts, "_beside"),)),
    "a_capture_of_one_less": (_captured_short, ((charging, "due_captures"),)),
    "a_cancellation_of_one_less": (_cancelled_short, ((charging, "cancelled_value"),)),
    "gift_cards_paid_for_again": (_cards_forgotten, ((charging, "owed"), (accounts, "owed"), (covering, "owed"))),
    "credited_tax_cut_off": (_credited_tax_cut_off, ((billing._Pool, "take"),)),
    "credited_over_all_lines": (_credited_over_all, ((billing, "_credit"),)),
    "returned_tax_counted_twice": (_returns_with_tax, ((accounts, "balances"),)),
    "dear_units_kept_by_a_failed_refund": (_dear_for_ever, ((charging, "dear_left"),)),
    "an_edit_paid_with_what_went_back": (
        _paid_with_what_went_back,
        ((charging, "settled_back"), (covering, "settled_back"), (billing, "settled_back")),
    ),
    "an_edit_that_gives_back_less": (_less_back_for_an_edit, ((editing, "freed_by"),)),
    "what_is_disputed_given_back": (_at_stake_given_back, ((settling, "free_to_refund"),)),
    "what_was_lost_may_come_back": (_lost_may_come_back, ((accounts, "stakes"),)),
    "goodwill_lowers_the_price": (_goodwill_credited, ((billing, "_given_back"),)),
}
"""Name: the wrong formula, and where it takes the right one's place."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The system with one defect."""
    wrong, places = DEFECTS[name]
    patches = [patch.object(module, attribute, wrong) for module, attribute in places]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def caught(name: str) -> bool:
    """It shows in one of the first orders."""
    with planted(name):
        return any(_drifts(seed) for seed in range(SEEDS))


def _drifts(seed: int) -> bool:
    try:
        return play(seed) > 0
    except Exception:  # noqa: BLE001 - a defect may break an order altogether, which shows too
        return True
