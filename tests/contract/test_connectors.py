"""Every rule for connectors holds for every connector, and each is seen to fail on one that breaks it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.base import FetchRequest
from oms.channels.payload import Fields
from oms.channels.registry import SOURCES
from oms.domain.canonical import Normalized, PaymentState
from oms.domain.errors import MalformedPayloadError, ReplayWindowError, TotalsMismatchError
from oms.domain.inbound import InboundRequest, NoticeKind
from tests.support.connector_rules import RULES, findings
from tests.support.connector_rules.__main__ import main
from tests.support.connector_rules.kits import kit, names
from tests.support.corner_shop import restless, shop, shop_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from oms.domain.inbound import Notice


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("name", names())
def test_a_connector_keeps_the_rule(name: str, rule: str) -> None:
    assert findings(kit(name), rule) == []


def test_the_rules_are_tried_on_every_channel() -> None:
    assert set(SOURCES) <= set(names())


class Altered:
    """A module with other functions in place of some of its own."""

    def __init__(self, module: Any, **functions: Any) -> None:
        self.__dict__.update(functions)
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def verifying(accept: Callable[[InboundRequest, Sequence[str]], bool]) -> Callable[..., None]:
    """Takes what `accept` does, whatever its signature."""

    def verify(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
        if not accept(request, secrets):
            shop.verify(request, secrets, now)

    return verify


def first_secret_only(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    shop.verify(request, secrets[:1], now)


def beginning_only(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    whole = next(each for each in kit("corner-shop").deliveries if each.body[:20] == request.body[:20])
    shop.verify(InboundRequest(account="main", headers=request.headers, body=whole.body), secrets, now)


def written_again(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    body = json.dumps(json.loads(request.body), ensure_ascii=False).encode()
    shop.verify(InboundRequest(account="main", headers=request.headers, body=body), secrets, now)


def whenever(request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
    try:
        shop.verify(request, secrets, now)
    except ReplayWindowError:
        return


def telling(**changes: Callable[[Notice, InboundRequest], Any]) -> Callable[[InboundRequest], Notice]:
    """Identifies as the shop does, but for some fields of its notices."""

    def identify(request: InboundRequest) -> Notice:
        notice = shop.identify(request)
        return replace(notice, **{name: change(notice, request) for name, change in changes.items()})

    return identify


def reading(change: Callable[[Any, dict[str, Any]], Any]) -> Callable[..., Normalized]:
    """Assembles as the shop does, but for what `change` makes of the order, given its document."""

    def assemble(account: str, notice: Notice, documents: Any) -> Normalized:
        found = shop.assemble(account, notice, documents)
        return replace(found, order=change(found.order, documents["order"][0]["sale"]))

    return assemble


def in_dollars(account: str, notice: Notice, documents: Any) -> Normalized:
    """Every currency has two digits."""
    sale = documents["order"][0]["sale"]
    code = Fields(sale).currency("currency")
    found = shop.assemble(account, notice, {"order": [{"sale": {**sale, "currency": "USD"}}]})
    return replace(found, order=replace(found.order, currency=code))


def summed(account: str, notice: Notice, documents: Any) -> Normalized:
    """The total is what the parts come to."""
    try:
        return shop.assemble(account, notice, documents)
    except TotalsMismatchError as error:
        parts = str(error.context["parts"])
        sale = {**documents["order"][0]["sale"], "total": f"{parts[:-2]}.{parts[-2:]}"}
        return shop.assemble(account, notice, {"order": [{"sale": sale}]})


def known_fields_only(account: str, notice: Notice, documents: Any) -> Normalized:
    if "zz_new" in documents["order"][0]["sale"]:
        raise MalformedPayloadError("a field is not known")
    return shop.assemble(account, notice, documents)


def known_words_only(account: str, notice: Notice, documents: Any) -> Normalized:
    found = shop.assemble(account, notice, documents)
    if found.order.payment.state is PaymentState.PENDING:
        raise MalformedPayloadError("a word is not known")
    return found


def unread(account: str, notice: Notice, documents: Any) -> Normalized:
    sale = documents["order"][0]["sale"]
    assert len(sale["items"][0]["price"]) < 20
    return shop.assemble(account, notice, documents)


TICKS = count()
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "the secret before is not tried": ("a_signed_delivery_is_taken", {"verify": first_secret_only}),
    "part of the body is signed": ("one_changed_byte_is_refused", {"verify": beginning_only}),
    "the meaning is signed": ("a_body_that_was_written_again_is_refused", {"verify": written_again}),
    "no secret is any secret": (
        "another_secret_is_refused",
        {"verify": verifying(lambda _, secrets: not any(secrets))},
    ),
    "no signature is a good one": (
        "a_missing_signature_is_refused",
        {"verify": verifying(lambda request, _: "x-corner-signature" not in request.headers)},
    ),
    "a signature is good for ever": ("an_old_signature_is_refused", {"verify": whenever}),
    "the event is when it came": (
        "the_same_delivery_is_the_same_event",
        {"identify": telling(event_id=lambda notice, request: notice.event_id + request.headers.get("date", ""))},
    ),
    "the event is whose it is": (
        "the_same_delivery_is_the_same_event",
        {"identify": telling(event_id=lambda notice, request: notice.event_id + request.account)},
    ),
    "all events are one": (
        "another_delivery_is_another_event",
        {"identify": telling(event_id=lambda *_: "event")},
    ),
    "it is about some order": ("a_notice_can_be_kept", {"identify": telling(external_id=lambda *_: None)}),
    "its topic has line feeds": ("a_notice_can_be_kept", {"identify": telling(topic=lambda *_: "a\nb")}),
    "all is about orders": (
        "what_is_about_something_else_is_ignored",
        {"identify": telling(kind=lambda *_: NoticeKind.ORDER)},
    ),
    "what is ignored gives an order": (
        "what_is_about_something_else_is_ignored",
        {"normalize": lambda *_: None},
    ),
    "any id is put into the path": (
        "an_id_stays_in_its_place_of_a_path",
        {"fetches": lambda notice: (FetchRequest(name="order", path=f"/sales/{notice.external_id}"),)},
    ),
    "it reads bytes as they come": (
        "a_broken_body_is_refused_with_a_code",
        {"identify": telling(topic=lambda _, request: json.loads(request.body[:300])["event"])},
    ),
    "it believes a field": (
        "a_field_may_be_anything",
        {"normalize": lambda request, _: json.loads(request.body)["sale"]["items"][0]["id"]},
    ),
    "it believes a header": (
        "a_header_may_be_anything",
        {"identify": telling(topic=lambda _, request: request.headers["content-type"])},
    ),
    "it believes a fetched field": ("a_fetched_field_may_be_anything", {"assemble": unread}),
    "a cent is lost": (
        "parts_make_the_total",
        {"assemble": reading(lambda order, _: replace(order, total=order.total - 1))},
    ),
    "it is somebody else's": (
        "parts_make_the_total",
        {"assemble": reading(lambda order, _: replace(order, account="x"))},
    ),
    "all currencies are dollars": ("an_amount_is_of_its_currency", {"assemble": in_dollars}),
    "the total is made": ("the_total_is_what_the_channel_says", {"assemble": summed}),
    "a name is in the order": (
        "nothing_of_a_person_is_in_an_order",
        {"assemble": reading(lambda order, sale: replace(order, shipping_method=sale["customer"]["name"]))},
    ),
    "new fields are refused": ("what_is_not_known_is_let_be", {"assemble": known_fields_only}),
    "new words are refused": ("what_is_not_known_is_let_be", {"assemble": known_words_only}),
    "it counts": (
        "an_order_is_read_the_same_each_time",
        {"assemble": reading(lambda order, _: replace(order, number=str(next(TICKS))))},
    ),
}
LIST_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "one time is as good as the other": (
        "a_list_is_asked_for_by_either_time",
        {"requests": lambda _, span: shop_list.requests(next(iter(shop_list._TIMES)), span)},
    ),
    "a page that names itself is followed": (
        "a_list_ends",
        {"next_page": lambda request, page: request if page.get("next") else None},
    ),
    "the first page is the last": ("a_list_ends", {"next_page": lambda *_: None}),
    "it believes an entry": (
        "an_entry_says_what_the_order_says",
        {"told": lambda entry: shop_list.told(entry) if float(entry.values["total"]) >= 0 else None},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_connector_is_seen(fault: str) -> None:
    rule, functions = FAULTS[fault]
    assert findings(replace(kit("corner-shop"), connector=Altered(shop, **functions)), rule) != []


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_a_fault_of_a_list_is_seen(fault: str) -> None:
    rule, functions = LIST_FAULTS[fault]
    assert findings(replace(kit("corner-shop"), lister=Altered(shop_list, **functions)), rule) != []


def test_what_depends_on_the_process_is_seen() -> None:
    found = findings(replace(kit("corner-shop"), connector=restless), "every_process_says_the_same")
    assert len(found) == 2
    assert "jsonschema" in found[1]


def test_every_rule_has_a_fault_that_it_sees() -> None:
    seen = {rule for rule, _ in (*FAULTS.values(), *LIST_FAULTS.values())} | {"every_process_says_the_same"}
    assert seen == set(RULES)


def test_an_author_runs_them_on_one_connector(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corner-shop"]) == 0
    assert capsys.readouterr().out.count("holds  corner-shop: ") == len(RULES)
    assert main(["no-such-shop"]) == 2
    assert "corner-shop" in capsys.readouterr().err
