"""What stops an order, and lets it go on. Part of `events`, by whose name they are known."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime  # noqa: TC003 - the codec reads the annotations at run time
from enum import StrEnum
from typing import Any

from oms.domain.frozen import frozen
from oms.domain.kits import Components  # noqa: TC001 - the same


class OnExpiry(StrEnum):
    """What happens to a hold of which nobody has decided in time."""

    RELEASE = "release"
    """The order goes on."""
    CANCEL = "cancel"
    """What the hold stopped, and has not left, is cancelled."""
    ESCALATE = "escalate"
    """It stays, and a person is told that it is overdue."""


@frozen
class HoldPlaced:
    """The order, or only `lines`, may not progress.

    What applies to a hold is kept with it, so that a policy that is changed later changes nothing of it. `by` is a
    pseudonym of the person who placed it, '' for a rule.
    """

    hold_id: str
    kind: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    decision: dict[str, Any] = field(default_factory=dict)
    """Why: the sourcing that asked for a person, or the score; {} where `reason` says all."""
    expires_at: datetime | None = None
    on_expiry: OnExpiry = OnExpiry.ESCALATE
    release_by: tuple[str, ...] = ()
    """Roles of which one may release it; () any that may release holds."""
    second_person: bool = False
    """Whoever placed it may not release it."""
    by: str = ""


@frozen
class HoldReleased:
    """A hold ended. `components`: what its line turned out to be made of, where it waited for its SKU to be known."""

    hold_id: str
    components: Components = ()
    serialized: tuple[str, ...] = ()
    """Likewise the SKUs whose units have serial numbers."""
    reason: str = ""
    by: str = ""
    """A pseudonym of the person who released it."""


@frozen
class HoldEscalated:
    """Its time was over, nobody had decided, and a person was told. It stays until somebody does."""

    hold_id: str
