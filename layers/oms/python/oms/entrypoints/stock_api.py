"""The stock API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.feed import MAX_ROWS
from oms.domain.canonical import MAX_TEXT
from oms.domain.codec import to_plain
from oms.domain.counting import CountSeen, PositionCount
from oms.domain.errors import InvalidInputError
from oms.domain.lots import day, lot_of
from oms.domain.movements import Into, MovementKind, ReasonCode
from oms.domain.offers import segment_named
from oms.domain.segments import LOT, POOL, SEPARATOR, split_place
from oms.domain.stock import COMPONENTS, StockMovement, counted_delta
from oms.domain.supply import SupplyChange, SupplyKind
from oms.entrypoints import feeds, http, use_cases, wiring
from oms.entrypoints.requests.stock import AvailabilityBody, CountsBody, MovementsBody, StockFeedBody, SupplyBody

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.stock import StockCounted, StockDelta
    from oms.domain.supply import Lot
    from oms.entrypoints.requests.stock import MovementBody


def show(app: APIGatewayHttpResolver, sku: str) -> Response[str]:
    """Every node's position of a SKU."""
    http.require(app, "warehouse", "service", "sales", "shop")
    if len(sku) > MAX_TEXT:
        raise InvalidInputError("no SKU is as long", limit=MAX_TEXT)
    found = wiring.stock().positions([sku])
    positions = _positions(found)
    inbound = [_lot(each) for each in wiring.stock().inbound(sku)]
    available = sum(each.promisable for each in found if SEPARATOR not in each.node_id)
    document: dict[str, Any] = {"sku": sku, "available": available, "positions": positions, "inbound": inbound}
    if not found:  # a kit has no position, and is as much as its components make
        document |= use_cases.show_availability().kit(sku)
    return http.answer(document)


def _positions(rows: list[StockDelta]) -> list[dict[str, Any]]:
    """Positions by node, with what is free in their pools, and their lots that are not all gone."""
    shown: dict[str, dict[str, Any]] = {}
    for each in sorted(rows, key=lambda row: row.node_id):
        node_id, segment = split_place(each.node_id)
        if not segment:
            shown[node_id] = {"node_id": node_id, **_components(each)}
        elif segment.startswith(POOL) and each.free:
            shown[node_id].setdefault("pools", {})[segment.removeprefix(POOL)] = each.free
        elif segment.startswith(LOT) and (each.on_hand or each.in_transit):
            number, best_before = lot_of(segment)
            day = best_before.isoformat() if best_before else None
            lot = {
                "number": number,
                "best_before": day,
                **{name: units for name, units in _components(each).items() if units},
            }
            shown[node_id].setdefault("lots", []).append(lot)
    return list(shown.values())


def _components(row: StockDelta) -> dict[str, int]:
    return {name: getattr(row, name) for name in COMPONENTS if name != "free"}


def _segment(asked: MovementBody) -> str:
    number, best_before = (asked.lot.number, day(asked.lot.best_before)) if asked.lot else ("", None)
    return segment_named(asked.pool, number, best_before)


def availability(app: APIGatewayHttpResolver) -> Response[str]:
    """What can be promised now, of many SKUs at many nodes."""
    http.require(app, "warehouse", "service", "sales", "shop")
    asked = http.body(app, AvailabilityBody)
    found = use_cases.show_availability()(asked.skus, asked.node_ids, asked.channel, asked.account)
    return http.answer({"availability": found})


def move(app: APIGatewayHttpResolver) -> Response[str]:
    """Movements that happen together, or not at all."""
    role = http.require(app, "warehouse")
    key = http.idempotency_key(app)
    asked = http.body(app, MovementsBody)
    movements = [
        StockMovement(
            sku=each.sku,
            node_id=each.node_id,
            kind=MovementKind(each.kind),
            quantity=each.quantity,
            reason=each.reason,
            code=ReasonCode(each.code),
            into=Into(each.into),
            to_node_id=each.to_node_id,
            segment=_segment(each),
        )
        for each in asked.movements
    ]
    done = use_cases.move_stock()(key, movements, http.api_cause(app, key, role))
    return http.answer({**done, "movements": to_plain(movements)}, 200 if done["replayed"] else 201)


def count(app: APIGatewayHttpResolver) -> Response[str]:
    """Counts of positions, all taken in or none."""
    role = http.require(app, "warehouse")
    key = http.idempotency_key(app)
    asked = http.body(app, CountsBody)
    counts = [
        PositionCount(
            sku=each.sku,
            node_id=each.node_id,
            counted=each.counted,
            seen=CountSeen(on_hand=each.seen.on_hand, counts=each.seen.counts) if each.seen else None,
            code=ReasonCode(each.code),
            reason=each.reason,
            segment=segment_named("", each.lot.number, day(each.lot.best_before)) if each.lot else "",
        )
        for each in asked.counts
    ]
    done = use_cases.count_stock()(key, counts, http.api_cause(app, key, role))
    shown = [_counted(each) for each in done["counts"]]
    return http.answer({**done, "counts": shown}, 200 if done["replayed"] else 201)


def _counted(event: StockCounted) -> dict[str, Any]:
    """What a count changed. Where units that orders have bound are missing, whose fulfillment orders to look at."""
    document = {
        "sku": event.sku,
        "node_id": event.node_id,
        "counted": event.counted,
        "book": event.book,
        "changes": {name: units for name, units in counted_delta(event).changes.items() if name != "counts"},
        "missing": event.missing,
    }
    if event.segment:
        number, best_before = lot_of(event.segment)
        document["lot"] = {"number": number, "best_before": best_before.isoformat() if best_before else None}
    return {**document, "look_at_node": event.node_id} if event.missing else document


def feed(app: APIGatewayHttpResolver) -> Response[str]:
    """Rows of a stock feed, each taken or refused by itself. Said again they change nothing: no key is needed."""
    http.require(app, "warehouse")
    asked = http.body(app, StockFeedBody)
    tally = use_cases.take_stock_feed().said(feeds.feed_of(asked.source, asked.rows), feeds.numbered(asked.rows))
    return http.answer(tally.document(MAX_ROWS))


def tell_supply(app: APIGatewayHttpResolver) -> Response[str]:
    """What is told of supply that is expected."""
    role = http.require(app, "warehouse")
    key = http.idempotency_key(app)
    asked = http.body(app, SupplyBody)
    change = SupplyChange(
        supply_id=asked.supply_id,
        kind=SupplyKind(asked.kind),
        sku=asked.sku,
        node_id=asked.node_id,
        quantity=asked.quantity,
        due=http.instant(asked.due) if asked.due else None,
        into=Into(asked.into),
        reason=asked.reason,
    )
    done = use_cases.take_supply()(key, change, http.api_cause(app, key, role))
    return http.answer({**_lot(done["lot"]), "replayed": done["replayed"]}, 200 if done["replayed"] else 201)


def _lot(lot: Lot) -> dict[str, Any]:
    """A lot; `quantity` is still to come."""
    return {
        "supply_id": lot.supply_id,
        "sku": lot.sku,
        "node_id": lot.node_id,
        "quantity": lot.quantity,
        "due": lot.due.isoformat(),
        "status": lot.status.value,
    }
