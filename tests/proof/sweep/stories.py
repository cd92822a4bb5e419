"""The stories: together they reach every call that any function makes to AWS. `record` plays them all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.proof.sweep import (
    stories_channels,
    stories_doors,
    stories_drafts,
    stories_edits,
    stories_feeds,
    stories_fraud,
    stories_invoices,
    stories_orders,
    stories_outbound,
    stories_payments,
    stories_recovery,
    stories_returns,
    stories_told,
)
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from tests.proof.sweep.world import World


def _told(module: ModuleType) -> dict[str, Callable[[World], None]]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and callable(value)
    }


_MODULES: Final = (
    *(stories_orders, stories_recovery, stories_doors, stories_channels, stories_feeds),
    *(stories_drafts, stories_edits, stories_invoices, stories_payments, stories_outbound, stories_told),
    *(stories_returns, stories_fraud),
)
STORIES: Final = {name: story for module in _MODULES for name, story in _told(module).items()}
"""By name, in the order in which they stand in their modules."""


class Used(NamedTuple):
    """A call that a function made: the service and operation as boto3 has them, what it asked, of which resources."""

    function: str
    """Logical id in the template."""
    service: str
    operation: str
    asked: Mapping[str, Any]
    names: Mapping[str, str]
    """Logical id by what Ref gives, of the world in which the call was made."""


def record(only: Iterable[str] = ()) -> list[Used]:
    """Play every story (or `only` these) without a fault, and give every call that functions made to AWS."""
    used: list[Used] = []
    for name in only or STORIES:
        with world() as w:
            STORIES[name](w)
            names = {value: logical for logical, value in w.cloud.names.items()}
            used += [
                Used(each.function, each.service, each.operation, each.asked, names)
                for each in w.tap.calls
                if each.service != "vendor"
            ]
    return used


def play(name: str, inspect: Callable[[World], Any]) -> Any:
    """Play one story without a fault; what `inspect` says of the world at its end."""
    with world() as w:
        STORIES[name](w)
        return inspect(w)


def snake(function: str) -> str:
    """`take_orders` for `TakeOrders`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()
