"""Races over the personal data of one order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.adapters.keys import contact_key
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import SKU, WEB, expect, receive, take_in
from tests.support.builders import minutes, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.canonical import CanonicalOrder
    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

OLD: Final = "old@example.com"
NEW: Final = "new@example.com"


def _stocked(world: World) -> None:
    receive(world, SKU, "WH1", 3)


def _two_addresses(world: World) -> list[Worker]:
    """A delivery for each."""

    def body(email: str, order: CanonicalOrder) -> Worker:
        return Worker(name=email, body=lambda _try, _last: take_in(world.racing, order, email, email))

    return [body(OLD, snapshot()), body(NEW, replace(snapshot(), revision=minutes(1)))]


def _one_contact(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    kept = {
        (pk, sk): contact.email
        for pk, held in world.store.contacts.items()
        for sk, (_, contact) in held.items()
        if contact is not None
    }
    expect("I4", kept == {contact_key(orders[WEB].contact_key): NEW}, f"personal data is kept as {kept}")


SCENARIOS: Final = (
    Scenario(
        name="two-addresses",
        about="The first two snapshots of an order come at once, with two e-mail addresses.",
        prelude=_stocked,
        workers=_two_addresses,
        expect=_one_contact,
        guard="a contact is kept in its order's own place, and taken back from any other",
        without=guards.contacts_left,
    ),
)
