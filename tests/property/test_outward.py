"""Whatever a vendor answers, a connector makes a call of it, an outcome, or a refusal: nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.channels.outward import Call, Done, Later, Level, Reply, kinds, levels, outward, sources
from oms.domain.channel_dues import Kind
from oms.domain.channel_message import Message
from oms.domain.errors import UpstreamError
from oms.domain.order.events import LineUnits

WORDS = st.sampled_from(
    [
        *("order", "orders", "fulfillments", "fulfillment_orders", "line_items", "transactions", "refunds", "items"),
        *("id", "status", "tracking_number", "tracking_numbers", "line_item_id", "fulfillable_quantity", "kind"),
        *("amount", "parent_id", "gateway", "currency", "presentment_currency", "cancelled_at", "note", "meta_data"),
        *("shipments", "tracks", "track_number", "orderLines", "orderLine", "orderLineStatuses", "orderLineStatus"),
        *("trackingInfo", "statusQuantity", "trackingNumber", "lineNumber", "state", "order_address_id", "errors"),
        *("data", "fulfillmentCreate", "refundCreate", "orderCancel", "userErrors", "code", "field", "nodes", "sku"),
        *("payload", "MarketplaceId", "line_items", "package_id", "shipping_type", "recipient_address", "region_code"),
        *("cancellations", "cancel_line_items", "order_line_item_id", "cancel_status", "cancel_type", "cancel_id"),
        *("order_status", "external_shipment_id", "tracking_info", "quantity", "success", "estimated_payment_details"),
        *("total_amount", "facebook_paid_amount", "tax", "price_per_unit", "promotion_details", "refund_subtotal"),
        *("mode", "site_id", "receiver_id", "destination", "body", "shipping", "logistic_type", "variations"),
        *("productVariants", "inventoryItem", "tracked", "extensions", "cost", "throttleStatus", "update", "error"),
    ]
)
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -3,
        10**30,
        "",
        "1",
        "open",
        "sale",
        "success",
        "EUR",
        "10.00",
        "x",
        "Cancelled",
        "TRK",
        "1001",
        "US",
        "TIKTOK",
    ]
)
JSON: Any = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=25
)
REPLIES = st.builds(
    lambda status, document: Reply(status=status, document=document),
    st.sampled_from([200, 200, 201, 400, 404, 409, 422]),
    st.dictionaries(WORDS, JSON, max_size=4),
)
SETTINGS = st.sampled_from(
    [
        {},
        {"location": "1", "tell": 3, "carriers": 7},
        {"tracking_plugin": True, "cancellation_reason": "X", "carriers": {"ups": "7"}, "listings": {"1": "x"}},
    ]
)


def message(kind: Kind) -> Message:
    return Message(
        message_id="out_1",
        kind=kind,
        source="s",
        account="a",
        order_id="ord_1",
        external_id="1001",
        number="#1",
        currency="EUR",
        lines=(LineUnits(line_id="1", quantity=2),),
        whole=True,
        tracking_number="TRK",
        carrier="UPS",
        refund_id="rfd_1",
        amount=1000,
        cancelled=(("1", 2),),
        shipped_at="2026-11-25T09:00:00+00:00",
    )


@pytest.mark.parametrize("source", sources())
@settings(max_examples=25)
@given(data=st.data())
def test_no_answer_breaks_a_connector(source: str, data: st.DataObject) -> None:
    channel = outward(source)
    kind = data.draw(st.sampled_from(sorted(kinds(source) - {Kind.STOCK})))
    said, asked = message(kind), data.draw(SETTINGS)
    with suppress(UpstreamError):
        answers = {call.name: data.draw(REPLIES) for call in channel.asks(said, asked)}
        assert isinstance(channel.tell(said, asked, answers), (Call, Done, Later))
    with suppress(UpstreamError):
        assert isinstance(channel.read(said, data.draw(REPLIES)), (Done, Later))


@pytest.mark.parametrize("source", [each for each in sources() if Kind.STOCK in kinds(each)])
@settings(max_examples=25)
@given(data=st.data())
def test_no_answer_breaks_the_levels_of_a_connector(source: str, data: st.DataObject) -> None:
    channel, told = levels(source), [Level(sku="1", units=3), Level(sku='a"b\\', units=0)]
    asked = data.draw(SETTINGS)
    with suppress(UpstreamError):
        answers = {call.name: data.draw(REPLIES) for call in channel.asks_levels(told, asked)}
        assert all(isinstance(each, Call) for each in channel.tell_levels(told, asked, answers, "key"))
        later = channel.read_levels(data.draw(REPLIES))
        assert later is None or isinstance(later, Later)
