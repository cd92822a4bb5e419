"""`make import KIND=orders FILE=… [ACCOUNT=import] [DRY=1]`: orders from a file, by the way of all orders.

JSONL: each line is the `data` of a delivery of the channel `webhook` (`oms.channels.webhook`). CSV: a row for each line
of an order; rows of one order follow each other, and what an order says of itself stands in its first row. Every order
is read as it will be read when it comes; one that is wrong is named by its line, and then none is sent. What is sent is
signed and goes to the webhook's URL, so that it is queued, kept and put into quarantine like any other. An order is
known by its id, and its state by when it was placed: the same file again changes nothing.
"""

from __future__ import annotations

import csv
import json
import time
from typing import TYPE_CHECKING, Any, Final

from infra.local.connect import connect, webhook_secret
from infra.local.signing import signed
from oms.channels import webhook
from oms.channels.payload import parse_object
from oms.domain.errors import OmsError
from oms.domain.inbound import InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from infra.local.system import System

SOURCE: Final = "webhook"
ACCOUNT: Final = "import"
TYPE: Final = "order.imported"
COLUMNS: Final = ("order", "number", "currency", "placed_at", "total", "sku", "quantity", "unit_price")
OTHERS: Final = (
    *("line", "discount", "tax", "title", "requires_shipping"),
    *("tax_included", "shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties", "gift_cards", "shipping_method"),
    *("country", "region", "postal_code", "city", "street", "name", "email", "phone", "payment_state", "captured"),
)
"""Columns that may be left out. Amounts are integers in minor units, instants have a zone."""
_LINE: Final = {"line": "line_ref", "sku": "sku", "title": "title"}
_LINE_NUMBERS: Final = ("quantity", "unit_price", "discount", "tax")
_HEADER: Final = ("number", "currency", "placed_at", "shipping_method")
_HEADER_NUMBERS: Final = ("total", "shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties", "gift_cards")
_PLACE: Final = ("country", "region", "postal_code")
_PERSON: Final = ("name", "email", "phone")
_TRUE: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Told = tuple[int, dict[str, Any]]
"""The line of the file, and what stands there of an order."""


class OrderRowError(ValueError):
    """What is wrong with a row."""


def read_orders(lines: Iterable[str], *, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(orders as the channel's `data`, problems by line) of a file of this name."""
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, told in _jsonl(lines) if name.endswith((".jsonl", ".ndjson")) else _csv(lines):
        try:
            if isinstance(told, OrderRowError):
                raise told
            _check(told)
            found.append(told)
        except (OrderRowError, OmsError) as error:
            path = f" ({error.context['path']})" if isinstance(error, OmsError) and "path" in error.context else ""
            problems.append(f"line {number}: {error}{path}")
    ids = [str(each["id"]) for each in found]
    problems += [f"order {each} is there twice" for each in sorted({each for each in ids if ids.count(each) > 1})]
    return found, problems


def _jsonl(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | OrderRowError]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, dict(parse_object(line.encode()).values)
            except OmsError as error:
                yield number, OrderRowError(str(error))


def _csv(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | OrderRowError]]:
    reader = csv.DictReader(lines)
    given = set(reader.fieldnames or ())
    if missing := sorted(set(COLUMNS) - given):
        yield 1, OrderRowError(f"columns are missing: {', '.join(missing)}")
        return
    if unknown := sorted(given - {*COLUMNS, *OTHERS}):
        yield 1, OrderRowError(f"nobody knows these columns: {', '.join(unknown)}")
        return
    order: dict[str, Any] | None = None
    begun = 0
    for row in reader:
        told = {name: value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()}
        try:
            if order is None or told.get("order") != order["id"]:
                if order is not None:
                    yield begun, order
                order, begun = None, reader.line_num
                order = _header(told)
            order["lines"].append(_line(told))
        except OrderRowError as error:
            yield reader.line_num, error
            order = None
    if order is not None:
        yield begun, order


def _header(row: dict[str, str]) -> dict[str, Any]:
    """An order without its lines."""
    if "order" not in row:
        raise OrderRowError("order is empty")
    place: dict[str, Any] = {name: row[name] for name in _PLACE if name in row}
    person: dict[str, Any] = {name: row[name] for name in _PERSON if name in row}
    order: dict[str, Any] = {"id": row["order"], "lines": []}
    order |= {name: row[name] for name in _HEADER if name in row}
    order |= {name: _number(row, name) for name in _HEADER_NUMBERS if name in row}
    if "tax_included" in row:
        order["tax_included"] = _flag(row, "tax_included")
    if place:
        order["ship_to"] = place
        street = {"lines": [row["street"]]} if "street" in row else {}
        person["shipping"] = {**place, **street, **({"city": row["city"]} if "city" in row else {})}
    if person:
        order["contact"] = person
    order["payment"] = {"provider": "in_channel", "state": row.get("payment_state", "paid")}
    if "captured" in row:
        order["payment"]["captured"] = _number(row, "captured")
    return order


def _line(row: dict[str, str]) -> dict[str, Any]:
    line: dict[str, Any] = {ours: row[name] for name, ours in _LINE.items() if name in row}
    line |= {name: _number(row, name) for name in _LINE_NUMBERS if name in row}
    if "requires_shipping" in row:
        line["requires_shipping"] = _flag(row, "requires_shipping")
    return line


def _number(row: dict[str, str], name: str) -> int:
    try:
        return int(row[name])
    except ValueError:
        raise OrderRowError(f"{name} is not a whole number of minor units or pieces: {row[name][:20]!r}") from None


def _flag(row: dict[str, str], name: str) -> bool:
    if row[name].lower() not in _TRUE:
        raise OrderRowError(f"{name} is true or false: {row[name][:20]!r}")
    return _TRUE[row[name].lower()]


def _check(order: dict[str, Any]) -> None:
    """Raises the InvalidInputError family, as intake would."""
    if not order.get("placed_at"):
        raise OrderRowError("placed_at is missing: it says which state of the order this is")
    notice = Notice(kind=NoticeKind.ORDER, topic=TYPE, event_id="import")
    webhook.normalize(InboundRequest(account=ACCOUNT, headers={}, body=_body(order)), notice)


def _body(order: dict[str, Any]) -> bytes:
    told = {"type": TYPE, "timestamp": order["placed_at"], "data": order}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, default=float).encode()


def import_orders(system: System, file: Path, account: str, *, dry: bool) -> tuple[dict[str, int], list[str]]:
    """(counts, problems); nothing is sent when there is a problem, or on a dry run."""
    orders, problems = read_orders(file.read_text(encoding="utf-8-sig").splitlines(), name=file.name)
    if problems or dry:
        return {"checked": len(orders) + len(problems), "sent": 0}, problems
    known = system.read_secret("ConnectionsSecret").get(f"{SOURCE}/{account}", {}).get("current", "")
    secret = known or webhook_secret()
    connect(system, SOURCE, account, secret)
    for order in orders:
        body = _body(order)
        headers = signed(SOURCE, body, secret, int(time.time()))
        reply = system.call("POST", f"/webhooks/{SOURCE}/{account}", headers=headers, body=body)
        if reply.status != 200:  # noqa: PLR2004
            problems.append(f"order {order['id']} was answered {reply.status}")
    return {"checked": len(orders), "sent": len(orders) - len(problems)}, problems
