"""Mercado Libre's, Mercado Pago's and Meta's APIs: what is sent, and what an answer means. No network."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.mercadolibre_api import MercadoLibreApi
from oms.adapters.meta_api import VERSION, MetaApi
from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wire(RestClient):
    """Answers as told, and keeps what it was asked."""

    def __init__(self, *answers: Answer, vendor: str = "v") -> None:
        super().__init__(vendor, "https://api.example", Timeouts())
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], bytes]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        self.asked.append((method, path, dict(query or {}), dict(headers or {}), body or b""))
        return self.answers.pop(0)


def answer(status: int = 200, document: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=json.dumps({} if document is None else document).encode())


def token(text: str, seconds: Any = 21_600) -> Answer:
    return answer(document={"access_token": text, "expires_in": seconds})


SELLER = {"user_id": "123", "client_id": "app", "client_secret": "s&cret"}


# ---------------------------------------------------------------- Mercado Libre


def test_an_application_has_its_token_for_its_time() -> None:
    now = [1000.0]
    wire = Wire(token("t-1"), answer(), answer(), token("t-2"), answer())
    api = MercadoLibreApi(wire, Wire(), lambda: now[0])
    for moment in (1000.0, 1000.0 + 21_539, 1000.0 + 21_540):
        now[0] = moment
        api.open(SELLER, []).ask("/orders/7", {}, None)
    paths = [(method, path) for method, path, *_ in wire.asked]
    login, order = ("POST", "/oauth/token"), ("GET", "/orders/7")
    assert paths == [login, order, order, login, order]
    assert wire.asked[0][4] == b"grant_type=client_credentials&client_id=app&client_secret=s%26cret"
    assert [wire.asked[index][3]["authorization"] for index in (1, 2, 4)] == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]
    assert wire.asked[1][3]["x-format-new"] == "true"


def test_a_token_that_is_given_is_taken_as_it_is() -> None:
    wire = Wire(answer())
    session = MercadoLibreApi(wire, Wire(), lambda: 0.0).open({"user_id": "123", "access_token": "given"}, [])
    session.ask("/orders/search", {"offset": "0"}, None)
    assert wire.asked == [("GET", "/orders/search", {"offset": "0", "seller": "123"}, wire.asked[0][3], b"")]
    assert wire.asked[0][3]["authorization"] == "Bearer given"
    assert "given" not in repr(session)


def test_refunds_are_asked_of_mercado_pago() -> None:
    money = Wire(answer(document=[{"id": 1}]))
    api = MercadoLibreApi(Wire(token("t")), money, lambda: 0.0)
    assert api.open(SELLER, []).ask("/v1/payments/9/refunds", {}, None) == {"items": [{"id": 1}]}
    assert money.asked[0][3]["authorization"] == "Bearer t"


def test_a_token_that_ended_early_is_replaced_once() -> None:
    wire = Wire(token("t-1"), answer(401), token("t-2"), answer(document={"id": 7}))
    session = MercadoLibreApi(wire, Wire(), lambda: 0.0).open(SELLER, [])
    assert session.ask("/orders/7", {}, None) == {"id": 7}
    wire = Wire(token("t-1"), answer(403), token("t-2"), answer(403))
    with pytest.raises(UpstreamRefusedError):
        MercadoLibreApi(wire, Wire(), lambda: 0.0).open(SELLER, []).ask("/orders/7", {}, None)
    given = Wire(answer(401))
    with pytest.raises(UpstreamRefusedError):
        MercadoLibreApi(given, Wire(), lambda: 0.0).open({**SELLER, "access_token": "t"}, []).ask("/orders/7", {}, None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, OrderNotFoundError), (429, UpstreamError), (500, UpstreamError), (400, UpstreamRefusedError)],
)
def test_what_mercado_libres_answers_mean(status: int, expected: type[Exception]) -> None:
    wire = Wire(token("t"), answer(status, retry_after="9"))
    with pytest.raises((UpstreamError, OrderNotFoundError)) as caught:
        MercadoLibreApi(wire, Wire(), lambda: 0.0).open(SELLER, []).ask("/orders/7", {}, None)
    assert type(caught.value) is expected
    if expected is UpstreamError:
        assert caught.value.context["retry_after"] == 9


@pytest.mark.parametrize("found", [{}, {"access_token": ""}, {"access_token": 5}])
def test_a_login_without_a_token_is_tried_again(found: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        MercadoLibreApi(Wire(answer(document=found)), Wire(), lambda: 0.0).open(SELLER, []).ask("/orders/7", {}, None)


@pytest.mark.parametrize("missing", ["user_id", "client_id", "client_secret"])
def test_a_seller_without_credentials_is_not_asked(missing: str) -> None:
    with pytest.raises(UpstreamRefusedError) as refusal:
        MercadoLibreApi(Wire(), Wire(), lambda: 0.0).open({**SELLER, missing: ""}, [])
    assert refusal.value.context["missing"] == [missing]


# ---------------------------------------------------------------- Meta

SHOP = {"account_id": "55", "access_token": "t0ken"}


def test_meta_is_asked_of_a_version_with_the_token_in_a_header() -> None:
    wire = Wire(answer(document={"id": "7"}), answer(document={"data": []}))
    session = MetaApi(wire).open(SHOP, [])
    assert session.ask("/7", {"fields": "id"}, None) == {"id": "7"}
    session.ask("/commerce_orders", {}, None)
    assert [(path, query) for _, path, query, *_ in wire.asked] == [
        (f"/{VERSION}/7", {"fields": "id"}),
        (f"/{VERSION}/55/commerce_orders", {}),
    ]
    assert wire.asked[0][3]["authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(session)


def test_calls_are_proved_to_be_of_the_app_where_its_secret_is_known() -> None:
    wire = Wire(answer())
    MetaApi(wire).open({**SHOP, "app_secret": "app"}, []).ask("/7", {}, None)
    assert wire.asked[0][2] == {"appsecret_proof": hmac.new(b"app", b"t0ken", hashlib.sha256).hexdigest()}


def error(code: int, subcode: int | None = None) -> dict[str, Any]:
    return {"error": {"message": "who knows", "code": code, **({} if subcode is None else {"error_subcode": subcode})}}


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (400, error(4), UpstreamError),
        (403, error(32), UpstreamError),
        (400, error(80_004), UpstreamError),
        (500, error(2), UpstreamError),
        (503, None, UpstreamError),
        (429, {"error": "text"}, UpstreamError),
        (400, error(100, 33), OrderNotFoundError),
        (404, error(803), OrderNotFoundError),
        (404, None, OrderNotFoundError),
        (400, error(100), UpstreamRefusedError),
        (400, error(190, 463), UpstreamRefusedError),
        (403, error(200), UpstreamRefusedError),
        (400, {"error": {"code": "4"}}, UpstreamRefusedError),
    ],
)
def test_what_metas_answers_mean(status: int, document: Any, expected: type[Exception]) -> None:
    with pytest.raises((UpstreamError, OrderNotFoundError)) as caught:
        MetaApi(Wire(answer(status, document))).open(SHOP, []).ask("/7", {}, None)
    assert type(caught.value) is expected
    assert "who knows" not in json.dumps(caught.value.context)


@pytest.mark.parametrize(
    ("usage", "wait"),
    [
        ('{"55": [{"estimated_time_to_regain_access": 0}, {"estimated_time_to_regain_access": 19}]}', 1140),
        ('{"55": [{"estimated_time_to_regain_access": 99999}]}', 3600),
        ('{"55": [{"call_count": 100}]}', None),
        ('{"55": 7, "56": [7]}', None),
        ("{", None),
        ("[]", None),
    ],
)
def test_a_limit_of_meta_says_when_it_ends(usage: str, wait: float | None) -> None:
    for document in (error(80_004), None):
        status = 400 if document else 429
        with pytest.raises(UpstreamError) as caught:
            MetaApi(Wire(answer(status, document, x_business_use_case_usage=usage))).open(SHOP, []).ask("/7", {}, None)
        assert caught.value.context["retry_after"] == wait


@pytest.mark.parametrize("change", [{"account_id": ""}, {"access_token": ""}, {"account_id": "55/../me"}])
def test_an_account_without_credentials_is_not_asked(change: dict[str, str]) -> None:
    with pytest.raises(UpstreamRefusedError):
        MetaApi(Wire()).open({**SHOP, **change}, [])
