"""What a channel must be told of what happened here: acknowledgement, fulfillment, cancellation, refund.

The log is the outbox: what is to be told follows from a commit, and nothing else is written for it. A `Due` names one
thing to tell by its place in the log, so that it has one identity however often it is looked at; what a connector needs
to word it is in `channel_message`.

A channel is not told what it said itself: a cancellation or refund that came from it has another `origin`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.frozen import frozen
from oms.domain.order import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from oms.domain.commit import Commit

POLICY: Final = "outbound"
OURS: Final = "oms"
"""Origin of what happened here."""


class Kind(StrEnum):
    """What is told."""

    ACKNOWLEDGEMENT = "acknowledgement"
    """The order was taken in."""
    FULFILLMENT = "fulfillment"
    """A parcel left."""
    CANCELLATION = "cancellation"
    """Units will not be shipped."""
    REFUND = "refund"
    """The channel, which holds the money, gives some of it back."""
    STOCK = "stock"
    """So many units can be sold."""


@frozen
class Due:
    """One thing to tell, by its place: event `event` of commit `commit` of the order, and of that its `part`."""

    kind: Kind
    order_id: str
    commit: int
    event: int
    part: int
    at: datetime

    @property
    def message_id(self) -> str:
        """The same on every attempt."""
        return ids.derive("out", self.order_id, str(self.commit), str(self.event), str(self.part), self.kind.value)


def due(commit: Commit) -> Iterator[Due]:
    """What is to be told of a commit, whatever its channel can be told of it."""
    order_id = commit.summary.get("order_id", "")
    if not order_id:
        return
    for index, event in enumerate(commit.events):
        for kind, part in _told(event):
            yield Due(kind=kind, order_id=order_id, commit=commit.number, event=index, part=part, at=commit.at)


def _told(event: Any) -> list[tuple[Kind, int]]:
    match event:
        case ev.OrderPlaced():
            return [(Kind.ACKNOWLEDGEMENT, 0)]
        case ev.ShipmentShipped():
            return [(Kind.FULFILLMENT, part) for part in range(len(event.parcels))]
        case ev.LinesCancelled(origin=origin) if origin == OURS:
            return [(Kind.CANCELLATION, 0)]
        case ev.RefundRequested(origin=origin) if origin == OURS and event.amount:
            return [(Kind.REFUND, 0)]
    return []


@frozen
class Account:
    """How an account is told: what of all, and what its vendor needs to know besides."""

    tell: frozenset[str]
    settings: Mapping[str, Any]


NOBODY: Final = Account(tell=frozenset(), settings={})


def read_accounts(document: Mapping[str, Any]) -> dict[tuple[str, str], Account]:
    """The policy `outbound`: {"accounts": {"<source>/<account>": {"tell": [kind, …], …}}}.

    What cannot be read tells nobody anything: an account is told only what is asked for in so many words.
    """
    accounts = document.get("accounts")
    found = {}
    for name, entry in accounts.items() if isinstance(accounts, dict) else ():
        source, slash, account = str(name).partition("/")
        tell = entry.get("tell") if isinstance(entry, dict) else None
        if slash and isinstance(tell, list):
            found[source, account] = Account(tell=frozenset(str(each) for each in tell), settings=entry)
    return found
