"""Orders of anybody's own system: what a delivery says, and what is refused by its path."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.signing import signed
from oms.channels import webhook
from oms.domain.canonical import ChannelRefund, Normalized, RefundedLine, Restock
from oms.domain.errors import InvalidInputError, MalformedPayloadError, ReplayWindowError, SignatureError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of a system").decode()
ORDER: dict[str, Any] = {
    "id": "E-1",
    "number": "1",
    "currency": "EUR",
    "lines": [{"line_ref": "a", "sku": "MUG-01", "quantity": 2, "unit_price": 1000}],
    "total": 2000,
    "payment": {"provider": "in_channel", "state": "paid", "captured": 2000},
}


def request(told: object = None, **data: Any) -> InboundRequest:
    body = {"type": "order.updated", "timestamp": "2026-11-25T08:00:00Z", "data": {**ORDER, **data}}
    raw = json.dumps(body if told is None else told).encode()
    headers = signed("webhook", raw, SECRET, int(NOW.timestamp()))
    return InboundRequest(account="erp", headers=headers, body=raw)


def read(**data: Any) -> Normalized:
    asked = request(**data)
    return webhook.normalize(asked, webhook.identify(asked))


def test_signed_as_standard_webhooks_are() -> None:
    webhook.verify(request(), ["whsec_not base64", SECRET], NOW)
    webhook.verify(request(), [SECRET.removeprefix("whsec_")], NOW)
    other = "whsec_" + base64.b64encode(b"another").decode()
    for secrets in ([], [other], ["whsec_not base64"]):
        with pytest.raises(SignatureError):
            webhook.verify(request(), secrets, NOW)
    with pytest.raises(ReplayWindowError):
        webhook.verify(request(), [SECRET], NOW + timedelta(seconds=301))


def test_what_a_delivery_is_about() -> None:
    notice = webhook.identify(request())
    assert (notice.kind, notice.topic, notice.external_id) == (NoticeKind.ORDER, "order.updated", "E-1")
    assert notice.event_id.startswith("msg_")
    assert notice.occurred_at == datetime(2026, 11, 25, 8, tzinfo=UTC)
    assert webhook.identify(request({"type": "ping"})).kind is NoticeKind.PING
    assert webhook.identify(request({"type": "customer.created", "data": {}})).kind is NoticeKind.IGNORED
    bare = InboundRequest(account="erp", headers={}, body=request().body)
    assert webhook.identify(bare).event_id == "order.updated:2026-11-25T08:00:00Z"


def test_the_order_is_of_the_sender_and_of_its_own_time() -> None:
    order = read(
        lines=[{**ORDER["lines"][0], "cancelled": 1}], cancelled=True, cancel_reason="late", on_hold="credit"
    ).order
    assert (order.source, order.account, order.external_id, order.number) == ("webhook", "erp", "E-1", "1")
    assert order.revision == order.placed_at == datetime(2026, 11, 25, 8, tzinfo=UTC)
    assert (order.cancelled, order.cancel_reason, order.on_hold) == (True, "late", "credit")
    assert [(line.line_ref, line.quantity, line.cancelled) for line in order.lines] == [("a", 2, 1)]
    assert order.status_words == (("type", "order.updated"),)


def test_refunds_that_were_made_there() -> None:
    lines = [{"line_ref": "a", "quantity": 1, "restock": "return"}, {"line_ref": "a", "quantity": 1}]
    refunds = [{"id": "R1", "amount": 500, "reason": "broken", "lines": lines}, {"id": "R2", "amount": 0}]
    assert read(refunds=refunds).order.refunds == (
        ChannelRefund(
            refund_ref="R1",
            amount=500,
            reason="broken",
            lines=(
                RefundedLine(line_ref="a", quantity=1, restock=Restock.RETURN),
                RefundedLine(line_ref="a", quantity=1, restock=Restock.NONE),
            ),
        ),
        ChannelRefund(refund_ref="R2", amount=0),
    )


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"id": None}, "data.id"),
        ({"coupon": "X"}, "coupon"),
        ({"hold_id": "x"}, "data.hold_id"),
        ({"payment": {"provider": "stripe", "reference": "pi_1"}}, "data.payment"),
        ({"payment": None}, "payment"),
        ({"lines": [{**ORDER["lines"][0], "cancelled": -1}]}, "cancelled"),
        ({"cancelled": "yes"}, "data.cancelled"),
        ({"refunds": [{"id": "R", "amount": -1}]}, "amount"),
        ({"refunds": [{"amount": 1}]}, "id"),
        ({"refunds": [{"id": "R", "amount": 1, "note": "x"}]}, "note"),
        ({"refunds": [{"id": "R", "amount": 1}] * 2}, "data.refunds"),
        ({"refunds": [{"id": f"{each}", "amount": 1} for each in range(1001)]}, "data.refunds"),
        ({"refunds": [{"id": "R", "amount": 1, "lines": [{"line_ref": "a", "quantity": 0}]}]}, "quantity"),
        (
            {"refunds": [{"id": "R", "amount": 1, "lines": [{"line_ref": "a", "quantity": 1, "restock": "x"}]}]},
            "restock",
        ),
    ],
)
def test_what_is_refused(data: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedPayloadError) as refusal:
        read(**data)
    assert str(refusal.value.context["path"]).endswith(path)


def test_more_cancelled_than_ordered_and_parts_that_do_not_sum_are_refused() -> None:
    for data in ({"lines": [{**ORDER["lines"][0], "cancelled": 3}]}, {"total": 1999}):
        with pytest.raises(InvalidInputError):
            read(**data)
    for told in (
        {"type": "order.created", "data": ORDER},
        {"type": "order.created", "timestamp": "now", "data": ORDER},
    ):
        with pytest.raises(MalformedPayloadError):
            webhook.normalize(request(told), Notice(kind=NoticeKind.ORDER, topic="t", event_id="1"))


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_ends_of_time_are_refused(at: str) -> None:
    """No time lies beyond them: a sum with one is none."""
    told = request({"type": "order.created", "timestamp": at, "data": ORDER})
    with pytest.raises(MalformedPayloadError):
        webhook.normalize(told, webhook.identify(told))


def test_nothing_is_fetched() -> None:
    notice = webhook.identify(request())
    assert webhook.fetches(notice) == ()
    with pytest.raises(MalformedPayloadError):
        webhook.assemble("erp", notice, {})
