"""Deciding on returns: asked for, approved, on their way, received, looked at, settled.

What follows from a fact is decided with it and committed with it: units go back to stock and their money is asked for
in the commit that says how they were found, or that the carrier has them, as the terms say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    InvalidInputError,
    InvalidTransitionError,
    NotReturnableError,
    RefundExceedsCapturedError,
    ReturnExceedsShippedError,
    ReturnNotFoundError,
)
from oms.domain.ids import return_id as id_of
from oms.domain.order.charging import line_total
from oms.domain.order.exchanging import check_wanted
from oms.domain.order.folding import evolve
from oms.domain.order.return_facts import (
    RefundAt,
    Resolution,
    ReturnApproved,
    ReturnCancelled,
    ReturnedLine,
    ReturnExpired,
    ReturnInTransit,
    ReturnLabelled,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ReturnSettled,
    ReturnShrunk,
    ReturnUnits,
)
from oms.domain.order.return_money import credit_of, credited
from oms.domain.order.return_state import ReturnStatus, find, returnable, to_expire
from oms.domain.return_policy import Candidate, Ruling, rule_on
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.order import return_commands as cmd
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Order

_R = ReturnStatus
MOVING: Final = frozenset(
    {
        ParcelStatus.IN_TRANSIT,
        ParcelStatus.OUT_FOR_DELIVERY,
        ParcelStatus.AVAILABLE_FOR_PICKUP,
        ParcelStatus.DELIVERED,
        ParcelStatus.EXCEPTION,
    }
)
"""Words of a carrier that has the goods."""
NODE: Final = "node"
"""Origin of a return that came without having been asked for."""


def after(order: Order, events: Iterable[OrderEvent]) -> Order:
    """The order when these have happened to it."""
    for event in events:
        order = evolve(event, order)
    return order


def candidates(order: Order, asked: Mapping[str, tuple[int, str]], categories: Mapping[str, str]) -> list[Candidate]:
    """Units by line, and why they come back, as the rules see them."""
    found = []
    for line_id, (units, reason) in asked.items():
        placed = order.lines[line_id].placed
        total = line_total(placed, tax_included=order.placed.tax_included)
        found.append(
            Candidate(
                line_id=line_id,
                sku=placed.sku,
                category=categories.get(placed.sku, ""),
                reason=reason,
                quantity=units,
                worth=total * units // placed.quantity,
                arrived=_arrived(order, line_id),
            )
        )
    return found


def _arrived(order: Order, line_id: str) -> tuple[tuple[int, datetime | None], ...]:
    """(units, when) of a line by parcel; None of what is under way. What came back is taken to have arrived first."""
    gone = order.lines[line_id].ledger.gone - returnable(order).get(line_id, 0)
    found: list[tuple[int, datetime | None]] = []
    for parcel in order.parcels.values():
        at = parcel.status_at if parcel.status is ParcelStatus.DELIVERED else None
        for part in parcel.units:
            if part.line_id == line_id:
                passed = min(gone, part.quantity)
                gone -= passed
                found.append((part.quantity - passed, at))
    return tuple(each for each in found if each[0])


def request(order: Order, command: cmd.RequestReturn) -> tuple[OrderEvent, ...]:
    """Units are to come back, on the terms of the rules; approved at once unless a person is to be asked.

    Raises InvalidInputError (no lines, a line twice or unknown, no such reason), ReturnExceedsShippedError,
    NotReturnableError, ReturnWindowClosedError, NotExchangeableError.
    """
    asked = _asked(order, command)
    check_wanted(order, command.wanted, asked)
    ruling = _ruling(order, command, asked)
    number = len(order.returns) + 1
    return_id = id_of(order.order_id, number)
    lines = tuple(
        [
            ReturnedLine(
                line_id=line_id,
                quantity=units,
                reason=reason,
                rule=ruling.rules[line_id][0],
                fee_basis_points=ruling.rules[line_id][1],
            )
            for line_id, (units, reason) in asked.items()
        ]
    )
    requested = ReturnRequested(
        return_id=return_id,
        number=f"{order.placed.number}-R{number}",
        lines=lines,
        terms=ruling.terms,
        resolution=command.resolution,
        origin=command.origin,
        wanted=command.wanted if command.resolution is Resolution.EXCHANGE else (),
    )
    events: list[OrderEvent] = [requested]
    if not ruling.terms.ask:
        events += _approved(after(order, events), return_id, command.at, "person" if command.override else "policy")
    if command.origin == NODE:
        state = after(order, events)
        events += received(state, state.returns[return_id], command.node_id)
    return tuple(events)


def _ruling(order: Order, command: cmd.RequestReturn, asked: Mapping[str, tuple[int, str]]) -> Ruling:
    placed = order.placed
    found = candidates(order, asked, command.categories)
    country = placed.ship_to.country if placed.ship_to else ""

    def rule(*, override: bool) -> Ruling:
        sale = (placed.channel, country, placed.currency)
        return rule_on(command.rules, sale, found, command.resolution, command.at, override=override)

    if command.origin != NODE:
        return rule(override=command.override)
    # It is here, whatever the rules say: what they do not allow is looked at, and a person decides on its money.
    try:
        ruling = rule(override=False)
    except NotReturnableError as refusal:
        ruling = rule(override=True)
        ruling = replace(ruling, terms=replace(ruling.terms, ask=refusal.code))
    return replace(ruling, terms=replace(ruling.terms, keep=False))


def _asked(order: Order, command: cmd.RequestReturn) -> dict[str, tuple[int, str]]:
    asked: dict[str, tuple[int, str]] = {}
    left = returnable(order)
    for each in command.lines:
        if each.line_id not in order.lines or each.quantity <= 0 or each.line_id in asked:
            raise InvalidInputError("a return names lines of the order, each once, and units", line=each.line_id)
        if each.reason not in command.rules.reasons:
            raise InvalidInputError("there is no such reason", allowed=list(command.rules.reasons))
        if each.quantity > left.get(each.line_id, 0):
            raise ReturnExceedsShippedError(
                "more than was shipped, is not back and is in no other return",
                line=each.line_id,
                returnable=max(0, left.get(each.line_id, 0)),
            )
        asked[each.line_id] = (each.quantity, each.reason)
    if not asked:
        raise InvalidInputError("a return needs at least one line")
    return asked


def _approved(order: Order, return_id: str, at: datetime, by: str) -> list[OrderEvent]:
    """Approved, and what follows: its money, when that does not wait; its end, when the goods are kept."""
    known = order.returns[return_id]
    expires = at + timedelta(days=known.terms.send_within_days)
    events: list[OrderEvent] = [ReturnApproved(return_id=return_id, expires_at=expires, by=by)]
    keeps = known.terms.keep and known.status is _R.REQUESTED
    here = known.status is _R.RECEIVED and known.pays_at is not RefundAt.INSPECTION
    pays = keeps or here or known.pays_at is RefundAt.APPROVAL
    if pays and known.pays:
        events += _pay_all(after(order, events), return_id, "approval")
        if keeps:
            events.append(ReturnSettled(return_id=return_id))
    return events


def _pay_all(order: Order, return_id: str, cause: str) -> tuple[OrderEvent, ...]:
    """What has not been paid of it, whoever has the goods."""
    known = order.returns[return_id]
    units = {line_id: line.quantity - line.credited for line_id, line in known.lines.items()}
    return credited(order, known, units, cause)


def _must_be(known: Return, *allowed: ReturnStatus) -> None:
    if known.status not in allowed:
        raise InvalidTransitionError(f"the return is {known.status}", status=known.status.value)


def approve(order: Order, command: cmd.ApproveReturn) -> tuple[OrderEvent, ...]:
    """A person lets it come, or takes what has come, once. Raises InvalidTransitionError of one that ended."""
    known = find(order, command.return_id)
    if known.approved and known.open:
        return ()
    _must_be(known, _R.REQUESTED, _R.RECEIVED)
    return tuple(_approved(order, known.return_id, command.at, "person"))


def reject(order: Order, command: cmd.RejectReturn) -> tuple[OrderEvent, ...]:
    """A person does not. Raises InvalidTransitionError of one that was approved, or is here."""
    known = find(order, command.return_id)
    _must_be(known, _R.REQUESTED)
    return (ReturnRejected(return_id=known.return_id, reason=command.reason),)


def cancel(order: Order, command: cmd.CancelReturn) -> tuple[OrderEvent, ...]:
    """It will not come. Raises InvalidTransitionError of one that is here, or whose money is gone."""
    known = find(order, command.return_id)
    _must_be(known, _R.REQUESTED, _R.APPROVED, _R.IN_TRANSIT)
    if known.credited:
        raise InvalidTransitionError("it was paid for: a person settles it", status=known.status.value)
    return (ReturnCancelled(return_id=known.return_id, reason=command.reason),)


def label(order: Order, command: cmd.LabelReturn) -> tuple[OrderEvent, ...]:
    """It travels under this number; the first one told is the one.

    Raises InvalidInputError for the number of a parcel that left, or of another return.
    """
    known = find(order, command.return_id)
    if known.tracking_number:
        return ()
    _must_be(known, _R.APPROVED)
    taken = {parcel.tracking_number for parcel in order.parcels.values()}
    taken |= {each.tracking_number for each in order.returns.values()}
    if command.tracking_number in taken or not command.tracking_number:
        raise InvalidInputError("a return needs a tracking number of its own", return_id=known.return_id)
    return (
        ReturnLabelled(return_id=known.return_id, carrier=command.carrier, tracking_number=command.tracking_number),
    )


def record_scan(order: Order, command: cmd.RecordReturnScan) -> tuple[OrderEvent, ...]:
    """The first word of a carrier that has it sets it going, and pays for it when the terms say so.

    Raises ReturnNotFoundError for a number that none of the order's returns travels under.
    """
    known = next((each for each in order.returns.values() if each.tracking_number == command.tracking_number), None)
    if known is None:
        raise ReturnNotFoundError("no return of this order travels under this number")
    if known.status is not _R.APPROVED or command.status not in MOVING:
        return ()
    events: list[OrderEvent] = [ReturnInTransit(return_id=known.return_id, occurred_at=command.occurred_at)]
    if known.pays_at is RefundAt.SCAN and known.pays:
        events += _pay_all(after(order, events), known.return_id, "scan")
    return tuple(events)


def receive(order: Order, command: cmd.ReceiveReturn) -> tuple[OrderEvent, ...]:
    """It is at a node, any node; at a second one too, when it comes in parts. Once per node is enough."""
    known = find(order, command.return_id)
    _must_be(known, _R.REQUESTED, _R.APPROVED, _R.IN_TRANSIT, _R.RECEIVED)
    if known.status is _R.RECEIVED and known.node_id == command.node_id:
        return ()
    return received(order, known, command.node_id)


def received(order: Order, known: Return, node_id: str) -> tuple[OrderEvent, ...]:
    """It is there, and paid for when the terms say so."""
    events: list[OrderEvent] = [ReturnReceived(return_id=known.return_id, node_id=node_id)]
    at_receipt = known.pays_at is RefundAt.RECEIPT and known.pays
    if at_receipt and known.approved:
        events += _pay_all(after(order, events), known.return_id, "receipt")
    return tuple(events)


def settle(order: Order, command: cmd.SettleReturn) -> tuple[OrderEvent, ...]:
    """A person decides, and that ends it: on what is doubtful, or on what was paid for and never came.

    Raises InvalidTransitionError while something is to be looked at, InvalidInputError for units that the return does
    not have or that were paid for, RefundExceedsCapturedError for more than they are worth.
    """
    known = find(order, command.return_id)
    _must_be(known, _R.APPROVED, _R.IN_TRANSIT, _R.INSPECTED)
    if known.coming and not known.credited:
        raise InvalidTransitionError("nothing was paid for it: cancel it", status=known.status.value)
    units: dict[str, int] = {}
    for each in command.lines:
        line = known.lines.get(each.line_id)
        if line is None or not 0 < each.quantity <= line.quantity - line.credited or each.line_id in units:
            raise InvalidInputError("the return has no such units, or they were paid for", line=each.line_id)
        units[each.line_id] = each.quantity
    if known.exchanges:
        # What was sound waited for what a person says of the rest: it pays for the other goods together.
        for line_id, line in known.lines.items():
            units[line_id] = min(units.get(line_id, 0) + line.sound, line.quantity) - line.credited
    if command.amount is not None:
        worth = credit_of(order, known, units, amount=0)
        if not 0 <= command.amount <= worth.fee:
            raise RefundExceedsCapturedError("that is more than they are worth", worth=worth.fee)
    events = credited(order, known, units, command.command_id, command.amount)
    return (*events, ReturnSettled(return_id=known.return_id, reason=command.reason))


def expire(order: Order, command: cmd.ExpireReturns) -> tuple[OrderEvent, ...]:
    """What was not sent in time does not bind its units any more."""
    return tuple([ReturnExpired(return_id=known.return_id) for known in to_expire(order, command.at)])


def overtaken(order: Order, events: tuple[OrderEvent, ...]) -> tuple[OrderEvent, ...]:
    """What becomes of open returns when units of theirs came back otherwise: with a refund of the channel, say.

    They shrink, the oldest first, and end when nothing of them is left.
    """
    state = after(order, events)
    over = {line_id: -units for line_id, units in returnable(state).items() if units < 0}
    found: list[OrderEvent] = []
    for known in list(state.returns.values()) if over else ():
        less = {line_id: min(over.get(line_id, 0), line.to_inspect) for line_id, line in known.lines.items()}
        less = {line_id: units for line_id, units in less.items() if units}
        if not known.open or not less:
            continue
        for line_id, units in less.items():
            over[line_id] -= units
        parts = tuple([ReturnUnits(line_id=line_id, quantity=units) for line_id, units in less.items()])
        shrunk: list[OrderEvent] = [ReturnShrunk(return_id=known.return_id, lines=parts)]
        shrunk += _ended(after(state, shrunk).returns[known.return_id])
        state = after(state, shrunk)
        found += shrunk
    return tuple(found)


def _ended(known: Return) -> list[OrderEvent]:
    """Nothing of it is left to come or to be looked at. What is doubtful of it is still somebody's to decide."""
    if any(line.to_inspect or line.doubtful for line in known.lines.values()):
        return []
    if known.credited or any(line.inspected for line in known.lines.values()):
        return [ReturnSettled(return_id=known.return_id, reason="came back otherwise")]
    return [ReturnCancelled(return_id=known.return_id, reason="came back otherwise")]
