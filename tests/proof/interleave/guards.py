"""The same parts without the mechanism that makes them right: what each scenario is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.history import History
from oms.domain.stock import StockDelta, event_deltas
from tests.proof.interleave.remember import RememberingLog
from tests.proof.memory import MemoryContacts, MemoryQuarantine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.canonical import ContactKey
    from oms.domain.commit import Commit
    from oms.domain.parked import Parked
    from tests.proof.interleave.world import World


def no_commit_condition(world: World) -> None:
    """A commit is written behind whatever is there, decided on that or not."""
    world.store.checks_number = False


def no_stock_condition(world: World) -> None:
    """A position is lowered however little is there."""
    world.store.checks_stock = False


def no_seen_condition(world: World) -> None:
    """A count is written though units came or left since it was decided."""
    world.store.checks_seen = False


def no_feed_condition(world: World) -> None:
    """A row of a feed is written whatever was taken since, and its id may be taken by any number of commits."""
    world.store.checks_seen = False
    world.store.checks_unique = False


def no_buffer(world: World) -> None:
    """Whoever planned on a channel's buffer being left may find it gone, and write all the same."""
    world.store.checks_keep = False


def no_unique_guard(world: World) -> None:
    """A number or a payment may be taken by any number of orders."""
    world.store.checks_unique = False


def no_row_condition(world: World) -> None:
    """A row is overwritten by an older commit."""
    world.store.checks_row = False


def no_provider_keys(world: World) -> None:
    """The provider moves the money again when a key comes back."""
    world.store.checks_payment_keys = False


class _Forgetful(History):
    """A history that does not know which commands have run."""

    def find(self, command_id: str) -> Commit | None:
        """None, always."""
        return None


class _ForgetfulLog(RememberingLog):
    def history(self, stream: str) -> History:
        known = super().history(stream)
        return _Forgetful(stream=known.stream, commits=known.commits, head=known.head)


def no_command_lookup(world: World) -> None:
    """A command that comes again is decided again."""
    world.without.log = _ForgetfulLog


class _TwoTransactions(RememberingLog):
    """Stock is moved first, the commit that says so is written apart."""

    def write(self, commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        for after in self.moved(stock):
            self.store.put_in(self.store.positions, after.sku, after.node_id, after)
        super().write(commit, (), unique)


def stock_apart(world: World) -> None:
    """Stock and commit are two transactions."""
    world.without.log = _TwoTransactions


class _EachPartAlone(RememberingLog):
    """Each line's units are checked against the position as it was before any of them."""

    def write(self, commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        for part in (each for event in commit.events for each in event_deltas(event)):
            self.moved([part])
        checks, self.store.checks_stock = self.store.checks_stock, False
        try:
            super().write(commit, stock, unique)
        finally:
            self.store.checks_stock = checks


def lines_apart(world: World) -> None:
    """Two lines that share a SKU are checked apart."""
    world.without.log = _EachPartAlone


class _Dropping(MemoryQuarantine):
    def park(self, parked: Parked) -> None:
        """Acknowledged and gone."""


class _LeftBehind(MemoryContacts):
    def take_back(self, where: ContactKey, revision: str) -> None:
        """It stays where it was put."""


def contacts_left(world: World) -> None:
    """A first snapshot that lost its race leaves its contact under a customer who has no such order."""
    world.without.contacts = _LeftBehind


def no_quarantine(world: World) -> None:
    """What cannot be processed on its last try is dropped."""
    world.without.quarantine = _Dropping


class _TakenFirst(MemoryQuarantine):
    def get(self, parked_id: str) -> Parked:
        entry = super().get(parked_id)
        self.remove(parked_id)
        return entry


def removed_before_processed(world: World) -> None:
    """An entry leaves the quarantine when it is read, not when it was processed."""
    world.without.quarantine = _TakenFirst


def arrival_order(world: World) -> None:
    """The time of arrival stands for the sender's own time of the change."""
    world.without.own_times = False


def anonymous_refunds(world: World) -> None:
    """The provider's events do not carry our id of the refund."""
    world.without.own_ids = False
