"""Of what commits tell, what channels must be told: put on the queue of those who tell them.

Orders of accounts that are told nothing, and of channels that nobody can tell, cost nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import kinds, levels
from oms.domain.channel_dues import Kind, due
from oms.domain.frozen import frozen
from oms.domain.stock import stock_deltas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.application.ports import Clock
    from oms.domain.channel_dues import Account, Due
    from oms.domain.commit import Commit

COALESCE_S: Final = 5
"""Movements of so long become one level."""
_SALEABLE: Final = ("available", "short", "pooled", "free")
"""Components of a position that say what can be sold."""


def queued(told: Due, source: str, account: str) -> dict[str, Any]:
    """The message of the queue: names, and no more."""
    return {
        "tell": told.message_id,
        "kind": told.kind.value,
        "source": source,
        "account": account,
        "order_id": told.order_id,
        "commit": told.commit,
        "event": told.event,
        "part": told.part,
        "at": told.at.isoformat(),
    }


@frozen(kw_only=False)
class QueueOutbound:
    """Every message by the place of its cause in the log: queued twice, it is told once."""

    accounts: Callable[[], Mapping[tuple[str, str], Account]]
    send: Callable[[Mapping[str, Any], int], None]
    """Has a channel told, so many seconds later; returns when that is durable."""
    now: Clock

    def follow(self, commit: Commit) -> None:
        """What the order's own channel is told."""
        source, account = commit.summary.get("channel", ""), commit.summary.get("account", "")
        can = kinds(source)
        for told in due(commit) if can else ():
            if told.kind in can and told.kind.value in self._asked_for(source, account):
                self.send(queued(told, source, account), 0)

    def levels(self, commits: Sequence[Commit]) -> None:
        """What every channel is told of the stock that a batch of commits moved: one message for all of its SKUs."""
        moved: dict[str, str] = {}
        for commit in commits:
            for delta in stock_deltas(commit.events):
                if any(getattr(delta, name) for name in _SALEABLE):
                    moved.setdefault(delta.sku, commit.at.isoformat())
        if not moved:
            return
        skus = sorted(moved)
        for (source, account), how in self.accounts().items():
            if Kind.STOCK not in kinds(source) or Kind.STOCK.value not in how.tell:
                continue
            most = levels(source).most
            for start in range(0, len(skus), most):
                part = skus[start : start + most]
                message = {
                    "tell": "levels",
                    "kind": Kind.STOCK.value,
                    "source": source,
                    "account": account,
                    "skus": part,
                    "at": min(moved[sku] for sku in part),
                    "seen_at": self.now().isoformat(),
                }
                self.send(message, COALESCE_S)

    def _asked_for(self, source: str, account: str) -> frozenset[str]:
        how = self.accounts().get((source, account))
        return how.tell if how else frozenset()
