"""A small shop in memory, behind the functions that show pages: wiring replaced, HTTP events in, answers out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from oms.application.intake import ReplayParked
from oms.application.orders import Orders, stream_of
from oms.application.status import LookUpOrder
from oms.application.status_links import StatusLinks
from oms.application.tracking import ShowOrder
from oms.domain import ids
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    Contact,
    PaymentState,
    PostalAddress,
    ShipTo,
    sum_parts,
)
from oms.domain.commit import Cause
from oms.domain.errors import TotalsMismatchError
from oms.domain.order import commands as cmd
from oms.domain.order.events import LineUnits, NodeUnits, PaymentPlan
from oms.domain.parked import Parked
from oms.domain.payments import AuthorizationResult, AuthorizationState
from oms.entrypoints import sessions, use_cases, wiring
from tests.support.staff_ports import Cognito, MemoryContacts, MemoryLog, MemoryQuarantine, MemoryViews, Take

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from oms.domain.tracking import ParcelStatus

NOW: Final = datetime(2026, 11, 22, 14, 5, 9, tzinfo=UTC)
HOST: Final = "oms.example.com"
CLIENT_ID: Final = "client1"
ISSUER: Final = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool"
KEY_ID: Final = "key-1"
EMAIL: Final = "jane.roe@example.com"
SECRETS: Final = {"session_key": "a session key", "customer_key": "a customer key"}
LINK_KEYS: Final = {"current": "k2", "key:k1": "an older secret", "key:k2": "a newer secret"}
PERSONAL: Final = (EMAIL, "Jane Roe", "1 Main Street", "+49 30 1234567")


@cache
def key_pair() -> rsa.RSAPrivateKey:
    """The user pool's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def key_set() -> bytes:
    """What the pool publishes."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key_pair().public_key()))
    return json.dumps({"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}).encode()


def claims(*groups: str, **changes: Any) -> dict[str, Any]:
    """Claims of an ID token; a change to `...` leaves one out."""
    now = int(datetime.now(UTC).timestamp())
    made: dict[str, Any] = {
        "sub": "5b1c",
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "token_use": "id",
        "iat": now,
        "exp": now + 3600,
        "cognito:username": "anna",
        "cognito:groups": list(groups),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def id_token(*groups: str, **changes: Any) -> str:
    """A token that the pool signed."""
    return jwt.encode(claims(*groups, **changes), key_pair(), algorithm="RS256", headers={"kid": KEY_ID})


@dataclass
class Shop:
    """Everything the pages see. `at` is the time that the next command runs."""

    log: MemoryLog = field(default_factory=MemoryLog)
    contacts: Any = field(default_factory=MemoryContacts)
    quarantine: MemoryQuarantine = field(default_factory=MemoryQuarantine)
    links: StatusLinks = field(default_factory=lambda: StatusLinks(lambda: LINK_KEYS))
    at: datetime = NOW
    steps: int = 0

    def __post_init__(self) -> None:
        """What hangs together."""
        self.views: Any = MemoryViews(self.log)
        self.take: Any = Take(self.quarantine)
        self.cognito = Cognito(id_token("service"))
        self.orders = Orders(self.log, self.now)

    def now(self) -> datetime:
        """The shop's clock."""
        return self.at

    def read(self) -> Mapping[str, Any]:
        """Our own keys."""
        return SECRETS

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Shop:
        """Put this shop in the place of the real one."""
        made = {
            "now": self.now,
            "orders": lambda: self.orders,
            "log": lambda: self.log,
            "show_order": lambda: ShowOrder(self.orders, self.log),
            "views": lambda: self.views,
            "quarantine": lambda: self.quarantine,
            "keys": lambda: self,
            "status_links": lambda: self.links,
            "replay_parked": lambda: ReplayParked(
                self.take, self.quarantine, lambda _pk, _sk: None, lambda _message: None
            ),
            "look_up_order": lambda: LookUpOrder(self.orders, self.views, self.contacts, self.links, self.now),
            "client": {"cognito-idp": self.cognito}.__getitem__,
        }
        for name, replacement in made.items():
            monkeypatch.setattr(wiring if hasattr(wiring, name) else use_cases, name, replacement)
        keys = sessions.PublicKeys(key_set)
        monkeypatch.setattr(sessions, "public_keys", lambda: keys)
        for name, value in {"STAFF_CLIENT_ID": CLIENT_ID, "STAFF_ISSUER": ISSUER}.items():
            monkeypatch.setenv(name, value)
        return self

    def do(self, order_id: str, command: type[cmd.Command], cause: Cause | None = None, **fields: Any) -> None:
        """Run a command, a while after the last."""
        self.steps += 1
        made = command(command_id=ids.command_id("test", str(self.steps)), **fields)
        self.orders.execute(
            order_id, made, cause or Cause(kind="workflow", ref=f"step:{self.steps}", actor="b2c_order")
        )

    def place(self, number: str = "#1001", *, at: datetime | None = None, **changes: Any) -> str:
        """A paid order of two lines; `changes` are fields of its snapshot."""
        self.at = at or self.at
        lines = changes.pop("lines", None) or (
            CanonicalLine(
                line_ref="1",
                sku="MUG-01",
                quantity=3,
                unit_price=1450,
                discount=290,
                tax=209,
                title="Stoneware mug, blue",
            ),
            CanonicalLine(line_ref="2", sku="NOTE-A5", quantity=1, unit_price=650, title="Notebook A5, dotted"),
        )
        fields: dict[str, Any] = {
            "source": "shopify",
            "account": "berlin",
            "external_id": f"55{number.strip('#')}",
            "number": number,
            "revision": self.at,
            "placed_at": self.at,
            "currency": "EUR",
            "lines": lines,
            "total": 0,
            "shipping": 490,
            "ship_to": ShipTo(country="DE", region="BE", postal_code="10115"),
            **changes,
        }
        order = CanonicalOrder(**fields)
        order = replace(order, total=sum_parts(order))
        order = replace(order, payment=ChannelPayment(state=PaymentState.PAID, captured=order.total))
        order_id = ids.order_id(order.source, order.account, order.external_id)
        self.do(
            order_id,
            cmd.SyncOrder,
            Cause(kind="webhook", ref="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", actor=order.source),
            snapshot=order,
            payment=PaymentPlan(provider="in_channel"),
            digest="d1",
            customer_id="cus_MFRGGZDFMZTWQ2LKNNWG23TP",
        )
        address = PostalAddress(name=PERSONAL[1], lines=(PERSONAL[2],), city="Berlin", country="DE", phone=PERSONAL[3])
        where = self.orders.get(order_id).contact_key
        self.contacts.of[where] = Contact(name=PERSONAL[1], email=EMAIL, phone=PERSONAL[3], shipping=address)
        return order_id

    def promise(
        self, order_id: str, units: Mapping[str, int] | None = None, short: Mapping[str, int] | None = None
    ) -> None:
        """Units by line at Berlin; the rest waits."""
        self.at += timedelta(seconds=3)
        order = self.orders.get(order_id)
        wanted = {line_id: line.ledger.open for line_id, line in order.lines.items()} if units is None else units
        self.do(
            order_id,
            cmd.PromiseOrder,
            units=tuple(
                NodeUnits(line_id=line_id, sku=order.lines[line_id].placed.sku, node_id="berlin", quantity=count)
                for line_id, count in wanted.items()
            ),
            short=tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in (short or {}).items()),
            promised_by=self.at + timedelta(days=2),
            authorization=AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=order.placed.total),
            decision={
                "policy": "nearest-complete/1",
                "located_by": "postal_code",
                "candidates": [
                    {"node": "berlin", "km": 4, "has_all": True},
                    {"node": "hamburg", "km": 256, "has_all": True},
                    {"node": "lyon", "km": 1021, "has_all": False},
                ],
                "excluded": {"vienna": "closed for stock-taking"},
                "chosen": ["berlin"],
                "short": [order.lines[line_id].placed.sku for line_id in short or {}],
            },
        )

    def ship(self, order_id: str, lines: Mapping[str, int], tracking: str = "00340434161094042557") -> None:
        """A parcel leaves."""
        self.at += timedelta(hours=3)
        self.do(
            order_id,
            cmd.ShipFulfillmentOrder,
            Cause(kind="api", ref="9f3c:ship-1", actor="warehouse"),
            fulfillment_order_id=ids.fulfillment_order_id(order_id, 1),
            parcels=(
                cmd.ParcelToShip(
                    carrier="DHL",
                    tracking_number=tracking,
                    lines=tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in lines.items()),
                ),
            ),
        )

    def track(self, order_id: str, status: ParcelStatus, tracking: str = "00340434161094042557") -> None:
        """A scan that moves the parcel on, and one that does not."""
        self.at += timedelta(hours=5)
        self.do(
            order_id,
            cmd.RecordTracking,
            Cause(kind="carrier", ref=f"evt_{self.steps}", actor="easypost"),
            tracking_number=tracking,
            status=status,
            occurred_at=self.at,
            estimated_delivery_at=self.at + timedelta(days=1),
        )
        update = {
            "source": "easypost",
            "account": "main",
            "event_id": f"evt_{self.steps}",
            "carrier": "DHL",
            "tracking_number": tracking,
            "status": status.value,
            "status_at": self.at.isoformat(),
        }
        self.log.put_fact(stream_of(order_id), "f", {"kind": "tracking", "update": update})

    def park(self, **changes: Any) -> str:
        """A delivery in quarantine."""
        error = TotalsMismatchError(
            "the parts do not add up to the total", total=5340, parts=5240, difference=100, currency="EUR"
        )
        lines = '[{"price":"14.50","quantity":3},{}]'
        body = f'{{"id":5501,"name":"#1002","total_price":"53.40","line_items":{lines},"note":null}}'
        made: dict[str, Any] = {
            "parked_id": ids.derive("qrn", str(len(self.quarantine.of)), str(changes)),
            "source": "shopify",
            "account": "berlin",
            "topic": "orders/create",
            "code": error.code,
            "reason": str(error),
            "parked_at": self.at,
            "message": {
                "source": "shopify",
                "account": "berlin",
                "headers": {"x-shopify-topic": "orders/create", "content-type": "application/json"},
                "received_at": self.at.isoformat(),
                "body": body,
            },
            "detail": dict(error.context),
            **changes,
        }
        self.quarantine.park(Parked(**made))
        return str(made["parked_id"])


@dataclass
class Answer:
    """An answer of a function."""

    status: int
    headers: dict[str, str]
    body: str
    cookies: list[str]

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Context:
    """What Lambda passes."""

    function_name = "pages"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:pages"
    aws_request_id = "r-1"


def call(
    module: Any,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: list[str] | None = None,
    body: str = "",
    sender: str = "203.0.113.7",
) -> Answer:
    """Send an HTTP API event to the handler of `module`."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"host": HOST, **(headers or {})},
        "queryStringParameters": dict(query or {}) or None,
        "requestContext": {
            "domainName": HOST,
            "http": {"method": method, "path": path, "sourceIp": sender},
            "stage": "$default",
        },
        "body": body or None,
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    answer = module.handler({key: value for key, value in event.items() if value is not None}, Context())
    plain = {name.lower(): value for name, value in answer["headers"].items()}
    return Answer(answer["statusCode"], plain, answer["body"] or "", answer.get("cookies", []))
