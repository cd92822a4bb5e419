"""What an edit costs, who may give which price, and that nothing is applied but what was previewed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.edit_prices import AskedEdit, AskedLine, PriceEdit
from oms.application.edits import EditOrders, ProposeEdit
from oms.application.taxes import TableTaxes
from oms.domain import ids
from oms.domain.canonical import PostalAddress
from oms.domain.commit import Cause
from oms.domain.errors import (
    ApprovalNeededError,
    EditOutdatedError,
    ForbiddenError,
    InsufficientStockError,
    InvalidInputError,
    NoSuchSkuError,
    NoTaxRatesError,
    OrderNotFoundError,
)
from oms.domain.order.events import PlacedLine
from oms.domain.priced import TaxesReckoned
from tests.proof.interleave.story import ask, cancel, placed_on_card, receive, site_id
from tests.proof.interleave.world import World
from tests.support.builders import PARIS, line, minutes, nowhere, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order

ORDER = site_id("K1")
CAUSE = Cause(kind="api", ref="edit", actor="service")
STREET = PostalAddress(lines=("1 rue",), city="Paris", country="FR")


class Tables:
    """Rates of Germany and France; none without `known`."""

    def __init__(self, *, known: bool = True) -> None:
        self.known = known

    def policy(self, name: str) -> Mapping[str, Any]:
        rate = {"tax": "VAT", "kind": "vat", "tax_class": "standard"}
        documents: dict[str, Mapping[str, Any]] = {
            "tax_rates": {"places": {"DE": [], "FR": []}},
            "tax_rates/DE": {"rates": [{**rate, "country": "DE", "rate": "19"}]},
            "tax_rates/FR": {"rates": [{**rate, "country": "FR", "rate": "20"}]},
        }
        return documents.get(name, {}) if self.known else {}


def shop(*, stock: int = 3, rates: bool = False, **order: Any) -> tuple[World, EditOrders]:
    """An order of two units at 10.00, paid by card and bound; another SKU costs 8.00."""
    world = World()
    world.product("SKU-1", list_prices={"EUR": 1000})
    world.product("SKU-2", list_prices={"EUR": 800})
    world.product("SKU-9")
    receive(world, "SKU-1", "WH1", 3)
    if stock:
        receive(world, "SKU-2", "WH1", stock)
    placed_on_card(world, line(quantity=2, **order))
    world.drive(ORDER)
    price = PriceEdit(world.calm.plan.reference, TableTaxes(Tables(known=rates)), 10)
    propose = ProposeEdit(world.calm.orders, price, world.calm.plan, nowhere, world.now)
    return world, EditOrders(propose, world.calm.sync.contacts)


def priced(edits: EditOrders, *add: AskedLine, role: str = "service", order: Order | None = None, **more: Any) -> Any:
    known = order or edits.propose.orders.get(ORDER)
    return edits.propose.price(known, AskedEdit(add=add, **more), role, minutes(60))


def apply(edits: EditOrders, asked: AskedEdit, basis: str, key: str = "e") -> Order:
    return edits(ORDER, asked, basis, "service", ids.command_id("edit", key), CAUSE).order


class TestPrices:
    def test_the_catalogue_says_what_it_costs(self) -> None:
        _, edits = shop()
        found = priced(edits, AskedLine(sku="SKU-2", quantity=2), AskedLine(adds_to="1"))
        assert [(each.line_id, each.sku, each.unit_price, each.adds_to) for each in found.add] == [
            ("e1-1", "SKU-2", 800, ""),
            ("e1-2", "SKU-1", 1000, "1"),
        ]

    def test_who_may_give_which_price(self) -> None:
        _, edits = shop()
        cheap, near = AskedLine(sku="SKU-2", unit_price=700), AskedLine(sku="SKU-2", unit_price=720)
        with pytest.raises(ForbiddenError):
            priced(edits, near)
        assert priced(edits, near, role="sales").add[0].unit_price == 720
        with pytest.raises(ApprovalNeededError):
            priced(edits, cheap, role="sales")
        with pytest.raises(ApprovalNeededError):
            priced(edits, AskedLine(sku="SKU-2", discount=100), role="sales")
        assert priced(edits, cheap, role="finance").add[0].unit_price == 700
        assert priced(edits, AskedLine(sku="SKU-2", unit_price=800)).add[0].unit_price == 800

    def test_what_nobody_can_price(self) -> None:
        _, edits = shop()
        with pytest.raises(InvalidInputError, match="no price"):
            priced(edits, AskedLine(sku="SKU-9"))
        with pytest.raises(NoSuchSkuError):
            priced(edits, AskedLine(sku="SKU-77"))
        with pytest.raises(InvalidInputError, match="no such line"):
            priced(edits, AskedLine(adds_to="7"))

    def test_the_tax_that_is_given_stands(self) -> None:
        _, edits = shop(tax=380)
        assert priced(edits, AskedLine(sku="SKU-2", tax=33)).add[0].tax == 33
        with pytest.raises(NoTaxRatesError):
            priced(edits, AskedLine(sku="SKU-2"))

    def test_without_rates_an_order_without_taxes_bears_none(self) -> None:
        _, edits = shop()
        assert priced(edits, AskedLine(sku="SKU-2")).add[0].tax == 0


class TestTaxes:
    def reckoned(self, edits: EditOrders, *, included: bool = False) -> Order:
        order = edits.propose.orders.get(ORDER)
        known = replace(order.lines["1"], placed=replace(order.lines["1"].placed, tax=380))
        how = TaxesReckoned(on="2026-03-01", seller_country="DE")
        placed = replace(order.placed, taxes=how, tax_included=included, shipping=500, shipping_tax=95)
        return replace(order, lines={"1": known}, placed=placed)

    def test_what_comes_in_bears_the_rate_of_where_it_goes(self) -> None:
        _, edits = shop(rates=True)
        found = priced(edits, AskedLine(sku="SKU-2", quantity=2))
        assert found.add[0].tax == 304
        assert found.taxes.rates[0].rate == "19"

    @pytest.mark.parametrize(("included", "line_tax", "shipping_tax"), [(False, 400, 100), (True, 333, 83)])
    def test_elsewhere_everything_is_taxed_anew(self, *, included: bool, line_tax: int, shipping_tax: int) -> None:
        _, edits = shop(rates=True)
        order = self.reckoned(edits, included=included)
        found = priced(edits, order=order, ship_to=PARIS, address=STREET)
        assert (found.line_taxes, found.shipping_tax) == ({"1": line_tax}, shipping_tax)
        with pytest.raises(InvalidInputError, match="reckoned here"):
            priced(edits, AskedLine(sku="SKU-2", tax=1), order=order, ship_to=PARIS, address=STREET)

    def test_other_shipping_is_taxed_too(self) -> None:
        _, edits = shop(rates=True)
        assert priced(edits, shipping=1000).shipping_tax == 190
        assert priced(edits, shipping=1000, shipping_tax=5).shipping_tax == 5


class TestBasis:
    SWAP = AskedEdit(add=(AskedLine(sku="SKU-2"),), remove=units_of({"1": 1}))

    def test_what_was_previewed_is_done(self) -> None:
        world, edits = shop()
        told = edits.propose(ORDER, self.SWAP, "service")
        before = len(world.commits(ORDER))
        after = apply(edits, self.SWAP, told["basis"])
        assert len(world.commits(ORDER)) == before + 1
        assert after.placed.total == told["money"]["total"]["after"] == 1800
        assert after.lines["e1-1"].ledger.allocated == 1
        assert apply(edits, self.SWAP, told["basis"]).edits == after.edits, "asked twice is once"

    def test_an_order_that_moved_on(self) -> None:
        world, edits = shop()
        basis = edits.propose(ORDER, self.SWAP, "service")["basis"]
        ask(world.calm, ORDER, cancel(ORDER, "one", {"1": 1}))
        with pytest.raises(EditOutdatedError) as refused:
            apply(edits, self.SWAP, basis)
        assert refused.value.context["changed"] == "order"

    def test_a_price_that_changed(self) -> None:
        world, edits = shop()
        basis = edits.propose(ORDER, self.SWAP, "service")["basis"]
        world.product("SKU-2", list_prices={"EUR": 801})
        with pytest.raises(EditOutdatedError) as refused:
            apply(edits, self.SWAP, basis)
        assert refused.value.context["changed"] == "money"

    def test_stock_that_is_gone(self) -> None:
        world, edits = shop(stock=1)
        basis = edits.propose(ORDER, self.SWAP, "service")["basis"]
        placed_on_card(world, line("2", sku="SKU-2"), key="K2", reference="pi_2")
        world.drive(site_id("K2"))
        with pytest.raises(EditOutdatedError) as refused:
            apply(edits, self.SWAP, basis)
        assert refused.value.context["changed"] == "stock"

    def test_what_is_short_waits_only_where_it_may(self) -> None:
        _, edits = shop(stock=0)
        told = edits.propose(ORDER, self.SWAP, "service")
        assert [each["quantity"] for each in told["stock"]["short"]] == [1]
        with pytest.raises(InsufficientStockError):
            apply(edits, self.SWAP, told["basis"])
        after = apply(edits, replace(self.SWAP, allow_backorder=True), told["basis"])
        assert after.lines["e1-1"].ledger.open == 1

    def test_an_address_is_kept_for_its_edit(self) -> None:
        _, edits = shop()
        asked = AskedEdit(ship_to=PARIS, address=STREET)
        after = apply(edits, asked, edits.propose(ORDER, asked, "service")["basis"])
        kept = edits.contacts.get(after.address_key)
        assert kept is not None
        assert kept.shipping == STREET
        assert "1 rue" not in repr(after)

    def test_no_such_order(self) -> None:
        _, edits = shop()
        with pytest.raises(OrderNotFoundError):
            edits.propose(ids.order_id("site", "main", "nobody"), self.SWAP, "service")


def test_a_line_that_came_in_is_a_line() -> None:
    _, edits = shop()
    (added,) = priced(edits, AskedLine(sku="SKU-2", title="Lamp")).add
    assert isinstance(added, PlacedLine)
    assert added.title == "Lamp"
