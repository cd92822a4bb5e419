"""Business facts of orders and stock: what must not depend on how often, in which order or how late something came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.domain.stock import COMPONENTS
from tests.proof.invariants import dynamodb as items

if TYPE_CHECKING:
    from tests.e2e.support import Oms


def orders_of(oms: Oms, accounts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Facts of every order of these accounts (account by channel), by natural key: channel and external id."""
    found: dict[str, dict[str, Any]] = {}
    contacts = items.bodies_of(oms.scan_table("ContactsTable"))
    for item in oms.scan_table("ViewsTable"):
        if not item["pk"]["S"].startswith("day#"):
            continue
        row = json.loads(item["row"]["S"])
        if accounts.get(row["channel"]) != row["account"]:
            continue
        order = oms.order(row["order_id"])
        found[f"{order['channel']} {order['external_id']}"] = facts_of(order, row) | {
            "contact": contacts.get(order["order_id"], "")
        }
    return found


def facts_of(order: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """One order: ledgers, statuses, money, refunds by reference, holds by kind, and what lists say of it."""
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    same = ("number", "customer_id", "placed_at", "status", "stage", "fulfillment_status", "payment_status", "currency")
    return {
        **{name: order[name] for name in (*same, "total", "ship_to")},
        "lines": {
            line["line_id"]: (line["sku"], line["units"], line["refunded"], line["conflicted"])
            for line in order["lines"]
        },
        "money": {
            name: order["money"][name] for name in ("authorized", "captured", "refunded", "refundable", "voided")
        },
        "refunds": {
            each["reference"]: (each["amount"], each["status"], each["origin"]) for each in order["money"]["refunds"]
        },
        "holds": sorted(
            (hold["kind"], hold["active"], *(skus[line] for line in hold.get("lines", ()))) for hold in order["holds"]
        ),
        "work": sorted(
            (work["node_id"], line["line_id"], line["quantity"])
            for work in order["fulfillment_orders"]
            for line in work["lines"]
        ),
        "row": {name: row.get(name) for name in ("stage", "status", "fulfillment", "payment", "units", "holds")},
    }


def stock_of(oms: Oms) -> dict[str, dict[str, int]]:
    """Components of every position."""
    positions = items.positions_of(oms.scan_table("StockTable", ConsistentRead=True))
    return {f"{sku} {node}": {name: getattr(at, name) for name in COMPONENTS} for (sku, node), at in positions.items()}


def moved(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """What changed at each position."""
    changes = {}
    for position, counts in after.items():
        old = before.get(position, {})
        change = {name: count - old.get(name, 0) for name, count in counts.items() if count != old.get(name, 0)}
        if change:
            changes[position] = change
    return changes
