"""The step that buys labels: what it asks for, once, and where it leaves what names a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oms.application.orders import Loaded, Outcome
from oms.application.return_labels import LabelReturns
from oms.domain.canonical import Contact, PostalAddress
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError
from oms.domain.history import History
from oms.domain.labels import Label, ToLabel
from oms.domain.order.return_state import label_due
from oms.domain.order.status import NextStep, next_step
from oms.domain.sourcing.network import Product
from tests.support.builders import Story, line
from tests.support.money import shipped
from tests.support.returns import Returning, rule, rules

CAUSE = Cause(kind="workflow", ref="c")
NODE = {"node_id": "WH1", "street": "Lagerstr. 1", "city": "Berlin", "country": "DE"}
MARA = Contact(name="Mara", shipping=PostalAddress(name="Mara", lines=("Weg 1",), city="Berlin", country="DE"))
TERMS = rules(rule(label="merchant", label_account="easypost/main", return_node="WH1"))
BOUGHT = Label(carrier="UPS", tracking_number="RET1", url="https://labels.example/1")


class Shop:
    """All ports of the step, around one story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.contact: Contact | None = MARA
        self.nodes: list[dict[str, Any]] = [NODE]
        self.asked: list[ToLabel] = []
        self.found: Label | None = None
        self.urls: dict[str, str] = {}

    def load(self, order_id: str) -> Loaded:
        order = self.story.state if order_id == self.story.order_id else None
        return Loaded(order=order, history=History(stream=f"order#{order_id}"))

    def execute(self, _order_id: str, command: Any, _cause: Cause) -> Outcome:
        return Outcome(order=self.story.order, events=self.story.do(command))

    def get(self, _where: object) -> Contact | None:
        return self.contact

    def put_label(self, _where: object, return_id: str, url: str) -> None:
        self.urls[return_id] = url

    def node_rows(self) -> list[dict[str, Any]]:
        return self.nodes

    def products(self, skus: Any) -> dict[str, Product]:
        return {sku: Product(grams=150) for sku in skus}

    def find(self, _account: str, _reference: str) -> Label | None:
        return self.found

    def buy(self, _account: str, asked: ToLabel) -> Label:
        self.asked.append(asked)
        return BOUGHT

    def run(self) -> dict[str, Any]:
        step: Any = LabelReturns(self, self, self, self, {"easypost": self})  # type: ignore[arg-type]
        done: dict[str, Any] = step(self.story.order_id, CAUSE)
        return done


@pytest.fixture
def shop(story: Story) -> Shop:
    shipped(story, line("1", 3))
    story.deliver_all()
    Returning(story).ask({"1": 2}, rules=TERMS)
    return Shop(story)


def test_a_label_is_bought_for_what_comes_back(shop: Shop) -> None:
    assert next_step(shop.story.order) is NextStep.RETURN
    assert shop.run() == {"labelled": 1}
    (asked,) = shop.asked
    known = Returning(shop.story).last
    assert (asked.reference, asked.grams, asked.node, asked.sender) == (known.return_id, 300, NODE, MARA.shipping)
    assert (known.carrier, known.tracking_number) == ("UPS", "RET1")
    assert shop.urls == {known.return_id: BOUGHT.url}
    assert not label_due(shop.story.order)
    assert shop.run() == {"labelled": 0}


def test_one_that_was_bought_is_found(shop: Shop) -> None:
    shop.found = replace(BOUGHT, tracking_number="RET2")
    shop.run()
    assert shop.asked == []
    assert Returning(shop.story).last.tracking_number == "RET2"


def test_events_hold_neither_names_nor_where_the_file_is(shop: Shop) -> None:
    shop.run()
    assert "labels.example" not in repr(shop.story.events)
    assert "Mara" not in repr(shop.story.events)


def test_an_order_that_is_not_there_has_none(shop: Shop) -> None:
    shop.story.order_id = "ord_other"
    shop.story.state = None
    assert shop.run() == {"labelled": 0}


@pytest.mark.parametrize("missing", ["contact", "street", "node"])
def test_without_its_ends_there_is_no_label(shop: Shop, missing: str) -> None:
    if missing == "contact":
        shop.contact = None
    else:
        shop.nodes = [] if missing == "node" else [{**NODE, "street": ""}]
    with pytest.raises(InvalidInputError):
        shop.run()
    assert label_due(shop.story.order), "it stays due, and somebody is told"
