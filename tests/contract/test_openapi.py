"""infra/openapi.yaml says what the template routes, what the code serves, asks for and refuses."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from oms.application.status import WORDS
from oms.channels import contract, site, site_payments
from oms.domain import canonical, tracking
from oms.domain.errors import MalformedPayloadError
from oms.domain.movements import COUNT_REASONS, REASONS, Into, MovementKind, ReasonCode
from oms.domain.order import state, status
from oms.domain.order.events import Disposition
from oms.domain.stock import COMPONENTS
from oms.domain.supply import LotStatus, SupplyKind
from oms.entrypoints import order_api, requests
from oms.entrypoints.requests import common, drafts, promises
from oms.entrypoints.sessions import COOKIE
from tests.support import functions, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from enum import StrEnum

    from pydantic import BaseModel

METHODS = ("get", "post", "put", "patch", "delete")
NOISE = {"title", "description", "$defs"}


def _bodies() -> list[type[BaseModel]]:
    """Every body that a function takes: each module of bodies is imported, and what it holds is found."""
    for module in pkgutil.iter_modules(requests.__path__, f"{requests.__name__}."):
        importlib.import_module(module.name)
    direct = common.Body.__subclasses__()
    return sorted({each for kind in direct for each in (kind, *kind.__subclasses__())}, key=lambda each: each.__name__)


MODELS = _bodies()


@cache
def _text() -> str:
    return json.dumps(yaml.safe_load((template.ROOT / "infra" / "openapi.yaml").read_text(encoding="utf-8")))


def spec() -> dict[str, Any]:
    """A copy, to be changed at will."""
    parsed: dict[str, Any] = json.loads(_text())
    return parsed


def _operations(described: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                yield (method.upper(), path), item[method]


# ---------------------------------------------------------------- routes


def _routed() -> dict[tuple[str, str], bool]:
    """(method, path) of the template to whether it asks for a token."""
    found = {}
    for resource in template.source()["Resources"].values():
        for event in (
            resource["Properties"].get("Events", {}).values() if "Events" in resource.get("Properties", {}) else ()
        ):
            if event["Type"] == "HttpApi":
                properties = event["Properties"]
                open_ = properties.get("Auth", {}).get("Authorizer") == "NONE"
                found[properties["Method"].upper(), properties["Path"]] = not open_
    return found


def _covers(route: tuple[str, str], operation: tuple[str, str]) -> bool:
    """A greedy route covers every path below it."""
    method, path = route
    if path.endswith("/{proxy+}"):
        return method == operation[0] and operation[1].startswith(path.removesuffix("{proxy+}"))
    return route == operation


def route_findings(described: dict[str, Any]) -> list[str]:
    """Where the description, the template and the resolvers in functions/*/app.py differ."""
    told = {key for key, _ in _operations(described)}
    served, routed = functions.served(), _routed()
    findings = [f"{key}: described, but not served" for key in sorted(told - set(served))]
    findings += [f"{key}: served, but not described" for key in sorted(set(served) - told)]
    findings += [f"{key}: served by {by}" for key, by in served.items() if len(by) != 1]
    findings += [f"{key}: not routed" for key in sorted(told) if not any(_covers(route, key) for route in routed)]
    findings += [f"{key}: routed to nothing" for key in routed if not any(_covers(key, each) for each in told)]
    return findings


def access_findings(described: dict[str, Any]) -> list[str]:
    """Where the description says other roles, tokens or keys than the template and the code."""
    findings = []
    asked, routed = functions.operations(), _routed()
    for key, operation in _operations(described):
        code = asked.get(key)
        if code is None:
            continue
        if set(operation["x-roles"]) != code.roles:
            findings.append(f"{key}: says {operation['x-roles']}, the code {sorted(code.roles)}")
        parameters = [each.get("$ref", "") for each in operation.get("parameters", ())]
        if any(each.endswith("/IdempotencyKey") for each in parameters) != code.idempotent:
            findings.append(f"{key}: an Idempotency-Key is asked for on one side only")
        security = operation.get("security", described["security"])
        token = next(by for route, by in routed.items() if _covers(route, key))
        wanted: list[dict[str, list[str]]] = [{"staff": []}] if token else [{"session": []}] if code.session else []
        if security != wanted:
            findings.append(f"{key}: says {security} for {wanted}")
    return findings


def test_the_description_is_openapi() -> None:
    validate(spec())


def test_routes_are_the_same_everywhere() -> None:
    assert route_findings(spec()) == []


def test_access_is_the_same_everywhere() -> None:
    assert access_findings(spec()) == []


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], list[str]], Callable[[dict[str, Any]], Any]]] = {
    "forgotten route": (route_findings, lambda described: described["paths"].pop("/alerts")),
    "renamed parameter": (
        route_findings,
        lambda described: described["paths"].update({"/orders/{id}": described["paths"].pop("/orders/{order_id}")}),
    ),
    "route of nobody": (route_findings, lambda described: described["paths"]["/alerts"].update(post={"x-roles": []})),
    "another role": (
        access_findings,
        lambda described: described["paths"]["/orders/{order_id}/refunds"]["post"]["x-roles"].append("sales"),
    ),
    "console role": (
        access_findings,
        lambda described: described["paths"]["/console/quarantine"]["get"]["x-roles"].append("sales"),
    ),
    "open to all": (
        access_findings,
        lambda described: described["paths"]["/stock/movements"]["post"].update(security=[]),
    ),
    "closed webhook": (
        access_findings,
        lambda described: described["paths"]["/webhooks/{source}/{account}"]["post"].pop("security"),
    ),
    "no key": (access_findings, lambda described: described["paths"]["/orders"]["post"]["parameters"].clear()),
}


@pytest.mark.parametrize(("check", "change"), BROKEN.values(), ids=BROKEN)
def test_a_difference_is_seen(
    check: Callable[[dict[str, Any]], list[str]], change: Callable[[dict[str, Any]], Any]
) -> None:
    described = spec()
    change(described)
    assert check(described)


def test_writes_of_the_staff_api_are_idempotent() -> None:
    writes = [
        key for key, each in functions.operations().items() if key[0] == "POST" and each.roles and not each.session
    ]
    assert len(writes) == 40
    questions = {("POST", "/availability"), ("POST", "/promises"), ("POST", "/orders/{order_id}/edits/preview")}
    once = {("POST", "/drafts/{draft_id}/place"), ("POST", "/orders/{order_id}/invoices")}
    assert {key for key in writes if not functions.operations()[key].idempotent} == questions | once


def test_every_operation_explains_itself() -> None:
    seen = set()
    for key, operation in _operations(spec()):
        assert operation["summary"], key
        assert operation["tags"], key
        assert "default" in operation["responses"], key
        seen.add(operation["operationId"])
    assert len(seen) == len(list(_operations(spec())))


# ---------------------------------------------------------------- bodies


def _plain(schema: Any, names: dict[str, Any]) -> Any:
    """A schema without words for people, references replaced, fields in any order."""
    if isinstance(schema, list):
        return [_plain(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(names[schema["$ref"].rpartition("/")[2]], names)
    kept = {key: value for key, value in schema.items() if key not in NOISE}
    if "properties" in kept:
        kept["properties"] = {key: _plain(value, names) for key, value in kept["properties"].items()}
    return {
        key: sorted(value) if key in ("required", "enum") else value if key == "properties" else _plain(value, names)
        for key, value in kept.items()
    }


def _component(described: dict[str, Any], name: str) -> Any:
    names = described["components"]["schemas"]
    return _plain(names[name], names)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_bodies_are_the_models_of_the_code(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    assert _component(spec(), model.__name__) == _plain(schema, schema.get("$defs", {}))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("OrderToPlace", site._ORDER),
        ("LineToPlace", site._LINE),
        ("ShipToToPlace", contract.SHIP_TO),
        ("ContactToPlace", site._CONTACT),
        ("AddressToPlace", site._ADDRESS),
        ("HeldPayment", site_payments._PAYMENT["stripe"]),
        ("InvoicePayment", site_payments._PAYMENT["on_invoice"]),
        ("SettledPayment", site_payments._PAYMENT["in_channel"]),
        ("HeldTender", site_payments._PAYMENTS["adyen"]),
        ("InvoiceTender", site_payments._PAYMENTS["on_invoice"]),
        ("GiftCardTender", site_payments._PAYMENTS["gift_card"]),
        ("CartToQuote", promises.CART),
        ("LineToQuote", promises.LINE),
        ("DestinationToQuote", promises.DESTINATION),
        ("NewDraftBody", drafts.NEW_DRAFT),
        ("DraftBody", drafts.DRAFT),
        ("SeenDraftBody", drafts.SEEN_DRAFT),
        ("RejectDraftBody", drafts.REJECT_DRAFT),
    ],
)
def test_what_is_read_by_hand_has_the_fields_that_are_described(name: str, fields: frozenset[str]) -> None:
    schema = spec()["components"]["schemas"][name]
    assert set(schema["properties"]) == fields
    assert schema["additionalProperties"] is False


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": spec()["components"]})


def _examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for (method, path), operation in _operations(spec()):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for example in media.get("examples", {}).values():
                yield f"{method} {path}", media["schema"], example["value"]


def test_examples_fit_their_schemas() -> None:
    examples = list(_examples())
    assert len(examples) >= 9
    for where, schema, value in examples:
        assert not list(_validator(schema).iter_errors(value)), where


NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _orders() -> list[Any]:
    samples = sorted((template.ROOT / "events" / "channels" / "site").glob("*.json"))
    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in samples]
    return [*(value for where, _, value in _examples() if where == "POST /orders"), *bodies]


def test_orders_of_the_samples_fit_the_description_and_the_connector() -> None:
    validator = _validator({"$ref": "#/components/schemas/OrderToPlace"})
    for body in _orders():
        assert not list(validator.iter_errors(body))
        assert site.read_order(body, account="main", external_id="key", now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"total": "13260"},
        {"total": 12.5},
        {"total": -1},
        {"currency": None},
        {"lines": []},
        {"discount": 1},
        {"payment": {"provider": "stripe"}},
        {"payment": {"provider": "cash", "state": "paid"}},
        {"payment": {"provider": "in_channel", "state": "soon"}},
        {"ship_to": {"region": "BE"}},
        {"lines": [{"sku": "MUG-01", "quantity": 0, "unit_price": 1}]},
        {"contact": {"phone_number": "1"}},
    ],
    ids=json.dumps,
)
def test_what_the_description_refuses_the_connector_refuses(change: dict[str, Any]) -> None:
    body = {**copy.deepcopy(_orders()[0]), **change}
    assert list(_validator({"$ref": "#/components/schemas/OrderToPlace"}).iter_errors(body))
    with pytest.raises(MalformedPayloadError):
        site.read_order(body, account="main", external_id="key", now=NOW)


# ---------------------------------------------------------------- words


def _at(path: str) -> Any:
    found: Any = spec()["components"]["schemas"]
    for step in path.split("."):
        found = found[step] if step in found else found["properties"][step]
    return found


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Stage", status.Stage),
        ("Order.status", status.OrderStatus),
        ("Order.fulfillment_status", status.FulfillmentStatus),
        ("Order.payment_status", status.PaymentStatus),
        ("ParcelStatus", tracking.ParcelStatus),
        ("FulfillmentOrderStatus", state.FulfillmentOrderStatus),
        ("Money.refunds.items.status", state.RefundStatus),
        ("SettledPayment.state", canonical.PaymentState),
        ("MovementBody.kind", MovementKind),
        ("MovementBody.code", ReasonCode),
        ("MovementBody.into", Into),
        ("SupplyBody.kind", SupplyKind),
        ("Lot.status", LotStatus),
        ("RefundBody.disposition.anyOf", Disposition),
    ],
)
def test_words_are_those_of_the_domain(path: str, words: type[StrEnum]) -> None:
    found = _at(path)
    assert set((found[0] if isinstance(found, list) else found)["enum"]) == {each.value for each in words}


def test_reason_codes_are_told_by_kind() -> None:
    told = spec()["paths"]["/stock/movements"]["post"]["description"]
    for kind, codes in REASONS.items():
        named = sorted(each.value for each in codes - {ReasonCode.UNSPECIFIED})
        assert f"- `{kind.value}`: {', '.join(named) or 'no other'}\n" in told
    assert set(_at("CountBody.code")["enum"]) == {each.value for each in COUNT_REASONS}
    assert set(ReasonCode) == COUNT_REASONS.union(*REASONS.values())


def test_other_words_are_those_of_the_code() -> None:
    assert set(_at("CustomerView.status")["enum"]) == set(WORDS.values())
    assert set(_at("Stock.positions.items")["properties"]) == {"node_id", "pools", "lots", *COMPONENTS} - {"free"}
    assert spec()["components"]["securitySchemes"]["session"]["name"] == COOKIE
    listed = {each.get("name") for each in spec()["paths"]["/orders"]["get"]["parameters"]}
    assert set(order_api.FILTERS) <= listed
    roles = {role for _, operation in _operations(spec()) for role in operation["x-roles"]}
    groups = [
        each["Properties"] for each in template.resources().values() if each["Type"] == "AWS::Cognito::UserPoolGroup"
    ]
    assert roles | {"admin"} == {each["GroupName"] for each in groups}
