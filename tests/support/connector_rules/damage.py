"""Rules of what is broken: it is refused with a type of ours, or what comes out is sound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import NormalizedRefund
from oms.domain.inbound import InboundRequest
from tests.support.connector_rules import nodes, seen
from tests.support.connector_rules.kit import ACCOUNT, Crash, Refusal, read, take
from tests.support.connector_rules.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.connector_rules.kit import Delivery, Kit

VALUES: Final[tuple[Any, ...]] = (
    *(nodes.GONE, None, True, 0, -1, 2**63, 10**30, 0.1, -0.005, 1e300, "", " ", "0", "-1.00", "1e5", "9" * 40),
    *("\x00", "\ud800", "١٢", "é" * 300, "2026-02-30T00:00:00Z", [], {}, [[]], [{}], [None], {"id": 1}),
)
"""What a field may be that nobody expects."""
_DEEP: Final = 100_000


def _judged(kit: Kit, what: str, found: object) -> Iterator[str]:
    if isinstance(found, Crash):
        yield f"{what}: {found.kind}"
    elif isinstance(found, Refusal):
        if not found.code or "\n" in found.code:
            yield f"{what}: a refusal without a code"
    elif isinstance(found, list):
        yield from (f"{what}: {fault}" for order in found for fault in seen.faults(order))
    elif isinstance(found, tuple) and found[1] is not None:
        order = getattr(found[1], "order", None)
        if order is not None:
            yield from (f"{what}: {fault}" for fault in seen.faults(order))
        elif isinstance(found[1], NormalizedRefund) and found[1].refund.amount < 0:
            yield f"{what}: a negative refund"


def _bodies(delivery: Delivery) -> Iterator[tuple[str, bytes]]:
    body = delivery.body
    step = max(1, len(body) // 40)
    yield from ((f"cut at {at}", body[:at]) for at in range(0, len(body), step))
    yield from (
        ("a mark of bytes before it", b"\xef\xbb\xbf" + body),
        ("a mark of another encoding", body.decode("utf-8").encode("utf-16")),
        ("two of it", body + body),
        ("not UTF-8", body.replace(b'"', b'"\xff', 2)),
        ("deep lists", b"[" * _DEEP),
        ("deep objects", b'{"a":' * _DEEP),
        ("a list of it", b"[" + body + b"]"),
        ("NaN", b'{"id": NaN, "type": NaN}'),
        ("a field twice", body[:1] + b'"id": 1, "id": 2, ' + body[1:]),
        ("a number of 5,000 digits", body[:1] + b'"zz": ' + b"9" * 5000 + b", " + body[1:]),
        ("a fraction of 5,000 digits", body[:1] + b'"zz": 0.' + b"9" * 5000 + b", " + body[1:]),
        ("an exponent", body[:1] + b'"zz": 1e999999999, ' + body[1:]),
    )
    yield from ((repr(each), each) for each in (b"", b"null", b"0", b"true", b'""', b"[]", b"{}", b"\x00", b"a=b"))


@rule
def a_broken_body_is_refused_with_a_code(kit: Kit) -> Iterator[str]:
    """Cut off anywhere, in another encoding, nested without end, with numbers that are none."""
    for delivery in kit.deliveries[:2]:
        for what, body in _bodies(delivery):
            request = InboundRequest(account=ACCOUNT, headers=delivery.headers, body=body)
            yield from _judged(kit, f"{delivery.name}, {what}", take(kit, request))


@rule
def a_field_may_be_anything(kit: Kit) -> Iterator[str]:
    """Each field of a delivery, in turn, with values of every kind in its place, or without it."""
    for delivery in kit.deliveries[:2]:
        try:
            document = json.loads(delivery.body)
        except ValueError:
            continue
        for what, changed in _changed(document, 12):
            request = InboundRequest(account=ACCOUNT, headers=delivery.headers, body=json.dumps(changed).encode())
            yield from _judged(kit, f"{delivery.name}, {what}", take(kit, request))


@rule
def a_header_may_be_anything(kit: Kit) -> Iterator[str]:
    """Each header of a delivery, in turn, missing, empty, or of letters that no header has."""
    for delivery in kit.deliveries:
        for name in [*delivery.headers, "webhook-id", "content-type"]:
            for value in (None, "", "x", "\x00", "\ud800", "a/b\nc: d", "é" * 300, "orders/create"):
                rest = {key: each for key, each in delivery.headers.items() if key != name}
                headers = rest if value is None else {**rest, name: value}
                found = take(kit, InboundRequest(account=ACCOUNT, headers=headers, body=delivery.body))
                yield from _judged(kit, f"{delivery.name}, {name}={str(value)[:20]!r}", found)


@rule
def a_fetched_field_may_be_anything(kit: Kit) -> Iterator[str]:
    """The same of what is fetched, or carried: every order that comes of it sums up."""
    for name, raw in kit.sound[:1]:
        for what, changed in _changed(json.loads(raw), 12):
            yield from _judged(kit, f"{name}, {what}", read(kit, json.dumps(changed).encode()))


def _changed(document: Any, most: int) -> Iterator[tuple[str, Any]]:
    for path in nodes.some(list(nodes.places(document)), most):
        for value in VALUES:
            spelled = "gone" if value is nodes.GONE else repr(value)[:20]
            yield f"{'.'.join(map(str, path))} = {spelled}", nodes.put(document, path, value)
