"""The APIs of eBay, Walmart and Etsy: what is sent, how tokens are kept, and what an answer means. No network."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from oms.adapters import published_keys
from oms.adapters.ebay_api import KEEP_KEYS_S, EbayApi, ebay_keys
from oms.adapters.etsy_api import EtsyApi
from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.adapters.walmart_api import WalmartApi
from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLIENT = {"client_id": "me", "client_secret": "s3cret", "refresh_token": "r"}
SHOP = {"shop_id": "42", "client_id": "key", "shared_secret": "shared", "refresh_token": "r"}
APIS: dict[str, Callable[[RestClient, Callable[[], float]], Any]] = {
    "ebay": EbayApi,
    "walmart": WalmartApi,
    "etsy": EtsyApi,
}
KNOWN = {"ebay": CLIENT, "walmart": CLIENT, "etsy": SHOP}
BASIC = "Basic " + base64.b64encode(b"me:s3cret").decode()


class Clock:
    now = 1_795_260_000.0

    def __call__(self) -> float:
        return self.now


class Wire(RestClient):
    """Answers as told, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__("v", "https://api.example", Timeouts())
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], dict[str, str]]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        form = dict(parse_qsl((body or b"").decode()))
        self.asked.append((method, path, dict(query or {}), dict(headers or {}), form))
        return self.answers.pop(0)


def answer(status: int = 200, document: Any = None, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=names, body=json.dumps({} if document is None else document).encode())


def token(name: str = "t1", seconds: Any = 3600) -> Answer:
    return answer(document={"access_token": name, "expires_in": seconds})


def session(source: str, wire: Wire, clock: Clock | None = None) -> Any:
    return APIS[source](wire, clock or Clock()).open(KNOWN[source], [])


def test_ebay_is_asked_with_the_sellers_token() -> None:
    wire = Wire(token(), answer(document={"total": 1}))
    opened = session("ebay", wire)
    assert opened.ask("/sell/fulfillment/v1/order", {"limit": "200"}, None) == {"total": 1}
    (method, path, _, headers, form), (_, asked, query, sent, _) = wire.asked
    assert (method, path, headers["authorization"]) == ("POST", "/identity/v1/oauth2/token", BASIC)
    assert form == {"grant_type": "refresh_token", "refresh_token": "r"}
    assert (asked, query, sent["authorization"]) == ("/sell/fulfillment/v1/order", {"limit": "200"}, "Bearer t1")
    assert "s3cret" not in repr(opened)
    assert "t1" not in repr(opened)


def test_walmart_is_asked_with_a_token_and_an_id_that_no_two_calls_share() -> None:
    wire = Wire(token(), answer(document={"order": {}}), answer(document={"order": {}}))
    opened = session("walmart", wire)
    for _ in range(2):
        opened.ask("/v3/orders/1", {}, None)
    assert (wire.asked[0][1], wire.asked[0][4]) == ("/v3/token", {"grant_type": "client_credentials"})
    assert wire.asked[0][3]["authorization"] == BASIC
    ids = {headers["wm_qos.correlation_id"] for _, _, _, headers, _ in wire.asked}
    assert len({uuid.UUID(each) for each in ids}) == 3
    for _, _, _, headers, _ in wire.asked[1:]:
        assert (headers["wm_sec.access_token"], headers["wm_svc.name"]) == ("t1", "Walmart Marketplace")
        assert "authorization" not in headers


def test_etsy_is_asked_in_the_shop_with_key_and_token() -> None:
    wire = Wire(token(), answer(document={"count": 0, "results": []}))
    opened = session("etsy", wire)
    opened.ask("/receipts", {"limit": "100"}, None)
    (_, path, _, _, form), (_, asked, _, headers, _) = wire.asked
    assert (path, asked) == ("/v3/public/oauth/token", "/v3/application/shops/42/receipts")
    assert form == {"grant_type": "refresh_token", "client_id": "key", "refresh_token": "r"}
    assert (headers["x-api-key"], headers["authorization"]) == ("key:shared", "Bearer t1")
    assert "shared" not in repr(opened)


@pytest.mark.parametrize("source", APIS)
def test_a_token_is_kept_until_shortly_before_it_ends(source: str) -> None:
    clock = Clock()
    wire = Wire(token("t1", 900), answer(), answer(), token("t2", 900), answer())
    opened = session(source, wire, clock)
    opened.ask("/x", {}, None)
    clock.now += 839
    opened.ask("/x", {}, None)
    clock.now += 1
    opened.ask("/x", {}, None)
    assert not wire.answers
    assert ["t2" in str(headers) for _, _, _, headers, _ in wire.asked] == [False, False, False, False, True]


@pytest.mark.parametrize("source", APIS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_early_is_replaced_once(source: str, status: int) -> None:
    wire = Wire(token("t1"), answer(status), token("t2"), answer(document={"a": 1}))
    assert session(source, wire).ask("/x", {}, None) == {"a": 1}
    again = Wire(token("t1"), answer(status), token("t2"), answer(status))
    with pytest.raises(UpstreamRefusedError):
        session(source, again).ask("/x", {}, None)
    assert not again.answers


@pytest.mark.parametrize("source", APIS)
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(401), UpstreamRefusedError),
        (answer(400, {"error": "invalid_grant"}), UpstreamRefusedError),
        (answer(503), UpstreamError),
        (answer(document={"expires_in": 3600}), UpstreamError),
        (answer(document={"access_token": 7}), UpstreamError),
        (Answer(status=200, headers={}, body=b"<html>"), UpstreamError),
    ],
)
def test_a_login_that_fails_says_how_and_is_not_repeated(source: str, reply: Answer, expected: type[Exception]) -> None:
    wire = Wire(reply)
    with pytest.raises((UpstreamError, UpstreamRefusedError)) as caught:
        session(source, wire).ask("/x", {}, None)
    assert type(caught.value) is expected
    assert len(wire.asked) == 1


@pytest.mark.parametrize("source", APIS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, OrderNotFoundError), (429, UpstreamError), (500, UpstreamError), (400, UpstreamRefusedError)],
)
def test_what_answers_mean(source: str, status: int, expected: type[Exception]) -> None:
    wire = Wire(token(), answer(status, {"error": "x"}, retry_after="7"))
    with pytest.raises((OrderNotFoundError, UpstreamError, UpstreamRefusedError)) as caught:
        session(source, wire).ask("/x/1", {}, None)
    assert type(caught.value) is expected
    if status == 429:
        assert caught.value.context["retry_after"] == 7


@pytest.mark.parametrize(
    ("header", "wait"),
    [("1795260015500", 15.5), ("1795259999000", 0.0), ("9999999999999", 3600.0), ("soon", None)],
)
def test_walmart_says_when_there_are_calls_again(header: str, wait: float | None) -> None:
    wire = Wire(token(), answer(429, {}, x_next_replenish_time=header))
    with pytest.raises(UpstreamError) as caught:
        session("walmart", wire).ask("/v3/orders", {}, None)
    assert caught.value.context["retry_after"] == wait


def test_walmarts_list_of_nothing_is_404_and_an_order_that_is_not_there_too() -> None:
    wire = Wire(token(), answer(404), answer(404))
    opened = session("walmart", wire)
    assert opened.ask("/v3/orders", {}, None) == {"list": {}}
    with pytest.raises(OrderNotFoundError):
        opened.ask("/v3/orders/1", {}, None)


@pytest.mark.parametrize(("source", "missing"), [(source, name) for source, names in KNOWN.items() for name in names])
def test_an_account_whose_credentials_are_incomplete_is_not_asked(source: str, missing: str) -> None:
    if (source, missing) == ("walmart", "refresh_token"):
        return  # Walmart has none
    with pytest.raises(UpstreamRefusedError) as caught:
        APIS[source](Wire(), Clock()).open({**KNOWN[source], missing: ""}, [])
    assert caught.value.context["missing"] == [missing]


def test_a_shop_of_etsy_is_a_number() -> None:
    with pytest.raises(UpstreamRefusedError):
        EtsyApi(Wire(), Clock()).open({**SHOP, "shop_id": "42/../7"}, [])


# ---------------------------------------------------------------- eBay's public keys

PATH = "/commerce/notification/v1/public_key/k-1"


def keys(monkeypatch: pytest.MonkeyPatch, clock: Clock, *answers: Answer, **changes: str) -> tuple[Any, Wire]:
    wire = Wire(*answers)
    monkeypatch.setattr(published_keys, "RestClient", lambda *_, **__: wire)
    return ebay_keys("https://api.example", lambda: {**CLIENT, **changes}, clock), wire


def test_a_key_is_read_under_the_applications_token_and_kept_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    found, wire = keys(
        monkeypatch, clock, token("app", 7200), answer(document={"key": "one\n"}), answer(document={"key": "two"})
    )
    assert [found.get(PATH), found.get(PATH)] == ["one", "one"]
    (_, login, _, headers, form), (_, path, _, sent, _) = wire.asked
    assert (login, path) == ("/identity/v1/oauth2/token", PATH)
    assert form == {"grant_type": "client_credentials", "scope": "https://api.ebay.com/oauth/api_scope"}
    assert (headers["authorization"], sent["authorization"]) == (BASIC, "Bearer app")
    clock.now += KEEP_KEYS_S
    assert found.get(PATH) == "two"
    found.close()


def test_a_key_that_there_is_none_of_is_told_from_an_ebay_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _ = keys(monkeypatch, Clock(), token(), answer(404))
    assert found.get(PATH) == ""
    for wrong in (answer(503), answer(document=[]), answer(document={"key": 7})):
        found, _ = keys(monkeypatch, Clock(), token(), wrong)
        with pytest.raises(UpstreamError):
            found.get(PATH)
    found, _ = keys(monkeypatch, Clock(), client_secret="")
    with pytest.raises(UpstreamRefusedError):
        found.get(PATH)


def test_an_application_token_that_is_refused_early_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = keys(monkeypatch, Clock(), token("a"), answer(401), token("b"), answer(document={"key": "one"}))
    with pytest.raises(UpstreamError):
        found.get(PATH)
    assert found.get(PATH) == "one"
