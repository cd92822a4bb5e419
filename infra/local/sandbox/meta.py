"""An imitation of Meta's Graph API for orders: one order, its edges, and a list of orders. The token is checked.

An order is kept with its edges, `{"order", "items", "cancellations", "refunds"}`, from
`<samples>/meta-commerce/<id>.json`. Only the fields that are asked for are answered.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.lists import Shelf, moment, page, seal, unseal
from infra.local.sandbox.meta_told import MetaTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.sandbox.core import Request, Settings
    from infra.local.sandbox.lists import Document
    from infra.local.sandbox.record import Record

_PATH = re.compile(
    r"/v\d{1,3}\.0/(\d{1,40})(?:/(commerce_orders|items|cancellations|refunds|shipments|acknowledge_order))?"
)
_FIELD = re.compile(r"(\w+)(?:\.limit\(\d+\))?(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})?")
_EDGES = ("items", "cancellations", "refunds")
_LIMITED = 429


class MetaVendor:
    """One commerce account."""

    name = "meta-commerce"

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self.shelf = Shelf(self._samples)
        self.told = MetaTold(record, self.shelf.get)

    def handles(self, path: str) -> bool:
        """Everything of a version."""
        return _PATH.fullmatch(path) is not None

    def answer(self, request: Request) -> Reply:
        """An order, an edge of it, or a page of orders; or what is told of one."""
        settings, match = self._settings, _PATH.fullmatch(request.path)
        token = settings.meta_token.encode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), b"Bearer " + token):
            return _error(400, 190, "Invalid OAuth access token.")
        proof = hmac.new(settings.meta_app_secret.encode(), token, "sha256").hexdigest()
        if not hmac.compare_digest(request.query.get("appsecret_proof", "").encode(), proof.encode()):
            return _error(400, 100, "Invalid appsecret_proof provided in the API argument")
        told = self.told.answer(request)
        if told is not None:
            return told
        if request.method != "GET" or not match or match[2] == "acknowledge_order":
            return _error(400, 100, "Unsupported request.")
        node, edge = match[1], match[2]
        if edge == "commerce_orders":
            return self._list(request.query) if node == settings.meta_account else _missing()
        kept = self.shelf.get(node)
        if kept is None:
            return _missing()
        shown = self.told.shown(node, kept)
        if edge:
            return Reply(document={"data": [_only(each, request.query) for each in shown[edge]["data"]]})
        return Reply(document=_only(shown, request.query))

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error of the Graph API."""
        code = 4 if status == _LIMITED else 2
        return {"error": {"message": "sandbox", "type": "OAuthException", "code": code, "fbtrace_id": "sandbox"}}

    def _list(self, query: Mapping[str, str]) -> Reply:
        states = query.get("state", "CREATED").split(",")
        rows = []
        for key, kept in self.shelf.all().items():
            order, edges = kept["order"], {edge: {"data": kept[edge]} for edge in _EDGES}
            changed = moment(order["last_updated"]).timestamp()
            if order["order_status"]["state"] in states and changed > int(query.get("updated_after", "0")):
                rows.append((key, {**order, **edges}))
        after = (unseal(query["after"]) or {}).get("after", "") if "after" in query else ""
        size = min(int(query.get("limit", "25")), self._settings.list_page)
        found, last = page(rows, size, after)
        paging = {"cursors": {"before": "", "after": seal({"after": last})}, "next": "https://graph.facebook.com/"}
        document = {"data": [_only(each, query) for each in found]}
        return Reply(document={**document, "paging": paging} if last else document)

    def _samples(self) -> Iterator[tuple[str, Document]]:
        folder = self._settings.samples / self.name if self._settings.samples else None
        for file in sorted(folder.glob("*.json")) if folder and folder.is_dir() else ():
            yield file.stem, json.loads(file.read_bytes())


def _only(entry: Document, query: Mapping[str, str]) -> Document:
    """The fields that are asked for, and the id; what is within them is not picked from."""
    wanted = {"id", *_FIELD.findall(query.get("fields", ""))}
    return {name: value for name, value in entry.items() if name in wanted}


def _missing() -> Reply:
    return _error(400, 100, "Unsupported get request. Object does not exist, or cannot be loaded.", 33)


def _error(status: int, code: int, message: str, subcode: int | None = None) -> Reply:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "sandbox"}
    return Reply(status=status, document={"error": error | ({} if subcode is None else {"error_subcode": subcode})})
