"""An imitation of Etsy's Open API v3: one receipt, and a list of receipts.

The key and the token of an hour are checked. Receipts are kept from `<samples>/etsy/<id>.json`.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply
from infra.local.sandbox.lists import Shelf
from infra.local.sandbox.parcels_told import ParcelsTold
from infra.local.sandbox.tokens import Tokens, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

SIGNING_SECRET: Final = "whsec_c2FuZGJveC1ldHN5LXNlY3JldC0wMTIzNDU2Nzg5"  # noqa: S105 - known to everybody
_TOKEN: Final = "/v3/public/oauth/token"  # noqa: S105 - a path
_RECEIPTS: Final = re.compile(r"/v3/application/shops/(\d{1,20})/receipts(?:/(\d{1,20}))?")
_LIFETIME: Final = 3600
_MOST: Final = 100


class EtsyVendor:
    """One shop."""

    name = "etsy"

    def __init__(self, settings: Settings, clock: Clock, record: Record) -> None:
        self._settings = settings
        self.tokens = Tokens(clock, _LIFETIME, settings.account)
        self.shelf = Shelf(self._samples)
        self.told = ParcelsTold("etsy", record, self.shelf.get)

    def handles(self, path: str) -> bool:
        """The login and everything of shops."""
        return path == _TOKEN or path.startswith("/v3/application/")

    def answer(self, request: Request) -> Reply:
        """Log in, or read a receipt or a page of receipts."""
        settings = self._settings
        if request.path == _TOKEN and request.method == "POST":
            return self._login(request.form())
        key = f"{settings.etsy_client_id}:{settings.etsy_shared_secret}"
        if not hmac.compare_digest(key.encode(), request.headers.get("x-api-key", "").encode()):
            return _error(403, "Shared secret is required in x-api-key header.")
        if not self.tokens.holds(bearer(request), "shop"):
            return _error(401, "invalid_token")
        told = self.told.answer(request)
        if told is not None:
            return told
        match = _RECEIPTS.fullmatch(request.path)
        if request.method != "GET" or not match:
            return _error(404, "Resource not found")
        if match[1] != settings.etsy_shop:
            return _error(403, "User does not own Shop")
        if match[2] is None:
            return self._list(request.query)
        receipt = self.shelf.get(match[2])
        return Reply(document=receipt) if receipt else _error(404, "Could not find a Shop Receipt")

    def problem(self, status: int) -> Mapping[str, Any]:
        """A message."""
        return {"error": f"sandbox answers {status}"}

    def _login(self, form: Mapping[str, str]) -> Reply:
        """Each answer has a new refresh token too; those before it stay good."""
        settings = self._settings
        if form.get("client_id") != settings.etsy_client_id:
            return Reply(status=401, document={"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != settings.etsy_refresh_token:
            return Reply(status=400, document={"error": "invalid_grant", "error_description": "no such token"})
        answer = {"access_token": self.tokens.issue("shop"), "token_type": "Bearer", "expires_in": _LIFETIME}  # nosec B105 # a kind
        return Reply(document={**answer, "refresh_token": "42.another"})  # nosec B105 # known to everybody

    def _list(self, query: Mapping[str, str]) -> Reply:
        size, first = int(query.get("limit", "25")), int(query.get("offset", "0"))
        if not 0 < size <= _MOST or query.get("sort_on") != "receipt_id" or query.get("sort_order") != "asc":
            return _error(400, "Invalid parameter")
        found = [receipt for receipt in self.shelf.all().values() if _in_span(receipt, query)]
        found.sort(key=lambda receipt: int(receipt["receipt_id"]))
        size = min(size, self._settings.list_page)
        return Reply(document={"count": len(found), "results": found[first : first + size]})

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _in_span(receipt: Document, query: Mapping[str, str]) -> bool:
    for name, field in (("created", "created_timestamp"), ("last_modified", "updated_timestamp")):
        at = int(receipt[field])
        if at < int(query.get(f"min_{name}", "0")) or at > int(query.get(f"max_{name}", str(1 << 40))):
            return False
    return True


def _error(status: int, message: str) -> Reply:
    return Reply(status=status, document={"error": message})
