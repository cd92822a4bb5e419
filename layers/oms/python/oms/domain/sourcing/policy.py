"""Policies of sourcing, as data: what is minimised, and what a plan may look like.

    objective = Σ weight × quantity, over the quantities of `Weights`, in whole numbers

A weight that is larger than all the lesser quantities together can ever be puts its quantity strictly first.
docs/sourcing.md has the formulas.
"""

from __future__ import annotations

from typing import Final

from oms.domain.frozen import frozen


@frozen
class Weights:
    """What counts how much.

    money: per thousandth of a minor unit of freight, handling, duty, stock cost and extra parcels.
    parcel: per parcel. reach: per metre from a node to the customer, once for each parcel.
    piece: per line in a parcel. carry: per metre, for each line in a parcel.
    load: per unit and thousandth of its node's capacity that is taken.
    """

    money: int = 0
    parcel: int = 0
    reach: int = 0
    piece: int = 0
    carry: int = 0
    load: int = 0


@frozen
class SourcingPolicy:
    """A named, numbered policy. `effort` bounds the search: subproblems, not time, so it ends the same everywhere."""

    name: str
    version: int
    weights: Weights
    split_lines: bool = True
    """May one line's quantity come from several nodes?"""
    max_parcels: int | None = None
    effort: int = 4000

    @property
    def label(self) -> str:
        """As decisions name it."""
        return f"{self.name}/{self.version}"


OVER_MONEY: Final = 10**26
"""Over any cost of a plan in thousandths of a minor unit, by the ranges that requests are checked for."""

CHEAPEST: Final = SourcingPolicy(name="cheapest", version=1, weights=Weights(money=1))
NEAREST: Final = SourcingPolicy(name="nearest", version=1, weights=Weights(carry=OVER_MONEY, money=1))
FEWEST_SPLITS: Final = SourcingPolicy(name="fewest-splits", version=1, weights=Weights(parcel=OVER_MONEY, money=1))
BALANCE: Final = SourcingPolicy(name="balance", version=1, weights=Weights(money=1, load=1000))
"""A unit from a node that is full costs one minor unit per thousandth more than one from an idle node."""
NEAREST_COMPLETE: Final = SourcingPolicy(
    name="nearest-complete",
    version=1,
    weights=Weights(parcel=10**36, reach=10**24, piece=10**14, carry=1),
    effort=20,
)
"""The fewest nodes, the nearest of those, no line split without need, each from as near as can be."""

POLICIES: Final = {policy.label: policy for policy in (CHEAPEST, NEAREST, FEWEST_SPLITS, BALANCE, NEAREST_COMPLETE)}
