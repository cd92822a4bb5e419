"""Change an order after it was placed: what it would come to, and then exactly that.

A preview is a decision that is not written: the same code decides, plans and prices it again when it is applied, on the
order as it is then. What was previewed has a name, its `basis`: the number of the order's last commit, and digests of
its money and of what stock can do. When one of them differs, nothing happens.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.application.orders import Along
from oms.domain import ids
from oms.domain.canonical import Contact
from oms.domain.errors import EditOutdatedError, InsufficientStockError, OmsError, OrderNotFoundError
from oms.domain.frozen import frozen
from oms.domain.order.charging import chargeable, line_total
from oms.domain.order.covering import PAYMENT_DUE, uncovered
from oms.domain.order.decider import decide
from oms.domain.order.edit_commands import EditOrder, EditPlan, OrderEdit
from oms.domain.order.events import HoldPlaced, LinesCancelled, OrderEdited, RefundRequested
from oms.domain.order.evolve import fold
from oms.domain.places import place
from oms.domain.stock import StockDelta, stock_deltas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.application.edit_prices import AskedEdit, Priced, PriceEdit
    from oms.application.orders import Loaded, Orders, Outcome
    from oms.application.planning import Planned, PlanOrder
    from oms.application.ports import Clock, Contacts, Gazetteer, PlannedStock
    from oms.domain.commit import Cause
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order
    from oms.domain.supply import Lot

ONCE: Final = "1"
"""The revision of an address that is kept for one edit."""
_DIGITS: Final = 16


@frozen
class Proposal:
    """An edit as it would be decided now."""

    command: EditOrder
    before: Order
    after: Order
    events: tuple[OrderEvent, ...]
    document: Mapping[str, Any]
    basis: str
    short: tuple[str, ...]
    """Lines that the edit opens and of which no node has all."""


@frozen(kw_only=False)
class ProposeEdit:
    """Price, decide and plan an edit. Writes nothing."""

    orders: Orders
    price: PriceEdit
    plan: PlanOrder
    gazetteer: Gazetteer
    now: Clock

    def __call__(self, order_id: str, asked: AskedEdit, role: str) -> Mapping[str, Any]:
        """The delta, as `_document` gives it, with its `basis`. Raises what `editing.edit` and `PriceEdit` raise."""
        return self.of(self.orders.load(order_id), asked, role, "").document

    def of(self, loaded: Loaded, asked: AskedEdit, role: str, command_id: str) -> Proposal:
        """The edit of an order as it was loaded."""
        order = loaded.order
        if order is None:
            raise OrderNotFoundError("no such order")
        now = self.now()
        if asked.ship_to is not None:
            city = asked.address.city if asked.address else ""
            asked = replace(asked, ship_to=place(asked.ship_to, city, self.gazetteer))
        priced = self.price(order, asked, role, now)
        command = EditOrder(
            command_id=command_id or ids.command_id("preview", order.order_id),
            edit_id=ids.derive("edt", order.order_id, command_id),
            edit=_edit(asked, priced),
        )
        events = decide(order.order_id, order, command)
        after = fold(order.order_id, events, order) or order
        wanted = _wanted(events, after)
        planned = self._planned(after, wanted, events) if wanted else None
        command = replace(command, plan=_plan(planned))
        events = decide(order.order_id, order, command)
        after = fold(order.order_id, events, order) or order
        document = _document(order, after, events, priced, planned)
        basis = f"{loaded.history.number}.{_digest(document['money'])}.{_digest(_whole(document['stock']))}"
        short = tuple(part["line_id"] for part in document["stock"]["short"])
        return Proposal(
            command=command,
            before=order,
            after=after,
            events=events,
            document={"basis": basis, **document},
            basis=basis,
            short=short,
        )

    def _planned(self, after: Order, wanted: Mapping[str, int], events: Sequence[OrderEvent]) -> Planned:
        """Where it would come from, with what the edit frees."""
        freed = replace(self.plan, stock=_Freed(self.plan.stock, stock_deltas(events)))
        return freed(after, wanted, self.now())


@frozen(kw_only=False)
class EditOrders:
    """Apply what was previewed, or nothing."""

    propose: ProposeEdit
    contacts: Contacts

    def __call__(
        self, order_id: str, asked: AskedEdit, basis: str, role: str, command_id: str, cause: Cause
    ) -> Outcome:
        """The order as it is then; the same command again answers with what it did.

        Raises EditOutdatedError when the order, its prices or stock are not as they were previewed,
        InsufficientStockError when something is short that may not wait, and what `ProposeEdit` raises.
        """
        proposals: list[Proposal] = []
        edit_id = ids.derive("edt", order_id, command_id)

        def command(loaded: Loaded) -> EditOrder:
            if loaded.history.find(command_id) is not None:
                return EditOrder(command_id=command_id, edit_id=edit_id, edit=OrderEdit())
            proposal = self._as_previewed(loaded, asked, basis, role, command_id)
            if asked.address is not None:  # nobody reads it unless the commit says so; none takes it back from a twin
                where = replace(proposal.before.contact_key, edit_id=edit_id)
                self.contacts.put(where, ONCE, Contact(shipping=asked.address))
            proposals.append(proposal)
            return proposal.command

        def along(_events: Sequence[OrderEvent]) -> Along:
            channel = proposals[-1].before.placed.channel
            return Along(on=lambda deltas: self.propose.plan.buffers().kept(deltas, channel))

        orders = self.propose.orders
        try:
            return orders.execute(order_id, command, cause, along=along)
        except OmsError:
            # The same request, sent twice at once, may have taken from itself what it was to get.
            if orders.load(order_id).history.find(command_id) is None:
                raise
            return orders.execute(order_id, command, cause, along=along)

    def _as_previewed(self, loaded: Loaded, asked: AskedEdit, basis: str, role: str, command_id: str) -> Proposal:
        number, _, seen = basis.partition(".")
        if number != str(loaded.history.number):
            raise EditOutdatedError("the order has changed since the edit was previewed", changed="order")
        proposal = self.propose.of(loaded, asked, role, command_id)
        _, money, stock = proposal.basis.split(".")
        if seen.partition(".")[0] != money:
            raise EditOutdatedError("the edit would cost something else than was previewed", changed="money")
        if seen.partition(".")[2] != stock:
            raise EditOutdatedError("stock is not as it was when the edit was previewed", changed="stock")
        if proposal.short and not asked.allow_backorder:
            raise InsufficientStockError("no node has all that the edit adds", lines=list(proposal.short))
        return proposal


class _Freed:
    """Stock as it would be once an edit has freed what it frees."""

    def __init__(self, stock: PlannedStock, deltas: Iterable[StockDelta]) -> None:
        self._stock = stock
        self._deltas = {(each.sku, each.node_id): each for each in deltas}

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """See the port."""
        return self._with(self._stock.to_promise(units))

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        return self._with(self._stock.look(skus))

    def inbound(self, sku: str) -> list[Lot]:
        """See the port."""
        return self._stock.inbound(sku)

    def _with(self, rows: Iterable[StockDelta]) -> list[StockDelta]:
        return [
            row.plus(self._deltas[row.sku, row.node_id]) if (row.sku, row.node_id) in self._deltas else row
            for row in rows
        ]


def _edit(asked: AskedEdit, priced: Priced) -> OrderEdit:
    return OrderEdit(
        add=priced.add,
        remove=asked.remove,
        ship_to=asked.ship_to,
        addressed=asked.address is not None,
        shipping_method=asked.shipping_method,
        shipping=asked.shipping,
        shipping_tax=priced.shipping_tax,
        line_taxes=priced.line_taxes,
        taxes=priced.taxes,
        reason=asked.reason,
    )


def _wanted(events: Iterable[OrderEvent], after: Order) -> dict[str, int]:
    """Units by line that the edit opens. Decided without a plan, it opens all that would go elsewhere."""
    wanted: dict[str, int] = {}
    for event in events:
        if isinstance(event, OrderEdited):
            for line in event.added:
                if line.requires_shipping:
                    wanted[line.line_id] = after.lines[line.line_id].ledger.open
            for part in event.freed:
                wanted[part.line_id] = wanted.get(part.line_id, 0) + part.quantity
    return wanted


def _plan(planned: Planned | None) -> EditPlan | None:
    if planned is None or planned.hold or not planned.made.units:
        return None
    made = planned.made
    return EditPlan(units=made.units, promised_by=made.promised_by, decision=made.decision, release_at=made.release_at)


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _whole(stock: Mapping[str, Any]) -> dict[str, int]:
    """What must not be otherwise when the edit is applied: which units are short. Days may move with the clock."""
    return {part["line_id"]: part["quantity"] for part in stock["short"]}


def _document(
    before: Order, after: Order, events: Sequence[OrderEvent], priced: Priced, planned: Planned | None
) -> dict[str, Any]:
    """{'money': {...}, 'stock': {...}}; amounts in minor units of the order's currency, instants in ISO 8601."""
    return {"money": _money(before, after, events, priced), "stock": _stock(after, planned)}


def _money(before: Order, after: Order, events: Sequence[OrderEvent], priced: Priced) -> dict[str, Any]:
    """{'currency', 'added', 'removed', 'line_taxes', 'shipping', 'total', 'payment'}."""
    placed, now = before.placed, after.placed
    included = placed.tax_included
    (fact,) = [each for each in events if isinstance(each, OrderEdited)]
    off = [part for each in events if isinstance(each, LinesCancelled) for part in each.lines]
    holds = [each for each in events if isinstance(each, HoldPlaced) and each.kind == PAYMENT_DUE]
    return {
        "currency": placed.currency,
        "tax_included": included,
        "added": [
            {
                "line_id": line.line_id,
                "adds_to": line.adds_to or None,
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "list_price": priced.listed.get(line.line_id),
                "discount": line.discount,
                "tax": line.tax,
                "total": line_total(line, tax_included=included),
            }
            for line in fact.added
        ],
        "removed": [{"line_id": part.line_id, "quantity": part.quantity} for part in off],
        "line_taxes": [
            {"line_id": line_id, "before": before.lines[line_id].placed.tax, "after": tax}
            for line_id, tax in fact.line_taxes.items()
        ],
        "shipping": {
            "before": placed.shipping,
            "after": now.shipping,
            "tax_before": placed.shipping_tax,
            "tax_after": now.shipping_tax,
        },
        "total": {"before": chargeable(before), "after": now.total, "change": now.total - chargeable(before)},
        "payment": {
            "authorized": before.payment.authorized,
            "captured": before.payment.captured,
            "change": fact.change,
            "to_authorize": uncovered(after) if holds else 0,
            "to_refund": sum(each.amount for each in events if isinstance(each, RefundRequested)),
            "held_lines": [line_id for hold in holds for line_id in hold.lines],
        },
    }


def _stock(after: Order, planned: Planned | None) -> dict[str, Any]:
    """{'complete', 'asks_person', 'promised_by', 'units', 'short'} of what the edit opens."""
    made = planned.made if planned else None
    return {
        "complete": not (made and (made.short or (planned and planned.hold))),
        "asks_person": bool(planned and planned.hold),
        "promised_by": made.promised_by.isoformat() if made and made.units else None,
        "units": [
            {"line_id": part.line_id, "sku": part.sku, "node_id": part.node_id, "quantity": part.quantity}
            for part in (made.units if made else ())
        ],
        "short": [
            {
                "line_id": part.line_id,
                "sku": after.lines[part.line_id].placed.sku,
                "quantity": part.quantity,
                "expected_at": _iso(planned.expected.get(part.line_id) if planned else None),
            }
            for part in (made.short if made else ())
        ],
    }


def _iso(at: Any) -> str | None:
    return at.isoformat() if at else None
