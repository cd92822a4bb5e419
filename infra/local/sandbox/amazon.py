"""An imitation of Amazon's Selling Partner API (Orders v0) and of Login with Amazon."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.amazon_told import AmazonTold
from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, moment, page, seal, unseal
from infra.local.sandbox.tokens import marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.record import Record

_ORDER = re.compile(r"/orders/v0/orders/([A-Za-z0-9-]{1,64})(?:/(orderItems|address|buyerInfo))?")
_ORDERS = "/orders/v0/orders"
_LOGIN = "/auth/o2/token"
_RESTRICT = "/tokens/2021-03-01/restrictedDataToken"
_RESTRICTED = frozenset({"address", "buyerInfo"})
_LIFETIME = 3600
_LIMITED = 429
_FILES = {
    None: ("order",),
    "orderItems": ("items", "orderItems"),
    "address": ("address",),
    "buyerInfo": ("buyerInfo", "buyer_info", "buyer"),
}


@dataclass(frozen=True, slots=True)
class _Token:
    expires_at: float
    paths: frozenset[str] = frozenset()


class AmazonVendor:
    """One seller's orders, from `<samples>/amazon/<id>/{order,items,items-page-2,address,buyerInfo}.json`."""

    name = "amazon"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self.shelf = Shelf(self._samples)
        self.told = AmazonTold(record, self.shelf.get)
        self.stock = LevelsTold("amazon", record)
        self._lock = threading.Lock()

    def handles(self, path: str) -> bool:
        """The login, the tokens, the orders and the listings."""
        return path in {_LOGIN, _RESTRICT} or path.startswith(("/orders/", "/listings/"))

    def answer(self, request: Request) -> Reply:
        """Log in, restrict, read an order, or be told of its parcels."""
        if request.path == _LOGIN:
            return self._login(request)
        token = self._tokens.get(request.headers.get("x-amz-access-token", ""))
        if token is None or token.expires_at <= self._clock.now():
            return _error(403, "Unauthorized", "Access to requested resource is denied.")
        if request.path == _RESTRICT and request.method == "POST":
            resources = request.json().get("restrictedResources", [])
            paths = frozenset(str(resource.get("path")) for resource in resources)
            return Reply(document={"restrictedDataToken": self._issue(paths), "expiresIn": _LIFETIME})
        told = self.told.answer(request) or self.stock.answer(request)
        if told is not None:
            return told
        return self._list(request.query) if request.path == _ORDERS else self._order(request, token)

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error list."""
        code = "QuotaExceeded" if status == _LIMITED else "InternalFailure"
        return {"errors": [{"code": code, "message": f"sandbox answers {status}", "details": ""}]}

    def expire_tokens(self) -> None:
        """Every token ends now, before its time."""
        with self._lock:
            self._tokens.clear()

    def _order(self, request: Request, token: _Token) -> Reply:
        match = _ORDER.fullmatch(request.path)
        if not match or request.method != "GET":
            return _error(404, "NotFound", "The resource was not found.")
        if match[2] in _RESTRICTED and request.path not in token.paths:
            return _error(403, "Unauthorized", "A restricted data token is needed.")
        document = self._document(match[1], match[2], request.query.get("NextToken", ""))
        if document is None:
            return _error(404, "NotFound", "The order was not found.")
        return Reply(document=document, headers={"x-amzn-ratelimit-limit": "0.5"})

    def _list(self, query: Mapping[str, str]) -> Reply:
        """A page of orders, without what needs a restricted token."""
        if not query.get("MarketplaceIds"):
            return _error(400, "InvalidInput", "MarketplaceIds is missing.")
        after = ""
        if "NextToken" in query:
            cursor = unseal(query["NextToken"])
            if cursor is None:
                return _error(400, "InvalidInput", "NextToken is invalid.")
            query, after = {**cursor["query"], "MarketplaceIds": query["MarketplaceIds"]}, cursor["after"]
        time = "LastUpdateDate" if "LastUpdatedAfter" in query else "PurchaseDate"
        prefix = "LastUpdated" if time == "LastUpdateDate" else "Created"
        since, until = moment(query[f"{prefix}After"]), moment(query[f"{prefix}Before"])
        if until.timestamp() > self._clock.now() - self._settings.amazon_list_delay:
            return _error(400, "InvalidInput", f"{prefix}Before must be two minutes before the request.")
        orders = [known.get("order", known) for known in self.shelf.all().values()]
        rows = [
            (f"{moment(order[time]).timestamp():020.6f}#{order['AmazonOrderId']}", order)
            for order in orders
            if since <= moment(order[time]) <= until and order["MarketplaceId"] in query["MarketplaceIds"].split(",")
        ]
        size = min(int(query.get("MaxResultsPerPage", "100")), self._settings.list_page)
        found, last = page(rows, size, after)
        payload: dict[str, Any] = {"Orders": found}
        if last:
            payload["NextToken"] = seal({"query": dict(query), "after": last})
        return Reply(document={"payload": payload}, headers={"x-amzn-ratelimit-limit": "0.0167"})

    def _samples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The orders of the samples, as their own document has them."""
        folder = self._settings.samples / "amazon" if self._settings.samples else None
        for file in sorted(folder.glob("*/order.json")) if folder else ():
            document = json.loads(file.read_bytes())
            yield file.parent.name, document.get("payload", document)

    def _login(self, request: Request) -> Reply:
        form, settings = request.form(), self._settings
        expected = (settings.amazon_client_id, settings.amazon_client_secret)
        if (form.get("client_id"), form.get("client_secret")) != expected:
            return Reply(status=401, document={"error": "invalid_client", "error_description": "Unknown client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != settings.amazon_refresh_token:
            return Reply(status=400, document={"error": "invalid_grant", "error_description": "Unknown token"})
        answer = {"access_token": self._issue(), "token_type": "bearer", "expires_in": _LIFETIME}  # nosec B105 # a kind
        return Reply(document=answer)

    def _issue(self, paths: frozenset[str] = frozenset()) -> str:
        with self._lock:
            made = f"Atza|sandbox{len(self._tokens) + 1}.{int(self._clock.now() * 1000)}"
            token = marked(made, self._settings.account)
            self._tokens[token] = _Token(self._clock.now() + _LIFETIME, paths)
            return token

    def _document(self, order: str, part: str | None, next_token: str) -> dict[str, Any] | None:
        """The answer from its file; a further page is asked for by the token `page-<n>`."""
        known = self.shelf.get(order)
        if known is None:
            return None
        if "order" in known:  # one that somebody gave, in one piece
            return {"payload": known[part or "order"]} if (part or "order") in known else None
        if not self._settings.samples:
            return None
        folder = self._settings.samples / "amazon" / order
        number = int(next_token.removeprefix("page-")) if re.fullmatch(r"page-\d{1,3}", next_token) else 1
        file = _first(folder, _FILES[part], number)
        if file is None:
            return None
        document = json.loads(file.read_bytes())
        payload = dict(document.get("payload", document))
        payload.pop("NextToken", None)
        if part == "orderItems" and _first(folder, _FILES[part], number + 1):
            payload["NextToken"] = f"page-{number + 1}"
        return {"payload": payload}


def _first(folder: Path, names: tuple[str, ...], page: int) -> Path | None:
    ends = (".json",) if page == 1 else (f".{page}.json", f"-page-{page}.json")
    return next((file for name in names for end in ends if (file := folder / f"{name}{end}").is_file()), None)


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status=status, document={"errors": [{"code": code, "message": message, "details": ""}]})
