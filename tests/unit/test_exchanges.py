"""The step that places what returns pay for, once; returns as a provider of payments."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.customers import Customers
from oms.application.exchange_prices import with_prices
from oms.application.exchanges import ExchangePayments, PlaceReplacements
from oms.application.intake import SyncSnapshot
from oms.application.orders import Loaded, Orders, Outcome
from oms.application.promise import AuthorizePaymentStep
from oms.domain.canonical import Contact, PostalAddress
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError, NotExchangeableError
from oms.domain.order.exchange_facts import WantedLine
from oms.domain.order.return_facts import Resolution
from oms.domain.order.status import payment_cleared
from oms.domain.order.tenders import named_payments
from oms.domain.payment_events import RefundState
from oms.domain.payments import AuthorizationState
from tests.proof.memory import MemoryContacts, MemoryLog, MemoryReference, Store
from tests.support.builders import Story, line, minutes, nowhere
from tests.support.money import shipped
from tests.support.returns import Returning, unit

if TYPE_CHECKING:
    from oms.domain.order.state import Order

CAUSE = Cause(kind="workflow", ref="c", actor="replace")
MARA = Contact(
    name="Mara",
    shipping=PostalAddress(name="Mara", lines=("Weg 1",), city="Berlin", country="DE"),
    note="no bell",
)
AT = minutes(5000)


class Shop:
    """The original order as a story; the orders that its returns pay for in a log."""

    def __init__(self, price: int | None = None) -> None:
        self.story = shipped(Story(), line("1", 2, 1000))
        self.story.deliver_all()
        self.back = Returning(self.story)
        want = WantedLine(line_id="1", sku="SKU-1", quantity=1, unit_price=price)
        self.back.ask(resolution=Resolution.EXCHANGE, wanted=(want,))
        self.back.inspect(unit())
        self.contact: Contact | None = MARA
        self.store = Store()
        self.log = MemoryLog(self.store)
        self.orders = Orders(self.log, lambda: AT)
        self.kept = MemoryContacts(self.store)

    def load(self, order_id: str) -> Loaded:
        if order_id != self.story.order_id:
            return self.orders.load(order_id)
        history: Any = SimpleNamespace(commits=[SimpleNamespace(at=AT, events=self.story.events)])
        return Loaded(order=self.story.order, history=history)

    def get(self, where: Any) -> Any:
        """An order by its id, or the contact of one."""
        if isinstance(where, str):
            return self.load(where).order
        return self.contact

    def execute(self, order_id: str, command: Any, cause: Cause) -> Outcome:
        if order_id != self.story.order_id:
            return self.orders.execute(order_id, command, cause)
        return Outcome(order=self.story.order, events=self.story.do(command))

    def step(self) -> dict[str, Any]:
        sync = SyncSnapshot(self.orders, self.kept, MemoryReference(self.store), Customers(lambda: "key"), nowhere)
        place: Any = PlaceReplacements(self, self, sync)  # type: ignore[arg-type]
        done: dict[str, Any] = place(self.story.order_id, CAUSE)
        return done

    @property
    def provider(self) -> ExchangePayments:
        return ExchangePayments(self)  # type: ignore[arg-type]

    @property
    def other(self) -> Order:
        exchange = self.back.last.exchange
        assert exchange is not None
        return self.orders.get(exchange.order_id)


def test_the_order_is_the_returns_and_is_paid_by_it() -> None:
    shop = Shop()
    assert shop.step() == {"replaced": 1}
    placed = shop.other.placed
    return_id = shop.back.last.return_id
    assert (placed.channel, placed.account, placed.external_id, placed.total) == ("site", "exchanges", return_id, 1000)
    assert named_payments(placed) == (("exchange", return_id),)
    assert placed.placed_at == AT, "when the value moved, whenever it is placed"
    assert shop.step() == {"replaced": 0}


def test_whoever_dies_before_the_return_says_so_places_it_once() -> None:
    shop = Shop()
    before = shop.story.state
    shop.step()
    commits = len(shop.orders.load(shop.other.order_id).history.commits)
    shop.story.state = before
    shop.story.done.clear()
    assert shop.step() == {"replaced": 1}
    assert len(shop.orders.load(shop.other.order_id).history.commits) == commits
    assert not shop.back.last.replacement_due


def test_nothing_is_placed_that_nobody_knows_the_address_of() -> None:
    shop = Shop()
    shop.contact = None
    with pytest.raises(InvalidInputError):
        shop.step()
    assert shop.back.last.replacement_due


@pytest.mark.parametrize(("price", "cleared", "state"), [(None, True, "authorized"), (1200, False, "pending")])
def test_what_the_return_does_not_pay_is_waited_for(price: int | None, cleared: bool, state: str) -> None:  # noqa: FBT001
    shop = Shop(price)
    shop.step()
    step = AuthorizePaymentStep(shop.orders, {"exchange": shop.provider}, lambda: AT)
    assert step(shop.other.order_id, CAUSE)["state"] == state
    assert payment_cleared(shop.other) is cleared
    assert shop.other.payment.captured == 1000


def test_a_refund_of_the_other_order_is_asked_of_the_first_once() -> None:
    shop = Shop()
    shop.step()
    ask = {"refund_id": "rfd_x", "order_id": "ord_x", "reason": "", "idempotency_key": "rfd_x"}
    return_id = shop.back.last.return_id
    assert shop.provider.find_refund(return_id, "rfd_x") is None
    told = [shop.provider.refund(return_id, 400, "EUR", **ask) for _ in range(2)]
    assert {(each.amount, each.state) for each in told} == {(400, RefundState.SUCCEEDED)}
    assert [each.amount for each in shop.story.order.payment.refunds.values()] == [1000, 400]
    assert shop.provider.find_refund(return_id, "rfd_x") == told[0]


def test_it_speaks_for_its_own_currency_alone() -> None:
    shop = Shop()
    told = shop.provider.verify_authorization(shop.back.last.return_id, 1, "USD", "key")
    assert told.state is AuthorizationState.DECLINED


def test_another_sku_needs_a_price() -> None:
    class Listed:
        def list_prices(self, skus: Any, _currency: str) -> dict[str, int]:
            return {sku: 700 for sku in skus if sku == "SKU-2"}

    order, reference = Shop().story.order, Listed()
    same, other, unknown = (WantedLine(line_id="1", sku=sku, quantity=1) for sku in ("SKU-1", "SKU-2", "SKU-9"))
    found = with_prices(reference, order, [same, other])  # type: ignore[arg-type]
    assert [each.unit_price for each in found] == [None, 700]
    with pytest.raises(NotExchangeableError):
        with_prices(reference, order, [unknown])  # type: ignore[arg-type]
