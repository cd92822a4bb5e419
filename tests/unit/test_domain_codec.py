from __future__ import annotations

import typing
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.domain.canonical import PaymentState, ShipTo
from oms.domain.codec import (
    EVENT_TYPES,
    UPCASTERS,
    event_from_plain,
    event_to_plain,
    from_plain,
    to_plain,
)
from oms.domain.drafts import DraftEvent
from oms.domain.errors import UnknownEventError
from oms.domain.holding import HoldEvent
from oms.domain.order import dispute_facts, edit_facts, fraud_facts, hold_facts, payment_facts
from oms.domain.order import events as ev
from oms.domain.order.return_facts import ReturnEvent
from oms.domain.supply import SupplyEvent


def test_fields_at_their_default_are_not_stored() -> None:
    assert event_to_plain(ev.HoldPlaced(hold_id="h", kind="manual")) == {
        "type": "HoldPlaced",
        "v": 1,
        "hold_id": "h",
        "kind": "manual",
    }


def test_zero_is_not_absent() -> None:
    """A place on the equator has a latitude."""
    assert to_plain(ShipTo(country="GA", latitude=0.0, longitude=9.0)) == {
        "country": "GA",
        "latitude": 0.0,
        "longitude": 9.0,
    }


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"type": "OrderTeleported", "v": 1},
        {"type": "PaymentVoided"},
        {"type": "PaymentVoided", "v": 2},
        {"type": "PaymentVoided", "v": "1"},
        {"type": None, "v": 1},
        {"type": "PaymentAuthorized", "v": 1},
        {"type": "ChannelPaymentReported", "v": 1, "state": "gifted", "captured": 1},
        {"type": "ChannelRevisionSeen", "v": 1, "revision": "yesterday", "digest": "d"},
        {"type": "ChannelRevisionSeen", "v": 1, "revision": 5, "digest": "d"},
        {"type": "ShipToChanged", "v": 1, "ship_to": "Berlin"},
        {"type": "LinesDelivered", "v": 1, "lines": 7},
    ],
)
def test_what_this_code_cannot_read_is_said_not_skipped(stored: dict[str, Any]) -> None:
    with pytest.raises(UnknownEventError):
        event_from_plain(stored)


def test_the_name_in_the_refusal_is_short() -> None:
    with pytest.raises(UnknownEventError) as caught:
        event_from_plain({"type": "x" * 5000, "v": 1})
    assert len(str(caught.value.context["type"])) <= 80


def test_an_old_version_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        UPCASTERS, ("PaymentTaken", -1), lambda old: {"type": "PaymentTaken", "v": 0, "cents": old["amount"] * 100}
    )
    monkeypatch.setitem(
        UPCASTERS, ("PaymentTaken", 0), lambda old: {"type": "PaymentAuthorized", "v": 1, "amount": old["cents"]}
    )
    assert event_from_plain({"type": "PaymentTaken", "v": -1, "amount": 3}) == ev.PaymentAuthorized(amount=300)


def test_reading_leaves_the_stored_form_alone() -> None:
    stored = event_to_plain(ev.PaymentAuthorized(amount=1))
    before = dict(stored)
    event_from_plain(stored)
    assert stored == before


def test_plain_values() -> None:
    assert to_plain({1: {PaymentState.PAID}, "at": datetime(2026, 1, 2, tzinfo=UTC)}) == {
        "1": ["paid"],
        "at": "2026-01-02T00:00:00+00:00",
    }
    assert from_plain(tuple[int, ...], [1, 2]) == (1, 2)


def test_names_are_the_classes_names() -> None:
    assert all(kind.__name__ == name for name, kind in EVENT_TYPES.items())
    homes = {each.__name__ for each in (ev, edit_facts, fraud_facts, hold_facts, payment_facts)}
    known = {**vars(ev), **vars(payment_facts)}
    defined = {name for name, each in known.items() if isinstance(each, type) and each.__module__ in homes}
    parts = {"Disposition", "OnExpiry", "PaymentPlan", "MovedDate", "ScoredBy", "ShippedParcel", "Tender", "Verdict"}
    apart = (*typing.get_args(SupplyEvent), *typing.get_args(HoldEvent), *typing.get_args(DraftEvent))
    apart = (*apart, *typing.get_args(ReturnEvent))
    of_stock = {
        "StockMoved",
        "StockCounted",
        "ShardsChanged",
        "DocumentIssued",
        "DocumentNumbered",
        *(each.__name__ for each in (*apart, *typing.get_args(dispute_facts.DisputeEvent))),
    }
    assert defined - parts == set(EVENT_TYPES) - of_stock, "an event that is not in OrderEvent cannot be stored"
