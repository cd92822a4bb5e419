"""Invoices issued: numbers without gaps whoever dies or races, sellers, and how a document looks."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.import_rows import read_rows
from oms.application.invoices import IssueInvoices, ShowInvoices
from oms.domain.billing import DocumentKind
from oms.domain.canonical import Contact, PostalAddress
from oms.domain.entities import POLICY, read_entities, seller
from oms.domain.errors import (
    ContentionError,
    InvalidInputError,
    InvoiceNotFoundError,
    OrderNotFoundError,
    SellerNotFoundError,
    VersionConflictError,
)
from oms.domain.invoices import InvoiceLine, place_of_number
from oms.domain.priced import TaxBorne, TaxesReckoned
from oms.entrypoints import pdf
from oms.entrypoints.invoice_pages import buyer_of, render
from tests.proof.memory import MemoryLog, MemoryReference, Store
from tests.support.billing import commits_of
from tests.support.builders import Story, line

if TYPE_CHECKING:
    from oms.domain.commit import Commit
    from oms.domain.invoices import DocumentIssued

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
DE = {"entity_id": "de", "series": "DE", "name": "Laden GmbH", "country": "DE", "time_zone": "Europe/Berlin"}
JP = {"entity_id": "jp", "series": "JP", "name": "Shop KK", "country": "JP", "tax_ids": ["T1234567890123"]}


class Office:
    """A seller's books. `meanwhile` runs once, between what an issuer reads and what it appends."""

    def __init__(self, *entities: dict[str, Any]) -> None:
        self.store, self.now = Store(), datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.reference = MemoryReference(self.store)
        self.reference.put("policy", POLICY, {"rules": list(entities or (DE,))})
        self.meanwhile: Any = None
        self.issue = IssueInvoices(self, self.reference, lambda: self.now)
        self.show = ShowInvoices(self)
        self._log = MemoryLog(self.store)
        self.read, self.newest, self.one = self._log.read, self._log.newest, self._log.one

    def append(self, commit: Commit, *, beside: Any = ()) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        self._log.append(commit, beside=beside)

    def sells(self, name: str = "1", *, refund: int = 0, **changes: Any) -> str:
        """An order of two units, shipped in two parts; its id."""
        story = Story(order_id=f"ord_{name}")
        story.place(line("1", 2, 1190, tax=380), tax_included=True, **changes)
        story.promise()
        story.ship({"1": 1})
        story.ship({"1": 1})
        story.settle()
        if refund:
            story.refund(amount=refund)
            story.settle()
        for commit in commits_of(story):
            self._log.append(commit)
        return story.order_id

    def numbers(self, order_id: str) -> list[str]:
        return [each.number for each in self.show.of_order(order_id)]

    def documents(self, order_id: str) -> list[DocumentIssued]:
        return [self.show.document(each) for each in self.numbers(order_id)]


def test_each_shipment_is_invoiced_and_a_refund_credited_under_the_next_numbers() -> None:
    office = Office()
    first, second = office.sells("1", refund=500), office.sells("2")
    assert (office.issue(first), office.issue(second)) == (3, 2)
    assert office.numbers(first) == ["DE-2026-000001", "DE-2026-000002", "DE-2026-000003"]
    assert office.numbers(second) == ["DE-2026-000004", "DE-2026-000005"]
    invoice, other, credit = office.documents(first)
    assert (invoice.gross, invoice.tax, other.gross, credit.gross) == (1190, 190, 1190, 500)
    assert credit.kind is DocumentKind.CREDIT_NOTE
    assert credit.corrects == (invoice.number, other.number)
    assert invoice.of != other.of


def test_a_rate_that_was_reckoned_is_printed_whatever_the_entity_knows() -> None:
    """New York City's 8.875 percent is three rates of one place; of taxes of a channel, the entity's own has to fit."""
    office = Office()
    names = {"part": "goods", "kind": "sales", "tax_class": "standard"}
    borne = [
        TaxBorne(tax=tax, jurisdiction=tax, rate=rate, amount=0, **names)
        for tax, rate in (("State", "4"), ("City", "4.5"), ("District", "0.375"))
    ]
    taxes = TaxesReckoned(on="2026-03-01", rates=tuple(borne))
    story = Story(order_id="ord_1")
    story.place(line("1", 1, 10000, tax=888, tax_class="standard"), shipping=500, shipping_tax=44, taxes=taxes)
    story.promise()
    story.ship()
    for commit in commits_of(story):
        office.append(commit)
    office.issue("ord_1")
    (invoice,) = office.documents("ord_1")
    assert [(each.title, each.tax, each.rate) for each in invoice.lines] == [("shipping", 44, ""), ("", 888, "8.875")]


def test_issuing_again_issues_nothing() -> None:
    office = Office()
    order_id = office.sells()
    assert office.issue(order_id) == 2
    assert office.issue(order_id) == 0
    assert office.numbers(order_id) == ["DE-2026-000001", "DE-2026-000002"]


def test_two_who_issue_the_same_document_give_it_one_number() -> None:
    office = Office()
    order_id = office.sells()
    office.meanwhile = lambda: office.issue(order_id)
    assert office.issue(order_id) == 0
    assert office.numbers(order_id) == ["DE-2026-000001", "DE-2026-000002"]


def test_two_documents_at_once_get_two_numbers() -> None:
    office = Office()
    first, second = office.sells("1"), office.sells("2")
    office.meanwhile = lambda: office.issue(second)
    assert office.issue(first) == 2
    assert sorted(office.numbers(first) + office.numbers(second)) == [f"DE-2026-00000{n}" for n in (1, 2, 3, 4)]
    for each in (*office.documents(first), *office.documents(second)):
        place = place_of_number(each.number)
        assert place is not None
        commit = office.one(*place)
        assert commit is not None
        assert commit.events == (each,)


@pytest.mark.parametrize("written", [False, True])
def test_whoever_dies_leaves_no_gap(*, written: bool) -> None:
    office = Office()
    first, second = office.sells("1"), office.sells("2")

    def die() -> None:
        if written:
            office.issue(first)
        raise ConnectionError

    office.meanwhile = die
    with pytest.raises(ConnectionError):
        office.issue(first)
    office.issue(second)
    office.issue(first)
    found = sorted(office.numbers(first) + office.numbers(second))
    assert found == [f"DE-2026-00000{n}" for n in (1, 2, 3, 4)]


def test_who_loses_every_race_gives_up_and_has_used_no_number() -> None:
    office = Office()
    order_id = office.sells()

    def lose() -> None:
        office.meanwhile = lose
        raise VersionConflictError("again")

    office.meanwhile = lose
    with pytest.raises(ContentionError):
        office.issue(order_id)
    assert office.numbers(order_id) == []


def test_a_year_is_that_of_the_seller_and_begins_at_one() -> None:
    office = Office()
    office.issue(office.sells("1"))
    office.now = NEW_YEAR
    order_id = office.sells("2")
    office.issue(order_id)
    assert office.numbers(order_id) == ["DE-2027-000001", "DE-2027-000002"]


def test_a_clock_that_goes_back_does_not_date_a_document_before_the_one_before() -> None:
    office = Office()
    first, second = office.sells("1"), office.sells("2")
    office.issue(first)
    office.now -= timedelta(hours=1)
    office.issue(second)
    dates = [each.issued_at for each in (*office.documents(first), *office.documents(second))]
    assert dates == sorted(dates)


def test_the_seller_of_the_first_document_issues_all() -> None:
    office = Office()
    order_id = office.sells("1")
    office.issue(order_id)
    office.reference.put("policy", POLICY, {"rules": [JP]})
    assert office.issue(order_id) == 0
    story = office.sells("2")
    office.reference.put("policy", POLICY, {"rules": [{**JP, "channels": ["amazon"]}]})
    assert office.issue(story) == 0, "nobody sells it"
    assert office.numbers(story) == []


def test_a_seller_that_is_gone_is_said_to_be() -> None:
    office = Office()
    order_id = office.sells("1")

    def sold() -> None:
        office.reference.put("policy", POLICY, {"rules": [JP]})

    office.meanwhile = sold
    with pytest.raises(SellerNotFoundError):
        office.issue(order_id)


def test_what_is_not_there_is_not_found() -> None:
    office = Office()
    with pytest.raises(OrderNotFoundError):
        office.issue("ord_none")
    for number in ("", "DE-2026-000001", "DE-2026-1", "de-2026-000001", "DE-2026-0000001", "DE-2026-000000"):
        with pytest.raises(InvoiceNotFoundError):
            office.show.document(number)


# ---------------------------------------------------------------- sellers


def test_the_first_entity_that_sells_for_channel_and_country_is_the_seller() -> None:
    rows = [
        {**DE, "entity_id": "a", "series": "A", "channels": ["shopify/eu"], "countries": ["DE", "FR"]},
        {**DE, "entity_id": "b", "series": "B", "channels": ["shopify"]},
        {**DE, "entity_id": "c", "series": "C", "countries": ["FR"]},
    ]
    entities = read_entities({"rules": rows})

    def found(channel: str, account: str, country: str) -> str:
        known = seller(entities, channel, account, country)
        return known.entity_id if known else ""

    assert [found("shopify", "eu", "FR"), found("shopify", "eu", "US"), found("site", "main", "FR")] == ["a", "b", "c"]
    assert found("site", "main", "DE") == ""


@pytest.mark.parametrize(
    "change",
    [
        {"series": "de"},
        {"series": "D-E"},
        {"country": "Germany"},
        {"countries": ["de"]},
        {"rates": ["DE nineteen"]},
        {"rates": ["19"]},
        {"rates": ["DE 0"]},
        {"rounding": "never"},
        {"digits": "even"},
        {"time_zone": "Europe/Atlantis"},
        {"notes": ["Reverse charge"]},
        {"country": "JP"},
        {"country": "JP", "tax_ids": ["T123"]},
        {"name": ""},
        {"name": 5},
        {"name": "x" * 201},
        {"colour": "red"},
    ],
)
def test_what_an_entity_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_entities({"rules": [{**DE, **change}]})


def test_entities_are_read_from_a_file_and_do_not_share_a_series() -> None:
    head = "entity_id,series,name,country,address,tax_ids,rates,notes,rounding,digits,time_zone"
    good = "jp,JP,Shop KK,JP,1-2-3 Ginza|Tokyo,T1234567890123,JP 10|JP 8,,invoice,down,Asia/Tokyo"
    rows, problems = read_rows("entities", [head, good, good.replace("JP,Shop", "jp,Shop")])
    assert problems == ["line 3: an entity's series cannot be that"]
    (entity,) = read_entities({"rules": rows})
    assert (entity.address, entity.rates, entity.digits) == (("1-2-3 Ginza", "Tokyo"), ("JP 10", "JP 8"), "down")
    with pytest.raises(InvalidInputError):
        read_entities({"rules": [DE, {**DE, "entity_id": "other"}]})


def test_a_note_is_printed_where_no_tax_was_charged() -> None:
    (entity,) = read_entities({"rules": [{**DE, "notes": ["FR Reverse charge"]}]})
    assert entity.notes_for("FR", 0) == ("Reverse charge",)
    assert entity.notes_for("FR", 1) == entity.notes_for("DE", 0) == ()


# ---------------------------------------------------------------- pages


def shown(file: bytes) -> list[str]:
    """The text of a file, each stretch in the coding of its font, page by page."""
    pages = []
    for part in file.split(b"stream\n")[1::2]:
        content = zlib.decompress(part.partition(b"\nendstream")[0]).decode("ascii")
        pages.append(content)
    return pages


def text_of(content: str) -> str:
    """What a page says in fonts of one byte a letter, and of two."""
    said = ""
    for row in content.splitlines():
        if row.endswith("Tj"):
            font, coded = row.split(" ")[0], bytes.fromhex(row.split("<")[1].split(">")[0])
            if font in ("/F", "/FB"):
                said += coded.decode("cp1252")
            elif font in ("/F2", "/F2B"):
                said += "".join(list(pdf._central())[each - 128] for each in coded)
            else:
                said += coded.decode("utf-16-be")
        elif row == "ET":
            said += "\n"
    return said


def test_a_page_has_names_in_their_own_letters() -> None:
    office = Office()
    order_id = office.sells()
    office.issue(order_id)
    told = office.documents(order_id)[0]
    where = PostalAddress(name="Łukasz Żółć", company="株式会社 ラーデン", lines=("Κούπα 5", "머그 7"), city="Đakovo")
    pages = shown(render(told, Contact(name="x", billing=where)))
    said = text_of(pages[0])
    for wanted in ("Łukasz Żółć", "株式会社 ラーデン", "Κούπα 5", "머그 7", "Đakovo"):
        assert wanted in said
    for wanted in ("DE-2026-000001", "11.90", "Invoice"):
        assert wanted in said
    assert "?" in text_of(shown(pdf.document([[pdf.Text(0, 0, "שלום")]], "t"))[0])
    assert render(told, None) == render(told, None), "the same bytes"


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (20, 1), (24, 1), (25, 2), (64, 2), (66, 2), (67, 3), (200, 6)])
def test_every_line_and_the_totals_are_on_some_page(count: int, pages: int) -> None:
    office = Office()
    order_id = office.sells()
    office.issue(order_id)
    told = office.documents(order_id)[0]
    lines = tuple(
        InvoiceLine(line_id=f"{n}", sku="S", title=f"Title {n}.", quantity=1, net=1, tax=0, gross=1, rate="0")
        for n in range(count)
    )
    file = render(replace(told, lines=lines), None)
    found = shown(file)
    assert len(found) == pages
    said = "\n".join(text_of(each) for each in found)
    assert all(f"Title {n}.\n" in said for n in range(count))
    assert said.count("Total EUR") == 1
    heights = [float(row.split(" ")[2]) for page in found for row in page.splitlines() if row.startswith("BT")]
    assert min(heights) >= 30


def test_the_tables_of_a_file_lead_to_its_objects() -> None:
    file = pdf.document([[pdf.Text(50, 50, "a")], [pdf.Text(50, 50, "b")]], "Łódź")
    start = int(file.rpartition(b"startxref\n")[2].split()[0])
    rows = file[start:].splitlines()[3:]
    places = [int(row.split()[0]) for row in rows if row.endswith(b"n ")]
    assert [file[place:].split(b" ")[0] for place in places] == [b"%d" % n for n in range(1, len(places) + 1)]


def test_a_buyer_without_an_address_is_a_name() -> None:
    assert buyer_of(Contact(name="Mara Lind")) == ["Mara Lind"]
    assert buyer_of(Contact()) == buyer_of(None) == []
