"""I11: nobody is named, and no secret stands, where it does not belong."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

AROUND: Final = 120
PAN: Final = re.compile(r"(?<![0-9A-Za-z_.-])(?:4[0-9]{15}|5[1-5][0-9]{14}|3[47][0-9]{13})(?![0-9A-Za-z_.-])")
"""A card number of the large brands, checked by its last digit."""
SECRETS: Final = re.compile(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{4,}|\bwhsec_[A-Za-z0-9]{4,}")


def named(store: str, texts: Iterable[str], canaries: Sequence[str]) -> Iterator[Finding]:
    """Canaries, card numbers and keys in the texts of a store, one finding for each text that has any."""
    wanted = _any_of(tuple(canaries)) if canaries else None
    for text in texts:
        found = (wanted.search(text) if wanted else None) or SECRETS.search(text) or _card(text)
        if found:
            around = text[max(0, found.start() - AROUND) : found.end() + AROUND]
            yield Finding(invariant="I11", detail=f"{store} holds {found[0]!r}: …{around}…")


@lru_cache(maxsize=8)
def _any_of(canaries: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(each) for each in sorted(canaries, key=len, reverse=True)))


def _card(text: str) -> re.Match[str] | None:
    return next((each for each in PAN.finditer(text) if _luhn(each[0])), None)


def _luhn(digits: str) -> bool:
    doubled = [int(each) * 2 for each in digits[-2::-2]]
    return (sum(int(each) for each in digits[-1::-2]) + sum(each - 9 * (each > 9) for each in doubled)) % 10 == 0
