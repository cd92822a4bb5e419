"""An imitation of a Magento shop's REST API: one order, its credit memos, and a list of orders. OAuth 1.0a is checked.

An order is kept as `{"order", "creditmemos"}`, from `<samples>/magento/<id>.json`.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from infra.local.sandbox.core import Reply
from infra.local.sandbox.levels_told import LevelsTold
from infra.local.sandbox.lists import Shelf, moment
from infra.local.sandbox.parcels_told import ParcelsTold
from infra.local.sandbox.refunds_told import RefundsTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_ORDERS = re.compile(r"/rest/V1/orders(?:/(\d{1,20}))?")
_MEMOS = "/rest/V1/creditmemos"
_FILTER = re.compile(r"searchCriteria\[filter_groups\]\[(\d+)\]\[filters\]\[0\]\[(field|condition_type|value)\]")
_PAIR = re.compile(r'(oauth_[a-z_]+)="([^"]*)"')
_HERE = re.compile(r"localhost|127\.0\.0\.1")
_OLDEST = 600


class MagentoVendor:
    """One shop."""

    name = "magento"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self._clock = clock
        self.shelf = Shelf(self._samples)
        self.stock = LevelsTold("magento", record)
        self.refunds = RefundsTold("magento", record, self.shelf.get)
        self.told = ParcelsTold("magento", record, self.refunds.shown)

    def handles(self, path: str) -> bool:
        """Everything under /rest."""
        return path.startswith("/rest/")

    def answer(self, request: Request) -> Reply:
        """An order, or a page of orders or credit memos."""
        if not self._authorized(request):
            return _error(401, "The consumer isn't authorized to access %resources.")
        told = self.stock.answer(request) or self.refunds.answer(request) or self.told.answer(request)
        if told is not None:
            return told
        match = _ORDERS.fullmatch(request.path)
        if request.method != "GET" or not (match or request.path == _MEMOS):
            return _error(404, "Request does not match any route.")
        kept = self.shelf.all()
        if match and match[1]:
            if match[1] not in kept:
                return _error(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
            return Reply(document=kept[match[1]]["order"])
        if match:
            return _page([each["order"] for each in kept.values()], request.query)
        shown = [self.refunds.shown(order_id) for order_id in kept]
        return _page([memo for each in shown if each for memo in each["creditmemos"]], request.query)

    def problem(self, status: int) -> Mapping[str, Any]:
        """A message."""
        return {"message": f"sandbox answers {status}"}

    def _authorized(self, request: Request) -> bool:
        """A signature over what was asked, made with both secrets, not long ago."""
        settings, header = self._settings, request.headers.get("authorization", "")
        given = {name: unquote(value) for name, value in _PAIR.findall(header)}
        at, host = given.get("oauth_timestamp", ""), request.headers.get("host", "")
        if not at.isdigit() or abs(self._clock.now() - int(at)) > _OLDEST or not given.get("oauth_nonce"):
            return False
        if given.get("oauth_consumer_key") != settings.magento_consumer_key:
            return False
        if given.get("oauth_token") != settings.magento_token or given.get("oauth_signature_method") != "HMAC-SHA256":
            return False
        asked = {**request.query, **{name: value for name, value in given.items() if name != "oauth_signature"}}
        pairs = sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in asked.items())
        scheme = "http" if _HERE.match(host) else "https"
        url = quote(f"{scheme}://{host}{request.path}", safe="~")
        message = f"{request.method}&{url}&{quote('&'.join(pairs), safe='~')}"
        key = f"{quote(settings.magento_consumer_secret, safe='~')}&{quote(settings.magento_token_secret, safe='~')}"
        expected = base64.b64encode(hmac.new(key.encode(), message.encode(), "sha256").digest())
        return hmac.compare_digest(expected, given.get("oauth_signature", "").encode())

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _page(entries: list[Document], query: Mapping[str, str]) -> Reply:
    """As Magento does: by id, and the last page again for every page behind it."""
    found = sorted((each for each in entries if _fits(each, query)), key=lambda each: int(each["entity_id"]))
    size = int(query.get("searchCriteria[pageSize]", "20"))
    last = max(1, -(-len(found) // size))
    number = min(int(query.get("searchCriteria[currentPage]", "1")), last)
    return Reply(document={"items": found[size * (number - 1) : size * number] or None, "total_count": len(found)})


def _fits(entry: Document, query: Mapping[str, str]) -> bool:
    filters: dict[str, dict[str, str]] = {}
    for name, value in query.items():
        if match := _FILTER.fullmatch(name):
            filters.setdefault(match[1], {})[match[2]] = value
    for each in filters.values():
        has, wanted = entry.get(each["field"]), each["value"]
        if each["condition_type"] == "eq" and str(has) != wanted:
            return False
        if each["condition_type"] == "gteq" and moment(str(has)) < moment(wanted):
            return False
        if each["condition_type"] == "lteq" and moment(str(has)) > moment(wanted):
            return False
    return True


def _error(status: int, message: str) -> Reply:
    return Reply(status=status, document={"message": message})
