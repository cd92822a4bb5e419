"""One random order from its placing to its end: commands to the system, and the same to the oracle."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

from oms.domain.canonical import CanonicalLine, CanonicalOrder, ChannelPayment, PaymentState
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import OmsError
from oms.domain.order import accounts, charging
from oms.domain.order import commands as cmd
from oms.domain.order.decider import decide
from oms.domain.order.events import LineUnits, NodeUnits, PaymentPlan, RefundRequested
from oms.domain.order.evolve import fold
from oms.domain.order.goodwill import GoodwillCode
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.proof.money import disputes, edits
from tests.proof.money.oracle import Goods, Oracle, per_unit
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order
    from tests.proof.money.oracle import Back

CURRENCIES: Final = ("JPY", "EUR", "KWD")
"""Of no, two and three digits: for money in minor units there is no difference, and so there must be none."""
ROUNDINGS: Final = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_FLOOR)
RATES: Final = tuple(Decimal(each) for each in ("0", "0.07", "0.0725", "0.19", "0.2"))
ORDER_ID: Final = "ord_MONEY"
STEPS: Final = 6
EDITED: Final = 0.4
"""How many orders are edited."""
DISPUTED: Final = 0.3
"""Of how many the payment may be disputed."""
KIND: Final = 0.3
"""How many customers may be given something out of goodwill."""
NOTHING: Final = Commit(
    stream=f"order#{ORDER_ID}",
    number=0,
    command_id="",
    cause=Cause(kind="api", ref="money"),
    at=minutes(0),
    events=(),
    previous=GENESIS,
)


@dataclass
class Life:
    """An order, what the oracle knows of it, and by how much they ever differed."""

    rng: random.Random
    order: Order = None  # type: ignore[assignment]
    oracle: Oracle = None  # type: ignore[assignment]
    drift: int = 0
    backs: dict[str, Back] = field(default_factory=dict)
    handed: dict[str, int] = field(default_factory=dict)
    """Number of the handover of each shipment."""
    count: int = 0
    ledger: accounts.Ledger = field(default_factory=accounts.Ledger)
    stands: dict[str, int] = field(default_factory=dict)

    def do(self, command: cmd.Command) -> tuple[OrderEvent, ...] | None:
        """What it led to; None when it was refused."""
        try:
            events = decide(ORDER_ID, self.order, command)
        except OmsError:
            return None
        order = fold(ORDER_ID, events, self.order)
        assert order is not None
        self.order = order
        if events:
            commit = replace(NOTHING, number=self.count, command_id=command.command_id, events=events)
            self.stands = self.ledger.follow(order, commit)
        return events

    def id(self) -> str:
        """Of the next command."""
        self.count += 1
        return f"c{self.count}"

    def compare(self) -> None:
        """Account by account; and nothing may stand on one side alone."""
        ours, theirs = self.stands, self.oracle.balances()
        self.drift += sum(abs(ours.get(each, 0) - theirs.get(each, 0)) for each in ours.keys() | theirs.keys())
        self.drift += abs(sum(ours.values()))


def play(seed: int) -> int:
    """Minor units of drift over one order's life."""
    life = Life(rng=random.Random(seed))
    _place(life)
    if life.rng.random() < 0.9:
        _promise(life)
    steps: Sequence[Callable[[Life], None]]
    steps = (_ship, _ship, _capture, _capture, _refund_units, _refund_twice, _refund_amount, _outcome, _cancel)
    if random.Random(f"edited {seed}").random() < EDITED:
        steps = (*steps, *[edits.edit] * 4, edits.pay_more, edits.pay_more, edits.promise_more, edits.promise_more)
    if random.Random(f"disputed {seed}").random() < DISPUTED:
        steps = (*steps, *[disputes.dispute] * 4, *[disputes.end] * 3)
    if random.Random(f"kind {seed}").random() < KIND:
        steps = (*steps, _goodwill, _goodwill)
    for _ in range(life.rng.randrange(1, STEPS + 1)):
        life.rng.choice(steps)(life)
        life.compare()
    _finish(life)
    life.compare()
    return life.drift + accounts.drift(life.order)


def _tax(rng: random.Random, amount: int, *, included: bool) -> int:
    """As a shop works it out: of the line, rounded as it likes."""
    rate = rng.choice(RATES)
    exact = Decimal(amount) * rate / (1 + rate if included else 1)
    return int(exact.quantize(Decimal(1), rounding=rng.choice(ROUNDINGS)))


def _place(life: Life) -> None:
    rng = life.rng
    included = rng.random() < 0.5
    lines = []
    for number in range(rng.randrange(1, 4)):
        units, price = rng.randrange(1, 6), rng.choice((0, 1, 7, rng.randrange(2000)))
        discount = rng.randrange(price * units + 1) if rng.random() < 0.4 else 0
        lines.append((units, price, discount, _tax(rng, price * units - discount, included=included), str(number + 1)))
    shipping, fees = rng.choice((0, 495)), rng.choice((0, 0, 100))
    header = {
        "shipping": shipping,
        "shipping_tax": _tax(rng, shipping, included=included),
        "fees": fees,
        "fee_tax": _tax(rng, fees, included=included),
        "tips": rng.choice((0, 0, 33)),
        "duties": rng.choice((0, 0, 71)),
    }
    taxes = 0 if included else sum(each[3] for each in lines) + header["shipping_tax"] + header["fee_tax"]
    net = sum(units * price - discount for units, price, discount, _, _ in lines)
    total = net + taxes + header["shipping"] + header["fees"] + header["tips"] + header["duties"]
    card = rng.randrange(total + 1) if rng.random() < 0.25 else 0
    provider = rng.choice(("stripe", "stripe", "in_channel"))
    captured = total - card if provider == "in_channel" else 0
    state = PaymentState.PAID if captured else PaymentState.PENDING
    if provider == "in_channel" and not captured:
        state = PaymentState.AUTHORIZED
    snapshot = CanonicalOrder(
        source="site",
        account="main",
        external_id="1",
        number="1",
        revision=minutes(0),
        placed_at=minutes(0),
        currency=rng.choice(CURRENCIES),
        lines=tuple(
            CanonicalLine(line_ref=ref, sku=ref, quantity=units, unit_price=price, discount=discount, tax=tax)
            for units, price, discount, tax, ref in lines
        ),
        total=total,
        tax_included=included,
        gift_cards=card,
        payment=ChannelPayment(state=state, captured=captured),
        shipping=header["shipping"],
        shipping_tax=header["shipping_tax"],
        fees=header["fees"],
        fee_tax=header["fee_tax"],
        tips=header["tips"],
        duties=header["duties"],
    )
    plan = PaymentPlan(provider=provider, reference="" if provider == "in_channel" else "pi_1")
    done = life.do(cmd.SyncOrder(command_id=life.id(), snapshot=snapshot, payment=plan, digest="d"))
    assert done
    life.oracle = Oracle(
        provider=provider,
        goods={
            line.line_id: Goods(
                prices=per_unit(units * price - discount + (0 if included else tax), units),
                taxes=per_unit(tax, units),
            )
            for line, (units, price, discount, tax, _) in zip(life.order.placed.lines, lines, strict=True)
        },
        header=_header(header, included=included),
        header_taxes={"shipping": header["shipping_tax"], "fees": header["fee_tax"]},
        gift_cards=card,
        captured=captured,
    )
    life.compare()


def _header(told: dict[str, int], *, included: bool) -> dict[str, int]:
    out = told["shipping_tax"], told["fee_tax"]
    inside = out if included else (0, 0)
    return {
        "shipping": told["shipping"] - inside[0],
        "fees": told["fees"] - inside[1],
        "tips": told["tips"],
        "duties": told["duties"],
        "tax": sum(out),
    }


def _promise(life: Life) -> None:
    """Everything, at one node or two; paid by then, as a whole or not yet."""
    payable = life.order.placed.total - life.order.placed.gift_cards
    paid = None
    if life.oracle.provider != "in_channel":
        upfront = life.rng.random() < 0.2
        state = AuthorizationState.CAPTURED if upfront else AuthorizationState.AUTHORIZED
        paid = AuthorizationResult(state=state, amount=payable)
    units = []
    for line_id, line in life.order.lines.items():
        first = life.rng.randrange(line.placed.quantity + 1)
        for node, count in (("A", first), ("B", line.placed.quantity - first)):
            if count:
                units.append(NodeUnits(line_id=line_id, sku=line.placed.sku, node_id=node, quantity=count))
    promise = cmd.PromiseOrder(
        command_id=life.id(), units=tuple(units), short=(), promised_by=minutes(9), authorization=paid
    )
    if life.do(promise) is None:
        return
    life.oracle.authorized = life.order.payment.authorized
    if paid and paid.state is AuthorizationState.CAPTURED and life.order.payment.captured:
        life.oracle.upfront = True
        life.oracle.captured = payable
        life.oracle.return_taxes()
    life.compare()


def _ship(life: Life, *, everything: bool = False) -> None:
    open_ones = [each for each in life.order.fulfillment_orders.values() if each.remaining]
    if not open_ones:
        return
    known = life.rng.choice(open_ones)
    units = {line_id: left if everything else life.rng.randrange(left + 1) for line_id, left in known.remaining.items()}
    units = {line_id: count for line_id, count in units.items() if count}
    if not units:
        return
    lines = tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())
    parcel = cmd.ParcelToShip(carrier="c", tracking_number=f"t{life.count}", lines=lines)
    ship = cmd.ShipFulfillmentOrder(
        command_id=life.id(), fulfillment_order_id=known.fulfillment_order_id, parcels=(parcel,)
    )
    before = set(life.order.handovers)
    if life.do(ship) is not None:
        (shipment,) = set(life.order.handovers) - before
        life.handed[shipment] = len(life.oracle.handovers)
        life.oracle.hand_over(units)


def _capture(life: Life) -> None:
    """One of those that are due, each of which must be what the oracle says."""
    due = charging.due_captures(life.order)
    theirs = life.oracle.dues()
    ours = {life.handed[each.shipment_id]: each.amount for each in due}
    life.drift += sum(abs(ours.get(each, 0) - theirs.get(each, 0)) for each in ours.keys() | theirs.keys())
    if due:
        one = life.rng.choice(due)
        record = cmd.RecordCapture(
            command_id=life.id(), shipment_id=one.shipment_id, capture_id=f"ch{life.count}", amount=one.amount
        )
        if life.do(record):
            life.oracle.capture(life.handed[one.shipment_id], one.amount)


def _refund(life: Life, units: dict[str, int], amount: int | None, kind: GoodwillCode | None = None) -> None:
    allowed = life.oracle.allows(units, amount)
    lines = tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())
    events = life.do(cmd.RequestRefund(command_id=life.id(), reason="r", amount=amount, lines=lines, goodwill=kind))
    life.drift += allowed != (events is not None)
    if events is None or not allowed:
        return
    made = life.oracle.refund(units, amount, kind=kind is not None)
    for each in events:
        if isinstance(each, RefundRequested):
            life.drift += abs(each.amount - made.amount)
            life.backs[each.refund_id] = made
    if not made.amount:
        made.state = "gone"


def _refund_units(life: Life) -> None:
    line_id = life.rng.choice(list(life.order.lines))
    asked = life.rng.choice((None, None, life.rng.randrange(1000)))
    _refund(life, {line_id: life.rng.randrange(1, 3)}, asked)


def _refund_twice(life: Life) -> None:
    """The bank sends it back, and it is made again."""
    known = set(life.backs)
    _refund_units(life)
    for refund_id in life.backs.keys() - known:
        life.do(cmd.RecordRefundOutcome(command_id=life.id(), refund_id=refund_id, state="failed"))
        life.oracle.fails(life.backs[refund_id])
        life.compare()
        _refund(life, {line_id: len(prices) for line_id, prices in life.backs[refund_id].taken.items()}, None)


def _refund_amount(life: Life) -> None:
    _refund(life, {}, life.rng.choice((0, 1, life.rng.randrange(2000), life.order.payment.captured)))


def _goodwill(life: Life) -> None:
    _refund(life, {}, life.rng.randrange(1, 1500), GoodwillCode.LATE)


def _outcome(life: Life) -> None:
    if not life.backs:
        return
    refund_id, back = life.rng.choice(list(life.backs.items()))
    if _waits(life, refund_id):
        return
    state = life.rng.choice(("submitted", "succeeded", "failed"))
    record = cmd.RecordRefundOutcome(
        command_id=life.id(), refund_id=refund_id, state=state, refund_ref=f"re{refund_id}"
    )
    if not life.do(record):
        return
    if state == "failed":
        life.oracle.fails(back)
    elif state == "succeeded":
        life.oracle.goes(back)
    else:
        back.sent = True


def _waits(life: Life, refund_id: str) -> bool:
    """It is not made while its money is disputed: no provider has it."""
    asked = [each.refund_id for each in charging.due_refunds(life.order)]
    back = life.backs[refund_id]
    return bool(life.oracle.dispute and back.state == "open" and not back.sent and refund_id not in asked)


def _cancel(life: Life) -> None:
    line_id, line = life.rng.choice(list(life.order.lines.items()))
    units = min(life.rng.randrange(1, 4), line.ledger.cancellable)
    if not units:
        return
    lines = (LineUnits(line_id=line_id, quantity=units),)
    known = len(life.oracle.backs)
    events = life.do(cmd.CancelLines(command_id=life.id(), lines=lines))
    if not events:
        return
    life.oracle.cancel({line_id: units})
    for each in events:
        if isinstance(each, RefundRequested):
            if len(life.oracle.backs) == known:
                life.drift += each.amount  # given back for no reason
            else:
                life.drift += abs(each.amount - life.oracle.backs[-1].amount)
                life.backs[each.refund_id] = life.oracle.backs[-1]


def _finish(life: Life) -> None:
    """All that is left goes out and is captured; refunds that are on their way arrive."""
    for _ in range(4):
        _ship(life, everything=True)
    life.compare()
    while charging.due_captures(life.order):
        _capture(life)
    for refund_id, back in life.backs.items():
        if _waits(life, refund_id):
            continue
        record = cmd.RecordRefundOutcome(command_id=life.id(), refund_id=refund_id, state="succeeded", refund_ref="re")
        if life.do(record):
            life.oracle.goes(back)
