"""Defects planted on purpose: a sweep that does not see them sees nothing."""

from __future__ import annotations

import itertools
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.dynamodb_log import DynamoLog
from oms.domain import ids
from oms.entrypoints import queues, wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with this defect; with none for ''."""
    with pytest.MonkeyPatch.context() as patch:
        if name:
            DEFECTS[name](patch)
        yield


def acknowledged_before_queued(patch: pytest.MonkeyPatch) -> None:
    """A delivery is acknowledged, whether the queue took it or not."""
    send = wiring.requeue

    def requeue(message: Mapping[str, Any]) -> None:
        with suppress(Exception):
            send(message)

    patch.setattr(wiring, "requeue", requeue)


def random_command_id(patch: pytest.MonkeyPatch) -> None:
    """A command that is tried again is another command."""
    derive, serial = ids.command_id, itertools.count()
    patch.setattr(ids, "command_id", lambda *parts: derive(*parts, str(next(serial))))


def stock_apart_from_its_commit(patch: pytest.MonkeyPatch) -> None:
    """The commit first, then the stock, each by itself."""
    whole = DynamoLog.append

    def append(log: DynamoLog, commit: Any, *, stock: Sequence[Any] = (), **others: Any) -> None:
        whole(log, commit, **others)
        for delta in stock:
            log._client.update_item(**log._move(delta))

    patch.setattr(DynamoLog, "append", append)


def failures_swallowed(patch: pytest.MonkeyPatch) -> None:
    """A consumer that fails says that it is done."""
    run = queues.run_sqs

    def swallowed(event: dict[str, Any], handle: Any) -> Any:
        run(event, handle)
        return {"batchItemFailures": []}

    patch.setattr(queues, "run_sqs", swallowed)


DEFECTS = {
    each.__name__: each
    for each in (acknowledged_before_queued, random_command_id, stock_apart_from_its_commit, failures_swallowed)
}
