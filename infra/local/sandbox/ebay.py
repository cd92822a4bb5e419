"""An imitation of eBay: the key that it signs notifications with, known to everybody, and its REST APIs.

The key signs notifications of nothing but this sandbox. Orders are kept from `<samples>/ebay/<id>.json`.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, moment
from infra.local.sandbox.parcels_told import ParcelsTold
from infra.local.sandbox.refunds_told import RefundsTold
from infra.local.sandbox.tokens import Tokens, bearer, is_basic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

KEY_ID: Final = "5a4d0b0e-0000-4000-8000-73616e646278"
VERIFICATION_TOKEN: Final = "sandbox-verification-token-0123456789"  # noqa: S105 - known to everybody
_NUMBER: Final = 0x6A1F3C5D7E9B2A4C6E8F0A1B2C3D4E5F60718293A4B5C6D7E8F9010203040506
_POST_ORDER: Final = "/post-order/"
_TOKEN: Final = "/identity/v1/oauth2/token"  # noqa: S105 - a path
_KEYS: Final = "/commerce/notification/v1/public_key/"
_ORDERS: Final = re.compile(r"/sell/fulfillment/v1/order(?:/([0-9-]{1,60}))?")
_FILTER: Final = re.compile(r"(lastmodifieddate|creationdate):\[([^.]+\.\d{3}Z)\.\.([^\]]*)\]")
_FIELDS: Final = {"lastmodifieddate": "lastModifiedDate", "creationdate": "creationDate"}
_LIFETIME: Final = 7200
_MOST: Final = 200


@cache
def _private() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(_NUMBER, ec.SECP256R1())


def sign(body: bytes) -> str:
    """The header of a notification: base64 of a JSON object with an ECDSA signature over SHA-1."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA1

    signature = _private().sign(body, ec.ECDSA(SHA1()))  # noqa: S303 # nosec B303 # eBay's own choice
    told = {"alg": "ecdsa", "kid": KEY_ID, "signature": base64.b64encode(signature).decode(), "digest": "SHA1"}
    return base64.b64encode(json.dumps(told).encode()).decode()


def public_key() -> str:
    """The public key, in one line as eBay publishes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = _private().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode().replace("\n", "")


class EbayVendor:
    """One seller, and one application."""

    name = "ebay"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self.tokens = Tokens(clock, _LIFETIME, settings.account)
        self.shelf = Shelf(self._samples)
        self.stock = LevelsTold("ebay", record)
        self.refunds = RefundsTold("ebay", record, self.shelf.get)
        self.told = ParcelsTold("ebay", record, self.refunds.shown)

    def handles(self, path: str) -> bool:
        """The login, the keys, the orders and the stock."""
        return path == _TOKEN or path.startswith((_KEYS, "/sell/", _POST_ORDER))

    def answer(self, request: Request) -> Reply:
        """Log in, or read a key, an order or a page of orders."""
        if request.path == _TOKEN and request.method == "POST":
            return self._login(request)
        if request.method == "GET" and request.path.startswith(_KEYS):
            if not self.tokens.holds(bearer(request), "application"):
                return _error(401, 1001, "Invalid access token")
            if request.path != f"{_KEYS}{KEY_ID}":
                return _error(404, 195001, "The specified key id is invalid.")
            return Reply(document={"key": public_key(), "algorithm": "ECDSA", "digest": "SHA1"})
        match = _ORDERS.fullmatch(request.path)
        old = request.path.startswith(_POST_ORDER)
        token = request.headers.get("authorization", "").removeprefix("IAF ") if old else bearer(request)
        if old and not request.headers.get("x-ebay-c-marketplace-id"):
            return _error(400, 1000, "The marketplace is missing")
        if not self.tokens.holds(token, "user"):
            return _error(401, 1001, "Invalid access token")
        told = self.stock.answer(request) or self.refunds.answer(request) or self.told.answer(request)
        if told is not None:
            return told
        if request.method != "GET" or not match:
            return _error(404, 2002, "Resource not found")
        if match[1] is None:
            return self._list(request.query)
        order = self.told.ebay_order(match[1])
        return Reply(document=order) if order else _error(404, 32100, "Invalid order ID")

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error list."""
        return {"errors": [{"errorId": 2001, "domain": "ACCESS", "message": f"sandbox answers {status}"}]}

    def _login(self, request: Request) -> Reply:
        form, settings = request.form(), self._settings
        if not is_basic(request, settings.ebay_client_id, settings.ebay_client_secret):
            return Reply(status=401, document={"error": "invalid_client"})
        kind = {"refresh_token": "user", "client_credentials": "application"}.get(form.get("grant_type", ""))  # nosec B105 # a kind
        wrong = kind == "user" and form.get("refresh_token") != settings.ebay_refresh_token
        if kind is None or wrong or (kind == "application" and not form.get("scope")):
            return Reply(status=400, document={"error": "invalid_grant"})
        token = {"access_token": self.tokens.issue(kind), "expires_in": _LIFETIME, "token_type": "User Access Token"}  # nosec B105 # a kind
        return Reply(document=token)

    def _list(self, query: Mapping[str, str]) -> Reply:
        """A page; without the breakdown of taxes, totals are without them, which nobody here asks for."""
        limits, size = _FILTER.fullmatch(query.get("filter", "")), int(query.get("limit", "50"))
        if not limits or size > _MOST or query.get("fieldGroups") != "TAX_BREAKDOWN":
            return _error(400, 30700, "Invalid filter")
        time, since = _FIELDS[limits[1]], moment(limits[2])
        until = moment(limits[3]) if limits[3] else None
        found = [
            order
            for order in self.shelf.all().values()
            if since <= moment(order[time]) and (until is None or moment(order[time]) <= until)
        ]
        offset, size = int(query.get("offset", "0")), min(size, self._settings.list_page)
        page = found[offset : offset + size]
        return Reply(document={"orders": page, "total": len(found), "limit": size, "offset": offset})

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _error(status: int, number: int, message: str) -> Reply:
    return Reply(status=status, document={"errors": [{"errorId": number, "message": message}]})
