"""Deciding on what a channel added to an order after it was placed, or took off it.

The channel counts a line's units in all; here, units that were added are a line of their own (`adds_to`), so that what
a unit of the first is worth never changes. What is told of a line is of all that belong to it.

An order that is at its end takes nothing more: a person is asked (`channel_edit`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain.canonical import Restock
from oms.domain.ids import derive
from oms.domain.order.changing import unknown_sku_hold
from oms.domain.order.charging import line_total, owed
from oms.domain.order.covering import uncovered
from oms.domain.order.editing import payment_due
from oms.domain.order.events import HoldPlaced, HoldReleased, OrderEdited, OrderEvent, PlacedLine
from oms.domain.order.evolve import evolve
from oms.domain.order.status import OrderStatus, order_status

if TYPE_CHECKING:
    from oms.domain.canonical import CanonicalLine, CanonicalOrder, ChannelRefund, RefundedLine
    from oms.domain.order.commands import SyncOrder
    from oms.domain.order.state import Line, Order

CHANNEL: Final = "channel"
CHANNEL_EDIT: Final = "channel_edit"


def by_channel_line(order: Order) -> dict[str, list[Line]]:
    """What belongs to each line as the channel knows it: the line, and what was added to it, in that order."""
    found: dict[str, list[Line]] = {}
    for line in order.lines.values():
        found.setdefault(line.channel_line, []).append(line)
    return found


def added(order: Order, command: SyncOrder) -> tuple[OrderEvent, ...]:
    """Units that the newest snapshot has beyond those known, as an edit; nothing for an order at its end."""
    if command.snapshot.cancelled or at_end(order):
        return ()
    known = by_channel_line(order)
    told = command.snapshot.lines
    more = [line for each in told if (line := _added(known.get(each.line_ref, []), each, command))]
    if not more:
        return ()
    fact = _edited(order, command, tuple(more))
    after = evolve(fact, order)
    fact = replace(fact, change=owed(after) - owed(order))
    holds = [unknown_sku_hold(line.line_id, line.sku) for line in more if line.sku in command.unknown_skus]
    missing = uncovered(after)
    if order.payment.captured and missing and not uncovered(order):
        hold = payment_due(order, fact, missing, command.digest)
        holds += [hold] if hold.hold_id not in order.holds else []
    return (fact, *holds)


def at_end(order: Order) -> bool:
    """Nothing is added to it any more."""
    return order_status(order) in (OrderStatus.CLOSED, OrderStatus.CANCELLED) or order.cancelling is not None


def _edited(order: Order, command: SyncOrder, more: tuple[PlacedLine, ...]) -> OrderEdited:
    snapshot, placed = command.snapshot, order.placed
    total = placed.total + sum(line_total(line, tax_included=placed.tax_included) for line in more)
    fact = OrderEdited(edit_id=derive("edt", order.order_id, command.digest), origin=CHANNEL, total=total, added=more)
    if order.handovers or (snapshot.shipping, snapshot.shipping_tax) == (placed.shipping, placed.shipping_tax):
        return fact
    dearer = snapshot.shipping - placed.shipping
    dearer += 0 if placed.tax_included else snapshot.shipping_tax - placed.shipping_tax
    return replace(fact, total=total + dearer, shipping=snapshot.shipping, shipping_tax=snapshot.shipping_tax)


def _added(known: list[Line], told: CanonicalLine, command: SyncOrder) -> PlacedLine | None:
    units, surplus = _more(known, told)
    if units <= 0:
        return None
    kits, serialized = dict(command.kits), dict(command.serialized)
    # Of what the channel counts for the whole line, what is not counted with the units that are known.
    discount = max(0, told.discount - sum(each.placed.discount for each in known)) * units // surplus
    tax = max(0, told.tax - sum(each.placed.tax for each in known)) * units // surplus
    return PlacedLine(
        line_id=f"{told.line_ref}+{len(known)}" if known else told.line_ref,
        sku=told.sku,
        quantity=units,
        unit_price=told.unit_price,
        discount=min(discount, told.unit_price * units),
        tax=tax,
        title=told.title,
        requires_shipping=told.requires_shipping,
        components=kits.get(told.sku, ()) if told.requires_shipping else (),
        serialized=serialized.get(told.sku, ()) if told.requires_shipping else (),
        tax_class=told.tax_class,
        adds_to=told.line_ref if known else "",
    )


def _more(known: list[Line], told: CanonicalLine) -> tuple[int, int]:
    """Units to add, and those that the channel counts beyond what is known.

    What it has cancelled since, and is not cancelled here, counts as of those: they come and go unseen.
    """
    surplus = told.quantity - sum(line.ledger.ordered for line in known)
    gone = max(0, told.cancelled - sum(line.ledger.cancelled for line in known))
    return surplus - gone, surplus


def holds(order: Order, snapshot: CanonicalOrder) -> tuple[OrderEvent, ...]:
    """A hold for units that could not be added, one per edit; it ends when the channel takes them back."""
    known = by_channel_line(order)
    more = {
        told.line_ref: told.quantity - told.cancelled
        for told in snapshot.lines
        if told.quantity - told.cancelled > sum(line.ledger.ordered for line in known.get(told.line_ref, ()))
    }
    hold_id = derive("hld", CHANNEL_EDIT, *(f"{ref}:{units}" for ref, units in sorted(more.items())))
    events: list[OrderEvent] = [
        HoldReleased(hold_id=hold.hold_id)
        for hold in order.active_holds
        if hold.kind == CHANNEL_EDIT and not (more and hold.hold_id == hold_id)
    ]
    if more and hold_id not in order.holds:
        reason = f"lines added in the channel: {list(more)}"
        events.append(HoldPlaced(hold_id=hold_id, kind=CHANNEL_EDIT, reason=reason))
    return tuple(events)


# ---------------------------------------------------------------- units taken off


def removed(order: Order, snapshot: CanonicalOrder, *, newer: bool) -> dict[str, int]:
    """By line, units that are not handed over and that the channel has taken off; of what was added last, first."""
    told = {line.line_ref: line for line in snapshot.lines}
    wanted: dict[str, int] = {}
    for line_ref, known in by_channel_line(order).items():
        target = _removed(sum(line.ledger.ordered for line in known), told.get(line_ref), newer=newer)
        missing = target - sum(line.ledger.cancelled + line.conflicted for line in known)
        for line in reversed(known):
            now = min(missing, line.ledger.cancellable)
            if now > 0:
                wanted[line.placed.line_id] = now
                missing -= now
    return wanted


def _removed(ordered: int, told: CanonicalLine | None, *, newer: bool) -> int:
    """Units of a line that the channel has removed.

    Only the newest snapshot says so by leaving them out: an older one may not have had them yet. Units that it has
    beyond those ordered here count as cancelled first.
    """
    if told is None:
        return ordered if newer else 0
    surplus = told.quantity - ordered
    return told.cancelled - (surplus if newer else max(0, surplus))


def by_our_lines(order: Order, refund: ChannelRefund) -> ChannelRefund:
    """The refund with its units told of the lines that they are of here: what came back of what left first."""
    if not any(line.placed.adds_to for line in order.lines.values()):
        return refund
    known = by_channel_line(order)
    lines = [part for told in refund.lines for part in _parts(known.get(told.line_ref, []), told)]
    return replace(refund, lines=tuple(lines))


def _parts(known: list[Line], told: RefundedLine) -> list[RefundedLine]:
    if len(known) <= 1:
        return [told]
    back = told.restock is Restock.RETURN
    room = {
        line.placed.line_id: line.ledger.gone - line.ledger.returned if back else line.ledger.cancellable
        for line in (known if back else reversed(known))
    }
    parts, rest = [], told.quantity
    for line_id, units in room.items():
        here = min(rest, units)
        if here > 0:
            parts.append(replace(told, line_ref=line_id, quantity=here))
            rest -= here
    return [*parts, *([replace(told, quantity=rest)] if rest else [])]
