"""What is asked of the lists of eBay, Walmart and Etsy, and how their pages follow: no network, no clock."""

from __future__ import annotations

from typing import Any

import pytest

from oms.channels import ebay_list, etsy_list, walmart_list
from oms.channels.listing import By
from oms.domain.errors import MalformedPayloadError
from tests.unit.test_channel_lists import SPAN


def test_ebay_is_asked_without_an_end_and_ends_by_the_count() -> None:
    (request,) = ebay_list.requests(By.UPDATED, SPAN)
    assert request.path == "/sell/fulfillment/v1/order"
    assert request.query == {
        "filter": "lastmodifieddate:[2026-11-25T09:00:00.000Z..]",
        "limit": "200",
        "offset": "0",
        "fieldGroups": "TAX_BREAKDOWN",
    }
    placed = ebay_list.requests(By.PLACED, SPAN)[0].query["filter"]
    assert placed == "creationdate:[2026-11-25T09:00:00.000Z..2026-11-25T10:00:00.999Z]"
    following = ebay_list.next_page(request, {"orders": [{}] * 50, "total": 51})
    assert following is not None
    assert following.query == {**request.query, "offset": "50"}
    assert ebay_list.next_page(following, {"orders": [{}], "total": 51}) is None
    assert ebay_list.next_page(following, {"orders": [], "total": 99}) is None


def test_walmart_is_asked_for_each_kind_of_warehouse_and_then_by_its_cursor_alone() -> None:
    requests = walmart_list.requests(By.UPDATED, SPAN)
    assert [request.query["shipNodeType"] for request in requests] == [
        "SellerFulfilled",
        "WFSFulfilled",
        "3PLFulfilled",
    ]
    assert {request.path for request in requests} == {"/v3/orders"}
    assert dict(requests[0].query) | {"shipNodeType": ""} == {
        "lastModifiedStartDate": "2026-11-25T09:00:00Z",
        "lastModifiedEndDate": "2026-11-25T10:00:01Z",
        "shipNodeType": "",
        "limit": "200",
    }
    assert "createdStartDate" in walmart_list.requests(By.PLACED, SPAN)[0].query

    def page(cursor: str) -> dict[str, Any]:
        return {"list": {"meta": {"totalCount": 9, "nextCursor": cursor}}}

    following = walmart_list.next_page(requests[0], page("?limit=200&hasMoreElements=true&poIndex=200"))
    assert following is not None
    assert following.query == {"limit": "200", "hasMoreElements": "true", "poIndex": "200"}
    assert walmart_list.next_page(following, page("?limit=200&hasMoreElements=false")) is None
    assert walmart_list.next_page(following, {"list": {}}) is None
    with pytest.raises(MalformedPayloadError):
        walmart_list.next_page(following, page("?limit=200&hasMoreElements=true&poIndex=200"))


def test_etsy_is_asked_by_ids_without_an_end_and_ends_by_the_count() -> None:
    (request,) = etsy_list.requests(By.UPDATED, SPAN)
    since = str(int(SPAN.since.timestamp()))
    assert request.path == "/receipts"
    assert request.query == {
        "sort_on": "receipt_id",
        "sort_order": "asc",
        "limit": "100",
        "offset": "0",
        "min_last_modified": since,
    }
    placed = etsy_list.requests(By.PLACED, SPAN)[0].query
    assert (placed["min_created"], placed["max_created"]) == (since, str(int(SPAN.until.timestamp())))
    following = etsy_list.next_page(request, {"results": [{}] * 100, "count": 101})
    assert following is not None
    assert following.query == {**request.query, "offset": "100"}
    assert etsy_list.next_page(following, {"results": [{}], "count": 101}) is None
