"""Evidence of the deployed system for the checker of the invariants: in part after a test, whole at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.application.orders import stream_of
from oms.domain.canonical import ContactKey
from tests.e2e import people
from tests.e2e.recorder import RecordedSystem, payments_of
from tests.e2e.support import DEAD, QUEUES
from tests.proof.invariants import Evidence, Oracle, check, check_orders
from tests.proof.invariants import dynamodb as items
from tests.proof.invariants.deliveries import placings
from tests.proof.invariants.evidence import Published
from tests.proof.invariants.log import heads_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.e2e.recorder import Record
    from tests.e2e.support import Oms
    from tests.proof.invariants import Finding

PLAIN_STORES: Final = ("EventsTable", "ViewsTable", "StockTable", "ReferenceTable", "OutboundTable")
"""Stores in which nobody may be named."""
SPY: Final = "public-events-seen"
"""A queue that everything published is put on."""
MOST: Final = 40
"""Orders that are looked at after one test."""


def record_of(oms: Oms) -> Record:
    """What the driver sent."""
    assert isinstance(oms.system, RecordedSystem)
    return oms.system.record


def listen(oms: Oms) -> None:
    """Have everything that is published put on a queue."""
    sqs, events = oms.system.client("sqs"), oms.system.client("events")
    url = sqs.create_queue(QueueName=SPY)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = oms.system.outputs["EventBusName"]
    events.put_rule(Name=SPY, EventBusName=bus, EventPattern=json.dumps({"source": ["oms.orders"]}))
    events.put_targets(Rule=SPY, EventBusName=bus, Targets=[{"Id": SPY, "Arn": arn}])


def heard(oms: Oms) -> Iterator[str]:
    """Every message of that queue, taken off it."""
    sqs = oms.system.client("sqs")
    url = sqs.get_queue_url(QueueName=SPY)["QueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (each["Body"] for each in messages)
        entries = [{"Id": str(place), "ReceiptHandle": each["ReceiptHandle"]} for place, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def audit(oms: Oms, heads: dict[str, tuple[int, str]] | None = None) -> list[Finding]:
    """Every finding in the whole system at rest; none when all is well."""
    sent = record_of(oms)
    tables = {name: oms.scan_table(name, ConsistentRead=True) for name in (*PLAIN_STORES, "ContactsTable")}
    streams, unknown = items.streams_of(tables["EventsTable"])
    rows = items.rows_of(tables["ViewsTable"])
    told = list(heard(oms))
    broken = unknown | {stream_of(order_id) for order_id in oms.poisoned}
    texts: dict[str, Iterable[str]] = {name: map(items.readable, tables[name]) for name in PLAIN_STORES}
    texts["engine log"] = oms.engine.log.read_text(errors="replace").splitlines()
    texts["workflow inputs"] = workflow_inputs(oms)
    texts["bus"] = told
    return check(
        Evidence(
            streams=streams,
            positions=items.positions_of(tables["StockTable"]),
            contacts=items.contacts_of(tables["ContactsTable"]),
            rows=rows,
            quarantine=items.quarantine_of(rows),
            dead_letters={name: oms.waiting_messages([name]) for name in DEAD},
            pending={name: oms.waiting_messages([name]) for name in QUEUES} | {"workflows": oms.workflows("RUNNING")},
            published=[published(json.loads(each)) for each in told],
            answers=sent.answers,
            reads=sent.reads,
            texts=texts,
            canaries=people.canaries(),
            heads=heads or {},
            broken=broken,
            waiting=oms.stuck,
            oracle=Oracle(
                orders=sent.orders,
                deliveries=sent.deliveries,
                writes=sent.writes,
                payments=payments_of(oms.sandbox),
                received=sent.received,
            ),
        )
    )


def audit_orders(oms: Oms, order_ids: Iterable[str], since: int) -> tuple[list[Finding], dict[str, tuple[int, str]]]:
    """(findings, newest commits) of these orders while others may still move; answers from number `since` on."""
    sent = record_of(oms)
    wanted = list(dict.fromkeys(each for each in order_ids if each not in oms.poisoned))[-MOST:]
    dynamodb, outputs = oms.system.client("dynamodb"), oms.system.outputs
    commits: list[dict[str, Any]] = []
    for order_id in wanted:
        query = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": stream_of(order_id)}, ":prefix": {"S": keys.COMMIT_PREFIX}},
        }
        commits += dynamodb.query(TableName=outputs["EventsTable"], ConsistentRead=True, **query)["Items"]
    streams, unknown = items.streams_of(commits)
    contacts: list[dict[str, Any]] = []
    for order_id, event in placings(streams).items():
        where = ContactKey(customer_id=event.customer_id, placed_at=event.placed_at, order_id=order_id)
        pk, sk = keys.contact_key(where)
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found = dynamodb.get_item(TableName=outputs["ContactsTable"], Key=key, ConsistentRead=True)
        contacts += [found["Item"]] if "Item" in found else []
    evidence = Evidence(
        streams=streams,
        contacts=items.contacts_of(contacts),
        answers=sent.answers[since:],
        idle=False,
        broken=unknown,
        oracle=Oracle(orders=sent.orders, payments=payments_of(oms.sandbox)),
    )
    sound = {stream: stored for stream, stored in streams.items() if stream not in unknown}
    return check_orders(evidence, wanted), heads_of(sound)


def published(message: dict[str, Any]) -> Published:
    """An event of the bus, as EventBridge hands it on."""
    detail = dict(message["detail"])
    return Published(event_id=detail.pop("event_id"), kind=message["detail-type"], detail=detail)


def workflow_inputs(oms: Oms) -> list[str]:
    """What was given to the workflows."""
    client = oms.system.client("stepfunctions")
    arn = oms.system.outputs["WorkflowArn"]
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=arn)
    arns = [each["executionArn"] for page in pages for each in page["executions"]]
    return [client.describe_execution(executionArn=each)["input"] for each in arns]
