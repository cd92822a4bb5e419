"""Recorded deliveries: read from files, signed as their sender would, sent, and followed to their end."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.signing import signed, signed_body
from oms.application.senders import sender
from oms.channels.registry import SOURCES, connector
from oms.domain import ids
from oms.domain.canonical import Normalized
from oms.domain.errors import OmsError
from oms.domain.inbound import InboundRequest, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.local.system import System

KEPT: Final = ("x-shopify-", "x-wc-", "content-type")
_LINE: Final = re.compile(r"L[0-9]+|[0-9]+")
_VERSION: Final = re.compile(r"^v[0-9]+_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A delivery as it will be sent: headers without a signature, the raw body."""

    name: str
    source: str
    headers: Mapping[str, str]
    body: bytes

    def account(self, given: str) -> str:
        """Whose delivery it is: Amazon's says so itself."""
        if self.source != "amazon":
            return given
        try:
            return str(json.loads(self.body)["Payload"]["OrderChangeNotification"]["SellerId"])
        except (ValueError, KeyError, TypeError):
            return "unknown"

    def request(self, account: str) -> InboundRequest:
        """The delivery as its receiver reads it."""
        return InboundRequest(account=account, headers=self.headers, body=self.body)


def read(source: str, file: Path, fill: Mapping[str, str] | None = None) -> Recorded:
    """The delivery of a file: `{"headers", "topic", "body"}`, or a bare body. `fill` replaces `{{name}}` in it."""
    text = file.read_text(encoding="utf-8")
    for name, value in (fill or {}).items():
        text = text.replace("{{" + name + "}}", value)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    headers: dict[str, str] = {}
    body = text.encode()
    if isinstance(document, dict) and "body" in document and ("headers" in document or "topic" in document):
        recorded = {name.lower(): str(value) for name, value in (document.get("headers") or {}).items()}
        headers = {name: value for name, value in recorded.items() if name.startswith(KEPT)}
        inner = document["body"]
        body = inner.encode() if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False).encode()
        headers |= _topic_header(source, headers, str(document.get("topic") or ""))
    headers |= _topic_header(source, headers, _topic_of_name(source, file.name))
    headers.setdefault("content-type", "application/json")
    return Recorded(name=file.name, source=source, headers=headers, body=body)


def _topic_of_name(source: str, name: str) -> str:
    """`webhook-orders.cancelled.json` is orders/cancelled; without an action it is what an update would carry."""
    parts = [part for part in name.removesuffix(".json").split("-") if not _LINE.fullmatch(part)]
    told = next((part for part in parts if "." in part), "")
    resource, _, action = (told or f"{_VERSION.sub('', parts[-1]).rstrip('s')}s.updated").partition(".")
    return f"{resource.rstrip('s')}.{action}" if source == "woocommerce" else f"{resource}/{action}"


def _topic_header(source: str, headers: Mapping[str, str], topic: str) -> dict[str, str]:
    name = {"shopify": "x-shopify-topic", "woocommerce": "x-wc-webhook-topic"}.get(source)
    return {name: topic} if name and topic and name not in headers else {}


def sign(recorded: Recorded, secret: str, at: float | None = None) -> dict[str, str]:
    """The headers of a delivery, with the signature that its sender would put."""
    now = int(time.time() if at is None else at)
    return {**recorded.headers, **signed(recorded.source, recorded.body, secret, now)}


def send(system: System, recorded: Recorded, account: str, secret: str) -> tuple[int, str]:
    """(status, outcome): over HTTP, or on Amazon's queue."""
    if recorded.source == "amazon":
        system.client("sqs").send_message(
            QueueUrl=system.outputs["AmazonQueueUrl"], MessageBody=recorded.body.decode("utf-8")
        )
        return 200, "queued"
    reply = system.call(
        "POST",
        f"/webhooks/{recorded.source}/{account}",
        headers=sign(recorded, secret),
        body=signed_body(recorded.source, recorded.body, secret),
    )
    document = reply.document if isinstance(reply.document, dict) else {}
    return reply.status, str(document.get("outcome") or document.get("code") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Where a delivery can end: as an order, in quarantine, or nowhere."""

    order_id: str = ""
    parked_id: str = ""
    ignored: bool = False
    skus: frozenset[str] = frozenset()


def foresee(recorded: Recorded, account: str) -> Expected:
    """The ids that a delivery leads to, read as the system will read it."""
    account = recorded.account(account)
    request = recorded.request(account)
    fallback = hashlib.sha256(recorded.body).hexdigest()
    try:
        notice = sender(recorded.source).identify(request)
    except OmsError:
        return Expected(parked_id=ids.derive("qrn", recorded.source, account, fallback))
    parked_id = ids.derive("qrn", recorded.source, account, notice.event_id)
    if notice.kind in (NoticeKind.PING, NoticeKind.IGNORED):
        return Expected(ignored=True)
    if recorded.source not in SOURCES:
        return Expected(parked_id=parked_id)
    order_id = ids.order_id(recorded.source, account, notice.external_id) if notice.external_id else ""
    if notice.kind is NoticeKind.FETCH:
        return Expected(order_id=order_id, parked_id=parked_id)
    try:
        read_ = connector(recorded.source).normalize(request, notice)
    except OmsError:
        return Expected(order_id=order_id, parked_id=parked_id)
    skus = frozenset(line.sku for line in read_.order.lines) if isinstance(read_, Normalized) else frozenset()
    external_id = read_.order.external_id if isinstance(read_, Normalized) else read_.external_id
    order_id = ids.order_id(recorded.source, account, external_id)
    return Expected(order_id=order_id, parked_id=parked_id, skus=skus)


def follow(system: System, expected: Expected, seconds: float = 6.0) -> dict[str, Any]:
    """Where it ended: {'outcome': 'taken' | 'quarantined' | 'ignored' | 'waiting', …}.

    'waiting' is a delivery that its queue brings again later: what it speaks of is not known here yet.
    """
    if expected.ignored:
        return {"outcome": "ignored"}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        parked = system.call("GET", f"/quarantine/{expected.parked_id}", role="admin") if expected.parked_id else None
        if parked and parked.status == 200:  # noqa: PLR2004
            return {"outcome": "quarantined", "code": parked.document["code"], "reason": parked.document["reason"]}
        order = system.call("GET", f"/orders/{expected.order_id}", role="admin") if expected.order_id else None
        if order and order.status == 200:  # noqa: PLR2004
            return {"outcome": "taken", "order_id": expected.order_id, "stage": order.document["stage"]}
        time.sleep(0.2)
    if not expected.order_id:
        return {"outcome": "accepted", "reason": "it is about no order that is known here"}
    return {"outcome": "waiting", "reason": "it will come again, and be parked if that does not help"}
