"""The checker of I1 to I13: a sound system passes, and each planted defect is found under the name it has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.keys import contact_key
from oms.domain import ids
from oms.domain.codec import event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, StoredCommit, chain_hash
from oms.domain.holding import HeldUnits, HoldKind, StockHeld, StockHoldClaimed, StockHoldExpired
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.order.summary import open_fulfillment_orders
from oms.domain.public_events import public_events
from oms.domain.serials import Serial
from oms.domain.stock import StockMoved, StockMovement
from tests.proof.invariants import (
    Evidence,
    InvariantError,
    Oracle,
    check,
    check_orders,
    log,
    require,
    serials,
    stock,
    views,
)
from tests.proof.invariants import evidence as found
from tests.support.builders import IN_CHANNEL, STRIPE, Story, line, minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CARD, SHOP = ids.order_id("shopify", "shop-1", "1001"), ids.order_id("shopify", "shop-1", "1002")
HELD = ids.order_id("shopify", "shop-1", "1003")
A, B = "SKU-1", "SKU-2"
PARKED = ids.derive("qrn", "shopify", "shop-1", "evt-9")
LIMIT = {"type": "urn:oms:problem:invalid_input", "title": "no", "code": "invalid_input", "retryable": False}


def chain(stream: str, batches: Iterable[Iterable[Any]], kind: str = "api") -> list[StoredCommit]:
    """Commits of these events, as the log would hold them."""
    stored: list[StoredCommit] = []
    previous = GENESIS
    for number, events in enumerate(batches, start=1):
        commit = Commit(
            stream=stream,
            number=number,
            command_id=ids.command_id(stream, str(number)),
            cause=Cause(kind=kind, ref=f"0123456789abcdef:key-{number}", actor="shop"),
            at=minutes(number),
            events=tuple(events),
            previous=previous,
        )
        plain = [event_to_plain(event) for event in events]
        stored.append(StoredCommit(commit=commit, plain_events=plain, hash=chain_hash(commit, plain)))
        previous = stored[-1].hash
    return stored


def stories() -> dict[str, Story]:
    """Paid by card, delivered and given back in part; cancelled in part in its channel; held."""
    card = Story(order_id=CARD)
    card.place(line("1", 3, 1001, tax=100), line("2", 2), plan=STRIPE, shipping=500)
    card.promise()
    card.ship({"1": 3})
    card.settle()
    card.ship()
    card.settle()
    card.deliver_all()
    card.refund({"1": 1})
    card.settle()
    shop = Story(order_id=SHOP, stock=card.stock)
    shop.place(line("1", 2), plan=IN_CHANNEL, external_id="1002", number="#1002", stock=0)
    shop.promise()
    shop.cancel({"1": 1})
    held = Story(order_id=HELD, stock=card.stock)
    held.place(line("2", 1), plan=IN_CHANNEL, external_id="1003", number="#1003", stock=0)
    held.hold()
    return {CARD: card, SHOP: shop, HELD: held}


def sound() -> Evidence:
    """A whole system at rest."""
    told = stories()
    moved = [StockMovement(sku=sku, node_id="WH1", kind=MovementKind.RECEIPT, quantity=100) for sku in (A, B)]
    streams = {f"order#{order_id}": chain(f"order#{order_id}", each.done.values()) for order_id, each in told.items()}
    streams["stock#mov_1"] = chain("stock#mov_1", [[StockMoved(movements=tuple(moved))]])
    payment = told[CARD].order.payment
    record = found.PaymentRecord(
        reference="pi_1",
        currency="eur",
        authorized=payment.authorized,
        captures=tuple(payment.captures.items()),
        refunds=tuple(
            found.RefundRecord(ref=each.refund_ref, amount=each.amount, our_id=each.refund_id)
            for each in payment.refunds.values()
        ),
    )
    sent = {
        order_id: found.SentOrder(
            order_id=order_id,
            units={one.placed.sku: one.placed.quantity for one in each.order.lines.values()},
            currency="EUR",
            total=each.order.placed.total,
            number=each.order.placed.number,
            contact=True,
        )
        for order_id, each in told.items()
    }
    return Evidence(
        streams=streams,
        positions=dict(told[CARD].stock.of),
        contacts={contact_key(each.order.contact_key) for each in told.values()},
        rows=[
            *(order_row(each) for each in told.values()),
            *(row for each in told.values() for row in work_rows(each)),
        ],
        quarantine={PARKED: found.Parked(code="totals_mismatch", reason="the parts do not add up")},
        pending={"IntakeQueue": 0},
        dead_letters={"IntakeQueueDeadLetters": 0},
        published=[
            found.Published(event_id=event_id, kind=kind, detail=detail)
            for stored in streams.values()
            for each in stored
            for event_id, kind, detail in public_events(each.commit)
        ],
        answers=[
            found.Answer(method="POST", path="/orders", status=201),
            found.Answer(
                method="POST",
                path="/orders",
                status=422,
                content_type="application/problem+json",
                document={**LIMIT, "status": 422},
            ),
            found.Answer(
                method="POST",
                path="/mcp",
                status=400,
                content_type="application/json",
                document={"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}},
            ),
            found.Answer(method="GET", path="/x", status=401, document={"message": "Unauthorized"}),
        ],
        reads=[found.Seen(order_id=CARD, acked=1, version=1), found.Seen(order_id=CARD, acked=1, version=4)],
        texts={"log": ["nothing to see", "order 4111111111111112 is no card"]},
        canaries=["Canary Quillfeather"],
        heads={"order#" + CARD: (2, streams["order#" + CARD][1].hash)},
        oracle=Oracle(
            orders=sent,
            deliveries=[found.Sent(name="mismatch", order_id=ids.order_id("x", "y", "z"), parked_id=PARKED)],
            writes=[found.Write(stream=f"order#{SHOP}", key="key-3")],
            payments={"pi_1": record},
            received={(A, "WH1"): 100, (B, "WH1"): 100},
            poison={PARKED: "totals_mismatch"},
            complete=True,
        ),
    )


def order_row(story: Story) -> found.Row:
    shown = views.shown_of(story.order)
    return found.Row(
        pk="day#2026-03-01#0",
        sk=f"2026-03-01T12:00:00.000000Z#{story.order_id}",
        number=len(story.done),
        row=shown,
        due="" if shown["stage"] == "closed" else "2026-03-02",
    )


def work_rows(story: Story) -> list[found.Row]:
    open_ids = open_fulfillment_orders(story.order)
    return [
        found.Row(
            pk=f"work#{each.node_id}",
            sk=each.fulfillment_order_id,
            row={
                "fulfillment_order": {
                    "fulfillment_order_id": each.fulfillment_order_id,
                    "order_id": story.order_id,
                    "node_id": each.node_id,
                    "status": each.status.value,
                }
            },
            open="open" if each.fulfillment_order_id in open_ids else "",
        )
        for each in story.order.fulfillment_orders.values()
    ]


# ---- defects


def rechained(evidence: Evidence, order_id: str, *more: Any, drop: type | None = None) -> None:
    """The order's stream with a commit more, or without the events of a type: sound as a chain, wrong as a story."""
    stream = f"order#{order_id}"
    batches = [[event for event in each.commit.events if type(event) is not drop] for each in evidence.streams[stream]]
    chained = chain(stream, [each for each in [*batches, list(more)] if each])
    evidence.streams = {**evidence.streams, stream: chained}


def position(evidence: Evidence, sku: str = A, **changes: int) -> None:
    assert evidence.positions is not None
    at = evidence.positions[sku, "WH1"]
    changed = replace(at, **{name: getattr(at, name) + units for name, units in changes.items()})
    evidence.positions = {**evidence.positions, (sku, "WH1"): changed}


def first_stored(evidence: Evidence, stream: str, **changes: Any) -> None:
    first, *rest = evidence.streams[stream]
    evidence.streams = {**evidence.streams, stream: [replace(first, **changes), *rest]}


def record(evidence: Evidence, **changes: Any) -> None:
    payments = evidence.oracle.payments
    evidence.oracle.payments = {"pi_1": replace(payments["pi_1"], **changes)}


def row(evidence: Evidence, order_id: str, **changes: Any) -> None:
    assert evidence.rows is not None
    shown = next(each for each in evidence.rows if each.order_id == order_id)
    fields = {name: changes.pop(name) for name in ("number", "due", "listed") if name in changes}
    changed = replace(shown, row={**shown.row, **changes}, **fields)
    evidence.rows = [changed if each is shown else each for each in evidence.rows]


def placed(evidence: Evidence, **changes: Any) -> None:
    """The card order, placed otherwise: its log says so, and its sender would agree."""
    stream = f"order#{CARD}"
    first, *rest = [each.commit.events for each in evidence.streams[stream]]
    evidence.streams = {**evidence.streams, stream: chain(stream, [[replace(first[0], **changes), *first[1:]], *rest])}


def cheaper(evidence: Evidence) -> None:
    """Everything adds up, but more was captured than that."""
    total = evidence.oracle.orders[CARD].total
    placed(evidence, shipping=0, total=total - 500)
    sent(evidence, CARD, total=total - 500)


def answer(
    evidence: Evidence,
    status: int,
    document: Any = None,
    content_type: str = "application/json",
    path: str = "/orders",
) -> None:
    answered = found.Answer(method="POST", path=path, status=status, content_type=content_type, document=document)
    evidence.answers = [*evidence.answers, answered]


def sent(evidence: Evidence, order_id: str, **changes: Any) -> None:
    orders = evidence.oracle.orders
    base = orders.get(order_id) or replace(orders[CARD], order_id=order_id)
    orders[order_id] = replace(base, **changes)


def publish(evidence: Evidence, **changes: Any) -> None:
    assert evidence.published
    evidence.published = [*evidence.published, replace(evidence.published[0], **changes)]


REFUND = ev.RefundRequested(refund_id="rfd_x", amount=10_000_000, origin="oms")
SHIPPED_AGAIN = ev.LinesCancelled(lines=(ev.LineUnits(line_id="1", quantity=1),), origin="oms")
LET_GO = ev.NodeUnits(line_id="1", sku=A, node_id="WH9", quantity=1)
FREED = ev.LinesCancelled(
    lines=(ev.LineUnits(line_id="1", quantity=1),), origin="oms", freed=(LET_GO,), fulfillment_orders=("ful_x",)
)
HOLD = "hold#sth_1"
AT_WH1: dict[str, Any] = {"sku": A, "node_id": "WH1", "quantity": 1}
HELD_FOR_IT = StockHeld(
    hold_id="sth_1", kind=HoldKind.CHECKOUT, channel="site", units=(), held_at=minutes(0), expires_at=minutes(9)
)
IT_EXPIRED, IT_WAS_CLAIMED = StockHoldExpired(freed=()), StockHoldClaimed(order_id=CARD)
DEFECTS: dict[str, tuple[str, Callable[[Evidence], None]]] = {
    "oversold": ("I1", lambda e: position(e, available=-500, on_hand=-500)),
    "out of balance": ("I1", lambda e: position(e, available=1)),
    "units from nowhere": ("I1", lambda e: position(e, available=1, on_hand=1)),
    "released twice": ("I1", lambda e: position(e, available=1, reserved=-1)),
    "let go at another node": ("I1", lambda e: rechained(e, SHOP, FREED)),
    "more refunded than captured": (
        "I2",
        lambda e: record(e, refunds=(found.RefundRecord(ref="re_1", amount=10_000_000),)),
    ),
    "captured more than authorized": ("I2", lambda e: record(e, authorized=1)),
    "refund over captured in the books": ("I2", lambda e: rechained(e, CARD, REFUND)),
    "another currency": ("I2", lambda e: record(e, currency="usd")),
    "a refund the books do not know": (
        "I3",
        lambda e: record(e, refunds=(*e.oracle.payments["pi_1"].refunds, found.RefundRecord(ref="re_2", amount=1))),
    ),
    "a capture that is not booked": ("I3", lambda e: rechained(e, CARD, drop=ev.PaymentCaptured)),
    "history rewritten": ("I3", lambda e: setattr(e, "heads", {"order#" + CARD: (2, "feedfeedfeedfeed")})),
    "stock no event tells of": (
        "I3",
        lambda e: setattr(
            e,
            "positions",
            {**(e.positions or {}), ("SKU-9", "WH1"): replace((e.positions or {})[A, "WH1"], reserved=0, sku="SKU-9")},
        ),
    ),
    "an acknowledged order is lost": ("I4", lambda e: sent(e, ids.order_id("shopify", "shop-1", "9999"))),
    "an order with other units": ("I4", lambda e: sent(e, CARD, units={A: 7})),
    "an order of another total": ("I4", lambda e: sent(e, CARD, total=1)),
    "an order nobody sent": ("I4", lambda e: e.oracle.orders.__delitem__(HELD)),
    "an entry nobody sent": (
        "I4",
        lambda e: setattr(e, "quarantine", {**(e.quarantine or {}), "qrn_x": found.Parked(code="x", reason="y")}),
    ),
    "a delivery is nowhere": (
        "I4",
        lambda e: e.oracle.deliveries.append(found.Sent(name="lost", order_id="ord_LOST", parked_id="qrn_LOST")),
    ),
    "a write is forgotten": ("I4", lambda e: e.oracle.writes.append(found.Write(stream=f"order#{SHOP}", key="key-9"))),
    "the contact is elsewhere": ("I4", lambda e: setattr(e, "contacts", {(sk, pk) for pk, sk in e.contacts or ()})),
    "nobody will look": ("I4", lambda e: row(e, HELD, due="")),
    "a receipt is not stored": ("I4", lambda e: setattr(e.oracle, "received", {(A, "WH1"): 101, (B, "WH1"): 100})),
    "an event was not published": ("I4", lambda e: setattr(e, "published", list(e.published or ())[1:])),
    "an event was made up": ("I4", lambda e: publish(e, event_id=f"order#{CARD}:99:0")),
    "a command ran twice": (
        "I5",
        lambda e: e.streams[f"order#{SHOP}"].append(e.streams[f"order#{SHOP}"][-1]),  # type: ignore[attr-defined]
    ),
    "captured twice for one shipment": (
        "I5",
        lambda e: record(e, captures=(("k", 1), ("k", 1)), authorized=2, refunds=()),
    ),
    "one refund made twice": (
        "I5",
        lambda e: record(
            e, refunds=tuple(found.RefundRecord(ref=ref, amount=1, our_id="rfd_1") for ref in ("re_1", "re_2"))
        ),
    ),
    "one order under two ids": (
        "I5",
        lambda e: setattr(
            e,
            "streams",
            {**e.streams, "order#ord_TWIN": chain("order#ord_TWIN", [e.streams[f"order#{HELD}"][0].commit.events])},
        ),
    ),
    "an event with two contents": ("I5", lambda e: publish(e, detail={"commit": 1})),
    "cancelled after it left": ("I6", lambda e: rechained(e, CARD, SHIPPED_AGAIN)),
    "a refund that failed before it was asked for": (
        "I6",
        lambda e: rechained(e, CARD, ev.RefundFailed(refund_id="rfd_none", reason="")),
    ),
    "a hold both freed and taken over": (
        "I6",
        lambda e: setattr(
            e, "streams", {**e.streams, HOLD: chain(HOLD, [[HELD_FOR_IT], [IT_EXPIRED], [IT_WAS_CLAIMED]])}
        ),
    ),
    "held and not bound": (
        "I1",
        lambda e: setattr(
            e, "streams", {**e.streams, HOLD: chain(HOLD, [[replace(HELD_FOR_IT, units=(HeldUnits(**AT_WH1),))]])}
        ),
    ),
    "placed without its placing": ("I6", lambda e: rechained(e, HELD, drop=ev.OrderPlaced)),
    "a commit changed": ("I7", lambda e: first_stored(e, f"order#{CARD}", plain_events=[])),
    "a commit removed": ("I7", lambda e: e.streams[f"order#{CARD}"].pop(2) and None),  # type: ignore[attr-defined]
    "the newest commit removed": ("I7", lambda e: e.streams[f"order#{SHOP}"].pop() and None),  # type: ignore[attr-defined]
    "a message is left": ("I8", lambda e: setattr(e, "pending", {"IntakeQueue": 1})),
    "a step is left": ("I8", lambda e: rechained(e, HELD, drop=ev.HoldPlaced)),
    "poison without its entry": ("I9", lambda e: setattr(e, "quarantine", {})),
    "poison for another reason": ("I9", lambda e: setattr(e.oracle, "poison", {PARKED: "malformed_payload"})),
    "a dead letter": ("I9", lambda e: setattr(e, "dead_letters", {"IntakeQueueDeadLetters": 1})),
    "a total that is not its parts": ("I10", lambda e: placed(e, total=1)),
    "a fraction of a cent": ("I10", lambda e: placed(e, shipping=1.5)),
    "charged for what is not there": ("I10", cheaper),
    "somebody is named": ("I11", lambda e: setattr(e, "texts", {"log": ["for Canary Quillfeather"]})),
    "a card number": ("I11", lambda e: setattr(e, "texts", {"log": ["paid by 4111111111111111 today"]})),
    "a key": ("I11", lambda e: setattr(e, "texts", {"log": ["with sk_test_sandbox"]})),
    "a failure": ("I12", lambda e: answer(e, 500, {"message": "Internal Server Error"})),
    "a refusal in plain text": ("I12", lambda e: answer(e, 422, None, "text/plain")),
    "a refusal of another status": (
        "I12",
        lambda e: answer(e, 409, {**LIMIT, "status": 422}, "application/problem+json"),
    ),
    "no error of JSON-RPC": ("I12", lambda e: answer(e, 400, {"jsonrpc": "2.0", "error": "x"}, path="/mcp")),
    "an assistant's problem document": ("I12", lambda e: answer(e, 429, LIMIT, "application/problem+json", "/mcp")),
    "a row behind its log": ("I13", lambda e: row(e, SHOP, stage="placed", number=1)),
    "a row with other units": ("I13", lambda e: row(e, SHOP, units=9)),
    "an order in no list": ("I13", lambda e: setattr(e, "rows", list(e.rows or ())[1:])),
    "work that is not listed": ("I13", lambda e: setattr(e, "rows", [r for r in e.rows or () if r.order_id])),
    "a read that goes back": (
        "I13",
        lambda e: setattr(e, "reads", [*e.reads, found.Seen(order_id=CARD, acked=4, version=3)]),
    ),
}


def test_a_sound_system_passes() -> None:
    evidence = sound()
    assert check(evidence) == []
    require(check_orders(evidence, [CARD, SHOP, HELD]))


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_under_its_name(name: str) -> None:
    invariant, plant = DEFECTS[name]
    evidence = sound()
    plant(evidence)
    problems = check(evidence)
    assert invariant in {each.invariant for each in problems}, problems
    with pytest.raises(InvariantError, match=invariant):
        require(problems)


def test_every_invariant_has_a_defect() -> None:
    assert {invariant for invariant, _ in DEFECTS.values()} == {f"I{number}" for number in range(1, 14)}


def test_streams_that_were_broken_on_purpose_are_left_out() -> None:
    evidence = sound()
    first_stored(evidence, f"order#{CARD}", plain_events=[])
    evidence.broken = {f"order#{CARD}"}
    assert check(evidence) == []


def test_while_dependencies_fail_a_client_may_be_told_to_come_again() -> None:
    evidence = sound()
    busy = {**LIMIT, "code": "contention", "retryable": True, "status": 503}
    answer(evidence, 503, busy, "application/problem+json")
    assert [each.invariant for each in check(evidence)] == ["I12"]
    evidence.faults = True
    assert check(evidence) == []


def test_parts_can_be_asked_alone() -> None:
    evidence = sound()
    assert evidence.positions is not None
    stream = f"order#{SHOP}"
    assert not list(log.chained(stream, evidence.streams[stream], hashes=False))
    assert not list(stock.positions_of_history(evidence.streams, evidence.positions))
    assert log.heads_of(evidence.streams)[stream] == (3, evidence.streams[stream][-1].hash)
    cut = [evidence.streams[stream][0], *evidence.streams[stream][2:]]
    assert [each.invariant for each in log.chained(stream, cut, hashes=False)] == ["I7"]


def test_a_unit_is_with_one_customer() -> None:
    unit = Serial(A, "S-1")
    part = ev.NodeUnits(line_id="1", sku=A, node_id="WH1", quantity=1, serials=(unit,))
    parcel = ev.ShippedParcel(parcel_id="pcl", carrier="dhl", tracking_number="T", units=(part,))
    left = ev.ShipmentShipped(shipment_id="shp", fulfillment_order_id="ful", node_id="WH1", parcels=(parcel,))
    back, later = ev.LinesReturned(units=(part,)), ev.SerialsReturned(serials={"1": (unit,)})
    fine: list[list[Any]] = [[left, back, left], [left, later]]
    for each in fine:
        assert list(serials.out_once({"order#1": chain("order#1", [each]), "order#2": []})) == []
    wrong: list[list[list[Any]]] = [
        [[left], [left]],
        [[left, left]],
        [[back]],
        [[left, back, later]],
        [[left, back, left], [left]],
    ]
    for streams in wrong:
        told = {f"order#{number}": chain(f"order#{number}", [each]) for number, each in enumerate(streams)}
        assert {each.invariant for each in serials.out_once(told)} == {"I1"}, streams
