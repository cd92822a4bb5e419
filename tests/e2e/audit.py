"""What must hold of the stores after whatever happened: chains unbroken, stock equal to its history, nobody named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.adapters.dynamodb_log import commit_from_item
from oms.application.orders import stream_of
from oms.domain.commit import StoredCommit, verify_chain
from oms.domain.errors import UnknownEventError
from oms.domain.order.evolve import fold
from oms.domain.stock import COMPONENTS, StockDelta, stock_deltas
from tests.e2e import people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.e2e.support import Oms

PLAIN_STORES = ("EventsTable", "ViewsTable", "StockTable", "ReferenceTable")
"""Stores in which nobody may be named."""


def audit(oms: Oms) -> list[str]:
    """What is wrong, in words; nothing when all is well."""
    events = oms.scan_table("EventsTable", ConsistentRead=True)
    streams = by_stream(events)
    poisoned = {stream_of(order_id) for order_id in oms.poisoned}
    sound = {stream: items for stream, items in streams.items() if stream not in poisoned}
    problems = [*broken_chains(sound), *unlike_history(streams, oms.scan_table("StockTable"))]
    problems += unfoldable(sound)
    for table in PLAIN_STORES:
        problems += named_in(table, (json.dumps(item, ensure_ascii=False) for item in oms.scan_table(table)))
    problems += named_in("engine log", oms.engine.log.read_text(errors="replace").splitlines())
    problems += named_in("workflow input", workflow_inputs(oms))
    return problems


def by_stream(items: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Commit items of each stream, in order."""
    streams: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        if item["sk"]["S"].startswith("c#"):
            streams.setdefault(item["pk"]["S"], []).append(item)
    return {stream: sorted(found, key=lambda each: str(each["sk"]["S"])) for stream, found in streams.items()}


def broken_chains(streams: Mapping[str, list[Mapping[str, Any]]]) -> list[str]:
    """Streams whose commits are not as they were written."""
    problems = []
    for stream, items in streams.items():
        stored = [
            StoredCommit(commit=commit_from_item(item), plain_events=json.loads(item["ev"]["S"]), hash=item["h"]["S"])
            for item in items
        ]
        broken = verify_chain(stream, stored)
        if broken:
            problems.append(f"{stream} is broken at commit {broken}")
        ids = [each.commit.command_id for each in stored]
        if len(set(ids)) != len(ids):
            problems.append(f"{stream} ran a command twice")
    return problems


def unfoldable(streams: Mapping[str, list[Mapping[str, Any]]]) -> list[str]:
    """Orders that cannot be folded from their events."""
    problems = []
    for stream, items in streams.items():
        if not stream.startswith("order#"):
            continue
        try:
            order = fold(stream[6:], (event for item in items for event in commit_from_item(item).events))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            problems.append(f"{stream} cannot be folded: {error}")
        else:
            if order and order.payment.refunding > order.payment.captured:
                problems.append(f"{stream} gave back more than was captured")
    return problems


def unlike_history(streams: Mapping[str, list[Mapping[str, Any]]], stock: Iterable[Mapping[str, Any]]) -> list[str]:
    """Positions that are not what the events of all streams add up to."""
    folded: dict[tuple[str, str], StockDelta] = {}
    for items in streams.values():
        for item in items:
            try:
                events = commit_from_item(item).events
            except UnknownEventError:
                continue
            for delta in stock_deltas(events):
                key = (delta.sku, delta.node_id)
                folded[key] = folded.get(key, StockDelta(sku=delta.sku, node_id=delta.node_id)).plus(delta)
    positions = {}
    problems = []
    for item in stock:
        node_id = item["sk"]["S"].rpartition("#")[0]
        counts = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
        position = StockDelta(sku=item["pk"]["S"], node_id=node_id, **counts)
        positions[position.sku, node_id] = position
        if not position.balanced or min(getattr(position, name) for name in COMPONENTS) < 0:
            problems.append(f"a position is out of balance: {position}")
    unlike = [key for key in sorted(positions.keys() | folded.keys()) if positions.get(key) != folded.get(key)]
    return problems + [f"stock says {positions.get(key)}, its history {folded.get(key)}" for key in unlike]


def named_in(store: str, texts: Iterable[str]) -> list[str]:
    """Personal data of the samples and tests that is found where none belongs."""
    canaries = people.canaries()
    return [
        f"{store} holds {canary!r}: …{text[max(0, text.find(canary) - 200) : text.find(canary) + 60]}…"
        for text in texts
        for canary in canaries
        if canary in text
    ]


def workflow_inputs(oms: Oms) -> list[str]:
    """What was given to the workflows."""
    client = oms.system.client("stepfunctions")
    arn = oms.system.outputs["WorkflowArn"]
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=arn)
    arns = [each["executionArn"] for page in pages for each in page["executions"]]
    return [client.describe_execution(executionArn=each)["input"] for each in arns]
