"""Orders made of a few words, and a story that runs commands on one the way the application does.

`snapshot()` gives a sound canonical order, `Story` takes it through its life in memory: each command once, its events
folded, its stock moved under the same conditions as in the database. Every step checks what must hold after any commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    PaymentState,
    ShipTo,
    check_order,
    sum_parts,
)
from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.errors import InsufficientStockError
from oms.domain.order import commands as cmd
from oms.domain.order.charging import due_captures, due_refunds, void_due
from oms.domain.order.decider import decide
from oms.domain.order.events import Disposition, LineUnits, NodeUnits, OrderEvent, PaymentPlan
from oms.domain.order.evolve import fold
from oms.domain.order.promising import wanted_units
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.domain.stock import COMPONENTS, StockDelta, stock_deltas
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.geo import Point
    from oms.domain.order.state import Order

T0: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""When the stories begin."""
IN_CHANNEL: Final = PaymentPlan(provider="in_channel")
STRIPE: Final = PaymentPlan(provider="stripe", reference="pi_1")
BERLIN: Final = ShipTo(country="DE", region="BE", postal_code="10115", latitude=52.53, longitude=13.38)
PARIS: Final = ShipTo(country="FR", region="IDF", postal_code="75001", latitude=48.86, longitude=2.34)
PAID: Final = PaymentState.PAID


def nowhere(key: str) -> Point | None:
    """A gazetteer without places."""
    del key
    return None


def minutes(count: float) -> datetime:
    """`count` minutes into the story."""
    return T0 + timedelta(minutes=count)


def line(line_ref: str = "1", quantity: int = 1, unit_price: int = 1000, **changes: Any) -> CanonicalLine:
    """A line of the SKU `SKU-<line_ref>`."""
    fields: dict[str, Any] = {"sku": f"SKU-{line_ref}", **changes}
    return CanonicalLine(line_ref=line_ref, quantity=quantity, unit_price=unit_price, **fields)


def snapshot(*lines: CanonicalLine, revision: float = 0, captured: int | None = None, **changes: Any) -> CanonicalOrder:
    """A sound canonical order of `lines` (one line when none is given), its total what its parts sum to.

    `captured` makes it paid in the channel; `revision` is in minutes.
    """
    fields: dict[str, Any] = {
        "source": "shopify",
        "account": "shop-1",
        "external_id": "1001",
        "number": "#1001",
        "revision": minutes(revision),
        "placed_at": T0,
        "currency": "EUR",
        "lines": lines or (line(),),
        "total": 0,
        "ship_to": BERLIN,
        **changes,
    }
    if captured is not None:
        fields["payment"] = ChannelPayment(state=PAID, captured=captured)
    order = CanonicalOrder(**fields)
    return check_order(replace(order, total=sum_parts(order)))


def paid(order: CanonicalOrder) -> CanonicalOrder:
    """`order`, paid in full in its channel."""
    return replace(order, payment=ChannelPayment(state=PAID, captured=order.total))


def sync_command(order: CanonicalOrder, plan: PaymentPlan = IN_CHANNEL, **changes: Any) -> cmd.SyncOrder:
    """The command that a delivery of this snapshot becomes."""
    digest = ids.derive("dig", repr(order))
    fields: dict[str, Any] = {"command_id": ids.command_id("sync", digest), "digest": digest, **changes}
    return cmd.SyncOrder(snapshot=order, payment=plan, **fields)


def units_of(lines: Mapping[str, int]) -> tuple[LineUnits, ...]:
    """{'1': 2} as units of lines."""
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in lines.items())


def authorized(amount: int) -> AuthorizationResult:
    """The provider's word that `amount` is held."""
    return AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=amount)


@dataclass
class Positions:
    """Stock in memory, under the conditions that the database enforces."""

    of: dict[tuple[str, str], StockDelta] = field(default_factory=dict)

    def receive(self, sku: str, node_id: str, units: int) -> None:
        """Goods came in."""
        self.apply([StockDelta(sku=sku, node_id=node_id, on_hand=units, available=units)])

    def apply(self, deltas: Iterable[StockDelta]) -> None:
        """All or nothing; raises InsufficientStockError when a component that is lowered would go below zero."""
        after = dict(self.of)
        for delta in deltas:
            key = (delta.sku, delta.node_id)
            known = after.get(key, StockDelta(sku=delta.sku, node_id=delta.node_id))
            after[key] = known.plus(delta)
            short = delta.reserved > 0 and known.short
            if short or any(getattr(after[key], name) < 0 for name in delta.changes if delta.changes[name] < 0):
                raise InsufficientStockError("not enough stock", sku=delta.sku, node=delta.node_id)
        for position in after.values():
            assert position.balanced, position
            assert min(getattr(position, name) for name in COMPONENTS) >= 0, position
        self.of = after

    def available(self, sku: str, node_id: str) -> int:
        """Units of a SKU that a node can promise."""
        return self.of[(sku, node_id)].available if (sku, node_id) in self.of else 0


@dataclass
class Story:
    """One order in memory. `do` runs a command once by its id, as the application does."""

    order_id: str = ids.order_id("shopify", "shop-1", "1001")
    events: list[OrderEvent] = field(default_factory=list)
    state: Order | None = None
    done: dict[str, tuple[OrderEvent, ...]] = field(default_factory=dict)
    stock: Positions = field(default_factory=Positions)
    count: int = 0

    @property
    def order(self) -> Order:
        """The order, which must have been placed."""
        assert self.state is not None, "nothing was placed yet"
        return self.state

    def id(self, what: str = "step") -> str:
        """A fresh command id, the same in every run."""
        self.count += 1
        return ids.command_id(what, str(self.count))

    def do(self, command: cmd.Command) -> tuple[OrderEvent, ...]:
        """Decide, move stock and fold; a command id that is known answers with what it did then."""
        if command.command_id in self.done:
            return self.done[command.command_id]
        events = decide(self.order_id, self.state, command)
        after = fold(self.order_id, events, self.state)
        if not events:
            return ()
        self.stock.apply(stock_deltas(events))
        self.state = after
        self.events.extend(events)
        self.done[command.command_id] = events
        assert tuple(event_from_plain(event_to_plain(event)) for event in events) == events, "not what was stored"
        return events

    def sync(self, order: CanonicalOrder, plan: PaymentPlan = IN_CHANNEL, **changes: Any) -> tuple[OrderEvent, ...]:
        """A delivery of a snapshot, however often it came before."""
        command = sync_command(order, plan, **changes)
        return self.do(replace(command, command_id=self.id("sync")))

    def place(self, *lines: CanonicalLine, plan: PaymentPlan = STRIPE, stock: int = 100, **changes: Any) -> Order:
        """An order with plenty of stock at WH1; paid by a provider unless `plan` says otherwise."""
        order = snapshot(*lines, **changes)
        for each in order.lines:
            self.stock.receive(each.sku, "WH1", stock)
        self.sync(paid(order) if plan.in_channel else order, plan)
        return self.order

    def promise(
        self,
        units: Mapping[str, Mapping[str, int]] | None = None,
        short: Mapping[str, int] | None = None,
        authorization: AuthorizationResult | None = None,
        **fields: Any,
    ) -> tuple[OrderEvent, ...]:
        """Units by node and line; all that is wanted at WH1 when nothing is said. Authorizes what is payable."""
        placed = self.order.placed
        if units is None:
            units = {"WH1": wanted_units(self.order)}
        if authorization is None and not placed.payment.in_channel:
            authorization = authorized(placed.total - placed.gift_cards)
        planned = tuple(
            NodeUnits(line_id=line_id, sku=self.order.lines[line_id].placed.sku, node_id=node_id, quantity=count)
            for node_id, lines in units.items()
            for line_id, count in lines.items()
        )
        return self.do(
            cmd.PromiseOrder(
                command_id=self.id("promise"),
                units=planned,
                short=units_of(short or {}),
                promised_by=minutes(60 * 24 * 3),
                authorization=authorization,
                decision={"policy": "test"},
                **fields,
            )
        )

    def ship(
        self, lines: Mapping[str, int] | None = None, number: int = 1, tracking: str = "", carrier: str = "dhl"
    ) -> tuple[OrderEvent, ...]:
        """A parcel out of fulfillment order `number`: `lines`, or all that remains."""
        fulfillment_order = self.fulfillment_order(number)
        remaining = self.order.fulfillment_orders[fulfillment_order].remaining
        parcel = cmd.ParcelToShip(
            carrier=carrier,
            tracking_number=tracking or f"TRK{len(self.order.parcels) + 1}",
            lines=units_of(remaining if lines is None else lines),
        )
        return self.do(
            cmd.ShipFulfillmentOrder(
                command_id=self.id("ship"), fulfillment_order_id=fulfillment_order, parcels=(parcel,)
            )
        )

    def fulfillment_order(self, number: int = 1) -> str:
        """Id of the order's fulfillment order by its ordinal."""
        return ids.fulfillment_order_id(self.order_id, number)

    def track(self, tracking: str, status: ParcelStatus = ParcelStatus.DELIVERED, at: float = 1000) -> None:
        """A scan of a parcel."""
        self.do(
            cmd.RecordTracking(
                command_id=self.id("scan"), tracking_number=tracking, status=status, occurred_at=minutes(at)
            )
        )

    def deliver_all(self) -> None:
        """Every parcel arrives."""
        for parcel in tuple(self.order.parcels.values()):
            self.track(parcel.tracking_number)

    def settle(self) -> None:
        """Everything that is due at the provider is done and succeeds."""
        if void_due(self.order):
            self.do(cmd.RecordVoid(command_id=self.id("void")))
        for due in due_captures(self.order):
            self.do(
                cmd.RecordCapture(
                    command_id=self.id("capture"),
                    shipment_id=due.shipment_id,
                    capture_id=f"ch_{due.shipment_id}",
                    amount=due.amount,
                )
            )
        for refund in due_refunds(self.order):
            self.refund_outcome(refund.refund_id, "succeeded")

    def refund_outcome(self, refund_id: str, state: str, reason: str = "") -> tuple[OrderEvent, ...]:
        """The provider's answer to a refund."""
        return self.do(
            cmd.RecordRefundOutcome(
                command_id=self.id("outcome"),
                refund_id=refund_id,
                state=state,
                refund_ref=f"re_{refund_id}",
                reason=reason,
            )
        )

    def refund(
        self,
        lines: Mapping[str, int] | None = None,
        amount: int | None = None,
        *,
        restock: bool = False,
        **changes: Any,
    ) -> tuple[OrderEvent, ...]:
        """Ask for money back."""
        return self.do(
            cmd.RequestRefund(
                command_id=self.id("refund"),
                reason="test",
                amount=amount,
                lines=units_of(lines or {}),
                disposition=Disposition.RESTOCK if restock else None,
                **changes,
            )
        )

    def cancel(self, lines: Mapping[str, int] | None = None) -> tuple[OrderEvent, ...]:
        """Cancel units; everything that can be when nothing is said."""
        return self.do(cmd.CancelLines(command_id=self.id("cancel"), reason="test", lines=units_of(lines or {})))

    def hold(self, *lines: str, hold_id: str = "hld_1", kind: str = "manual") -> tuple[OrderEvent, ...]:
        """Stop the order, or only some lines."""
        return self.do(cmd.PlaceHold(command_id=self.id("hold"), hold_id=hold_id, kind=kind, lines=lines))

    def release(self, hold_id: str = "hld_1") -> tuple[OrderEvent, ...]:
        """Let it go on."""
        return self.do(cmd.ReleaseHold(command_id=self.id("release"), hold_id=hold_id))
