"""The stores of a world, read where moto keeps them: a look from outside, which no function's call can disturb."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.events.models import events_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from tests.support.aws import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT: Final = "123456789012"


def table(name: str) -> Any:
    """Moto's table."""
    return dynamodb_backends[ACCOUNT][REGION].tables[name]


def items(name: str) -> list[dict[str, Any]]:
    """Everything in a table, as DynamoDB gives it."""
    return [dynamo_to_dict(each.attrs) for each in table(name).all_items()]


def clear(name: str) -> None:
    """Nothing is in the table any more."""
    table(name).items.clear()


def files(bucket: str, prefix: str = "") -> Mapping[str, bytes]:
    """Bodies in a bucket by their key."""
    kept = s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
    return {key: kept[key].value for key in sorted(kept) if key.startswith(prefix)}


def queue(url: str) -> Any:
    """Moto's queue."""
    return sqs_backends[ACCOUNT][REGION].queues[url.rpartition("/")[2]]


def tamper(name: str, wanted: Callable[[Mapping[str, Any]], bool], change: Callable[[Any], None] | None) -> Any:
    """Somebody with the keys to the table changes items, or takes them out; call what this gives to undo it."""
    kept = copy.deepcopy(table(name).items)
    for rows in table(name).items.values():
        for key, item in list(rows.items()):
            if wanted(dynamo_to_dict(item.attrs)):
                if change is None:
                    del rows[key]
                else:
                    change(item.attrs)
    return lambda: setattr(table(name), "items", kept)


def rule(name: str) -> Mapping[str, Any]:
    """State and parsed pattern of a rule."""
    buses = events_backends[ACCOUNT][REGION].event_buses.values()
    found = next(bus.rules[name] for bus in buses if name in bus.rules)
    return {"State": found.state, "EventPattern": found.event_pattern.get_pattern()}


def put(url: str, body: str) -> None:
    """A message comes into a queue, which no function sent."""
    sqs_backends[ACCOUNT][REGION].send_message(queue_name=url.rpartition("/")[2], message_body=body)
