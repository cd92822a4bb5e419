"""Which rules an order can ever reach: whether those before one take all orders that it asks for.

Orders are boxes: a set of words, or all but a set of words, for each attribute of one value; a range for each number.
What an earlier rule takes is cut out of the box piece by piece; a rule is unreachable when nothing is left. An order of
one SKU with at most one need is what earlier rules can take least: when none of these is left, no other is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.rules import B2B, B2C, RANGES, SETS, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MANY: Final = 10**18


@frozen(kw_only=False)
class Words:
    """These words, or all but these."""

    words: frozenset[str]
    but: bool = False

    def within(self, wanted: frozenset[str]) -> Words:
        """Those that are wanted too."""
        return Words(wanted - self.words if self.but else self.words & wanted)

    def without(self, wanted: frozenset[str]) -> Words:
        """Those that are not wanted."""
        return Words(self.words | wanted, but=True) if self.but else Words(self.words - wanted)

    @property
    def empty(self) -> bool:
        """No word is left."""
        return not self.but and not self.words


Range = tuple[int, int]
Box = dict[str, "Words | Range"]
_ALL: Final = Words(frozenset(), but=True)
_DOMAIN: Final = {"customers": Words(frozenset({B2B, B2C}))}

_KINDS: Final = "an attribute is one kind of condition"


def _whole() -> Box:
    box: Box = {name: _DOMAIN.get(name, _ALL) for name in (*WORDS, *SETS, "currency")}
    return {**box, **dict.fromkeys(RANGES, (0, _MANY))}


def _conditions(when: Mapping[str, Any]) -> Box:
    """A rule's conditions by attribute; the total is one of its currency only."""
    box: Box = {name: Words(frozenset(when[name])) for name in (*WORDS, *SETS) if name in when}
    if "currency" in when:
        box["currency"] = Words(frozenset({when["currency"]}))
    for name, (low, high) in RANGES.items():
        if low in when or high in when:
            box[name] = (when.get(low, 0), when.get(high, _MANY))
    return box


def _inside(part: Words | Range, wanted: Words | Range) -> Words | Range | None:
    if isinstance(part, Words) and isinstance(wanted, Words):
        left = part.within(wanted.words)
        return None if left.empty else left
    if isinstance(part, Words) or isinstance(wanted, Words):
        raise TypeError(_KINDS)
    low, high = max(part[0], wanted[0]), min(part[1], wanted[1])
    return (low, high) if low <= high else None


def _outside(part: Words | Range, wanted: Words | Range) -> Iterator[Words | Range]:
    if isinstance(part, Words) and isinstance(wanted, Words):
        left = part.without(wanted.words)
        if not left.empty:
            yield left
        return
    if isinstance(part, Words) or isinstance(wanted, Words):
        raise TypeError(_KINDS)
    low, high = wanted
    if part[0] < low:
        yield (part[0], min(part[1], low - 1))
    if part[1] > high:
        yield (max(part[0], high + 1), part[1])


def _cut(box: Box, taken: Box) -> Iterator[Box]:
    """What of the box is not taken, in pieces that do not meet."""
    rest = dict(box)
    for name, wanted in taken.items():
        for left in _outside(rest[name], wanted):
            yield {**rest, name: left}
        inside = _inside(rest[name], wanted)
        if inside is None:
            return
        rest[name] = inside


class Effort:
    """How many pieces may still be looked at: what is named is true, what would take longer is not named."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces


def covers(whens: Sequence[Mapping[str, Any]], when: Mapping[str, Any], effort: Effort) -> bool:
    """Every order that meets `when` meets one of `whens`. Conditions are sound, each by itself."""
    start = _whole()
    for name, wanted in _conditions(when).items():
        inside = _inside(start[name], wanted)
        if inside is None:
            return False
        start[name] = inside
    taken = [_conditions(each) for each in whens]
    stack: list[tuple[Box, int]] = [(start, 0)]
    while stack:
        box, number = stack.pop()
        effort.pieces -= 1
        if number == len(taken) or effort.pieces < 0:
            return False
        stack.extend((piece, number + 1) for piece in _cut(box, taken[number]))
    return True


def covering(
    rules: Sequence[tuple[str, Mapping[str, Any]]], when: Mapping[str, Any], effort: Effort
) -> tuple[str, ...]:
    """Names of those of the rules that together take all orders which `when` asks for; empty when some order is left.

    None of them can be left out, if there is effort enough to see it.
    """
    left = list(rules)
    if not covers([each for _, each in left], when, effort):
        return ()
    for rule in reversed(rules):
        fewer = [other for other in left if other is not rule]
        if fewer and covers([each for _, each in fewer], when, effort):
            left = fewer
    return tuple(name for name, _ in left)
