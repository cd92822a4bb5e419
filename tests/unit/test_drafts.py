"""Drafts: which prices need consent, whose, and what a draft becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.import_rows import read_rows
from oms.application.customers import Customers
from oms.application.drafts import Drafts, PlaceDraft, SaveDraft, document_of
from oms.application.intake import SyncSnapshot
from oms.application.orders import Orders
from oms.application.taxes import ReckonTaxes, TableTaxes
from oms.domain import drafts
from oms.domain.commit import Cause
from oms.domain.drafts import KEPT, LASTS, DraftSaved, DraftStatus
from oms.domain.errors import (
    ApprovalNeededError,
    DraftExpiredError,
    DraftNotFoundError,
    DraftOutdatedError,
    IdempotencyKeyReusedError,
    InvalidTransitionError,
    MalformedPayloadError,
    NoTaxRatesError,
    OmsError,
    OwnDraftError,
)
from oms.domain.ids import derive
from oms.entrypoints.requests.drafts import read_draft, read_new_draft, read_rejection, read_seen
from tests.proof.memory import MemoryContacts, MemoryLog, MemoryReference, Store
from tests.support.builders import line, nowhere

if TYPE_CHECKING:
    from collections.abc import Callable

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRAFT = derive("drf", "key-1")
REP, BOSS = "stf_rep", "stf_boss"


def cause(key: str) -> Cause:
    return Cause(kind="api", ref=f"asked:{key}", actor="sales")


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("price", "discount", "free", "needed"),
    [
        (1000, 0, 0, False),
        (1001, 0, 0, False),
        (999, 0, 0, True),
        (1000, 1, 0, True),
        (900, 0, 10, False),
        (899, 0, 10, True),
        (900, 1, 10, True),
        (0, 0, 99, True),
        (0, 0, 100, False),
    ],
)
def test_what_is_left_to_a_representative(price: int, discount: int, free: int, needed: bool) -> None:  # noqa: FBT001
    lines = (line("1", quantity=3, unit_price=price, discount=discount),)
    assert drafts.needs_approval(lines, {"SKU-1": 1000}, free) is needed


def test_lines_are_judged_together_and_one_without_a_list_price_always() -> None:
    cheap, dear = line("1", unit_price=500), line("2", sku="SKU-2", unit_price=2500)
    assert not drafts.needs_approval((cheap, dear), {"SKU-1": 1000, "SKU-2": 2000}, 0)
    assert drafts.needs_approval((dear,), {"SKU-1": 1000}, 100)


def test_overrides_are_the_lines_that_do_not_cost_what_is_listed() -> None:
    lines = (line("1"), line("2", sku="SKU-1", unit_price=900), line("3", sku="SKU-1", discount=5), line("4"))
    found = drafts.overrides_of(lines, {"SKU-1": 1000})
    assert [(each.line_ref, each.unit_price, each.discount, each.list_price) for each in found] == [
        ("2", 900, 0, 1000),
        ("3", 1000, 5, 1000),
        ("4", 1000, 0, None),
    ]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2000), st.integers(1, 2000)), min_size=1), st.integers(0, 100)
)
def test_no_price_below_what_is_left_escapes(priced: list[tuple[int, int, int]], free: int) -> None:
    lines = [
        line(str(index), sku=f"S{index}", quantity=quantity, unit_price=price)
        for index, (quantity, price, _) in enumerate(priced)
    ]
    listed = {f"S{index}": price for index, (_, _, price) in enumerate(priced)}
    asked = sum(quantity * price for quantity, price, _ in priced)
    usual = sum(quantity * price for quantity, _, price in priced)
    assert drafts.needs_approval(lines, listed, free) is (asked < usual * (100 - free) / 100)


# ---------------------------------------------------------------- a draft's life


@dataclass
class Kept:
    """Documents, as S3 keeps them."""

    of: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, body: bytes) -> None:
        self.of[key] = body

    def get(self, key: str) -> bytes:
        return self.of[key]


class Desk:
    """Where drafts are made; `crash` dies before the draft says that it is an order."""

    def __init__(self, free_percent: int = 0) -> None:
        self.store, self.now, self.kept = Store(), T0, Kept()
        self.log = MemoryLog(self.store)
        reference = MemoryReference(self.store)
        reference.put("product", "SKU-1", {"sku": "SKU-1", "list_prices": {"EUR": 1000}})
        orders = Orders(self.log, self.clock)
        contacts = MemoryContacts(self.store)
        sync = SyncSnapshot(orders, contacts, reference, Customers(lambda: "key"), nowhere)
        self.orders, self.drafts = orders, Drafts(self.log, self.clock)
        self.reference = reference
        reckon = ReckonTaxes(TableTaxes(reference), reference)
        self.save = SaveDraft(self.drafts, self.kept, reference, free_percent, reckon)
        self.place_draft = PlaceDraft(self.drafts, self.kept, orders, sync, reckon)

    def clock(self) -> datetime:
        return self.now

    def saved(self, key: str = "key-1", price: int = 1000, seen: int = 0, author: str = REP) -> drafts.Draft:
        draft, _ = self.save(DRAFT, key, offer(price), seen, author, cause(key))
        return draft

    def do(self, what: str, seen: int = 1, person: str = BOSS, key: str = "") -> drafts.Draft:
        decide: Callable[..., Any] = {
            "approve": lambda known, now: drafts.approve(known, seen, person, now),
            "reject": lambda known, now: drafts.reject(known, seen, person, "too low", now),
            "discard": drafts.discard,
        }[what]
        draft, _ = self.drafts.execute(DRAFT, f"{what}:{key or what}", cause(what), decide)
        return draft

    def placed(self, seen: int = 1) -> tuple[Any, bool]:
        return self.place_draft(DRAFT, seen, "sales")


def offer(price: int = 1000) -> dict[str, Any]:
    return {
        "number": "R-1",
        "currency": "EUR",
        "lines": [{"sku": "SKU-1", "quantity": 2, "unit_price": price}],
        "total": 2 * price,
        "ship_to": {"country": "DE"},
        "contact": {"name": "Mara Lind", "email": "mara.lind@example.com"},
        "payment": {"provider": "in_channel", "state": "authorized"},
    }


def test_a_draft_at_list_prices_is_placed_by_whoever_made_it() -> None:
    desk = Desk()
    draft = desk.saved()
    assert (draft.status, draft.revision, draft.saved.total, draft.saved.units) == (DraftStatus.OPEN, 1, 2000, 2)
    order, made = desk.placed()
    assert made
    assert (order.placed.account, order.placed.total, order.placed.external_id) == ("sales", 2000, DRAFT)
    after = desk.drafts.get(DRAFT)
    assert (after.status, after.order_id) == (DraftStatus.PLACED, order.order_id)


def test_a_lower_price_waits_for_somebody_else() -> None:
    desk = Desk(free_percent=10)
    assert desk.saved(price=900).status is DraftStatus.OPEN
    assert desk.saved("key-2", price=899, seen=1).status is DraftStatus.WAITING
    with pytest.raises(ApprovalNeededError):
        desk.placed(2)
    with pytest.raises(OwnDraftError):
        desk.do("approve", 2, REP)
    assert desk.do("approve", 2).status is DraftStatus.APPROVED
    order, _ = desk.placed(2)
    assert order.placed.total == 2 * 899


def test_what_was_approved_is_approved_no_longer_when_it_is_saved_again() -> None:
    desk = Desk()
    desk.saved(price=900)
    desk.do("approve")
    assert desk.saved("key-2", price=800, seen=1).status is DraftStatus.WAITING
    with pytest.raises(DraftOutdatedError):
        desk.do("approve", 1, key="late")
    with pytest.raises(DraftOutdatedError):
        desk.placed(1)
    with pytest.raises(ApprovalNeededError):
        desk.placed(2)


def test_a_rejected_draft_says_why_and_is_not_placed() -> None:
    desk = Desk()
    desk.saved(price=900)
    draft = desk.do("reject")
    assert (draft.status, draft.reason) == (DraftStatus.REJECTED, "too low")
    with pytest.raises(ApprovalNeededError):
        desk.placed()
    assert desk.do("approve").status is DraftStatus.APPROVED


def test_what_needs_nobody_is_approved_by_nobody() -> None:
    desk = Desk()
    desk.saved()
    with pytest.raises(InvalidTransitionError):
        desk.do("approve")


def test_a_draft_is_placed_once_whoever_asks() -> None:
    desk = Desk()
    desk.saved()
    first, made = desk.placed()
    desk.now += timedelta(days=1)
    again, made_again = desk.placed(7)
    assert (made, made_again) == (True, False)
    assert first.order_id == again.order_id
    assert sum(stream.startswith("order#") for stream in desk.store.streams) == 1


def test_an_order_whose_draft_does_not_say_so_yet_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.saved()
    with monkeypatch.context() as patch:
        patch.setattr(Drafts, "execute", lambda *_, **__: (_ for _ in ()).throw(TimeoutError()))
        with pytest.raises(TimeoutError):
            desk.placed()
    assert desk.drafts.get(DRAFT).status is DraftStatus.OPEN
    # Saved with other prices meanwhile: the order that is there stands.
    desk.saved("key-2", price=1100, seen=1)
    order, made = desk.placed(2)
    assert (made, order.placed.total) == (False, 2000)
    assert desk.drafts.get(DRAFT).status is DraftStatus.PLACED


def test_a_draft_ends_by_its_time() -> None:
    desk = Desk()
    draft = desk.saved(price=900)
    desk.now = T0 + LASTS
    assert draft.status_at(desk.now) is DraftStatus.EXPIRED
    assert draft.status_at(desk.now - timedelta(microseconds=1)) is DraftStatus.WAITING
    for call in (
        lambda: desk.do("approve"),
        desk.placed,
        lambda: desk.saved("key-2", seen=1),
        lambda: desk.do("discard"),
    ):
        with pytest.raises(DraftExpiredError):
            call()


@pytest.mark.parametrize("end", ["discard", "place"])
def test_nothing_more_becomes_of_a_draft_that_ended(end: str) -> None:
    desk = Desk()
    desk.saved()
    if end == "discard":
        assert desk.do("discard").status is DraftStatus.DISCARDED
        assert desk.do("discard", key="again").status is DraftStatus.DISCARDED
    else:
        desk.placed()
    with pytest.raises(InvalidTransitionError):
        desk.saved("key-2", seen=1)
    with pytest.raises(InvalidTransitionError):
        desk.do("approve")


def test_a_key_makes_one_draft() -> None:
    desk = Desk()
    first, made = desk.save(DRAFT, "key-1", offer(), 0, REP, cause("key-1"))
    again, made_again = desk.save(DRAFT, "key-1", offer(), 0, REP, cause("key-1"))
    assert (made, made_again, first) == (True, False, again)
    with pytest.raises(IdempotencyKeyReusedError):
        desk.save(DRAFT, "key-1", offer(900), 0, REP, cause("other"))


def test_the_log_names_nobody_and_the_document_is_as_it_was_saved() -> None:
    desk = Desk()
    draft = desk.saved()
    (commit,) = desk.store.streams[f"draft#{DRAFT}"].history.commits
    assert "Mara" not in repr(commit)
    assert document_of(desk.kept, draft, T0) == offer()


def test_a_document_that_is_kept_no_longer_is_not_asked_for() -> None:
    desk = Desk()
    draft = desk.saved()
    desk.placed()
    desk.kept.of.clear()
    assert document_of(desk.kept, draft, T0 + KEPT) is None
    with pytest.raises(KeyError):
        document_of(desk.kept, draft, T0 + KEPT - timedelta(seconds=1))


def test_coordinates_are_kept_as_they_were_told() -> None:
    desk = Desk()
    told = {**offer(), "ship_to": {"country": "DE", "latitude": 52.520008, "longitude": 13.4}}
    order = read_new_draft(json.dumps({"order": told}).encode())
    desk.save(DRAFT, "key-1", order, 0, REP, cause("key-1"))
    assert document_of(desk.kept, desk.drafts.get(DRAFT), T0) == told
    placed, _ = desk.placed()
    assert placed.placed.ship_to is not None
    assert (placed.placed.ship_to.latitude, placed.placed.ship_to.longitude) == (52.52, 13.4)


@pytest.mark.parametrize(
    "change", [{"total": 1}, {"colour": "red"}, {"currency": "XXQ"}, {"lines": []}, {"payment": None}]
)
def test_what_would_be_no_order_is_no_draft(change: dict[str, Any]) -> None:
    desk = Desk()
    with pytest.raises(OmsError):
        desk.save(DRAFT, "key-1", {**offer(), **change}, 0, REP, cause("key-1"))
    assert not desk.store.streams


def test_there_is_no_draft_before_it_is_saved() -> None:
    desk = Desk()
    with pytest.raises(DraftNotFoundError):
        desk.do("approve")
    with pytest.raises(DraftNotFoundError):
        desk.saved(seen=1)
    with pytest.raises(DraftNotFoundError):
        drafts.placed(None, "", "")
    with pytest.raises(InvalidTransitionError):
        drafts.fold_draft([drafts.DraftDiscarded()])
    assert isinstance(desk.saved().saved, DraftSaved)


# ---------------------------------------------------------------- list prices

COLUMNS = "sku,title,weight_g,length_mm,width_mm,height_mm,list_prices"


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("EUR 19.90|USD 21", {"EUR": 1990, "USD": 2100}),
        ("JPY 2000", {"JPY": 2000}),
        ("KWD 1.250", {"KWD": 1250}),
        ("EUR 0", {"EUR": 0}),
        ("", None),
    ],
)
def test_list_prices_of_a_file(text: str, prices: dict[str, int] | None) -> None:
    rows, problems = read_rows("products", [COLUMNS, f"MUG,Mug,0,1,1,1,{text}"])
    assert not problems
    assert rows[0].get("list_prices") == prices


@pytest.mark.parametrize(
    "text", ["19.90", "EUR", "EUR x", "EUR 1.999", "JPY 1.5", "EUR -1", "EUR 1|EUR 2", "XXQ 1", "eur 1"]
)
def test_what_no_list_price_can_be(text: str) -> None:
    assert read_rows("products", [COLUMNS, f"MUG,Mug,0,1,1,1,{text}"])[1]


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (read_new_draft, {}),
        (read_new_draft, {"order": []}),
        (read_new_draft, {"order": {}, "expected_revision": 1}),
        (read_draft, {"order": {}}),
        (read_draft, {"order": {}, "expected_revision": "1"}),
        (read_draft, {"order": {}, "expected_revision": -1}),
        (read_seen, {"expected_revision": 1_000_001}),
        (read_seen, {"expected_revision": True}),
        (read_seen, {"expected_revision": 1.5}),
        (read_seen, {"expected_revision": 1, "order": {}}),
        (read_rejection, {"expected_revision": 1}),
        (read_rejection, {"expected_revision": 1, "reason": 7}),
        (read_rejection, {"expected_revision": 1, "reason": "x" * 501}),
    ],
)
def test_what_no_body_can_be(read: Callable[[bytes], Any], body: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayloadError):
        read(json.dumps(body).encode())


def test_what_a_body_says() -> None:
    assert read_new_draft(b'{"order": {"number": "R-1"}}') == {"number": "R-1"}
    assert read_draft(b'{"order": {"number": "R-1"}, "expected_revision": 3}') == ({"number": "R-1"}, 3)
    assert read_rejection(b'{"expected_revision": 2, "reason": "too low"}') == (2, "too low")


# ---------------------------------------------------------------- taxes


def taxed(desk: Desk, rate: str = "19") -> Desk:
    desk.reference.put("policy", "tax_rates", {"places": {"DE": []}})
    desk.reference.put("policy", "tax_rates/DE", {"rates": [{"country": "DE", "tax": "VAT", "rate": rate}]})
    return desk


def test_a_draft_that_tells_no_tax_has_it_reckoned_and_is_placed_with_it() -> None:
    desk = taxed(Desk())
    saved = desk.saved().saved
    assert (saved.total, saved.tax) == (2380, 380)
    assert saved.taxes is not None
    assert [(each.jurisdiction, each.rate, each.amount) for each in saved.taxes.rates] == [("DE", "19", 380)]
    order, _ = desk.placed()
    assert (order.placed.total, order.placed.lines[0].tax, order.placed.taxes) == (2380, 380, saved.taxes)


def test_prices_that_include_taxes_stay_as_they_are() -> None:
    desk = taxed(Desk())
    draft, _ = desk.save(DRAFT, "key-1", {**offer(), "tax_included": True}, 0, REP, cause("key-1"))
    assert (draft.saved.total, draft.saved.tax) == (2000, 319)


@pytest.mark.parametrize(
    ("more", "total", "tax"),
    [
        ({"taxes": {"reckon": False}}, 2000, 0),
        ({"taxes": {"exempt": True}}, 2000, 0),
        ({"ship_to": None}, 2000, 0),
        ({"shipping": 100, "shipping_tax": 7, "total": 2107}, 2107, 7),
        ({"taxes": {"reckon": True}}, 2380, 380),
    ],
)
def test_a_draft_may_say_that_it_wants_none_or_tell_its_own(more: dict[str, Any], total: int, tax: int) -> None:
    desk = taxed(Desk())
    draft, _ = desk.save(DRAFT, "key-1", {**offer(), **more}, 0, REP, cause("key-1"))
    assert (draft.saved.total, draft.saved.tax) == (total, tax)
    assert desk.placed()[0].placed.total == total


def test_without_any_rates_a_draft_is_as_it_was_told_unless_it_asks() -> None:
    desk = Desk()
    assert (desk.saved().saved.total, desk.saved().saved.taxes) == (2000, None)
    with pytest.raises(NoTaxRatesError):
        desk.save(DRAFT, "key-2", {**offer(), "taxes": {}}, 1, REP, cause("key-2"))


def test_what_was_saved_at_another_rate_is_saved_again_before_it_is_placed() -> None:
    desk = taxed(Desk())
    desk.saved()
    taxed(desk, "16")
    with pytest.raises(DraftOutdatedError):
        desk.placed()
    assert desk.saved("key-2", seen=1).saved.total == 2320
    assert desk.placed(2)[0].placed.total == 2320
