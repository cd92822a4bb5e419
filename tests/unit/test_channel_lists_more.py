"""Lists of Mercado Libre and Meta's shops: what is asked for, and how pages follow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from oms.channels import mercadolibre_list, meta_commerce_list
from oms.channels.listing import By, Span
from oms.domain.errors import MalformedPayloadError

SPAN: Final = Span(since=datetime(2026, 11, 25, 9, tzinfo=UTC), until=datetime(2026, 11, 25, 10, tzinfo=UTC))


def test_mercadolibre_is_asked_for_cancelled_orders_apart_and_by_pages_that_overlap() -> None:
    orders, cancelled = mercadolibre_list.requests(By.UPDATED, SPAN)
    assert orders.path == "/orders/search"
    assert orders.query == {
        "sort": "date_asc",
        "limit": "50",
        "offset": "0",
        "order.date_last_updated.from": "2026-11-25T09:00:00.000-00:00",
    }
    assert cancelled.query == {**orders.query, "order.status": "cancelled"}
    placed = mercadolibre_list.requests(By.PLACED, SPAN)[0].query
    assert placed["order.date_created.to"] == "2026-11-25T10:00:00.000-00:00"
    page = {"results": [{}] * 50, "paging": {"total": 51}}
    following = mercadolibre_list.next_page(orders, page)
    assert following is not None
    assert following.query == {**orders.query, "offset": "45"}
    assert mercadolibre_list.next_page(following, page) is None
    assert mercadolibre_list.next_page(orders, {"results": [], "paging": {"total": 51}}) is None


def test_an_order_that_is_cancelled_while_mercadolibres_pages_are_read_hides_no_other() -> None:
    orders = [{"id": number} for number in range(1, 121)]
    request: Any = mercadolibre_list.requests(By.UPDATED, SPAN)[0]
    seen: set[str] = set()
    while request is not None:
        offset = int(request.query["offset"])
        page = {"results": orders[offset : offset + 50], "paging": {"total": len(orders)}}
        seen |= {entry.identifier("id") for entry in mercadolibre_list.entries(page)}
        del orders[:5]
        request = mercadolibre_list.next_page(request, page)
    assert seen == {str(number) for number in range(1, 121)}


def test_meta_is_asked_for_every_state_without_buyers_and_follows_a_cursor() -> None:
    (request,) = meta_commerce_list.requests(By.UPDATED, SPAN)
    assert request.query["state"] == "FB_PROCESSING,CREATED,IN_PROGRESS,COMPLETED"
    assert request.query["updated_after"] == str(int(SPAN.since.timestamp()) - 1)
    assert "buyer" not in request.query["fields"]
    assert "address" not in request.query["fields"]
    assert list(meta_commerce_list.requests(By.PLACED, SPAN)) == [request]
    page = {"data": [], "paging": {"cursors": {"after": "abc"}, "next": "https://graph.facebook.com/v25.0/x?after=abc"}}
    following = meta_commerce_list.next_page(request, page)
    assert following is not None
    assert following.query == {**request.query, "after": "abc"}
    assert meta_commerce_list.next_page(following, {"data": [], "paging": {"cursors": {"after": "abc"}}}) is None
    with pytest.raises(MalformedPayloadError):
        meta_commerce_list.next_page(following, page)
