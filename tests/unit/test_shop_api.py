"""Shops at URLs of their own: what an answer becomes, whom we call, and with what."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.adapters.vendor_http import MAX_LIST_PAGES, VendorApi
from oms.channels.base import FetchRequest
from oms.domain.errors import OmsError, OrderNotFoundError, UpstreamError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOPIFY = {"url": "https://north-wharf.example", "access_token": "t"}
WOOCOMMERCE = {"url": "https://shop.example/store/", "consumer_key": "ck", "consumer_secret": "cs"}
NEXT = '<https://elsewhere.example/admin/api/2026-01/orders.json?limit=250&page_info=abc%3D>; rel="next"'


class One:
    """A list of one page."""

    @staticmethod
    def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
        return None


class Endless:
    @staticmethod
    def next_page(request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
        return request


def ask(
    monkeypatch: pytest.MonkeyPatch, source: str, credentials: Mapping[str, str], answer: Answer, pages: Any = One
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The pages of a list, and the calls that were made."""
    sent: list[Any] = []

    def send(client: RestClient, method: str, path: str, **parts: Any) -> Answer:
        sent.append((client._base_url, method, path, dict(parts["headers"])))
        return answer

    monkeypatch.setattr(RestClient, "send", send)
    api = VendorApi(lambda *_: credentials, {}, Timeouts())
    return list(api.pages(source, "main", pages, [FetchRequest(name="listing", path="/orders")])), sent


def ok(body: bytes, **headers: str) -> Answer:
    return Answer(status=200, headers=headers, body=body)


def test_shopify_is_called_at_its_shop_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    _, sent = ask(monkeypatch, "shopify", SHOPIFY, ok(b'{"orders": []}'))
    ((base, method, path, headers),) = sent
    assert (base, method, path) == ("https://north-wharf.example", "GET", "/orders")
    assert headers["x-shopify-access-token"] == "t"


def test_woocommerce_is_called_with_both_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    _, sent = ask(monkeypatch, "woocommerce", WOOCOMMERCE, ok(b"[]"))
    ((base, _, _, headers),) = sent
    assert base == "https://shop.example/store"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"ck:cs"


def test_of_the_next_pages_url_only_the_cursor_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pages, _ = ask(monkeypatch, "shopify", SHOPIFY, ok(b'{"orders": []}', link=NEXT))
    assert pages == [{"orders": [], "next_page_info": "abc="}]


@pytest.mark.parametrize(
    "link", ["", '<https://x.example/?page_info=abc>; rel="previous"', "rubbish", '<https://x.example/>; rel="next"']
)
def test_without_a_next_page_there_is_none(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    pages, _ = ask(monkeypatch, "shopify", SHOPIFY, ok(b'{"orders": []}', link=link))
    assert pages == [{"orders": []}]


def test_a_list_becomes_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    pages, _ = ask(monkeypatch, "woocommerce", WOOCOMMERCE, ok(b' [{"id": 1}]'))
    assert pages == [{"items": [{"id": 1}]}]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", UpstreamError),
        (200, b"", UpstreamError),
        (200, b"7", UpstreamError),
        (200, b"[" * 100_000, UpstreamError),
        (429, b"", UpstreamError),
        (503, b"<html>", UpstreamError),
        (404, b"{}", OrderNotFoundError),
        (401, b"{}", UpstreamRefusedError),
        (302, b"", UpstreamRefusedError),
    ],
)
@pytest.mark.parametrize(("source", "credentials"), [("shopify", SHOPIFY), ("woocommerce", WOOCOMMERCE)])
def test_every_answer_has_its_error(
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    credentials: Mapping[str, str],
    status: int,
    body: bytes,
    expected: type[OmsError],
) -> None:
    with pytest.raises(OmsError) as caught:
        ask(monkeypatch, source, credentials, Answer(status=status, headers={}, body=body))
    assert type(caught.value) is expected


@pytest.mark.parametrize(("header", "seconds"), [("2.0", 2.0), ("30", 30.0), ("soon", None), ("99999", 3600.0)])
def test_how_long_to_wait_is_told_as_shopify_writes_it(
    monkeypatch: pytest.MonkeyPatch, header: str, seconds: float | None
) -> None:
    with pytest.raises(UpstreamError) as caught:
        ask(monkeypatch, "shopify", SHOPIFY, Answer(status=429, headers={"retry-after": header}, body=b""))
    assert caught.value.context["retry_after"] == seconds


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://shop.example",
        "https://user:word@shop.example",
        "ftp://shop.example",
        "https://shop.example?x=1",
        "http://127.0.0.1.evil.example",
        "http://169.254.169.254",
        "//shop.example",
    ],
)
def test_a_url_that_is_not_one_of_https_is_not_called(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(UpstreamRefusedError):
        ask(monkeypatch, "shopify", {**SHOPIFY, "url": url}, ok(b"{}"))


@pytest.mark.parametrize(
    ("source", "credentials", "name"),
    [("shopify", SHOPIFY, "access_token"), ("woocommerce", WOOCOMMERCE, "consumer_secret")],
)
def test_a_missing_credential_is_named_and_no_other_told(
    monkeypatch: pytest.MonkeyPatch, source: str, credentials: Mapping[str, str], name: str
) -> None:
    with pytest.raises(UpstreamRefusedError) as caught:
        ask(monkeypatch, source, {**credentials, name: ""}, ok(b"{}"))
    assert caught.value.context["missing"] == [name]


def test_lists_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UpstreamRefusedError) as caught:
        ask(monkeypatch, "shopify", SHOPIFY, ok(b'{"orders": []}'), Endless)
    assert caught.value.context["limit"] == MAX_LIST_PAGES
