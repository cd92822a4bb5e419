"""What a change of an order costs: the catalogue's prices, or those of who may give others, and its taxes."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from oms.application.stock import check_known
from oms.domain.canonical import CanonicalLine
from oms.domain.drafts import needs_approval
from oms.domain.entities import POLICY as ENTITIES
from oms.domain.entities import read_entities, seller
from oms.domain.errors import ApprovalNeededError, ForbiddenError, InvalidInputError, NoTaxRatesError
from oms.domain.frozen import frozen
from oms.domain.kits import stock_skus
from oms.domain.order.charging import line_total
from oms.domain.order.events import PlacedLine
from oms.domain.serials import serialized_of
from oms.domain.tax_rates import STANDARD
from oms.domain.taxes import TaxedLine, TaxQuestion, kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.application.gateways import TaxPort
    from oms.application.ports import Reference
    from oms.domain.canonical import PostalAddress, ShipTo
    from oms.domain.order.events import LineUnits
    from oms.domain.order.state import Order
    from oms.domain.priced import TaxesReckoned

FREE: Final = ("admin", "finance")
"""Roles that may give any price."""
WITHIN: Final = "sales"
"""The role that may give prices that are not much below the list."""


@frozen
class AskedLine:
    """Units to be added: of a SKU, or more of a line (`adds_to`). None: the catalogue's price, the tax as reckoned."""

    sku: str = ""
    adds_to: str = ""
    quantity: int = 1
    unit_price: int | None = None
    discount: int = 0
    tax: int | None = None
    title: str = ""


@frozen
class AskedEdit:
    """What somebody wants changed; None: as it is. `address` is personal data and is kept apart."""

    add: tuple[AskedLine, ...] = ()
    remove: tuple[LineUnits, ...] = ()
    ship_to: ShipTo | None = None
    address: PostalAddress | None = None
    shipping_method: str | None = None
    shipping: int | None = None
    shipping_tax: int | None = None
    reason: str = ""
    allow_backorder: bool = False


@frozen
class Priced:
    """The lines that are added, and what an edit changes of taxes. `listed`: the catalogue's price by line."""

    add: tuple[PlacedLine, ...] = ()
    listed: Mapping[str, int | None] = field(default_factory=dict)
    line_taxes: Mapping[str, int] = field(default_factory=dict)
    shipping_tax: int | None = None
    taxes: TaxesReckoned | None = None


@frozen(kw_only=False)
class PriceEdit:
    """Reads the catalogue, and rates of taxes when some are to be reckoned."""

    reference: Reference
    taxes: TaxPort
    free_percent: int
    """What a representative may take off what is added without asking."""

    def __call__(self, order: Order, asked: AskedEdit, role: str, now: datetime) -> Priced:
        """Amounts in minor units of the order's currency.

        Raises NoSuchSkuError, InvalidInputError (no such line, no list price), ForbiddenError and ApprovalNeededError
        for prices that the role may not give, NoTaxRatesError, UpstreamError.
        """
        wanted = [_of_line(order, each) for each in asked.add]
        skus = list(dict.fromkeys(each.sku for each in wanted))
        listed = self.reference.list_prices(skus, order.placed.currency) if skus else {}
        lines = self._lines(order, wanted, listed)
        _check_prices(wanted, lines, listed, role, self.free_percent)
        priced = Priced(add=lines, listed={line.line_id: listed.get(line.sku) for line in lines})
        return self._taxed(order, asked, priced, now)

    def _lines(self, order: Order, wanted: Sequence[AskedLine], listed: Mapping[str, int]) -> tuple[PlacedLine, ...]:
        made_of = check_known(self.reference, [], [each.sku for each in wanted]) if wanted else {}
        serialized = dict(serialized_of(made_of, self.reference.serialized(stock_skus(made_of)))) if made_of else {}
        classes = self.reference.tax_classes(made_of) if made_of else {}
        lines = []
        for number, each in enumerate(wanted, start=1):
            like = order.lines[each.adds_to].placed if each.adds_to else None
            price = listed.get(each.sku) if each.unit_price is None else each.unit_price
            if price is None:
                raise InvalidInputError("the catalogue has no price in this currency: give one", sku=each.sku)
            shipped = like.requires_shipping if like else True
            lines.append(
                PlacedLine(
                    line_id=f"e{len(order.edits) + 1}-{number}",
                    sku=each.sku,
                    quantity=each.quantity,
                    unit_price=price,
                    discount=each.discount,
                    tax=each.tax or 0,
                    title=each.title or (like.title if like else ""),
                    requires_shipping=shipped,
                    components=made_of[each.sku] if shipped else (),
                    serialized=serialized.get(each.sku, ()) if shipped else (),
                    tax_class=(like.tax_class if like else "") or classes.get(each.sku, ""),
                    adds_to=order.lines[each.adds_to].channel_line if each.adds_to else "",
                )
            )
        return tuple(lines)

    def _taxed(self, order: Order, asked: AskedEdit, priced: Priced, now: datetime) -> Priced:
        """With taxes: of what comes in and was given none; of everything, where it goes elsewhere and it was so before.

        Taxes that a shop has told stay as it told them wherever the order goes.
        """
        moved = asked.ship_to is not None and order.placed.taxes is not None
        given = {line.line_id: each.tax for line, each in zip(priced.add, asked.add, strict=True)}
        if moved and (asked.shipping_tax is not None or any(tax is not None for tax in given.values())):
            raise InvalidInputError("the taxes of this order are reckoned here, for where it goes")
        open_ = [line for line in priced.add if given[line.line_id] is None]
        old = [line.placed for line in order.lines.values()] if moved else []
        told = asked.shipping is None or asked.shipping_tax is not None
        if not open_ and not old and told:
            return replace(priced, shipping_tax=asked.shipping_tax)
        shipping = (order.placed.shipping if asked.shipping is None else asked.shipping) if moved or not told else 0
        try:
            question = self._question(order, asked, [*old, *open_], shipping, now)
            answer = self.taxes.reckon(question)
        except NoTaxRatesError:
            if _bears_tax(order):
                raise
            return replace(priced, shipping_tax=asked.shipping_tax)
        found = answer.line_taxes
        changed = {line.line_id: found[line.line_id] for line in old if found[line.line_id] != line.tax}
        return replace(
            priced,
            add=tuple(replace(line, tax=found.get(line.line_id, line.tax)) for line in priced.add),
            line_taxes=changed,
            shipping_tax=answer.shipping_tax if moved or not told else asked.shipping_tax,
            taxes=kept(question, answer),
        )

    def _question(
        self, order: Order, asked: AskedEdit, lines: Sequence[PlacedLine], shipping: int, now: datetime
    ) -> TaxQuestion:
        placed, ship_to = order.placed, asked.ship_to or order.placed.ship_to
        if ship_to is None:
            raise NoTaxRatesError("taxes depend on where the goods go: give them")
        entity = seller(read_entities(self.reference.policy(ENTITIES)), placed.channel, placed.account, ship_to.country)
        zone = ZoneInfo(entity.time_zone) if entity else UTC
        before = placed.taxes
        how: dict[str, Any] = {}
        if before:
            how = {"exempt": before.exempt, "business": before.business}
            how |= {"rounding": before.rounding, "digits": before.digits}
            how |= {"seller_country": before.seller_country, "seller_region": before.seller_region}
        elif entity:
            how = {"rounding": entity.rounding, "digits": entity.digits}
            how |= {"seller_country": entity.country, "seller_region": entity.region}
        return TaxQuestion(
            currency=placed.currency,
            lines=tuple(
                TaxedLine(
                    line_id=line.line_id,
                    amount=line_total(line, tax_included=True),
                    tax_class=line.tax_class or STANDARD,
                )
                for line in lines
            ),
            ship_to=ship_to,
            on=now.astimezone(zone).date(),
            tax_included=placed.tax_included,
            shipping=shipping,
            **how,
        )


def _of_line(order: Order, each: AskedLine) -> AskedLine:
    """With the SKU of the line that it adds to."""
    if not each.adds_to:
        return each
    if each.adds_to not in order.lines:
        raise InvalidInputError("the order has no such line", line=each.adds_to)
    return replace(each, sku=order.lines[each.adds_to].placed.sku)


def _bears_tax(order: Order) -> bool:
    placed = order.placed
    return bool(placed.shipping_tax or placed.fee_tax or any(line.placed.tax for line in order.lines.values()))


def _check_prices(
    wanted: Sequence[AskedLine],
    lines: Sequence[PlacedLine],
    listed: Mapping[str, int],
    role: str,
    free_percent: int,
) -> None:
    """Raises ForbiddenError, ApprovalNeededError."""
    given = [each for each in wanted if each.unit_price not in (None, listed.get(each.sku)) or each.discount]
    if not given or role in FREE:
        return
    if role != WITHIN:
        raise ForbiddenError("your role takes the catalogue's prices", needs=sorted((*FREE, WITHIN)))
    asked = [
        CanonicalLine(
            line_ref=line.line_id,
            sku=line.sku,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
        )
        for line in lines
    ]
    if needs_approval(asked, listed, free_percent):
        raise ApprovalNeededError("these prices are for finance to give", free_percent=free_percent)
