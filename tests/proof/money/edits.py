"""Steps of an order's life in which it is edited: commands to the system, and the same to the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.order import commands as cmd
from oms.domain.order.covering import PAYMENT_DUE, uncovered
from oms.domain.order.edit_commands import EditOrder, OrderEdit
from oms.domain.order.events import LineUnits, NodeUnits, PlacedLine, RefundRequested
from oms.domain.order.promising import wanted_units
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.proof.money import edited
from tests.proof.money.oracle import Goods, per_unit
from tests.support.builders import minutes

if TYPE_CHECKING:
    from tests.proof.money.drive import Life

CHANGES: Final = ("add", "more", "less", "swap", "shipping")


def edit(life: Life) -> None:
    """Lines or units more or less, other shipping; what it gives back, and what it leaves open, as the oracle says."""
    rng, order = life.rng, life.order
    what = rng.choice(CHANGES)
    added, removed = [], {}
    shipping = rng.choice((0, 495, 990)) if what == "shipping" and not life.oracle.handovers else None
    if what in ("add", "more", "swap"):
        units, price = rng.randrange(1, 4), rng.choice((0, 7, rng.randrange(2000)))
        discount = rng.randrange(price * units + 1) if rng.random() < 0.4 else 0
        tax = rng.randrange(price * units - discount + 1) // 4
        adds_to = rng.choice(list(order.lines)) if what == "more" else ""
        name = f"n{len(order.lines)}"
        added.append(
            PlacedLine(
                line_id=name,
                sku=name,
                quantity=units,
                unit_price=price,
                discount=discount,
                tax=tax,
                adds_to=order.lines[adds_to].channel_line if adds_to else "",
            )
        )
    if what in ("less", "swap"):
        line_id, line = rng.choice(list(order.lines.items()))
        if line.ledger.cancellable:
            removed[line_id] = rng.randrange(1, line.ledger.cancellable + 1)
    asked = OrderEdit(
        add=tuple(added),
        remove=tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in removed.items()),
        shipping=shipping,
        shipping_tax=None if shipping is None else shipping // 5,
    )
    command_id = life.id()
    events = life.do(EditOrder(command_id=command_id, edit_id=f"edt_{command_id}", edit=asked))
    if not events:
        return
    included = order.placed.tax_included
    goods = {
        each.line_id: Goods(
            prices=per_unit(
                each.unit_price * each.quantity - each.discount + (0 if included else each.tax), each.quantity
            ),
            taxes=per_unit(each.tax, each.quantity),
        )
        for each in added
    }
    back = edited.edit(life.oracle, goods, removed, shipping, included=included)
    for each in events:
        if isinstance(each, RefundRequested):
            life.drift += abs(each.amount - (back.amount if back else 0))
            if back:
                life.backs[each.refund_id] = back
    life.drift += abs(uncovered(life.order) - edited.uncovered(life.oracle))


def pay_more(life: Life) -> None:
    """The provider holds what the order costs now, or still less."""
    if life.oracle.provider == "in_channel":
        return
    amount = life.oracle.owed() - life.rng.choice((0, 0, 5))
    told = AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=amount)
    if life.do(cmd.RecordAuthorization(command_id=life.id(), authorization=told)):
        life.oracle.authorized = amount
        held = any(hold.kind == PAYMENT_DUE for hold in life.order.active_holds)
        life.drift += held and not edited.uncovered(life.oracle)  # paid, and still stopped


def promise_more(life: Life) -> None:
    """What an edit opened, at one node."""
    wanted = wanted_units(life.order)
    if not wanted or not life.oracle.authorized:
        return
    units = tuple(
        NodeUnits(line_id=line_id, sku=life.order.lines[line_id].placed.sku, node_id="A", quantity=count)
        for line_id, count in wanted.items()
    )
    life.do(cmd.PromiseOrder(command_id=life.id(), units=units, short=(), promised_by=minutes(9)))
