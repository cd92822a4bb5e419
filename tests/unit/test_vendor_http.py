from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.adapters.tiktok_api import sign
from oms.adapters.vendor_http import MAX_PAGES, VendorApi
from oms.domain.errors import OmsError, OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.inbound import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FAST = Timeouts(connect=5, read=5, total=10)
NOTICE = Notice(kind=NoticeKind.FETCH, topic="order", event_id="evt_1", external_id="1")
CREDENTIALS = {"app_key": "k", "app_secret": "s", "access_token": "t"}


def test_the_signature_that_tiktok_publishes() -> None:
    # https://partner.tiktokshop.com/docv2/page/sign-your-api-request, steps 1 to 6
    query = {"app_key": "29a39d", "timestamp": "1623812664", "sign": "x", "access_token": "y"}
    expected = "b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8"
    assert sign("/authorization/202309/shops", query, b"", "e59af819cc") == expected


@dataclass(frozen=True)
class Page:
    name: str = "orders"
    path: str = "/order/202309/orders"
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


class Endless:
    def fetches(self, notice: Notice) -> Sequence[Page]:
        return (Page(),)

    def next_page(self, request: Page, document: Mapping[str, Any]) -> Page | None:
        return request


class Single(Endless):
    def next_page(self, request: Page, document: Mapping[str, Any]) -> Page | None:
        return None


@contextlib.contextmanager
def vendor(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(base_url: str, connector: Endless) -> dict[str, list[dict[str, Any]]]:
    api = VendorApi(lambda *_: CREDENTIALS, {"tiktok-shop": base_url}, FAST)
    try:
        return api.fetch("tiktok-shop", "main", connector, NOTICE)
    finally:
        api.close()


GOOD = b'{"code": 0, "data": {"orders": [{"id": "1", "amount": 1.10}]}}'


def test_fractions_are_never_floats() -> None:
    with vendor(200, GOOD) as url:
        assert repr(fetch(url, Single())["orders"][0]["data"]["orders"][0]["amount"]) == "Decimal('1.10')"


def test_pages_without_an_end_are_given_up() -> None:
    with vendor(200, GOOD) as url, pytest.raises(UpstreamRefusedError) as caught:
        fetch(url, Endless())
    assert caught.value.context["limit"] == MAX_PAGES


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", UpstreamError),
        (200, b"[]", UpstreamError),
        (200, b"{}", UpstreamError),
        (200, b"[" * 100_000, UpstreamError),
        (200, b'{"code": 36009002}', UpstreamError),
        (429, b"", UpstreamError),
        (503, b"<html>", UpstreamError),
        (200, b'{"code": 0, "data": {"orders": []}}', OrderNotFoundError),
        (404, b"", OrderNotFoundError),
        (200, b'{"code": 105002, "message": "token of Sam"}', UpstreamRefusedError),
        (401, b'{"code": 106001}', UpstreamRefusedError),
        (302, b"", UpstreamRefusedError),
    ],
)
def test_every_answer_has_its_error(status: int, body: bytes, expected: type[OmsError]) -> None:
    with vendor(status, body) as url, pytest.raises(OmsError) as caught:
        fetch(url, Single())
    assert type(caught.value) is expected
    assert "Sam" not in f"{caught.value} {caught.value.context}"


def test_an_answer_that_is_too_large_is_cut_off() -> None:
    with vendor(200, b"x" * 200_000) as url:
        client = RestClient("test", url, FAST, max_bytes=100_000)
        with pytest.raises(UpstreamError) as caught:
            client.send("GET", "/")
        client.close()
    assert caught.value.context["limit"] == 100_000


def test_an_answer_that_drips_is_cut_off() -> None:
    stop = threading.Event()

    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "1000000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while not stop.wait(0.02):
                    self.wfile.write(b"x" * 70_000)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Drip)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = RestClient("test", f"http://127.0.0.1:{server.server_port}", Timeouts(connect=5, read=5, total=0.1))
    try:
        with pytest.raises(UpstreamError) as caught:
            client.send("GET", "/")
        assert "too long" in str(caught.value)
    finally:
        stop.set()
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_kind_of_a_network_failure_is_told_and_the_url_is_not() -> None:
    client = RestClient("test", "http://127.0.0.1:9", FAST)
    with pytest.raises(UpstreamError) as caught:
        client.send("GET", "/", query={"sign": "secret"})
    assert caught.value.context["cause"] == "NewConnectionError"
    assert "secret" not in f"{caught.value} {caught.value.context} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", 7.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("99999999", 3600.0),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after(value: str, wait: float | None) -> None:
    assert Answer(status=429, headers={"retry-after": value}, body=b"").retry_after() == wait


@given(value=st.text(), body=st.binary())
def test_no_header_and_no_body_breaks_the_reader(value: str, body: bytes) -> None:
    answer = Answer(status=500, headers={"retry-after": value}, body=body)
    wait = answer.retry_after()
    assert wait is None or 0 <= wait <= 3600
    assert isinstance(answer.document_or_empty(), dict)
