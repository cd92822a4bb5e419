"""What the use cases need to keep: the log, stock, lists, master data. Structural: adapters never import this.

Those whom they speak to, and who move money, stand in `gateways.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from oms.domain.audit import UnreadableRow
    from oms.domain.canonical import Contact, ContactKey
    from oms.domain.commit import Commit, StoredCommit, Unreadable
    from oms.domain.feed import Fed, Told
    from oms.domain.geo import Point
    from oms.domain.history import History
    from oms.domain.holding import DueHold
    from oms.domain.kits import Components
    from oms.domain.parked import Parked
    from oms.domain.sourcing.network import Network, Product
    from oms.domain.sourcing.request import Candidate
    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot


class Clock(Protocol):
    """The present instant, aware UTC."""

    def __call__(self) -> datetime:
        """Now."""


class Log(Protocol):
    """The event log: the one truth."""

    def read(self, stream: str) -> History:
        """All commits of a stream, consistently; empty when there are none."""

    def append(
        self,
        commit: Commit,
        *,
        stock: Sequence[StockDelta] = (),
        unique: Sequence[str] = (),
        released: Sequence[str] = (),
        lots: Sequence[Lot] = (),
        due: Sequence[DueHold] = (),
        beside: Sequence[Commit] = (),
    ) -> None:
        """Append `commit`, and move stock with it, all or nothing.

        `unique` are keys that no other stream may hold, `released` those that this one holds no longer, `lots` are kept
        as they stand after the commit, holds of stock are found where `due` says, and `beside` are commits of other
        streams. Raises VersionConflictError when a number is taken, InsufficientStockError when a position would go
        below zero, or below what a KeepingDelta must `keep`, or has none to bind, StockChangedError when one is not as
        a DecidedDelta has `seen` it, DuplicateOrderNumberError, PaymentAlreadyUsedError or SerialInUseError for a taken
        key, SerialNotShippedError for a released one that another stream holds, ContentionError when concurrent
        transactions kept colliding. After
        any of them nothing was written by this call, but an earlier attempt of the same call may have been: read again.
        """

    def put_fact(self, stream: str, fact_id: str, fact: Mapping[str, Any]) -> bool:
        """Keep a fact that changes no state, once by its id; False when it is there already."""

    def facts(self, stream: str) -> list[Mapping[str, Any]]:
        """The facts of a stream, in the order of their ids."""


class Stock(Protocol):
    """Positions, whatever the number of rows that hold them."""

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """Every position of these SKUs, read consistently."""

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """Positions of these SKUs to plan on, of which so many units are wanted.

        Where a position is spread, because many bind it at once, this may be a second old as long as it says that there
        are as many. That there are not is said of what was read consistently.
        """

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """The same to show, not to decide on: it may be a second old."""

    def inbound(self, sku: str) -> list[Lot]:
        """Lots of which more is to come, by their ids, read consistently."""

    def due_holds(self, now: datetime, limit: int) -> list[DueHold]:
        """Open holds whose time is over, of each partition `limit` at most, the longest over first. Consistent."""


class PlannedStock(Protocol):
    """Of the Stock port, what plans are made of."""

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """Positions of these SKUs to plan on."""

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """The same to show."""

    def inbound(self, sku: str) -> list[Lot]:
        """Lots of which more is to come."""


class FedStock(Protocol):
    """Positions as the rows of a feed find them."""

    def fed(self, source: str, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Fed]:
        """Of each (SKU, node): its position and what it remembers of the source, read consistently."""

    def taken(self, source: str, row_ids: Iterable[str]) -> frozenset[str]:
        """Those deltas of the source that are in the log already, by their ids, read consistently."""

    def tell(self, source: str, told: Sequence[Told]) -> list[bool]:
        """Remember each of these rows at its position, and move nothing; False where the mark is not as it was read."""


class FeedFile(Protocol):
    """A file of a feed, read from any line on, in little memory."""

    @property
    def feed_id(self) -> str:
        """Of this very content in this very place."""

    @property
    def name(self) -> str:
        """`<source>/<…>.<csv|jsonl>[.gz]`."""

    def lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        """Each line from `offset` on, without its end, with the offset behind it.

        Offsets count the bytes of the unpacked content. Raises MalformedPayloadError for what cannot be unpacked,
        FeedGoneError when the file is not there any more, or another one is in its place.
        """


Mark = tuple[str, str]
"""How far a part of the log was read: stream, and place in it."""


class LogPage(Protocol):
    """A piece of one part of the log: commits of a stream in the order of their numbers, as a rule all together."""

    @property
    def part(self) -> int:
        """Which part."""

    @property
    def commits(self) -> Sequence[StoredCommit | Unreadable]:
        """What it holds."""

    @property
    def mark(self) -> Mark | None:
        """Where the part goes on; None at its end."""


class Everything(Protocol):
    """The whole log and all of stock, read through without an index."""

    def stock_pages(self) -> Iterator[Sequence[StockDelta | UnreadableRow]]:
        """Every position. Each page is read, consistently, when it is asked for."""

    def positions(self, skus: Iterable[str]) -> Sequence[StockDelta | UnreadableRow]:
        """Those of some SKUs, read consistently."""

    def log_pages(self, marks: Mapping[int, Mark | None], parts: int) -> Iterator[LogPage]:
        """What these of so many parts hold behind their marks, consistently, the parts in turn.

        Every commit that was there before the first page was asked for is on one of them.
        """

    def stream(self, stream: str) -> Sequence[StoredCommit | Unreadable]:
        """All commits of one stream, consistently, in the order of their numbers."""


class Checkpoint(Protocol):
    """Where a long run is put down and taken up again."""

    def load(self) -> Mapping[str, Any] | None:
        """What was put down last; None when nothing is."""

    def save(self, document: Mapping[str, Any]) -> None:
        """Put it down, in place of what is there."""

    def clear(self) -> None:
        """Nothing is there any more."""


class Marks(Protocol):
    """How far somebody came with something, by its name: small, and never behind what another one noted."""

    def load(self, name: str) -> Mapping[str, Any] | None:
        """What was noted last, read consistently."""

    def save(self, name: str, mark: Mapping[str, Any], seen: Mapping[str, Any] | None) -> bool:
        """Note it in place of `seen`; False, and nothing noted, when that is not what is there."""


class Outbox(Marks, Protocol):
    """What became of each message to a channel, and of the accounts: how far, how often, from when on again.

    There is a row for each message, and it goes a year after it was last written.
    """


class Contacts(Protocol):
    """Personal data, one place per order."""

    def put(self, where: ContactKey, revision: str, contact: Contact) -> None:
        """Keep `contact` unless a newer revision or a tombstone is there; the same twice is once."""

    def get(self, where: ContactKey) -> Contact | None:
        """The contact, or None when there is none or it was erased."""

    def take_back(self, where: ContactKey, revision: str) -> None:
        """Have no contact there, if what is there is of this revision: the order has its place elsewhere, or is not."""


class Reference(Protocol):
    """Master data."""

    def made_of(self, skus: Iterable[str]) -> Mapping[str, Components]:
        """Those of `skus` that the catalogue has, with what each is made of: nothing, unless it is a kit."""

    def kits_of(self, skus: Iterable[str]) -> frozenset[str]:
        """The kits that any of `skus` is a component of."""

    def serialized(self, skus: Iterable[str]) -> frozenset[str]:
        """Those of `skus` whose units have serial numbers."""

    def nodes(self, skus: Mapping[str, Mapping[str, int]]) -> tuple[Candidate, ...]:
        """Every node as a candidate; `skus` gives what is available by node and SKU."""

    def network(self) -> Network:
        """Every node, and the freight table."""

    def kept_network(self, name: str) -> Network | None:
        """Nodes and freight as they were when a decision named them so; None when that was not kept."""

    def products(self, skus: Iterable[str]) -> Mapping[str, Product]:
        """What sourcing needs of each of these SKUs; one that nobody knows weighs nothing and needs nothing."""

    def list_prices(self, skus: Iterable[str], currency: str) -> Mapping[str, int]:
        """What the catalogue asks for a unit, in minor units; nothing of a SKU that has no price in this currency."""

    def categories(self, skus: Iterable[str]) -> Mapping[str, str]:
        """By SKU, the category that the catalogue gives it; those without one are left out."""

    def tax_classes(self, skus: Iterable[str]) -> Mapping[str, str]:
        """What rates of taxes call these SKUs; nothing of one whose product does not say."""

    def policy(self, name: str) -> Mapping[str, Any]:
        """A policy document; empty when none is stored."""

    def account(self, source: str, account: str) -> Mapping[str, Any] | None:
        """A connected account, or None."""

    def put(self, kind: str, key: str, item: Mapping[str, Any]) -> bool:
        """Keep a master-data item; False when the same is there already."""


class Gazetteer(Protocol):
    """Where places are."""

    def __call__(self, key: str) -> Point | None:
        """The point, to 1/100 degree, kept under a key of `domain.places`; None when there is none."""


class Policies(Protocol):
    """Versions of policies: {'version', 'document', 'at', 'by', 'key'}, never changed once saved."""

    def current(self, name: str) -> Mapping[str, Any] | None:
        """The newest, consistently; None when none was saved."""

    def version(self, name: str, number: int) -> Mapping[str, Any] | None:
        """One of them, consistently."""

    def versions(self, name: str, limit: int, before: int | None = None) -> list[Mapping[str, Any]]:
        """Newest first; those below `before` when it is given."""

    def save(self, name: str, saved: Mapping[str, Any]) -> None:
        """Keep a version and make it the current one; its number is one above the current one's, from 1.

        Raises VersionConflictError when it is not, ContentionError when two were saved at once: nothing was saved by
        this call, but an earlier attempt of the same call may have been.
        """


class OpenWork(Protocol):
    """What nodes have been given and have not shipped."""

    def open_orders(self, node_ids: Iterable[str]) -> Mapping[str, int]:
        """Fulfillment orders open at each of these nodes, as of some seconds ago."""

    def owed(self, sku: str, placed_at: datetime, order_id: str, limit: int) -> int | None:
        """Units that orders placed before this one wait for, as of some seconds ago; None beyond `limit` orders."""


class Views(Protocol):
    """Lists, search and due work. Derived; each row refuses an older commit than it shows."""

    def project(self, commit: Commit, *, late: bool = False) -> None:
        """Bring every row that this commit touches up to it.

        An order that is to be promised at once has no row before its promise; `late` says that this has not come.
        """

    def unlisted(self, orders: Mapping[str, datetime]) -> list[str]:
        """Those of these orders, with when they were placed, that have no row yet."""

    def list_orders(
        self, by: str, value: str, since: datetime, until: datetime, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """Order rows by one attribute and a date range, newest first, and the next cursor ('' at the end).

        A page may be short, or empty, and still have a cursor: a search that finds little says how far it came.
        """

    def list_fulfillment_orders(
        self, node_id: str, status: str, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """Fulfillment orders that a node has to work on, the earliest promise first."""

    def orders_with(self, kind: str, value: str) -> list[str]:
        """Order ids that carry this tracking number, payment reference, serial number or lot, newest first."""

    def contacts_of(self, number: str) -> list[ContactKey]:
        """Where the contacts of the orders with this number are, newest first."""

    def waiting_orders(self, sku: str, limit: int) -> list[str]:
        """Orders that wait for a SKU, longest waiting first."""

    def overdue(self, now: datetime, limit: int) -> list[Mapping[str, Any]]:
        """Rows whose due time has passed, the most overdue first."""

    def postpone(self, order_id: str, placed_at: datetime, commit: int, until: datetime | None, attempts: int) -> None:
        """Look at this row again later, unless it has moved on meanwhile."""

    def put_row(
        self,
        kind: str,
        key: str,
        row: Mapping[str, Any],
        *,
        keep_days: int = 0,
        replace: bool = False,
    ) -> bool:
        """Keep a row of a list (alert, report), once by its key unless it replaces; False when it is there already."""

    def get_row(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """One such row."""

    def list_rows(self, kind: str, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """Rows of a kind, newest key first."""

    def delete_row(self, kind: str, key: str) -> None:
        """Drop a row; nothing when it is gone."""

    def hit(self, key: str, window_s: int, now: datetime) -> int:
        """Count an attempt in its window and return the count: a rate limiter, exact enough."""


class Quarantine(Protocol):
    """Raw inputs that could not be processed, kept with their reason."""

    def park(self, parked: Parked) -> None:
        """Keep it; the same input parked twice is one entry, with its newest reason."""

    def get(self, parked_id: str) -> Parked:
        """The entry with its raw body; raises QuarantineNotFoundError."""

    def list(self, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """Entries without their bodies, newest first."""

    def waiting(self, now: datetime, limit: int) -> builtins.list[Mapping[str, Any]]:
        """Entries that wait for something else to come first and were not looked at for a while."""

    def look_again(self, parked_id: str, at: datetime) -> None:
        """Look at a waiting entry later."""

    def remove(self, parked_id: str) -> None:
        """It was processed; nothing when it is gone."""
