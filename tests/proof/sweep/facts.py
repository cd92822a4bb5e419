"""What became of a world, by natural key: what a clean run and one with a fault must have in common.

Times, commit numbers and how often something was tried are left out; nothing else is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.commit_item import commit_from_item
from oms.adapters.dynamodb_views import DynamoViews
from oms.adapters.keys import contact_key
from oms.domain.order.evolve import fold
from oms.domain.order.ledger import Place
from oms.domain.order.status import fulfillment_status, next_step, order_status, payment_status, stage
from oms.entrypoints import wiring
from tests.proof.invariants.dynamodb import commits_of as stored_commits_of
from tests.proof.invariants.dynamodb import positions_of
from tests.proof.sweep import stores
from tests.proof.sweep.cloud import FRESH_VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.commit import Commit
    from oms.domain.order.state import Order
    from tests.proof.sweep.world import World

APART: Final = (
    *("alert", "quarantine", "report", "returns_report", "reoptimization", "reconciliation", "stock_feed"),
    *("channel_day", "mark", "webhook_health", "webhook_replay"),
)
"""Rows of `views` that no commit makes; tries of look-ups besides."""
UNSTEADY: Final = frozenset({"tries", "dpk", "dsk", "ttl"})
"""What the watchdog and the clock change of a row."""

HELD: Final = "held#"
RUNS: Final = frozenset({"started_at", "finished_at", "looks", "commits"})
FEEDS: Final = frozenset({"began_at", "finished_at", "times_begun", "accepted", "unchanged", "document", "error_files"})
"""A row that was taken before its reader died changes nothing the second time."""
BEGUN: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{6,8}[-#]")
"""When a feed was begun, in the names of what is told of it."""

INVARIANTS: Final = {
    "orders": "I5",
    "movements": "I5",
    "holds": "I6",
    "drafts": "I5",
    "invoices": "I5",
    "stock": "I1",
    "contacts": "I4",
    "money": "I3",
    "quarantine": "I9",
    "alerts": "I8",
    "reports": "I13",
    "scans": "I5",
    "published": "I4",
    "views": "I13",
    "waiting": "I8",
    "told": "I5",
}
"""What does not hold when facts of this kind are not those of the clean run."""

Facts = dict[str, Any]


def facts(w: World) -> Facts:
    """Every fact of a world at rest, by its kind."""
    commits = commits_of(w)
    orders = folded(commits)
    names = {order_id: name_of(order) for order_id, order in orders.items()}
    return {
        "orders": {names[order_id]: order_facts(order) for order_id, order in orders.items()},
        "movements": sorted(stream for stream in commits if stream.startswith("stock#")),
        "holds": holds(w, commits),
        "drafts": {stream: _drafted(told) for stream, told in commits.items() if stream.startswith("draft#")},
        "invoices": invoices(commits),
        "stock": stock(w),
        "contacts": contacts(w, orders),
        "money": money(w),
        "quarantine": quarantine(w),
        "alerts": alerts(w, names),
        "reports": reports(w),
        "scans": scans(w, names),
        "published": published(w, names),
        "views": unlike_log(w, commits),
        "waiting": len(w.queues.waiting()),
        "told": told(w),
    }


def commits_of(w: World) -> dict[str, list[Commit]]:
    """Commits of each stream, in order."""
    found: dict[str, list[Commit]] = {}
    for item in stored_commits_of(w.cloud.items("EventsTable")):
        found.setdefault(item["pk"]["S"], []).append(commit_from_item(item))
    return found


def folded(commits: Mapping[str, list[Commit]]) -> dict[str, Order]:
    """Orders by id."""
    orders = {}
    for stream, each in commits.items():
        kind, _, order_id = stream.partition("#")
        if kind == "order" and (order := fold(order_id, [event for commit in each for event in commit.events])):
            orders[order_id] = order
    return orders


def name_of(order: Order) -> str:
    """Natural key."""
    return f"{order.placed.channel} {order.placed.external_id}"


def order_facts(order: Order) -> Facts:
    """One order: what is where, what was paid, what stops it."""
    payment = order.payment
    return {
        "words": [
            each.value for each in (order_status(order), stage(order), fulfillment_status(order), payment_status(order))
        ],
        "next": next_step(order).value,
        "lines": {
            line_id: (
                line.placed.sku,
                {place.value: line.ledger.at(place) for place in Place if line.ledger.at(place)},
                line.refunded,
                line.conflicted,
            )
            for line_id, line in order.lines.items()
        },
        "money": (payment.authorized, payment.captured, payment.refunded, payment.voided, payment.declined),
        "refunds": sorted((each.amount, each.status.value, each.origin) for each in payment.refunds.values()),
        "holds": sorted((each.kind, each.active) for each in order.holds.values()),
        "parcels": {each.tracking_number: each.status.value for each in order.parcels.values()},
        "work": sorted(
            (each.node_id, each.status.value, sorted(each.remaining.items()))
            for each in order.fulfillment_orders.values()
        ),
    }


def contacts(w: World, orders: Mapping[str, Order]) -> dict[str, str]:
    """Personal data in each order's own place; a crash may have left something under another key of its customer."""
    kept = {(item["pk"]["S"], item["sk"]["S"]): item for item in w.cloud.items("ContactsTable") if "body" in item}
    places = {name_of(each): contact_key(each.contact_key) for each in orders.values()}
    edited = [each for each in orders.values() if each.addressed_by]
    places |= {f"{name_of(each)}, edited": contact_key(each.address_key) for each in edited}
    return {name: kept[where]["body"]["S"] for name, where in places.items() if where in kept}


def holds(w: World, commits: Mapping[str, list[Commit]]) -> dict[str, list[str]]:
    """What happened to every hold of stock, in order; and which of them the sweep would find some day."""
    found = {
        stream: [type(event).__name__ for commit in told for event in commit.events]
        for stream, told in commits.items()
        if stream.startswith("hold#")
    }
    rows = [item["sk"]["S"] for item in w.cloud.items("StockTable") if item["pk"]["S"].startswith(HELD)]
    return {**found, "listed": sorted(row.rpartition("#")[2] for row in rows)}


def _drafted(commits: Iterable[Commit]) -> list[str]:
    """What happened to a draft, in order."""
    return [type(event).__name__ for commit in commits for event in commit.events]


def invoices(commits: Mapping[str, list[Commit]]) -> Facts:
    """Numbers of each series, and which documents they are of: which has which is not the same once a fault came."""
    found: Facts = {}
    for stream, told in commits.items():
        if stream.startswith("invoices#"):
            issued = [event for commit in told for event in commit.events]
            assert [each.number[-6:] for each in issued] == [f"{commit.number:06d}" for commit in told]
            assert [commit.number for commit in told] == [number + 1 for number in range(len(told))]
            found[stream] = sorted((each.document_id, each.gross) for each in issued)
        elif stream.startswith("billing#"):
            found[stream] = sorted(each.document_id for commit in told for each in commit.events)
    return found


def stock(w: World) -> Facts:
    """Components of every position, in however many rows, and lots.

    When a hold ends is not the same once a fault has taken its time.
    """
    items = w.cloud.items("StockTable")
    found: Facts = {f"{sku} {node}": dict(at.changes) for (sku, node), at in positions_of(items).items()}
    lots = {
        f"{each['pk']['S']} {each['sk']['S']}": {"lot": int(each["quantity"]["N"])}
        for each in items
        if "due" in each and not each["pk"]["S"].startswith(HELD)
    }
    return {**found, **lots}


def money(w: World) -> list[tuple[str, str, int]]:
    """What the provider's own record says was moved."""
    return sorted((each["payment_intent"], each["kind"], each["amount"]) for each in w.vendors.sandbox.effects)


def told(w: World) -> Facts:
    """What channels were told, by their own record: each effect as often as it was had, each level as it is now."""
    sandbox = w.vendors.sandbox
    effects = (
        {name: value for name, value in each.items() if name not in ("at", "note")}
        for each in sandbox.told
        if each["kind"] != "stock"
    )
    levels = {
        vendor.name: dict(sorted(vendor.told.levels.items())) for vendor in (sandbox.shopify, sandbox.woocommerce)
    }
    return {"effects": sorted(json.dumps(each, sort_keys=True) for each in effects), **levels}


def quarantine(w: World) -> list[tuple[str, str, str]]:
    """What people see there; each row with its entry."""
    rows = [json.loads(item["row"]["S"]) for item in w.cloud.items("ViewsTable") if item["pk"]["S"] == "quarantine"]
    listed = stores.files(w.cloud.names["RawBucket"], "quarantine/")
    kept = {key.removeprefix("quarantine/").removesuffix(".json") for key in listed}
    return sorted(
        (row["source"], row["topic"], row["code"] if row["parked_id"] in kept else "its entry is gone") for row in rows
    )


def alerts(w: World, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who, or which position, was put before a person."""
    rows = [json.loads(item["row"]["S"]) for item in w.cloud.items("ViewsTable") if item["pk"]["S"] == "alert"]
    stock = {(f"{row['sku']} {row['node_id']}", row["kind"]) for row in rows if "sku" in row}
    told = {(row.get("order_id", ""), row["kind"]) for row in rows if "sku" not in row} | w.shown
    return sorted(stock | {(names.get(order_id, "?"), kind) for order_id, kind in told})


def reports(w: World) -> Facts:
    """Report files, and the rows of the same; of a run that was put down, nothing may be left."""
    files = stores.files(w.cloud.names["ReportsBucket"])
    rows = [item for item in w.cloud.items("ViewsTable") if item["pk"]["S"] in ("report", "reconciliation")]
    fed = [item for item in w.cloud.items("ViewsTable") if item["pk"]["S"] == "stock_feed"]
    return {
        **{BEGUN.sub("", key): _report(key, body.decode()) for key, body in files.items()},
        **{item["sk"]["S"]: _untimed(item["row"]["S"]) for item in rows},
        **{BEGUN.sub("", item["sk"]["S"]): _untimed(item["row"]["S"], FEEDS) for item in fed},
    }


def _report(key: str, text: str) -> Any:
    if "/reconcile/" in key:
        return _untimed(text)
    return _untimed(text, FEEDS) if "/stock-feeds/" in key and key.endswith("report.json") else text


def _untimed(document: str, without: frozenset[str] = RUNS) -> Any:
    """What a report says, without when and after how many tries."""
    return {name: value for name, value in json.loads(document).items() if name not in without}


def scans(w: World, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Scans that changed nothing, kept beside the commits."""
    items = [each for each in w.cloud.items("EventsTable") if each["sk"]["S"].startswith("s#")]
    return sorted((names.get(each["pk"]["S"].partition("#")[2], "?"), each["sk"]["S"]) for each in items)


def published(w: World, names: Mapping[str, str]) -> dict[str, int]:
    """Public events by kind and order, each once by its id."""
    once = {each.event_id: each for each in w.published}.values()
    kinds = (f"{each.kind} {names.get(each.detail.get('order_id', ''), '-')}" for each in once)
    return dict(sorted(Counter(kinds).items()))


def unlike_log(w: World, commits: Mapping[str, list[Commit]]) -> list[str]:
    """Rows of `views` that are not what all commits, projected once and in order, would make."""
    wanted: dict[str, dict[str, Any]] = {}
    for each in commits.values():
        wanted |= _projected(each)
    items = [each for each in w.cloud.items("ViewsTable") if each["pk"]["S"] not in APART]
    found = {_key(item): _steady(item) for item in items if not item["pk"]["S"].startswith("hit#")}
    return [
        f"{key}: {found.get(key)} instead of {wanted.get(key)}"
        for key in sorted(wanted.keys() | found.keys())
        if wanted.get(key) != found.get(key)
    ]


_known: dict[str, dict[str, dict[str, Any]]] = {}


def _projected(commits: list[Commit]) -> dict[str, dict[str, Any]]:
    """The rows of one stream; remembered, since most cases of a story end in the same commits."""
    key = repr(commits)
    if key not in _known:
        views = DynamoViews(wiring.client("dynamodb"), FRESH_VIEWS, contacts_table="", events_table="")
        for commit in commits:
            views.project(commit)
        _known[key] = {_key(item): _steady(item) for item in stores.items(FRESH_VIEWS)}
        stores.clear(FRESH_VIEWS)
    return _known[key]


def _key(item: Mapping[str, Any]) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"


def _steady(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in UNSTEADY}


def differences(clean: Facts, other: Facts) -> list[tuple[str, str]]:
    """(invariant, what) of every fact that differs; an order may be put before a person more often, never less."""
    found = []
    for kind, wanted in clean.items():
        got = other[kind]
        if kind == "alerts":
            missing = sorted(set(wanted) - set(got))
            found += [(INVARIANTS[kind], f"nobody is told of {each}") for each in missing]
        elif got != wanted:
            found += [(INVARIANTS[kind], f"{kind}: {each}") for each in _unlike(wanted, got)]
    return found


def _unlike(wanted: Any, got: Any) -> list[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        keys = sorted(key for key in wanted.keys() | got.keys() if wanted.get(key) != got.get(key))
        return [f"{key}: {got.get(key)} instead of {wanted.get(key)}" for key in keys]
    return [f"{got} instead of {wanted}"]
