"""What is where, counted by hand: whole numbers in a dict, and the rules as a person would say them."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

Place = tuple[str, str]
STATES: Final = ("available", "reserved", "safety", "damaged", "qc", "in_transit", "short")


class Account:
    """Units by place and state. Each method is one thing that happens, and False when it cannot."""

    def __init__(self) -> None:
        self.units: dict[tuple[Place, str], int] = defaultdict(int)

    def at(self, place: Place) -> dict[str, int]:
        """Units of a place by state, with what is on hand."""
        found = {state: self.units[place, state] for state in STATES}
        return {**found, "on_hand": sum(found[state] for state in STATES[:5])}

    def shift(self, place: Place, units: int, out_of: str = "", into: str = "") -> bool:
        """Units from one state to another; '' is outside."""
        if out_of and self.units[place, out_of] < units:
            return False
        if out_of:
            self.units[place, out_of] -= units
        if into:
            self.units[place, into] += units
        return True

    def bind(self, place: Place, units: int) -> bool:
        """Promise units, if nobody misses any here."""
        return not self.units[place, "short"] and self.shift(place, units, "available", "reserved")

    def count(self, place: Place, found: int) -> None:
        """Somebody found so many: those that are bound come first, then damaged, to be looked at, kept back."""
        bound = self.units[place, "reserved"]
        self.units[place, "short"] = max(0, bound - found)
        left = max(0, found - bound)
        for state in ("damaged", "qc", "safety"):
            self.units[place, state] = min(left, self.units[place, state])
            left -= self.units[place, state]
        self.units[place, "available"] = left
