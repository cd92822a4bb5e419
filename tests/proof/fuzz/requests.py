"""Requests that the contract allows, and requests that it does not, with names of the shop in half of them.

Whatever is made of the contract alone fails at the first look-up. So names in paths are often those of orders that
there are, and bodies are often those of real calls with some fields replaced.
"""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from schemathesis import GenerationMode

from infra.local import recorded as rec
from infra.local.demo import SECRETS
from infra.local.engine import ROOT
from tests.proof.fuzz.shop import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

    from tests.proof.fuzz.shop import Shop

CONTRACT: Final = ROOT / "infra" / "openapi.yaml"
ROLES: Final = ("admin", "service", "warehouse", "finance", "sales", "shop")
JSON: Final = "application/json"
Operation = Any
"""An APIOperation of schemathesis, generic over types of its own."""
Case = Any
"""A Case of schemathesis, likewise."""


@dataclass(slots=True)
class Request:
    """One request; `staff` is the role that signs it, none for nobody."""

    case: Case
    operation: str
    staff: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """What is sent in place of the case's body: a signature is of bytes."""


def operations() -> list[Operation]:
    """Everything that the contract offers."""
    schema = schemathesis.openapi.from_path(CONTRACT)
    found: list[Any] = list(schema.get_all_operations())
    return [result.ok() for result in found]


def name_of(operation: Operation) -> str:
    """`operationId`."""
    return str(operation.definition.raw["operationId"])


def generate(shop: Shop, cases: int, salt: int = 0) -> Iterator[Request]:
    """At least `cases` requests, spread over all operations; the same ones each time for a salt.

    An operation without parameters has few requests of its own; the others make up for it.
    """
    left = operations()
    made = 0
    for turn in itertools.count():
        share = -(-(cases - made) // len(left))
        productive = []
        for operation in left:
            found = list(_some(shop, operation, share, salt * 1000 + turn))
            if len(found) >= share:
                productive.append(operation)
            made += len(found)
            yield from found
        left = productive
        if made >= cases:
            return


def _some(shop: Shop, operation: Operation, count: int, salt: int) -> list[Request]:
    """Up to `count` requests of one operation."""
    found: list[Request] = []

    @seed(salt)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_requests(shop, operation))
    def collect(request: Request) -> None:
        found.append(request)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of long texts in what schemathesis builds
        collect()
    return found


def _requests(shop: Shop, operation: Operation) -> SearchStrategy[Request]:
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.body or operation.query or operation.path_parameters or operation.headers):
        return _dressed(shop, operation, allowed)
    refused = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return _dressed(shop, operation, st.one_of(allowed, allowed, refused))


@st.composite
def _dressed(draw: st.DrawFn, shop: Shop, operation: Operation, cases: SearchStrategy[Case]) -> Request:
    """A case of the contract, in the shop's own words and signed by somebody."""
    case: Case = draw(cases)
    request = Request(case=case, operation=name_of(operation))
    real = draw(st.integers(0, 3)) > 0
    if real:
        for name in case.path_parameters or {}:
            if name in shop.known:
                case.path_parameters[name] = draw(st.sampled_from(shop.known[name]))
        if "hold_id" in (case.path_parameters or {}):
            case.path_parameters["order_id"], case.path_parameters["hold_id"] = draw(st.sampled_from(shop.holds))
        if request.operation == "listOrders":
            _ask(draw, shop, request)
        if request.operation == "receiveWebhook":
            _deliver(draw, shop, request)
        _write(draw, shop, request)
    key = draw(st.sampled_from(("given", "new", "new", "known")))
    if key != "given" and any(each.name == "Idempotency-Key" for each in operation.headers):
        request.headers["idempotency-key"] = "fuzz-known" if key == "known" else f"fuzz-{draw(st.integers(0, 2**64))}"
    if operation.path.startswith("/console"):
        _open(draw, shop, request)
    else:
        request.staff = draw(st.sampled_from((*["admin"] * 8, *ROLES, "")))
    return request


def _write(draw: st.DrawFn, shop: Shop, request: Request) -> None:
    """Put what was made of the contract into a body that means something."""
    sound = _body(draw, shop, request)
    if not sound:
        return
    generated = request.case.body if isinstance(request.case.body, dict) else {}
    replaced: list[str] = []
    if generated and draw(st.sampled_from((True, False))):
        replaced = draw(st.lists(st.sampled_from(sorted(map(str, generated))), min_size=1, max_size=2))
    request.case.body = {**sound, **{name: generated[name] for name in replaced if name in generated}}
    request.case.media_type = JSON


def _ask(draw: st.DrawFn, shop: Shop, request: Request) -> None:
    """Exactly one attribute, as the contract says in words alone."""
    asked = {
        "status": draw(st.sampled_from(STAGES)),
        "sku": draw(st.sampled_from(shop.known["sku"])),
        "number": "S-1001",
        "channel": draw(st.sampled_from(("site", "shopify", "nobody"))),
        "customer": "cus_MFRGGZDFMZTWQ2LKNNWG23TP",
        "tracking": "1",
    }
    name = draw(st.sampled_from(sorted(asked)))
    others = {key: value for key, value in (request.case.query or {}).items() if key not in asked}
    kept = draw(st.lists(st.sampled_from(sorted(others)), max_size=1)) if others else []
    request.case.query = {name: asked[name], **{key: others[key] for key in kept}}


def _deliver(draw: st.DrawFn, shop: Shop, request: Request) -> None:
    """A delivery as its sender signs it, with some of its fields replaced."""
    delivery = shop.deliveries[draw(st.integers(0, len(shop.deliveries) - 1))]
    try:
        document = json.loads(delivery.body)
        for name in draw(st.lists(st.sampled_from(sorted(document)), max_size=3)):
            document[name] = draw(st.sampled_from((None, "", -1, 10**40, [], {}, [None], "\ud800", request.case.body)))
        request.body = json.dumps(document).encode()
    except (TypeError, ValueError):  # a test call of a sender, or a body of the contract's that is no JSON
        request.body = delivery.body
    changed = replace(delivery, body=request.body)
    request.headers |= rec.sign(changed, SECRETS[delivery.source])
    request.case.path_parameters.update(source=delivery.source, account="main")


def _body(draw: st.DrawFn, shop: Shop, request: Request) -> dict[str, Any]:
    """A body of a real call; {} where the contract's own are as good."""
    path = request.case.path_parameters or {}
    lines = shop.lines.get(str(path.get("fulfillment_order_id") or path.get("order_id"))) or ["1"]
    line = {"line_id": draw(st.sampled_from(lines)), "quantity": draw(st.integers(1, 3))}
    sku = draw(st.sampled_from(shop.known["sku"]))
    price, units = draw(st.integers(0, 10_000)), draw(st.integers(1, 5))
    match request.operation:
        case "placeOrder":
            return {
                "number": f"F-{draw(st.integers(0, 10**9))}",
                "currency": "EUR",
                "lines": [{"sku": sku, "quantity": units, "unit_price": price}],
                "total": units * price,
                "ship_to": {"country": "DE", "region": "BE", "postal_code": "10115"},
                "payment": {"provider": "in_channel", "state": "paid", "captured": units * price},
            }
        case "cancelOrder":
            return {"reason": "changed their mind", "lines": [line]}
        case "holdOrder":
            return {"kind": "fraud", "reason": "address and card differ"}
        case "refundOrder":
            return {"lines": [line], "restock": True} if draw(st.booleans()) else {"amount": price, "reason": "late"}
        case "rejectFulfillmentOrder":
            return {"reason": "not_found"}
        case "shipParcels":
            number = f"F{draw(st.integers(0, 10**12))}"
            return {"parcels": [{"carrier": "DHL", "tracking_number": number, "lines": [line]}]}
        case "lookUpOrder":
            return {"number": "S-1001", "email": "mara.lind@example.com"}
    return _of_stock(request.operation, sku, units)


def _of_stock(operation: str, sku: str, units: int) -> dict[str, Any]:
    at = {"sku": sku, "node_id": "de-main"}
    match operation:
        case "moveStock":
            return {"movements": [{**at, "kind": "receipt", "quantity": units}]}
        case "countStock":
            return {"counts": [{**at, "counted": units}]}
        case "tellSupply":
            due = "2026-12-09T08:00:00Z"
            return {**at, "supply_id": f"PO-{units}", "kind": "expected", "quantity": units, "due": due}
        case "holdStock":
            return {"ttl_s": 600, "lines": [{**at, "quantity": units}]}
        case "extendStockHold":
            return {"ttl_s": 900}
        case "showAvailability":
            return {"skus": [sku], "node_ids": ["de-main"]}
    return {}


def _open(draw: st.DrawFn, shop: Shop, request: Request) -> None:
    """Go through the console's door, with a form of one of its pages when one is asked for."""
    if draw(st.integers(0, 9)):
        request.cookies["oms_session"] = shop.cookie
        request.headers["sec-fetch-site"] = "same-origin"
    pattern = request.case.operation.path
    open_forms = sorted(path for path in shop.forms if path.endswith(pattern.rpartition("}")[2]) and "{" in pattern)
    if request.case.method.upper() == "POST" and open_forms and draw(st.integers(0, 3)):
        path = draw(st.sampled_from(open_forms))
        for part, value in zip(pattern.split("/"), path.split("/"), strict=True):
            if part.startswith("{"):
                request.case.path_parameters[part.strip("{}")] = value
        request.case.body = dict(shop.forms[path])
        request.case.media_type = "application/x-www-form-urlencoded"
