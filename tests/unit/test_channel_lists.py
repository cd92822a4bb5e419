"""What is asked of channels' lists, how pages follow, and what an entry says: no network, no clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.sandbox.untold import untold
from oms.channels import (
    amazon_list,
    bigcommerce_list,
    magento_list,
    shopify_list,
    tiktok_shop_list,
    woocommerce_list,
)
from oms.channels.listing import By, Listed, Span, Told
from oms.channels.payload import Fields, parse_object
from oms.channels.registry import CONNECTORS, connector, lister
from oms.domain.errors import InvalidInputError, MalformedPayloadError, NotFoundError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from oms.channels.base import FetchRequest
    from oms.domain.canonical import CanonicalOrder

EVENTS: Final = Path(__file__).parents[2] / "events"
SPAN: Final = Span(since=datetime(2026, 11, 25, 9, tzinfo=UTC), until=datetime(2026, 11, 25, 10, tzinfo=UTC))
AT: Final = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


SINGLE: Final = ("ebay", "walmart", "etsy")
"""Channels whose order is one document."""
WHOLE: Final = ("bigcommerce", "magento", "mercadolibre", "meta-commerce")
"""Channels of which the sandbox keeps an order with all that belongs to it."""


def entry_of(source: str, given_: dict[str, Any]) -> Fields:
    """An order of the sandbox as its channel's list holds it."""
    order = given_["order"]["order"] if source in {"amazon", *WHOLE} else given_["order"]
    if source == "meta-commerce":
        edges = {name: {"data": given_["order"][name]} for name in ("items", "cancellations", "refunds")}
        order = order | edges
    return parse_object(json.dumps(order).encode())


def page_of(source: str, *entries: object) -> dict[str, Any]:
    match source:
        case "shopify":
            return {"orders": list(entries)}
        case "woocommerce" | "bigcommerce":
            return {"items": list(entries)}
        case "magento":
            return {"items": list(entries), "total_count": len(entries)}
        case "ebay":
            return {"orders": list(entries), "total": len(entries)}
        case "walmart":
            return {"list": {"elements": {"order": list(entries)}}}
        case "etsy":
            return {"results": list(entries), "count": len(entries)}
        case "mercadolibre":
            return {"results": list(entries), "paging": {"total": len(entries), "offset": 0, "limit": 50}}
        case "meta-commerce":
            return {"data": list(entries)}
        case "tiktok-shop":
            return {"code": 0, "data": {"orders": list(entries)}}
    return {"payload": {"Orders": list(entries)}}


# ---------------------------------------------------------------- what is asked


def test_shopify_lists_orders_in_any_state_by_their_last_change() -> None:
    (request,) = shopify_list.requests(By.UPDATED, SPAN)
    assert request.path == "/admin/api/2026-01/orders.json"
    assert request.body is None
    assert dict(request.query) | {"fields": ""} == {
        "status": "any",
        "updated_at_min": "2026-11-25T09:00:00Z",
        "updated_at_max": "2026-11-25T10:00:00Z",
        "order": "updated_at asc",
        "limit": "250",
        "fields": "",
    }
    assert "address" not in request.query["fields"]
    assert "processed_at_min" in shopify_list.requests(By.PLACED, SPAN)[0].query


def test_shopifys_next_page_is_asked_for_by_its_cursor_alone() -> None:
    (request,) = shopify_list.requests(By.UPDATED, SPAN)
    following = shopify_list.next_page(request, {"orders": [], "next_page_info": "abc"})
    assert following is not None
    assert set(following.query) == {"page_info", "limit", "fields"}
    assert shopify_list.next_page(following, {"orders": []}) is None
    with pytest.raises(MalformedPayloadError):
        shopify_list.next_page(following, {"orders": [], "next_page_info": "abc"})


def test_woocommerce_is_asked_for_its_trash_too_and_by_ids() -> None:
    orders, trash = woocommerce_list.requests(By.UPDATED, SPAN)
    assert (orders.query["status"], trash.query["status"]) == ("any", "trash")
    assert orders.query["modified_after"] == "2026-11-25T08:59:59"
    assert (orders.query["dates_are_gmt"], orders.query["orderby"], orders.query["order"]) == ("true", "id", "asc")
    assert "modified_before" not in orders.query
    assert "billing" not in orders.query["_fields"]
    placed = woocommerce_list.requests(By.PLACED, SPAN)[0].query
    assert (placed["after"], placed["before"]) == ("2026-11-25T08:59:59", "2026-11-25T10:00:01")


def test_woocommerce_has_another_page_behind_every_full_one() -> None:
    request = woocommerce_list.requests(By.UPDATED, SPAN)[0]
    full = {"items": [{"id": number} for number in range(100)]}
    following = woocommerce_list.next_page(request, full)
    assert following is not None
    assert following.query == {**request.query, "page": "2"}
    assert woocommerce_list.next_page(following, {"items": full["items"][:99]}) is None


def test_tiktok_is_asked_by_a_body_that_stays_while_pages_follow() -> None:
    (request,) = tiktok_shop_list.requests(By.UPDATED, SPAN)
    since = int(SPAN.since.timestamp())
    assert request.path == "/order/202309/orders/search"
    assert request.body == {"update_time_ge": since, "update_time_lt": since + 3601}
    following = tiktok_shop_list.next_page(request, {"data": {"next_page_token": "abc"}})
    assert following is not None
    assert following.query == {**request.query, "page_token": "abc"}
    assert following.body == request.body
    assert tiktok_shop_list.next_page(following, {"data": {"next_page_token": ""}}) is None
    with pytest.raises(MalformedPayloadError):
        tiktok_shop_list.next_page(following, {"data": {"next_page_token": "abc"}})


def test_amazon_is_asked_by_limits_and_then_by_a_token_alone() -> None:
    (request,) = amazon_list.requests(By.PLACED, SPAN)
    assert request.query == {
        "CreatedAfter": "2026-11-25T09:00:00Z",
        "CreatedBefore": "2026-11-25T10:00:00Z",
        "MaxResultsPerPage": "100",
    }
    following = amazon_list.next_page(request, {"payload": {"NextToken": "abc"}})
    assert following is not None
    assert following.query == {"NextToken": "abc"}
    assert amazon_list.next_page(following, {"payload": {}}) is None
    with pytest.raises(MalformedPayloadError):
        amazon_list.next_page(following, {"payload": {"NextToken": "abc"}})


def test_bigcommerce_is_asked_by_ids_without_an_end_and_has_another_page_behind_every_full_one() -> None:
    (request,) = bigcommerce_list.requests(By.UPDATED, SPAN)
    assert request.path == "/v2/orders"
    assert request.query == {
        "sort": "id:asc",
        "limit": "250",
        "page": "1",
        "min_date_modified": "2026-11-25T09:00:00Z",
    }
    placed = bigcommerce_list.requests(By.PLACED, SPAN)[0].query
    assert (placed["min_date_created"], placed["max_date_created"]) == ("2026-11-25T09:00:00Z", "2026-11-25T10:00:00Z")
    full = {"items": [{"id": number} for number in range(250)]}
    following = bigcommerce_list.next_page(request, full)
    assert following is not None
    assert following.query == {**request.query, "page": "2"}
    assert bigcommerce_list.next_page(following, {"items": full["items"][:249]}) is None


def test_bigcommerce_does_not_say_what_was_refunded() -> None:
    assert bigcommerce_list.told(entry_of("bigcommerce", untold("bigcommerce", AT))).refunded is None


def test_magento_ends_by_the_count_since_its_last_page_comes_again() -> None:
    (request,) = magento_list.requests(By.UPDATED, SPAN)
    assert request.path == "/rest/V1/orders"
    criteria = {name.removeprefix("searchCriteria"): value for name, value in request.query.items()}
    assert criteria.pop("fields").startswith("items[entity_id,")
    assert criteria == {
        "[filter_groups][0][filters][0][field]": "updated_at",
        "[filter_groups][0][filters][0][condition_type]": "gteq",
        "[filter_groups][0][filters][0][value]": "2026-11-25 09:00:00",
        "[sortOrders][0][field]": "entity_id",
        "[sortOrders][0][direction]": "ASC",
        "[pageSize]": "100",
        "[currentPage]": "1",
    }
    following = magento_list.next_page(request, {"items": [], "total_count": 101})
    assert following is not None
    assert following.query == {**request.query, "searchCriteria[currentPage]": "2"}
    assert magento_list.next_page(following, {"items": [{}] * 100, "total_count": 200}) is None
    placed = magento_list.requests(By.PLACED, SPAN)[0].query
    bounds = [value for name, value in placed.items() if name.endswith("[value]")]
    assert bounds == ["2026-11-25 09:00:00", "2026-11-25 10:00:00"]


# ---------------------------------------------------------------- what an entry says


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_an_entry_has_the_identity_and_the_times_of_its_snapshot(source: str) -> None:
    given_ = untold(source, AT)
    listed = lister(source).listed(entry_of(source, given_))
    assert listed == Listed(external_id=given_["id"], placed_at=AT, updated_at=AT)
    order = snapshot_of(source, given_)
    assert (order.external_id, order.placed_at, order.revision) == (listed.external_id, AT, AT)


def snapshot_of(source: str, given_: dict[str, Any]) -> CanonicalOrder:
    """The order as it is taken in when it is fetched."""
    who = connector(source)
    notice = Notice(kind=NoticeKind.FETCH, topic="listed", event_id="1", external_id=given_["id"])
    order = given_["order"]
    documents = {
        "shopify": {"order": [{"order": order}]},
        "woocommerce": {"order": [order]},
        "tiktok-shop": {"orders": [{"code": 0, "data": {"orders": [order]}}]},
        "amazon": {
            "order": [{"payload": order.get("order")}],
            "items": [{"payload": order.get("orderItems")}],
            "address": [{"payload": order.get("address")}],
        },
        "bigcommerce": {
            "order": [order.get("order")],
            "products": [{"items": order.get("products")}],
            "addresses": [{"items": order.get("addresses")}],
            "refunds": [{"data": order.get("refunds")}],
        },
        "magento": {"order": [order.get("order")], "creditmemos": [{"items": order.get("creditmemos")}]},
        "ebay": {"order": [order]},
        "walmart": {"order": [{"order": order}]},
        "etsy": {"order": [order]},
        "mercadolibre": {"order": [order.get("order"), order.get("shipment"), {"items": order.get("refunds", [])}]},
        "meta-commerce": {
            "order": [order.get("order")],
            **{name: [{"data": order.get(name)}] for name in ("items", "cancellations", "refunds")},
        },
    }[source]
    parsed = {
        name: [parse_object(json.dumps(page).encode()).values for page in pages] for name, pages in documents.items()
    }
    assert {request.name for request in who.fetches(notice)} & set(parsed)
    return who.assemble("main", notice, parsed).order


def samples(source: str) -> list[dict[str, Any]]:
    """Every sample of a channel that is an order, as the sandbox would hold it."""
    if source == "tiktok-shop":
        files = sorted((EVENTS / "sandbox/tiktok-shop").glob("*.json"))
        orders = [json.loads(file.read_text())["data"]["orders"][0] for file in files]
        return [{"id": order["id"], "order": order} for order in orders]
    if source == "amazon":
        found = []
        for folder in sorted((EVENTS / "sandbox/amazon").iterdir()):
            if not (folder / "items-page-2.json").is_file():
                parts = {"order": "order", "orderItems": "items", "address": "address"}
                order = {
                    part: json.loads((folder / f"{file}.json").read_text())["payload"] for part, file in parts.items()
                }
                found.append({"id": folder.name, "order": order})
        return found
    if source in {*SINGLE, *WHOLE}:
        files = sorted((EVENTS / "sandbox" / source).glob("*.json"))
        return [{"id": file.stem, "order": json.loads(file.read_text())} for file in files]
    bodies = [json.loads(file.read_text())["body"] for file in sorted((EVENTS / "channels" / source).glob("*.json"))]
    return [
        {"id": str(body["id"]), "order": body} for body in bodies if isinstance(body, dict) and "line_items" in body
    ]


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_a_list_tells_the_money_that_the_snapshot_has(source: str) -> None:
    compared = 0
    for given_ in samples(source):
        try:
            order = snapshot_of(source, given_)
        except InvalidInputError:
            continue  # what cannot be taken in cannot be compared
        told = lister(source).told(entry_of(source, given_))
        assert told.cancelled == order.cancelled
        if told.total is not None:
            assert (told.currency, told.total) == (order.currency, order.total)
        if told.refunded is not None:
            assert told.refunded == sum(refund.amount for refund in order.refunds)
        compared += 1
    assert compared >= 2


def test_amazon_does_not_say_what_was_refunded_nor_what_a_cancelled_order_cost() -> None:
    entry = entry_of("amazon", untold("amazon", AT))
    assert amazon_list.told(entry).refunded is None
    cancelled = Fields({**entry.values, "OrderStatus": "Canceled"})
    assert amazon_list.told(cancelled) == Told(currency="", total=None, cancelled=True, refunded=None)


@pytest.mark.parametrize(
    ("source", "change"),
    [("woocommerce", {"status": "checkout-draft"}), ("amazon", {"OrderStatus": "Pending"})],
)
def test_what_is_no_order_yet_is_passed_over(source: str, change: dict[str, str]) -> None:
    entry = entry_of(source, untold(source, AT))
    assert lister(source).listed(Fields({**entry.values, **change})) is None


def test_a_deleted_order_of_woocommerce_is_listed_as_cancelled() -> None:
    entry = Fields({**entry_of("woocommerce", untold("woocommerce", AT)).values, "status": "trash"})
    assert woocommerce_list.listed(entry)
    assert woocommerce_list.told(entry).cancelled


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("source", list(CONNECTORS))
@pytest.mark.parametrize("document", [{}, {"orders": 7}, {"items": "x"}, {"data": 1}, {"payload": []}])
def test_a_page_of_another_shape_is_refused(source: str, document: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        lister(source).entries(document)


@pytest.mark.parametrize("source", list(CONNECTORS))
def test_an_empty_page_is_one(source: str) -> None:
    assert not lister(source).entries(page_of(source))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("source", list(CONNECTORS))
@given(data=st.data())
def test_whatever_an_entry_holds_is_read_or_refused_by_type(source: str, data: st.DataObject) -> None:
    entry = dict(entry_of(source, untold(source, AT)).values)
    for key in data.draw(st.lists(st.sampled_from(sorted(entry)), min_size=1, max_size=3)):
        entry[key] = data.draw(_JSON)
    for read in (lister(source).listed, lister(source).told):
        try:
            read(Fields(entry))
        except InvalidInputError:
            continue


def test_who_is_no_channel_has_no_list() -> None:
    with pytest.raises(NotFoundError):
        lister("stripe")


# ---------------------------------------------------------------- an order that was listed is fetched


def test_shopify_fetches_an_order_that_was_listed_and_none_that_was_delivered() -> None:
    who = connector("shopify")
    listed = Notice(kind=NoticeKind.FETCH, topic="listed", event_id="1", external_id="7")
    (request,) = who.fetches(listed)
    assert request.path == "/admin/api/2026-01/orders/7.json"
    delivery = InboundRequest(account="main", headers={"x-shopify-topic": "orders/create"}, body=b'{"id": 7}')
    assert not who.fetches(who.identify(delivery))
    other = Notice(kind=NoticeKind.FETCH, topic="listed", event_id="1", external_id="../7")
    with pytest.raises(MalformedPayloadError):
        who.fetches(other)
    with pytest.raises(MalformedPayloadError):
        who.assemble("main", listed, {"order": [{"order": {"id": 8}}]})


def test_spans_overlap_so_that_nothing_lies_between_two() -> None:
    """Both ends of a list belong to it, to the second."""
    following = Span(since=SPAN.until, until=SPAN.until + timedelta(hours=1))
    first: list[FetchRequest] = [lister(source).requests(By.UPDATED, SPAN)[0] for source in ("tiktok-shop",)]
    second = lister("tiktok-shop").requests(By.UPDATED, following)[0]
    assert first[0].body is not None
    assert second.body is not None
    assert second.body["update_time_ge"] < first[0].body["update_time_lt"]
