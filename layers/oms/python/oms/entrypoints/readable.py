"""An order's history and a parked input in words that staff can read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from oms.domain.codec import event_to_plain
from oms.domain.order import events as ev
from oms.domain.order import payment_facts as paid
from oms.entrypoints import readable_disputes
from oms.entrypoints.pages import money, words
from oms.entrypoints.readable_returns import RETURNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from oms.domain.commit import Cause, Commit
    from oms.domain.history import History
    from oms.domain.order.events import LineUnits, MovedDate, NodeUnits
    from oms.domain.serials import Serial

MAX_SHOWN: Final = 20_000
"""Characters of one event's JSON on a page."""
MAX_BODY_SHOWN: Final = 200_000
"""Characters of a quarantined body on a page."""
CAUSES: Final[Mapping[str, str]] = {
    "webhook": "webhook from",
    "poll": "list of",
    "api": "request by",
    "workflow": "workflow",
    "carrier": "carrier scan from",
    "payment": "payment event from",
    "feed": "stock feed of",
    "watchdog": "watchdog",
    "system": "system",
}

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_MAX_INDENT: Final = 40
"""Levels that are indented: what is nested a thousand deep must not grow a thousandfold."""


def _units(count: int) -> str:
    return f"{count} unit" if count == 1 else f"{count} units"


def _of_lines(lines: Iterable[LineUnits]) -> str:
    return ", ".join(f"{each.quantity} × line {each.line_id}" for each in lines)


def _moved(date: MovedDate) -> str:
    return f"to {date.after:%d %b %Y}" if date.after else "no day is known any more"


def _at_nodes(units: Iterable[NodeUnits]) -> str:
    return ", ".join(f"{each.quantity} × {each.sku} at {each.node_id}{_which(each.serials)}" for each in units)


def _which(serials: Iterable[Serial]) -> str:
    """Which they are, where they have serial numbers."""
    named = ", ".join(each.number for each in serials)
    return f" (serial {named})" if named else ""


def _reserved(event: ev.LinesReserved) -> str:
    if event.release_at is None:
        return "Reserved and released to the warehouse"
    return f"Reserved, to be released by {event.release_at:%d %b %Y %H:%M} UTC"


def _scored(event: ev.OrderScored) -> str:
    if event.by is ev.ScoredBy.RULE:
        return f"Risk decided by rule, the scorer could not be asked ({words(event.problem)}): {event.verdict.value}"
    return f"Risk scored {event.score} ({event.reference}): {event.verdict.value}"


def _until(event: ev.HoldPlaced) -> str:
    """Until when the hold lasts, and what then; '' for one that does not end by itself."""
    if event.expires_at is None:
        return ""
    then = {"release": "then released", "cancel": "then cancelled", "escalate": "then a person is told"}
    return f" until {event.expires_at:%d %b %Y %H:%M} UTC, {then[event.on_expiry]}"


def _edit(event: ev.OrderEdited, currency: str) -> str:
    """What changed, and what it costs now."""
    said = [", ".join(f"{line.quantity} × {line.sku} added" for line in event.added)]
    if event.ship_to:
        said.append(f"goes to {event.ship_to.postal_code} {event.ship_to.country}")
    if event.shipping_method is not None:
        said.append(f"shipped by {event.shipping_method or 'no method in particular'}")
    if event.freed:
        said.append(f"{_at_nodes(event.freed)} open again")
    more = f"{money(abs(event.change), currency)} {'more' if event.change > 0 else 'less'} to pay"
    return "; ".join([each for each in said if each] + [more if event.change else "to pay as before"])


def _out_of_goodwill(code: str) -> str:
    return f" out of goodwill ({words(code)})" if code else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


_SAYS: Final[Mapping[type[Any], Callable[[Any, str], str]]] = {
    ev.OrderPlaced: lambda e, c: (
        f"Placed as {e.number} on {e.channel}: {_units(sum(line.quantity for line in e.lines))}, {money(e.total, c)}"
    ),
    ev.OrderEdited: lambda e, c: f"Edited by {words(e.origin)}: {_edit(e, c)}{_because(e.reason)}",
    ev.ChannelRevisionSeen: lambda _e, _c: "A newer state of the channel's order was taken in",
    ev.ChannelPaymentReported: lambda e, c: f"The channel reports {words(e.state.value)}, {money(e.captured, c)} taken",
    ev.ShipToChanged: lambda e, _c: f"Destination changed to {e.ship_to.postal_code} {e.ship_to.country}",
    ev.HoldPlaced: lambda e, _c: f"Put on hold ({words(e.kind)}){_until(e)}{_because(e.reason)}",
    ev.OrderScored: lambda e, _c: _scored(e),
    ev.HoldReleased: lambda e, _c: f"Hold released{_because(words(e.reason))}",
    ev.HoldEscalated: lambda _e, _c: "Nobody had decided on the hold in time: a person was told",
    ev.PaymentAuthorized: lambda e, c: f"Payment authorized: {money(e.amount, c)}",
    ev.PaymentDeclined: lambda e, _c: f"Payment declined{_because(e.reason)}",
    ev.PaymentCaptured: lambda e, c: f"Payment captured: {money(e.amount, c)}",
    ev.CaptureSubmitted: lambda e, c: f"Capture of {money(e.amount, c)} taken by the provider, not yet decided",
    ev.PaymentUndone: lambda e, c: f"{money(e.amount, c)} not captured, or taken back{_because(e.reason)}",
    ev.PaymentVoided: lambda _e, _c: "The rest of the authorization was let go",
    paid.TenderAdded: lambda e, c: f"One more payment: {money(e.tender.amount, c)} by {words(e.tender.provider)}",
    paid.TenderChecked: lambda e, _c: f"The provider of payment {e.tender} says later whether it holds the money",
    paid.ExtensionSubmitted: lambda e, _c: f"The provider of payment {e.tender} was asked to hold the money longer",
    paid.AuthorizationExtended: lambda e, _c: f"Payment {e.tender} is held until {e.expires_at:%Y-%m-%d %H:%M} UTC",
    paid.ExtensionRefused: lambda e, _c: f"Payment {e.tender} is not held longer{_because(e.reason)}",
    paid.AuthorizationLapsed: lambda e, _c: f"Payment {e.tender} is held no longer{_because(e.reason)}",
    ev.LinesReserved: lambda e, _c: f"{_reserved(e)}: {_at_nodes(e.units)}",
    ev.LinesMoved: lambda e, _c: (
        f"Moved before its release, because it costs less: {_at_nodes(e.freed)} became {_at_nodes(e.units)}"
    ),
    ev.FulfillmentOrderReleased: lambda e, _c: f"Released to {e.node_id}",
    ev.LinesBackordered: lambda e, _c: f"Waiting for stock: {_of_lines(e.lines)}",
    ev.PromiseDateMoved: lambda e, _c: (
        "Expected on another day: " + ", ".join(f"line {each.line_id} {_moved(each)}" for each in e.lines)
    ),
    ev.LinesDelivered: lambda e, _c: f"Provided without shipping: {_of_lines(e.lines)}",
    ev.FulfillmentOrderAccepted: lambda _e, _c: "The warehouse works on it",
    ev.FulfillmentOrderRejected: lambda e, _c: (
        f"{e.node_id} rejected it ({words(e.reason)}): {_at_nodes(e.units)} open again"
    ),
    ev.ShipmentShipped: lambda e, _c: (
        f"Shipped from {e.node_id}: "
        + "; ".join(f"{each.carrier} {each.tracking_number} with {_at_nodes(each.units)}" for each in e.parcels)
    ),
    ev.ParcelStatusChanged: lambda e, _c: f"Parcel {words(e.status.value)}",
    ev.LinesCancelled: lambda e, _c: f"Cancelled by {words(e.origin)}: {_of_lines(e.lines)}{_because(e.reason)}",
    ev.ChannelCancelConflicted: lambda e, _c: f"The channel cancelled what had already left: {_of_lines(e.lines)}",
    ev.LinesReturned: lambda e, _c: f"Came back ({words(e.disposition.value)}): {_at_nodes(e.units)}",
    ev.SerialsReturned: lambda e, _c: (
        "What came back: " + ", ".join(f"line {line_id}{_which(each)}" for line_id, each in e.serials.items())
    ),
    ev.RefundRequested: lambda e, c: (
        f"Refund of {money(e.amount, c)}{_out_of_goodwill(e.goodwill)} requested{_because(e.reason)}"
    ),
    ev.RefundSubmitted: lambda e, _c: f"Refund taken by the provider as {e.refund_ref}",
    ev.RefundSucceeded: lambda _e, _c: "Refund paid out",
    ev.RefundFailed: lambda e, _c: f"Refund failed{_because(e.reason)}",
    **readable_disputes.SAYS,
    **RETURNS,
}


def sentence(event: Any, currency: str) -> str:
    """What happened."""
    says = _SAYS.get(type(event))
    return says(event, currency) if says else type(event).__name__


def cause(why: Cause) -> str:
    """Who or what made a commit."""
    return " ".join(part for part in (CAUSES.get(why.kind, why.kind), why.actor) if part)


def timeline(history: History, currency: str, at: datetime | None) -> list[dict[str, Any]]:
    """Every commit, newest first; those after `at` are marked."""
    return [_commit(commit, currency, at) for commit in reversed(history.commits)]


def _commit(commit: Commit, currency: str, at: datetime | None) -> dict[str, Any]:
    return {
        "number": commit.number,
        "at": commit.at,
        "exact": commit.at.isoformat().replace("+00:00", "Z"),
        "later": at is not None and commit.at > at,
        "cause": cause(commit.cause),
        "ref": commit.cause.ref,
        "command_id": commit.command_id,
        "events": [
            {
                "name": type(event).__name__,
                "says": sentence(event, currency),
                "json": cut(json.dumps(event_to_plain(event), indent=2, ensure_ascii=False, default=str), MAX_SHOWN),
            }
            for event in commit.events
        ],
    }


def facts(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Scans that changed nothing."""
    shown = []
    for fact in found:
        update = fact.get("update") or {}
        shown.append(
            {
                "says": f"Parcel {update.get('tracking_number', '')} {words(str(update.get('status', '')))}"
                if update
                else words(str(fact.get("kind", "fact"))),
                "at": str(update.get("status_at", "")),
                "source": str(update.get("source", "")),
                "json": cut(json.dumps(fact, indent=2, ensure_ascii=False, default=str), MAX_SHOWN),
            }
        )
    return shown


def decisions(history: History, at: datetime | None) -> list[dict[str, Any]]:
    """Why these nodes: the record of each sourcing, newest first."""
    found = [
        {"at": commit.at, "number": commit.number, **_decision(event.decision)}
        for commit in history.commits
        if at is None or commit.at <= at
        for event in commit.events
        if isinstance(event, (ev.LinesReserved, ev.LinesMoved, ev.LinesBackordered, ev.HoldPlaced)) and event.decision
    ]
    return found[::-1]


def _decision(record: Mapping[str, Any]) -> dict[str, Any]:
    chosen = _list(record.get("chosen"))
    candidates = [
        {
            "node": str(each.get("node", "")),
            "km": each.get("km"),
            "has_all": bool(each.get("has_all")),
            "chosen": each.get("node") in chosen,
        }
        for each in _list(record.get("candidates"))
        if isinstance(each, dict)
    ]
    excluded = record.get("excluded")
    return {
        "policy": str(record.get("policy", "")),
        "rule": _rule(record),
        "located_by": str(record.get("located_by", "")),
        "candidates": candidates,
        "excluded": excluded if isinstance(excluded, dict) else {},
        "short": [str(each) for each in _list(record.get("short"))],
        "json": cut(json.dumps(record, indent=2, ensure_ascii=False, default=str), MAX_SHOWN),
    }


def _rule(record: Mapping[str, Any]) -> str:
    """The rule and its version; empty for decisions from before there were rules, and for what is built in."""
    return f"rule {record.get('rule', '')}, version {record['rules']}" if record.get("rules") else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def context(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A typed error's context as names and values; amounts with their currency."""
    currency = detail.get("currency")
    shown = []
    for name, value in detail.items():
        amount = isinstance(currency, str) and isinstance(value, int) and name in ("total", "parts", "difference")
        if amount:
            text = money(value, str(currency))
        elif isinstance(value, str):
            text = value
        else:
            text = json.dumps(value, ensure_ascii=False, default=str)
        shown.append((words(name), cut(text, MAX_SHOWN)))
    return shown


def body(text: str) -> str:
    """A body as it came, indented when it is JSON. Numbers and escapes stay as they were spelled."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return cut(text, MAX_BODY_SHOWN)
    return cut(_indent(text), MAX_BODY_SHOWN)


def _indent(text: str) -> str:
    out: list[str] = []
    depth = 0
    parts = _TOKEN.findall(text)
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if part in ("{", "["):
            depth += 1
            out.append(part if following in ("}", "]") else part + _line(depth))
        elif part in ("}", "]"):
            depth -= 1
            out.append(part if out[-1] in ("{", "[") else _line(depth) + part)
        elif part == ",":
            out.append(part + _line(depth))
        else:
            out.append(": " if part == ":" else part)
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _MAX_INDENT)


def cut(text: str, most: int) -> str:
    """`text`, or its beginning and how much is left out."""
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters"
