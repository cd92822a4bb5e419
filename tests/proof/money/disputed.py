"""What the oracle knows of disputes. Worked out from the provider's words, sharing no code with the system.

What is disputed is not there to be refunded while that is open, nor what was taken and has not come back. When it has
ended, refunds that had to wait are made as far as there is money, the oldest first; the others fail. What was paid
before for units that were cancelled meanwhile goes back then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.proof.money.oracle import Back, Oracle


@dataclass
class Disputed:
    """A dispute: what it is about, what was taken for it, and `open`, `won` or `lost`."""

    amount: int
    taken: int = 0
    state: str = "open"
    fees: int = 0

    @property
    def at_stake(self) -> int:
        """What may not be refunded."""
        return max(0, self.taken, self.amount if self.state == "open" else 0)


def free(books: Oracle) -> int:
    """What may be refunded now."""
    at_stake = books.dispute.at_stake if books.dispute else 0
    return max(0, books.captured - books.going_back() - at_stake)


def balances(books: Oracle) -> dict[str, int]:
    """By how much it moves accounts."""
    known = books.dispute
    if known is None:
        return {}
    return {
        f"tender:{books.provider}": -known.taken,
        "chargebacks" if known.state == "lost" else "disputed": known.taken,
        "dispute_fees": known.fees,
        f"withheld:{books.provider}": -known.fees,
    }


def ended(books: Oracle, state: str, taken: int) -> tuple[list[Back], Back | None]:
    """(refunds that fail, what goes back now) once the provider says how it ended."""
    from tests.proof.money.oracle import Back  # it is made of this

    assert books.dispute is not None
    books.dispute.state, books.dispute.taken = state, taken
    room = books.captured - books.dispute.at_stake
    room -= sum(each.amount for each in books.backs if each.state == "gone" or (each.state == "open" and each.sent))
    failed = []
    for each in books.backs:
        if each.state == "open" and not each.sent:
            if each.amount <= room:
                room -= each.amount
            else:
                failed.append(each)
    cancelled = any(each.cancelled for each in books.goods.values())
    amount = min(books.captured - books.going_back() - books.owed(), free(books))
    made = None
    if books.upfront and amount > 0 and (cancelled or books.edited):
        made = Back(amount=amount, taken={})
    for each in failed:
        books.fails(each)
    if made:
        books.backs.append(made)
        books.return_taxes()
    return failed, made
