"""Kinds of holds, and what applies to each: data, with what holds for a merchant who says nothing.

In the policy `screening`, beside the rules: {"kinds": {"payment": {"expires_in": seconds, "on_expiry": "release" |
"cancel" | "escalate", "release_by": [roles], "second_person": true}}}. A kind that is named there counts instead of the
one here, and one that is not here becomes one that people may ask for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.order.hold_facts import HoldPlaced, OnExpiry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@frozen
class HoldKind:
    """What applies to holds of a kind unless whoever places one says otherwise; without `lasts` they wait for ever."""

    lasts: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.ESCALATE
    release_by: tuple[str, ...] = ()
    second_person: bool = False


MANUAL: Final = "manual"
REMORSE: Final = "remorse"
FRAUD: Final = "fraud"
BUILT_IN: Final[Mapping[str, HoldKind]] = {
    MANUAL: HoldKind(),
    FRAUD: HoldKind(lasts=timedelta(days=2)),
    "review": HoldKind(lasts=timedelta(days=2)),
    "address": HoldKind(lasts=timedelta(days=3)),
    "credit": HoldKind(lasts=timedelta(days=3)),
    "payment": HoldKind(lasts=timedelta(days=3)),
    "customer_request": HoldKind(lasts=timedelta(days=14)),
    REMORSE: HoldKind(lasts=timedelta(minutes=30), on_expiry=OnExpiry.RELEASE),
    "dispute": HoldKind(release_by=("finance",)),
}


def read_kinds(policy: Mapping[str, Any]) -> dict[str, HoldKind]:
    """The kinds of a merchant: those of his policy, and the built-in ones that it does not name."""
    return {**BUILT_IN, **{str(name): _kind(told) for name, told in policy.get("kinds", {}).items()}}


def _kind(told: Mapping[str, Any]) -> HoldKind:
    seconds = int(told.get("expires_in", 0))
    return HoldKind(
        lasts=timedelta(seconds=seconds) if seconds else None,
        on_expiry=OnExpiry(told.get("on_expiry", OnExpiry.ESCALATE)),
        release_by=tuple(str(role) for role in told.get("release_by", ())),
        second_person=bool(told.get("second_person")),
    )


def hold_of(  # noqa: PLR0913 - what a hold is
    kind: str,
    applies: HoldKind,
    hold_id: str,
    now: datetime,
    *,
    reason: str = "",
    lines: tuple[str, ...] = (),
    expires_at: datetime | None = None,
    on_expiry: OnExpiry | None = None,
    by: str = "",
    decision: Mapping[str, Any] | None = None,
) -> HoldPlaced:
    """A hold as its kind has it; `expires_at` and `on_expiry` where somebody says otherwise. `by`: a pseudonym.

    Raises InvalidInputError for a time that is over.
    """
    until = expires_at or (now + applies.lasts if applies.lasts else None)
    if until and until <= now:
        raise InvalidInputError("a hold cannot end before it begins", expires_at=until.isoformat())
    return HoldPlaced(
        hold_id=hold_id,
        kind=kind,
        reason=reason,
        lines=lines,
        expires_at=until,
        on_expiry=on_expiry or applies.on_expiry,
        release_by=applies.release_by,
        second_person=applies.second_person,
        by=by,
        decision=dict(decision or {}),
    )
