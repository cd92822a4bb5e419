"""What every account of an order has to stand at, worked out from the commands in exact fractions.

It shares no code with the system. A unit costs its share of its line, a fraction; what is charged in whole minor units
is that share cut off, and the minor units that are left over go to the first units, one each. Shipments take units from
the front, cancellations from the back, refunds the dearest that nobody has refunded.

Tax goes back with what goes back: of the lines that a refund names as far as they are worth it, else of all that was
handed over, in proportion to what is left of each; of each its share of the tax that is left, rounded half up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from tests.proof.money import disputed
from tests.proof.money.edited import beyond, overpaid, overpaid_back, paid_whole, raised, set_apart

if TYPE_CHECKING:
    from tests.proof.money.disputed import Disputed


def per_unit(total: int, units: int) -> list[int]:
    """What each unit of a line costs, in whole minor units that sum to the total."""
    share = Fraction(total, units)
    whole = [floor(share) for _ in range(units)]
    over = total - sum(whole)
    return [each + (number < over) for number, each in enumerate(whole)]


@dataclass
class Goods:
    """A line: what its units cost, and what of that is tax."""

    prices: list[int]
    taxes: list[int]
    handed: int = 0
    cancelled: int = 0
    refunded: int = 0
    pool: list[int] = field(default_factory=list)
    """Prices that no refund has given back, the dearest first."""

    def __post_init__(self) -> None:
        """Nothing is refunded yet."""
        self.pool = sorted(self.prices, reverse=True)

    @property
    def live(self) -> int:
        """Units that are not cancelled."""
        return len(self.prices) - self.cancelled


def in_proportion(amount: int, weights: dict[str, int]) -> dict[str, int]:
    """Whole parts of an amount: exact shares cut off, what is left over to those that lost most, the first if equal."""
    if not amount:
        return {}
    exact = {name: Fraction(amount * weight, sum(weights.values())) for name, weight in weights.items()}
    whole = {name: floor(share) for name, share in exact.items()}
    lost = sorted(exact, key=lambda name: whole[name] - exact[name])
    for name in lost[: amount - sum(whole.values())]:
        whole[name] += 1
    return whole


@dataclass
class Held:
    """What was charged and not given back, or given back, of each part: [with tax, the tax in it]."""

    parts: dict[str, list[int]] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        """Of all parts."""
        return sum(gross for gross, _ in self.parts.values())

    def add(self, name: str, gross: int, tax: int) -> None:
        """More of a part."""
        held = self.parts.setdefault(name, [0, 0])
        held[0] += gross
        held[1] += tax

    def give(self, wanted: dict[str, int], other: Held) -> None:
        """Take out of this, with its tax, and put into the other."""
        for name, gross in wanted.items():
            if gross:
                whole, taxes = self.parts[name]
                tax = floor(Fraction(taxes * gross, whole) + Fraction(1, 2))
                self.add(name, -gross, -tax)
                other.add(name, gross, tax)


@dataclass
class Back:
    """A refund: what it took from which line, and what became of it."""

    amount: int
    taken: dict[str, list[int]]
    state: str = "open"
    sent: bool = False
    """The provider has it, and has not said what became of it."""
    kind: bool = False
    """Out of goodwill: it lowers no price."""


@dataclass
class Oracle:
    """The books of one order."""

    provider: str
    goods: dict[str, Goods]
    header: dict[str, int]
    """shipping, fees, tips, duties without their taxes, and tax."""
    gift_cards: int
    header_taxes: dict[str, int] = field(default_factory=dict)
    """The tax on shipping and on fees."""
    captured: int = 0
    authorized: int = 0
    upfront: bool = False
    handovers: list[dict[str, int]] = field(default_factory=list)
    paid: set[int] = field(default_factory=set)
    """Numbers of handovers that were captured."""
    backs: list[Back] = field(default_factory=list)
    charged: Held = field(default_factory=Held)
    returned: Held = field(default_factory=Held)
    settled: int = 0
    """What had gone back of an overpayment when an edit last raised the price."""
    edited: bool = False
    dispute: Disputed | None = None
    taken_apart: int = 0
    """What was taken for handovers of their own."""

    def owed(self) -> int:
        """What is to be paid of units that are not cancelled, beyond gift cards."""
        live = [price for each in self.goods.values() for price in each.prices[: each.live]]
        whole = sum(live) + sum(self.header.values()) if any(each.live for each in self.goods.values()) else 0
        return max(0, whole - self.gift_cards)

    def hand_over(self, units: dict[str, int]) -> None:
        """A shipment."""
        self.handovers.append(units)
        if len(self.handovers) == 1:
            for name, amount in self.header.items():
                tax = self.header_taxes.get(name, 0)
                if name != "tax" and amount + tax:
                    self.charged.add(name, amount + tax, tax)
        for line_id, count in units.items():
            line = self.goods[line_id]
            these = slice(line.handed, line.handed + count)
            self.charged.add(f"line {line_id}", sum(line.prices[these]), sum(line.taxes[these]))
            line.handed += count
        self.return_taxes()

    def return_taxes(self, went: Back | None = None) -> None:
        """After each command: as much is credited as has gone back; `went` is the refund that went through by it."""
        gone = sum(each.amount for each in self.backs if each.state == "gone")
        excess = max(0, gone - set_apart(self) - overpaid(self)) if gone else 0
        excess -= min(excess, sum(each.amount for each in self.backs if each.state == "gone" and each.kind))
        change = min(self.charged.whole + self.returned.whole, excess) - self.returned.whole
        if change < 0:
            given = {name: gross for name, (gross, _) in self.returned.parts.items()}
            self.returned.give(in_proportion(-change, given), self.charged)
            return
        taken = went.taken if went else {}
        left = {name: gross for name, (gross, _) in self.charged.parts.items()}
        named = {f"line {each}": min(sum(prices), left.get(f"line {each}", 0)) for each, prices in taken.items()}
        wanted = in_proportion(min(change, sum(named.values())), named)
        rest = {name: gross - wanted.get(name, 0) for name, gross in left.items()}
        for name, gross in in_proportion(change - sum(wanted.values()), rest).items():
            wanted[name] = wanted.get(name, 0) + gross
        self.charged.give(wanted, self.returned)

    def dues(self) -> dict[int, int]:
        """Of each handover that was not captured, what is to be."""
        if self.provider == "in_channel" or (self.upfront and not raised(self)):
            return {}
        at = dict.fromkeys(self.goods, 0)
        beside, card = sum(self.header.values()), self.gift_cards + paid_whole(self)
        left = self.authorized - self.captured
        found: dict[int, int] = {}
        for number, units in enumerate(self.handovers):
            worth, beside = beside, 0
            for line_id, count in units.items():
                worth += sum(self.goods[line_id].prices[at[line_id] : at[line_id] + count])
                at[line_id] += count
            by_card = min(card, worth)
            card -= by_card
            due = min(worth - by_card, left)
            if number not in self.paid and due > 0:
                found[number] = due
                left -= due
        return found

    def capture(self, number: int, amount: int) -> None:
        """The provider took it."""
        self.captured += amount
        self.taken_apart += amount
        self.paid.add(number)
        self.return_taxes()

    def goes(self, back: Back) -> None:
        """It went through."""
        back.state = "gone"
        self.return_taxes(back)

    def going_back(self) -> int:
        """What refunds took, or still may."""
        return sum(each.amount for each in self.backs if each.state != "failed")

    def worth(self, units: dict[str, int]) -> int:
        """What refunding units gives back."""
        return sum(sum(self.goods[line_id].pool[:count]) for line_id, count in units.items())

    def allows(self, units: dict[str, int], amount: int | None) -> bool:
        """A refund of these may be made."""
        for line_id, count in units.items():
            if self.goods[line_id].refunded + count > self.goods[line_id].handed:
                return False
        wanted = self.worth(units) if amount is None else amount
        if wanted < 0 or (not wanted and not units) or (units and wanted > self.worth(units)):
            return False
        return wanted <= disputed.free(self)

    def refund(self, units: dict[str, int], amount: int | None, *, kind: bool = False) -> Back:
        """It is on its way."""
        made = Back(amount=self.worth(units) if amount is None else amount, taken={}, kind=kind)
        for line_id, count in units.items():
            line = self.goods[line_id]
            made.taken[line_id], line.pool = line.pool[:count], line.pool[count:]
            line.refunded += count
        self.backs.append(made)
        return made

    def fails(self, back: Back) -> None:
        """The money stays, and what it took may be refunded again."""
        if back.state == "failed":
            return
        back.state = "failed"
        for line_id, prices in back.taken.items():
            line = self.goods[line_id]
            line.pool = sorted([*line.pool, *prices], reverse=True)
            line.refunded -= len(prices)
        self.return_taxes()

    def cancel(self, units: dict[str, int]) -> None:
        """Units will not be shipped; of money that was taken for the whole order, what they cost goes back."""
        before, over = self.owed_gross(), beyond(self)
        for line_id, count in units.items():
            self.goods[line_id].cancelled += count
        less = beyond(self) - over if self.edited else before - self.owed_gross()
        amount = min(less, disputed.free(self))
        if amount > 0 and (self.upfront or self.provider == "in_channel"):
            self.backs.append(Back(amount=amount, taken={}))
        self.return_taxes()

    def owed_gross(self) -> int:
        """What units that are not cancelled cost, by whatever tender."""
        live = [price for each in self.goods.values() for price in each.prices[: each.live]]
        return sum(live) + sum(self.header.values()) if any(each.live for each in self.goods.values()) else 0

    def balances(self) -> dict[str, int]:
        """What every account has to stand at."""
        charges = {"goods": 0, **dict.fromkeys(self.header, 0)}
        if self.handovers:
            for name, amount in self.header.items():
                charges[name] += amount
            for line in self.goods.values():
                taxes = sum(line.taxes[: line.handed])
                charges["tax"] += taxes
                charges["goods"] += sum(line.prices[: line.handed]) - taxes
        whole = sum(charges.values())
        card = min(self.gift_cards, whole)
        gone = sum(each.amount for each in self.backs if each.state == "gone")
        coming = sum(each.amount for each in self.backs if each.state == "open")
        back = overpaid_back(self)
        tax_back = sum(tax for _, tax in self.returned.parts.values())
        kind = min(
            sum(each.amount for each in self.backs if each.kind and each.state != "failed"), gone + coming - back
        )
        found = {
            "receivable": whole - card - self.captured + back,
            f"tender:{self.provider}": self.captured - gone,
            "gift_cards": card,
            "refunds_payable": -coming,
            "goodwill": kind,
            "returns": gone + coming - back - kind - tax_back,
            "returned_tax": tax_back,
            **{name: -amount for name, amount in charges.items()},
        }
        for name, amount in disputed.balances(self).items():
            found[name] = found.get(name, 0) + amount
        return {name: amount for name, amount in found.items() if amount}
