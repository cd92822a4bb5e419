"""Lots: expected, changed, received in parts, closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.exactly_once import ATTEMPTS
from oms.application.supply import TakeSupply
from oms.domain.commit import Cause
from oms.domain.errors import (
    ContentionError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    InvalidTransitionError,
    NoSuchNodeError,
    NoSuchSkuError,
    SupplyNotFoundError,
    VersionConflictError,
)
from oms.domain.movements import Into
from oms.domain.stock import stock_deltas
from oms.domain.supply import (
    InboundCancelled,
    InboundReceived,
    Lot,
    LotStatus,
    SupplyChange,
    SupplyKind,
    decide_supply,
    expected_skus,
    fold_lot,
)
from tests.proof.memory import MemoryLog, MemoryReference, MemoryStock, Store
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.commit import Commit

EXPECTED = SupplyChange(
    supply_id="PO-1", kind=SupplyKind.EXPECTED, sku="A", node_id="N1", quantity=40, due=minutes(100)
)
LOT = Lot(supply_id="PO-1", sku="A", node_id="N1", quantity=40, due=minutes(100))
CLOSED = replace(LOT, quantity=0, status=LotStatus.CANCELLED)


def change(kind: SupplyKind, **fields: Any) -> SupplyChange:
    return SupplyChange(supply_id="PO-1", kind=kind, **fields)


def told(lot: Lot | None, asked: SupplyChange) -> Lot | None:
    return fold_lot(decide_supply(lot, asked), lot)


def test_a_lot_is_what_was_told_of_it() -> None:
    assert told(None, EXPECTED) == LOT
    assert told(LOT, change(SupplyKind.CHANGED, quantity=30)) == replace(LOT, quantity=30)
    assert told(LOT, change(SupplyKind.CHANGED, due=minutes(200))) == replace(LOT, due=minutes(200))
    assert told(LOT, change(SupplyKind.RECEIVED, quantity=25)) == replace(LOT, quantity=15)
    assert told(LOT, change(SupplyKind.CANCELLED)) == CLOSED
    cancelled = InboundCancelled(reason="sold out", sku="A")
    assert decide_supply(LOT, change(SupplyKind.CANCELLED, reason="sold out")) == (cancelled,)


def test_who_waits_for_a_lot_is_found_by_what_is_told_of_it() -> None:
    asked = (change(SupplyKind.CHANGED, quantity=30), change(SupplyKind.RECEIVED, quantity=2), EXPECTED)
    for lot, told_of in zip((LOT, LOT, None), asked, strict=True):
        assert expected_skus(decide_supply(lot, told_of)) == ("A",)
    assert expected_skus([InboundCancelled(reason="before SKUs were told")]) == ()


@pytest.mark.parametrize("units", [40, 41])
def test_all_of_a_lot_or_more_closes_it(units: int) -> None:
    received = change(SupplyKind.RECEIVED, quantity=units, into=Into.QC)
    assert told(LOT, received) == replace(LOT, quantity=0, status=LotStatus.RECEIVED)
    (delta,) = stock_deltas(decide_supply(LOT, received))
    assert (delta.sku, delta.node_id, dict(delta.changes)) == ("A", "N1", {"on_hand": units, "qc": units})


@pytest.mark.parametrize(
    ("lot", "asked", "error"),
    [
        (LOT, EXPECTED, InvalidTransitionError),
        (CLOSED, EXPECTED, InvalidTransitionError),
        (None, change(SupplyKind.RECEIVED, quantity=1), SupplyNotFoundError),
        (None, change(SupplyKind.CANCELLED), SupplyNotFoundError),
        (CLOSED, change(SupplyKind.RECEIVED, quantity=1), InvalidTransitionError),
        (CLOSED, change(SupplyKind.CANCELLED), InvalidTransitionError),
        (LOT, change(SupplyKind.RECEIVED), InvalidInputError),
        (LOT, change(SupplyKind.CHANGED), InvalidInputError),
        (LOT, change(SupplyKind.CHANGED, quantity=-1), InvalidInputError),
        (LOT, change(SupplyKind.CHANGED, due=datetime(2026, 1, 1)), InvalidInputError),  # noqa: DTZ001
        (LOT, change(SupplyKind.CANCELLED, reason="ask a@b.example"), InvalidInputError),
        (None, replace(EXPECTED, quantity=0), InvalidInputError),
        (None, replace(EXPECTED, quantity=1_000_000_001), InvalidInputError),
        (None, replace(EXPECTED, due=None), InvalidInputError),
        (None, replace(EXPECTED, sku=""), InvalidInputError),
        (None, replace(EXPECTED, node_id=""), InvalidInputError),
    ],
)
def test_what_does_not_fit_is_refused(lot: Lot | None, asked: SupplyChange, error: type[Exception]) -> None:
    with pytest.raises(error):
        decide_supply(lot, asked)


def test_what_comes_before_anything_is_expected_is_no_lot() -> None:
    assert fold_lot([InboundReceived(quantity=1)]) is None


# ---------------------------------------------------------------- the use case


@pytest.fixture
def store() -> Store:
    store = Store()
    reference = MemoryReference(store)
    reference.put("node", "N1", {"node_id": "N1", "country": "DE", "latitude": 50, "longitude": 8})
    reference.put("product", "A", {"sku": "A"})
    return store


def cause(key: str) -> Cause:
    return Cause(kind="api", ref=f"asked:{key}", actor="warehouse")


def take(store: Store, log: MemoryLog | None = None) -> TakeSupply:
    return TakeSupply(log or MemoryLog(store), MemoryReference(store), lambda: minutes(0))


def test_once_by_its_key_and_where_it_can_be_read(store: Store) -> None:
    use, stock = take(store), MemoryStock(store)
    assert use("k", EXPECTED, cause("k")) == {"lot": LOT, "replayed": False}
    assert use("k", EXPECTED, cause("k")) == {"lot": LOT, "replayed": True}
    with pytest.raises(IdempotencyKeyReusedError):
        use("k", replace(EXPECTED, quantity=1), cause("other"))
    assert stock.inbound("A") == [LOT]
    for _ in range(2):
        use("part", change(SupplyKind.RECEIVED, quantity=25), cause("part"))
    assert stock.inbound("A") == [replace(LOT, quantity=15)]
    assert store.positions["A"]["N1"].available == 25
    use("rest", change(SupplyKind.CANCELLED), cause("rest"))
    assert stock.inbound("A") == []


def test_unknown_names_are_refused(store: Store) -> None:
    with pytest.raises(NoSuchSkuError):
        take(store)("k", replace(EXPECTED, sku="X"), cause("k"))
    with pytest.raises(NoSuchNodeError):
        take(store)("k", replace(EXPECTED, node_id="X"), cause("k"))


class Losing(MemoryLog):
    """Somebody else is always first."""

    tries = 0

    def append(self, commit: Commit, **_: Sequence[Any]) -> None:
        """See the port."""
        Losing.tries += 1
        raise VersionConflictError("the stream moved on", stream=commit.stream)


def test_a_race_that_is_never_won_ends_in_a_name(store: Store) -> None:
    with pytest.raises(ContentionError):
        take(store, Losing(store))("k", EXPECTED, cause("k"))
    assert Losing.tries == ATTEMPTS
