"""Where the contact of an order is kept: in the order's own place, whatever snapshots say and whoever comes first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters.keys import contact_key
from oms.application.customers import Customers
from oms.application.intake import IN_CHANNEL, SyncSnapshot
from oms.application.orders import Orders
from oms.domain.canonical import Contact, Normalized
from oms.domain.errors import DuplicateOrderNumberError, IdempotencyKeyReusedError
from oms.domain.order.events import PaymentPlan
from tests.proof.interleave.story import site_order
from tests.proof.interleave.world import cause
from tests.proof.memory import MemoryContacts, MemoryLog, MemoryReference, MemoryViews, Store
from tests.support.builders import T0, minutes, nowhere, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.application.orders import Outcome
    from oms.domain.canonical import CanonicalOrder
    from tests.proof.memory import Step

ANNA = Contact(name="Anna", email="anna@example.com")
BEN = Contact(name="Ben", email="ben@example.com")
NEW = snapshot()
LATER = replace(NEW, revision=minutes(1))


@dataclass
class Shop:
    """Intake over ports in memory. `before_append` runs once, when the first commit is about to be appended."""

    store: Store = field(default_factory=Store)
    steps: list[str] = field(default_factory=list)
    before_append: Callable[[], object] | None = None

    def pause(self, step: Step, call: Callable[[], Any]) -> Any:
        """Others come in between."""
        self.steps.append(step.op)
        if step.op == "log.append" and self.before_append:
            meanwhile, self.before_append = self.before_append, None
            meanwhile()
        return call()

    def take(self, order: CanonicalOrder, contact: Contact, ref: str = "event", request_hash: str = "") -> Outcome:
        """A channel's snapshot, or the request of that hash."""
        customers = Customers(lambda: "key")
        orders = Orders(MemoryLog(self.store, self.pause), lambda: T0)
        contacts, reference = MemoryContacts(self.store, self.pause), MemoryReference(self.store)
        sync = SyncSnapshot(orders, contacts, reference, customers, nowhere)
        plan = PaymentPlan(provider="stripe", reference=f"pi_{order.external_id}") if request_hash else IN_CHANNEL
        return sync(Normalized(order=order, contact=contact), cause(ref), plan, request_hash)

    def kept(self) -> dict[tuple[str, str], str]:
        """Names by key."""
        return {
            (pk, sk): contact.name
            for pk, held in self.store.contacts.items()
            for sk, (_, contact) in held.items()
            if contact is not None
        }


@pytest.fixture
def shop() -> Shop:
    return Shop()


def customer(contact: Contact) -> str:
    return Customers(lambda: "key").identify(contact.email)


def test_a_contact_is_with_its_customer_at_the_time_of_the_order_before_the_order_is(shop: Shop) -> None:
    order = shop.take(NEW, ANNA).order
    assert shop.kept() == {(customer(ANNA), f"2026-03-01T12:00:00.000000Z#{order.order_id}"): "Anna"}
    assert shop.steps == ["log.read", "contacts.put", "log.append"]


@pytest.mark.parametrize("changes", [{}, {"placed_at": minutes(-9)}])
@pytest.mark.parametrize("contact", [BEN, replace(BEN, email=""), replace(BEN, email=ANNA.email)])
def test_another_address_or_time_replaces_the_contact_in_its_place(
    shop: Shop, contact: Contact, changes: dict[str, Any]
) -> None:
    order = shop.take(NEW, ANNA).order
    shop.take(replace(LATER, **changes), contact, "update")
    assert shop.kept() == {contact_key(order.contact_key): "Ben"}
    shop.take(NEW, ANNA, "late duplicate")
    assert shop.kept() == {contact_key(order.contact_key): "Ben"}


def test_an_order_without_an_address_has_its_contact_alone_and_keeps_it_there(shop: Shop) -> None:
    order = shop.take(NEW, replace(ANNA, email="")).order
    alone = (order.order_id, f"2026-03-01T12:00:00.000000Z#{order.order_id}")
    assert shop.kept() == {alone: "Anna"}
    shop.take(LATER, BEN, "update")
    assert shop.kept() == {alone: "Ben"}


def test_a_snapshot_without_a_contact_keeps_what_is_there(shop: Shop) -> None:
    order = shop.take(NEW, ANNA).order
    shop.take(LATER, Contact(), "update")
    assert shop.kept() == {contact_key(order.contact_key): "Anna"}


def test_an_erased_contact_does_not_come_back(shop: Shop) -> None:
    order = shop.take(NEW, ANNA).order
    MemoryContacts(shop.store).erase(order.contact_key, T0)
    shop.take(LATER, ANNA, "update")
    shop.take(replace(LATER, revision=minutes(2)), BEN, "another update")
    assert shop.kept() == {}


@pytest.mark.parametrize(("loser", "winner", "newest"), [(NEW, LATER, "Ben"), (LATER, NEW, "Anna")])
def test_of_two_first_snapshots_with_two_addresses_one_place_is_left(
    shop: Shop, loser: CanonicalOrder, winner: CanonicalOrder, newest: str
) -> None:
    """Anna's comes first and loses: Ben's places the order while she is about to."""
    shop.before_append = lambda: shop.take(winner, BEN, "Ben's")
    order = shop.take(loser, ANNA, "Anna's").order
    assert order.placed.customer_id == customer(BEN)
    assert shop.kept() == {contact_key(order.contact_key): newest}


def test_what_a_first_snapshot_left_before_it_crashed_is_taken_back_when_it_comes_again(shop: Shop) -> None:
    def crash() -> None:
        raise ConnectionError

    shop.before_append = crash
    with pytest.raises(ConnectionError):
        shop.take(NEW, ANNA, "Anna's")
    order = shop.take(LATER, BEN, "Ben's").order
    assert len(shop.kept()) == 2
    shop.take(NEW, ANNA, "Anna's")
    assert shop.kept() == {contact_key(order.contact_key): "Ben"}


def test_a_place_from_which_a_contact_was_taken_back_can_be_its_orders_own(shop: Shop) -> None:
    contacts = MemoryContacts(shop.store)
    where = shop.take(NEW, ANNA).order.contact_key
    contacts.put(where, "2027", BEN)
    contacts.take_back(where, "2026")
    assert contacts.get(where) == BEN, "of another revision"
    contacts.take_back(where, "2027")
    assert contacts.get(where) is None
    contacts.put(where, "2026", ANNA)
    assert contacts.get(where) == ANNA


# ---------------------------------------------------------------- POST /orders


def test_a_request_again_reads_the_order_once_and_writes_nothing(shop: Shop) -> None:
    shop.take(site_order("K1"), ANNA, "r:K1", "hash")
    shop.steps.clear()
    shop.take(site_order("K1", placed_at=minutes(5), revision=5), ANNA, "r:K1", "hash")
    assert shop.steps == ["log.read"]


def test_a_key_that_comes_back_with_another_address_changes_nothing(shop: Shop) -> None:
    order = shop.take(site_order("K1"), ANNA, "r:K1", "hash").order
    with pytest.raises(IdempotencyKeyReusedError):
        shop.take(site_order("K1", revision=5), BEN, "q:K1", "other hash")
    assert shop.kept() == {contact_key(order.contact_key): "Anna"}


def test_a_key_used_twice_at_once_with_two_addresses_leaves_nothing_of_the_loser(shop: Shop) -> None:
    shop.before_append = lambda: shop.take(site_order("K1"), BEN, "q:K1", "other hash")
    with pytest.raises(IdempotencyKeyReusedError):
        shop.take(site_order("K1"), ANNA, "r:K1", "hash")
    assert list(shop.kept().values()) == ["Ben"]


def test_an_order_that_is_refused_leaves_nothing_of_its_customer(shop: Shop) -> None:
    shop.take(site_order("K1", number="N1"), BEN, "r:K1", "hash")
    for late in range(3):
        with pytest.raises(DuplicateOrderNumberError):
            shop.take(site_order("K2", number="N1", placed_at=minutes(late)), ANNA, "r:K2", "hash")
    assert list(shop.kept().values()) == ["Ben"]


# ---------------------------------------------------------------- lists and look-ups


def test_a_customers_list_shows_no_order_of_another(shop: Shop) -> None:
    """Even when a crash left a contact under a customer who did not get the order."""

    def crash() -> None:
        raise ConnectionError

    shop.before_append = crash
    with pytest.raises(ConnectionError):
        shop.take(NEW, ANNA, "Anna's")
    order = shop.take(LATER, BEN, "Ben's").order
    views = MemoryViews(shop.store)
    for commit in MemoryLog(shop.store).read(f"order#{order.order_id}").commits:
        views.project(commit)
    shown = {
        contact.name: [
            row["order_id"]
            for row in views.list_orders("customer", customer(contact), minutes(-1), minutes(1), 10, "")[0]
        ]
        for contact in (ANNA, BEN)
    }
    assert shown == {"Anna": [], "Ben": [order.order_id]}
    assert views.contacts_of(order.placed.number) == [order.contact_key]
