"""The worlds that are explored whole, and the smaller ones of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.proof.protocol.explore import Explorer, Found, World

if TYPE_CHECKING:
    from tests.proof.protocol.mutants import Code

WHOLE: Final = (
    World("two buyers, one of two units", ((2,), (1,)), stock=(1, 1)),
    World("three buyers and a delivery", ((1,), (1,), (1,)), stock=(1, 0), receipts=1),
    World("two buyers and two counters", ((1,), (1,)), stock=(1, 1), counts=(1, 1)),
    World("two lines of one SKU", ((1, 1), (1,)), stock=(1, 1)),
    World("two buyers whose release waits", ((1,), (1,)), stock=(1, 1), waits=True),
)
SLICE: Final = (
    World("one buyer of two units and a delivery", ((2,),), stock=(2, 1), receipts=1),
    World("two lines of one SKU", ((1, 1),), stock=(1, 1)),
    World("one buyer and two counters", ((1,),), stock=(1, 0), counts=(1, 1)),
    World("two buyers and a counter", ((1,), (1,)), stock=(1, 0), counts=(1,)),
    World("one buyer whose release waits, and a delivery", ((1,),), stock=(1, 1), receipts=1, waits=True),
)
"""Small, and every mutant is found in one of them."""


def find(code: Code) -> Found:
    """The first problem that some code has in the small worlds, or what became of the last of them."""
    found = Found()
    for world in SLICE:
        found = Explorer(world, code).explore()
        if found.problem:
            break
    return found
