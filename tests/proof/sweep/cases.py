"""Sites and cases: every call that a good run makes, and every fault that it can meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.proof.sweep.tap import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.proof.sweep.tap import Call

EVERYWHERE: Final = tuple(each for each in Fault if each is not Fault.ENTRY_REFUSED)
ONCE: Final = tuple(each for each in EVERYWHERE if not each.always)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A call of a function: what it asks, its place among the calls of its invocation, and the way that leads to it.

    `path` is every function of ours on the stack with its line; `story` and `invocation` say where it was seen.
    """

    function: str
    name: str
    place: int
    origin: tuple[str, str]
    path: tuple[str, ...]
    story: str
    invocation: int

    @property
    def faults(self) -> Sequence[Fault]:
        """A vendor's call is not tried again by itself: once is always. Only the bus takes a part of a batch."""
        if self.name == "events.PutEvents":
            return (*EVERYWHERE, Fault.ENTRY_REFUSED)
        return ONCE if self.name.startswith("vendor.") else EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault at one site."""

    site: Site
    fault: Fault


def site(story: str, call: Call) -> Site:
    """Where a call of a story was made."""
    return Site(
        function=call.function,
        name=call.name,
        place=call.place,
        origin=call.origin,
        path=call.path,
        story=story,
        invocation=call.invocation,
    )


def distinct(sites: Iterable[Site]) -> list[Site]:
    """Each site once, where it was first seen."""
    found: dict[tuple[str, str, int, tuple[str, ...]], Site] = {}
    for each in sites:
        found.setdefault((each.function, each.name, each.place, each.path), each)
    return list(found.values())


def cases(found: Iterable[Site]) -> list[Case]:
    """Every site with each of its faults."""
    return [Case(site=site, fault=fault) for site in found for fault in site.faults]
