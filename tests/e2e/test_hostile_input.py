"""I12: nothing that a client sends is answered with 5xx, and every refusal is a problem document."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from oms.entrypoints.http import MAX_BODY
from oms.entrypoints.order_api import MAX_ORDER
from tests.e2e.test_access import ALLOWED, ORDER, WORK

if TYPE_CHECKING:
    from infra.local.system import Reply
    from tests.e2e.support import Oms

DEEP = b'{"lines":' + b"[" * 60_000 + b"]" * 60_000 + b"}"
BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe{}",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1e999",
    "NaN": b'{"total": NaN}',
    "deep": DEEP,
    "a field twice": b'{"reason": "a", "reason": "b"}',
    "unknown field": b'{"surprise": 1}',
    "wrong types": json.dumps({"lines": "x", "reason": 1, "parcels": {}, "movements": 7, "amount": "1"}).encode(),
    "huge numbers": json.dumps(
        {"amount": 10**400, "total": 2**63, "lines": [{"line_id": "1", "quantity": 10**30}]}
    ).encode(),
    "bool as int": b'{"amount": true, "total": true, "lines": [{"line_id": "1", "quantity": true}]}',
    "surrogates": b'{"reason": "\\ud800", "number": "\\udfff"}',
    "NUL": b'{"reason": "\\u0000", "kind": "\\u0000"}',
    "many keys": json.dumps({f"k{number}": number for number in range(20_000)}).encode(),
}
POSTS = sorted(path for method, path in ALLOWED if method == "POST")
LONG = "x" * 3000
QUERIES = [
    *(
        f"/orders?{query}"
        for query in ("", "status=", "status=nonsense", "status=placed&sku=x", f"sku={LONG}", "sku=%00")
    ),
    *(f"/orders?status=placed&limit={limit}" for limit in ("0", "-1", "101", "x", "1e2", "%C2%B2", "0000100000", "")),
    *(
        f"/orders?number=1&since={at}"
        for at in ("x", "2026-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00")
    ),
    "/orders?number=1&until=0001-01-01T00:00:00%2B14:00",
    "/orders?number=1&since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z",
    "/orders?sku=MUG-01&since=1990-01-01T00:00:00Z",
    f"{ORDER}?at=yesterday",
    f"{ORDER}?at=0001-01-01T00:00:00%2B23:00",
    "/orders/nonsense",
    f"/orders/ord_{LONG}",
    "/orders/ord_%00",
    "/orders/%F0%9F%98%80/timeline",
    f"/stock/{LONG}",
    "/stock/%00",
    f"/fulfillment-orders/ful_{LONG}_1",
    "/fulfillment-orders/ful__",
    "/fulfillment-orders",
    f"/fulfillment-orders?node={LONG}",
    "/fulfillment-orders?node=us-east&status=shipped",
    "/quarantine/nonsense",
    "/alerts?limit=0",
    "/nowhere",
]


def _is_refusal(reply: Reply) -> bool:
    if reply.status in (200, 201):
        return True
    headers = {name.lower(): value for name, value in reply.headers.items()}
    problem = reply.document
    return (
        400 <= reply.status < 500
        and headers["content-type"] == "application/problem+json"
        and problem["type"] == f"urn:oms:problem:{problem['code']}"
        and problem["status"] == reply.status
        and "Traceback" not in json.dumps(problem)
    )


@pytest.mark.parametrize("path", POSTS, ids=lambda path: path.replace("0000000000", "0"))
def test_no_body_breaks_a_route(oms: Oms, path: str) -> None:
    for name, body in BODIES.items():
        reply = oms.post(path, body=body)
        assert _is_refusal(reply), (name, reply)
        if name in ("not JSON", "deep", "wrong types") and not path.endswith("/status-link"):
            assert reply.status == 422, (name, reply)


def test_a_body_that_is_too_large_is_refused(oms: Oms) -> None:
    body = json.dumps({"reason": "x" * MAX_BODY}).encode()
    order = json.dumps({"number": "x" * MAX_ORDER}).encode()
    for path in ("/orders", f"{ORDER}/cancel", "/stock/movements", f"{WORK}/reject"):
        reply = oms.post(path, body=order if path == "/orders" else body)
        assert (reply.status, reply.document["code"]) == (413, "payload_too_large"), path
    reply = oms.system.call("POST", "/webhooks/shopify/main", body=b"x" * 5_000_001)
    assert (reply.status, reply.document["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path[:60])
def test_no_query_breaks_a_route(oms: Oms, path: str) -> None:
    reply = oms.get(path)
    if path == "/nowhere":
        assert reply.status == 404
        return
    assert _is_refusal(reply), reply


def _forged() -> list[str]:
    def cursor(value: Any) -> str:
        return (
            base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
            .decode()
            .rstrip("=")
        )

    other = {"pk": "order#x", "sk": "row"}
    places: list[Any] = [
        ["a"],
        [1, 2],
        ["", "x"],
        ["stage#placed#2026-01-01", "zzz"],
        ["stage#placed#2026-01-01", ""],
        other,
        {**other, "lpk": "x", "lsk": "y"},
        {"pk": "alert", "sk": ""},
        {"pk": "alert", "sk": 7},
        {"pk": "quarantine"},
        b"[" * 6000,
        b"\xff",
        "x",
        None,
        7,
    ]
    return ["x", "%20", "%F0%9F%98%80", "===", *map(cursor, places)]


@pytest.mark.parametrize(
    "path", ["/orders?status=placed&", "/alerts?", "/quarantine?", "/fulfillment-orders?node=us-east&"]
)
def test_a_forged_cursor_is_refused(oms: Oms, path: str) -> None:
    for cursor in _forged():
        reply = oms.get(f"{path}cursor={cursor}")
        assert (reply.status, reply.document.get("code")) == (400, "invalid_cursor"), (cursor, reply)


def test_the_public_routes_answer_nonsense_with_a_refusal(oms: Oms) -> None:
    bodies = [b"", b"{", b"[]", DEEP, b'{"number": 1, "email": 2}', b'{"number": "x", "email": "nobody@example.org"}']
    for body in bodies:
        assert 400 <= oms.system.call("POST", "/status/lookup", body=body).status < 500
    for token in ("x", "x.y", "a" * 5000, "%00", "..", "eA.eA"):
        assert oms.system.call("GET", f"/status/{token}").status in (400, 404)
