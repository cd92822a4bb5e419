"""BigCommerce's and Magento's APIs, and published keys: what is sent, and what an answer means. No network."""

from __future__ import annotations

import base64
import hmac
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from oms.adapters import published_keys
from oms.adapters.bigcommerce_api import BigCommerceApi
from oms.adapters.magento_api import MagentoApi, signed_text
from oms.adapters.published_keys import KEEP_S, LOOK_AGAIN_S, MOST, PublishedKeys
from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wire(RestClient):
    """Answers as told, and keeps what it was asked."""

    def __init__(self, *answers: Answer, vendor: str = "v") -> None:
        super().__init__(vendor, "https://shop.example", Timeouts())
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        assert (method, body) == ("GET", None)
        self.asked.append((path, dict(query or {}), dict(headers or {})))
        return self.answers.pop(0)


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    return Answer(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body)


STORE = {"store_hash": "abc123", "access_token": "t0ken"}


def test_bigcommerce_is_asked_in_the_store_with_its_token() -> None:
    wire = Wire(answer(body=b'[{"id": 1, "total": 1.10}]'), answer(204, b""))
    session = BigCommerceApi(wire).open(STORE, [])
    page = session.ask("/v2/orders", {"page": "1"}, None)
    assert repr(page) == "{'items': [{'id': 1, 'total': Decimal('1.10')}]}"
    assert session.ask("/v2/orders", {"page": "2"}, None) == {"items": []}
    path, query, headers = wire.asked[0]
    assert (path, query) == ("/stores/abc123/v2/orders", {"page": "1"})
    assert headers["x-auth-token"] == "t0ken"
    assert "t0ken" not in repr(session)


@pytest.mark.parametrize(
    ("status", "headers", "expected", "wait"),
    [
        (429, {"x_rate_limit_time_reset_ms": "15500"}, UpstreamError, 15.5),
        (429, {"x_rate_limit_time_reset_ms": "15500", "retry_after": "3"}, UpstreamError, 3),
        (429, {"x_rate_limit_time_reset_ms": "999999999"}, UpstreamError, 3600),
        (429, {"x_rate_limit_time_reset_ms": "soon"}, UpstreamError, None),
        (503, {}, UpstreamError, None),
        (404, {}, OrderNotFoundError, None),
        (401, {}, UpstreamRefusedError, None),
        (302, {}, UpstreamRefusedError, None),
    ],
)
def test_what_bigcommerces_answers_mean(
    status: int, headers: dict[str, str], expected: type[Exception], wait: float | None
) -> None:
    session = BigCommerceApi(Wire(answer(status, b"", **headers))).open(STORE, [])
    with pytest.raises((UpstreamError, OrderNotFoundError)) as caught:
        session.ask("/v2/orders", {}, None)
    assert type(caught.value) is expected
    assert caught.value.context.get("retry_after") == wait


@pytest.mark.parametrize("change", [{"store_hash": ""}, {"access_token": ""}, {"store_hash": "a/../b"}])
def test_a_store_without_credentials_is_not_asked(change: dict[str, str]) -> None:
    with pytest.raises(UpstreamRefusedError):
        BigCommerceApi(Wire()).open({**STORE, **change}, [])


# ---------------------------------------------------------------- OAuth 1.0a


def test_what_rfc_5849_publishes_is_signed_so() -> None:
    """Section 1.2, whose signature is by SHA-1; the signed text does not depend on the hash."""
    oauth = {
        "oauth_consumer_key": "dpf43f3p2l4k3l03",
        "oauth_token": "nnch734d00sl2jdk",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131202",
        "oauth_nonce": "chapoH",
    }
    text = signed_text("http://photos.example.net/photos", {"file": "vacation.jpg", "size": "original"}, oauth)
    mac = hmac.new(b"kd94hf93k423kf44&pfkkdhi9sl3r4s00", text.encode(), "sha1").digest()
    assert base64.b64encode(mac).decode() == unquote("MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D")


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("HTTPS://Shop.Example:443/rest", "https://shop.example/rest"),
        ("http://shop.example:80/rest", "http://shop.example/rest"),
        ("https://shop.example:8443/rest", "https://shop.example:8443/rest"),
    ],
)
def test_the_url_is_signed_in_one_spelling(url: str, signed: str) -> None:
    assert unquote(signed_text(url, {}, {}).split("&")[1]) == signed


def test_brackets_and_blanks_are_encoded_twice() -> None:
    text = signed_text("https://a.example/", {"f[0][x]": "a b~é"}, {})
    assert text == "GET&https%3A%2F%2Fa.example%2F&f%255B0%255D%255Bx%255D%3Da%2520b~%25C3%25A9"


SHOP = {"consumer_key": "ck", "consumer_secret": "c&s", "access_token": "at", "access_token_secret": "a/s"}


def test_magento_is_asked_with_a_signature_that_no_two_calls_share() -> None:
    wire = Wire(answer(), answer())
    session = MagentoApi(wire, "https://shop.example/eu", lambda: 1_795_260_000.9).open(SHOP, [])
    for _ in range(2):
        session.ask("/rest/V1/orders/3", {"fields": "items[entity_id]"}, None)
    first, second = (dict(re.findall(r'(\w+)="([^"]*)"', headers["authorization"])) for _, _, headers in wire.asked)
    assert first["oauth_nonce"] != second["oauth_nonce"]
    assert first["oauth_timestamp"] == "1795260000"
    given = {name: unquote(value) for name, value in first.items() if name != "oauth_signature"}
    text = signed_text("https://shop.example/eu/rest/V1/orders/3", {"fields": "items[entity_id]"}, given)
    mac = hmac.new(b"c%26s&a%2Fs", text.encode(), "sha256").digest()
    assert unquote(first["oauth_signature"]) == base64.b64encode(mac).decode()
    assert "a/s" not in repr(session)


def test_a_shop_may_take_the_token_alone() -> None:
    wire = Wire(answer())
    MagentoApi(wire, "https://shop.example", lambda: 0.0).open({"access_token": "at"}, []).ask("/rest/V1/x", {}, None)
    assert wire.asked[0][2]["authorization"] == "Bearer at"


@pytest.mark.parametrize("missing", [*SHOP])
def test_a_shop_whose_credentials_are_incomplete_is_not_asked(missing: str) -> None:
    with pytest.raises(UpstreamRefusedError) as caught:
        MagentoApi(Wire(), "https://shop.example", lambda: 0.0).open({**SHOP, missing: ""}, [])
    assert caught.value.context["missing"] == [missing]


# ---------------------------------------------------------------- published keys


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keys(monkeypatch: pytest.MonkeyPatch, clock: Clock, *answers: Answer) -> tuple[PublishedKeys, Wire]:
    wire = Wire(*answers)
    monkeypatch.setattr(published_keys, "RestClient", lambda *_, **__: wire)
    return PublishedKeys("magento", "https://keys.example", clock=clock), wire


def test_a_key_is_read_once_a_day(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    found, wire = keys(monkeypatch, clock, answer(body=b"one\n"), answer(body=b"two"))
    assert [found.get("/a.pem"), found.get("/a.pem")] == ["one", "one"]
    clock.now += KEEP_S - 1
    assert found.get("/a.pem") == "one"
    clock.now += 1
    assert found.get("/a.pem") == "two"
    assert len(wire.asked) == 2
    found.close()


@pytest.mark.parametrize("status", [403, 404])
def test_a_key_that_there_is_none_of_is_asked_for_again_but_not_at_once(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, status: int
) -> None:
    found, wire = keys(monkeypatch, clock, answer(status), answer(body=b"it came"))
    assert [found.get("/a.pem"), found.get("/a.pem")] == ["", ""]
    clock.now += LOOK_AGAIN_S
    assert found.get("/a.pem") == "it came"
    assert len(wire.asked) == 2


def test_a_place_that_does_not_answer_is_no_missing_key(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    found, _ = keys(monkeypatch, clock, answer(503), answer(body=b"one"))
    with pytest.raises(UpstreamError) as caught:
        found.get("/a.pem")
    assert caught.value.retryable
    assert found.get("/a.pem") == "one"


def test_no_more_than_some_keys_are_kept(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    answers: list[Any] = [answer(body=b"key")] * (MOST + 2)
    found, wire = keys(monkeypatch, clock, *answers)
    for number in range(MOST + 1):
        found.get(f"/{number}.pem")
    assert found.get(f"/{MOST}.pem") == "key"
    assert len(wire.asked) == MOST + 1
    found.get("/0.pem")
    assert len(wire.asked) == MOST + 2


def test_made_up_names_do_not_push_a_key_out(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    found, wire = keys(monkeypatch, clock, answer(body=b"key"), *[answer(404)] * (2 * MOST))
    found.get("/real.pem")
    for number in range(2 * MOST):
        found.get(f"/{number}.pem")
    assert found.get("/real.pem") == "key"
    assert len(wire.asked) == 2 * MOST + 1
