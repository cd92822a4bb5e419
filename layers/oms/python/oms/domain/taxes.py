"""Taxes reckoned: what an order's lines, shipping and fees bear, by rates that are given, in minor units.

    tax on top      amount * rate / 100
    tax inside      amount * rate / (100 + all rates that the amount bears)

Exact until it is rounded (`digits`): once for each part of the order (`line`), or once over all parts that bear the
same rates (`invoice`), and then spread over them by largest remainder, so that the parts of every answer sum. Sales
taxes of one place are rounded together, as the Streamlined Sales and Use Tax Agreement has it (section 324); any other
tax by itself, as GST and PST are.

A supply from one member state of the European Union to a business that is registered for VAT in another is taxed
there, by its buyer (Directive 2006/112/EC, articles 138 and 194-196): it bears no tax here, and a note.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date  # noqa: TC003 - the type of a field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import ShipTo  # noqa: TC001 - the same
from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.money import allocate, check_minor, minor_digits, rounded, spread
from oms.domain.priced import GOODS, TaxBorne, TaxesReckoned
from oms.domain.tax_rates import STANDARD, TaxPlace, TaxRate, plain_postal_code, plain_region, rates_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LINE: Final = "line"
SHIPPING: Final = "shipping"
FEES: Final = "fees"
ROUNDINGS: Final = ("line", "invoice")
DIGITS: Final = ("half_up", "down", "up", "half_even")
EXEMPT: Final = "exempt"
REVERSE_CHARGE: Final = "reverse_charge"
NO_RATE: Final = "no_rate"
"""Nothing is collected where it goes."""
_MEMBERS: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU: Final = frozenset(_MEMBERS.split())
_PERCENT: Final = 100
Key = tuple[str, str]
"""A part of the order: `line` and its id, or what belongs to none."""


@frozen
class TaxedLine:
    """A line of an order; `amount` is what all its units cost after discounts."""

    line_id: str
    amount: int
    tax_class: str = STANDARD


@frozen
class TaxQuestion:
    """What is sold, by whom, to where and when. With `tax_included`, amounts contain the tax that is asked for."""

    currency: str
    lines: tuple[TaxedLine, ...]
    ship_to: ShipTo
    on: date
    """The day of the supply."""
    seller_country: str = ""
    seller_region: str = ""
    tax_included: bool = False
    shipping: int = 0
    fees: int = 0
    exempt: bool = False
    """The buyer bears no tax at all: a certificate is kept elsewhere."""
    business: bool = False
    """The buyer is registered for VAT where the goods go; whoever asks has checked that."""
    rounding: str = "line"
    digits: str = "half_up"


@frozen
class AppliedTax:
    """What one tax comes to on one part of the order. `rate` in percent, `amount` in minor units."""

    tax: str
    jurisdiction: str
    kind: str
    rate: str
    amount: int


@frozen
class PartTax:
    """The tax on a part: a line by its id, `shipping`, `fees`. It is the sum of those that apply."""

    part: str
    tax: int = 0
    applied: tuple[AppliedTax, ...] = ()


@frozen
class TaxAnswer:
    """The taxes of every part, in minor units of the question's currency; `lines` as they were asked."""

    lines: tuple[PartTax, ...]
    shipping: PartTax
    fees: PartTax
    notes: tuple[str, ...] = ()
    """Why there is none: `exempt`, `reverse_charge`, `no_rate`."""

    @property
    def shipping_tax(self) -> int:
        """On shipping."""
        return self.shipping.tax

    @property
    def fee_tax(self) -> int:
        """On fees."""
        return self.fees.tax

    @property
    def line_taxes(self) -> Mapping[str, int]:
        """By line."""
        return {each.part: each.tax for each in self.lines}

    @property
    def tax(self) -> int:
        """In all."""
        return sum(each.tax for each in (*self.lines, self.shipping, self.fees))


def check_question(question: TaxQuestion) -> TaxQuestion:
    """`question` itself when it can be answered; raises InvalidInputError, UnknownCurrencyError."""
    minor_digits(question.currency)
    amounts = [each.amount for each in question.lines] + [question.shipping, question.fees]
    if min(amounts) < 0:
        raise InvalidInputError("an amount to be taxed is negative")
    check_minor(sum(amounts))
    if len({each.line_id for each in question.lines}) < len(question.lines):
        raise InvalidInputError("two lines share one id")
    if question.rounding not in ROUNDINGS or question.digits not in DIGITS:
        raise InvalidInputError("taxes cannot be rounded like that", allowed=[*ROUNDINGS, *DIGITS])
    return question


def reckon(question: TaxQuestion, rates: Iterable[TaxRate]) -> TaxAnswer:
    """The taxes by these rates. Raises what `check_question` raises."""
    check_question(question)
    if question.exempt:
        return _untaxed(question, EXEMPT)
    pieces = _pieces(question, tuple(rates))
    if _reversed(question, pieces):
        return _untaxed(question, REVERSE_CHARGE)
    if not any(each.rates for each in pieces):
        return _untaxed(question, NO_RATE)
    taxed = _rounded(question, pieces)
    return TaxAnswer(
        lines=tuple(_part(taxed, (LINE, each.line_id), each.line_id) for each in question.lines),
        shipping=_part(taxed, (SHIPPING, ""), SHIPPING),
        fees=_part(taxed, (FEES, ""), FEES),
    )


def kept(question: TaxQuestion, answer: TaxAnswer) -> TaxesReckoned:
    """What is kept of an answer: rates by what bore them, not by line."""
    classes = {each.line_id: each.tax_class for each in question.lines}
    sums: dict[TaxBorne, int] = {}
    parts = [(GOODS, classes[each.part], each) for each in answer.lines]
    for part, tax_class, taxed in [*parts, (SHIPPING, "", answer.shipping), (FEES, "", answer.fees)]:
        for each in taxed.applied:
            named = {"tax": each.tax, "jurisdiction": each.jurisdiction, "kind": each.kind, "rate": each.rate}
            borne = TaxBorne(part=part, tax_class=tax_class, amount=0, **named)
            sums[borne] = sums.get(borne, 0) + each.amount
    return TaxesReckoned(
        on=question.on.isoformat(),
        rates=tuple(replace(borne, amount=amount) for borne, amount in sums.items() if amount or borne.part == GOODS),
        notes=answer.notes,
        exempt=question.exempt,
        business=question.business,
        rounding=question.rounding,
        digits=question.digits,
        seller_country=question.seller_country,
        seller_region=question.seller_region,
    )


def _part(taxed: Mapping[Key, Sequence[AppliedTax]], key: Key, name: str) -> PartTax:
    applied = tuple(taxed.get(key, ()))
    return PartTax(part=name, tax=sum(each.amount for each in applied), applied=applied)


def _untaxed(question: TaxQuestion, note: str) -> TaxAnswer:
    return TaxAnswer(
        lines=tuple(PartTax(part=each.line_id) for each in question.lines),
        shipping=PartTax(part=SHIPPING),
        fees=PartTax(part=FEES),
        notes=(note,),
    )


def _reversed(question: TaxQuestion, pieces: Iterable[_Piece]) -> bool:
    """It is for the buyer to pay the tax."""
    there = question.ship_to.country
    between = question.seller_country != there and {question.seller_country, there} <= EU
    return question.business and between and any(rate.kind == "vat" for each in pieces for rate in each.rates)


# ---------------------------------------------------------------- what bears which rates


@frozen
class _Piece:
    """A part of the order, or some of it, and the rates that it bears."""

    key: Key
    amount: int
    rates: tuple[TaxRate, ...]


def _pieces(question: TaxQuestion, rates: tuple[TaxRate, ...]) -> list[_Piece]:
    to = question.ship_to
    place = TaxPlace(
        country=to.country,
        region=plain_region(to.country, to.region),
        postal_code=plain_postal_code(to.postal_code),
        origin=plain_region(to.country, question.seller_region) if question.seller_country == to.country else "",
    )
    known: dict[str, tuple[TaxRate, ...]] = {}

    def of_class(tax_class: str) -> tuple[TaxRate, ...]:
        if tax_class not in known:
            known[tax_class] = rates_for(rates, place, tax_class, question.on)
        return known[tax_class]

    pieces = [_Piece(key=(LINE, x.line_id), amount=x.amount, rates=of_class(x.tax_class)) for x in question.lines]
    standard = {each.tax: each for each in of_class(STANDARD)}
    shares = allocate(question.shipping, [each.amount for each in pieces]) if pieces else [question.shipping]
    classes = [each.rates for each in pieces] or [tuple(standard.values())]
    for share, goods in zip(shares, classes, strict=True):
        borne = [standard.get(x.tax, x) if x.shipping == "standard" else x for x in goods if x.shipping != "none"]
        pieces.append(_Piece(key=(SHIPPING, ""), amount=share, rates=tuple(borne)))
    return [*pieces, _Piece(key=(FEES, ""), amount=question.fees, rates=tuple(standard.values()))]


# ---------------------------------------------------------------- rounding


def _rounded(question: TaxQuestion, pieces: Sequence[_Piece]) -> dict[Key, list[AppliedTax]]:
    """By part, what each tax comes to: what is rounded together is spread so that it sums."""
    cells: dict[tuple[Any, ...], dict[tuple[Key, TaxRate], Fraction]] = {}
    for piece in pieces:
        base = _PERCENT + (sum(map(_percent, piece.rates)) if question.tax_included else 0)
        for rate in piece.rates:
            together = cells.setdefault(_together(question, piece, rate), {})
            exact = piece.amount * _percent(rate) / base
            together[piece.key, rate] = together.get((piece.key, rate), Fraction(0)) + exact
    amounts: dict[tuple[Key, TaxRate], int] = {}
    for together in cells.values():
        whole = rounded(sum(together.values(), Fraction(0)), question.digits)
        for cell, amount in zip(together, spread(whole, list(together.values())), strict=True):
            amounts[cell] = amounts.get(cell, 0) + amount
    if question.tax_included:
        _within(amounts, pieces)
    found: dict[Key, list[AppliedTax]] = {}
    for (key, rate), amount in amounts.items():
        found.setdefault(key, []).append(
            AppliedTax(tax=rate.tax, jurisdiction=rate.levied_by, kind=rate.kind, rate=rate.rate, amount=amount)
        )
    return found


def _together(question: TaxQuestion, piece: _Piece, rate: TaxRate) -> tuple[Any, ...]:
    """What is rounded with it."""
    with_it = [each for each in piece.rates if each.kind == "sales"] if rate.kind == "sales" else [rate]
    if question.rounding == "line":
        return piece.key, rate.kind == "sales" or rate.tax
    return tuple((each.tax, each.levied_by, each.rate) for each in with_it)


def _within(amounts: dict[tuple[Key, TaxRate], int], pieces: Iterable[_Piece]) -> None:
    """No price contains more tax than it is: of a unit or two, taxes that are all rounded up could."""
    left: dict[Key, int] = {}
    for piece in pieces:
        left[piece.key] = left.get(piece.key, 0) + piece.amount
    for (key, rate), amount in amounts.items():
        amounts[key, rate] = min(amount, left[key])
        left[key] -= amounts[key, rate]


def _percent(rate: TaxRate) -> Fraction:
    return Fraction(rate.rate)
