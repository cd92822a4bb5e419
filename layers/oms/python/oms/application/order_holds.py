"""Holds that people place on orders: of a kind that the merchant's policy knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain import ids
from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.hold_kinds import hold_of, read_kinds
from oms.domain.order.commands import PlaceHold
from oms.domain.screening import POLICY, in_force

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from oms.application.orders import Loaded, Orders, Outcome
    from oms.application.ports import Clock, Reference
    from oms.domain.commit import Cause
    from oms.domain.order.events import OnExpiry


@frozen
class HoldAsked:
    """What somebody asks for; what he leaves out, the kind says. `by` is his pseudonym."""

    kind: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    expires_at: datetime | None = None
    expires_in: timedelta | None = None
    on_expiry: OnExpiry | None = None
    by: str = ""


@frozen(kw_only=False)
class PlaceOrderHold:
    """A hold, once by the key of whoever asks."""

    orders: Orders
    reference: Reference
    now: Clock

    def __call__(self, order_id: str, key: str, asked: HoldAsked, cause: Cause) -> Outcome:
        """The order with its hold.

        Raises InvalidInputError (unknown kind or line, a time that is over), OrderNotFoundError,
        IdempotencyKeyReusedError.
        """
        kinds = read_kinds(in_force(self.reference.policy(POLICY)))
        if asked.kind not in kinds:
            raise InvalidInputError("unknown kind of hold", allowed=sorted(kinds))
        command_id, hold_id = ids.command_id("api", "hold", order_id, key), ids.derive("hld", order_id, key)

        def command(loaded: Loaded) -> PlaceHold:
            if loaded.history.find(command_id):  # asked again: what was placed then counts, whatever time it is now
                return PlaceHold(command_id=command_id, hold_id=hold_id, kind=asked.kind)
            now = self.now()
            expires_at = asked.expires_at or (now + asked.expires_in if asked.expires_in else None)
            hold = hold_of(
                asked.kind,
                kinds[asked.kind],
                hold_id,
                now,
                reason=asked.reason,
                lines=asked.lines,
                expires_at=expires_at,
                on_expiry=asked.on_expiry,
                by=asked.by,
            )
            return PlaceHold(
                command_id=command_id,
                hold_id=hold_id,
                kind=hold.kind,
                reason=hold.reason,
                lines=hold.lines,
                expires_at=hold.expires_at,
                on_expiry=hold.on_expiry,
                release_by=hold.release_by,
                second_person=hold.second_person,
                by=hold.by,
            )

        return self.orders.execute(order_id, command, cause)
