"""Take in what is told of supply that is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.stock import check_stocked
from oms.domain import ids
from oms.domain.commit import Commit
from oms.domain.errors import ContentionError, IdempotencyKeyReusedError, VersionConflictError
from oms.domain.frozen import frozen
from oms.domain.stock import stock_deltas
from oms.domain.supply import SupplyKind, decide_supply, fold_lot

if TYPE_CHECKING:
    from oms.application.ports import Clock, Log, Reference
    from oms.domain.commit import Cause
    from oms.domain.supply import SupplyChange

ATTEMPTS: Final = 8


@frozen(kw_only=False)
class TakeSupply:
    """One change of a lot, once by its key: commit, lot, and the stock that was received, in one transaction."""

    log: Log
    reference: Reference
    now: Clock

    def __call__(self, key: str, change: SupplyChange, cause: Cause) -> dict[str, Any]:
        """{'lot': as it stands, 'replayed'}.

        Raises InvalidInputError (fields that do not fit, unknown node or SKU, a kit), SupplyNotFoundError,
        InvalidTransitionError, IdempotencyKeyReusedError, ContentionError.
        """
        if change.kind is SupplyKind.EXPECTED:
            check_stocked(self.reference, [change.node_id], [change.sku])
        stream = f"supply#{ids.derive('sup', change.supply_id)}"
        command_id = ids.command_id("take_supply", change.supply_id, key)
        for _ in range(ATTEMPTS):
            history = self.log.read(stream)
            lot = fold_lot(history.events())
            done = history.find(command_id)
            if done is not None:
                if done.cause.ref != cause.ref:
                    raise IdempotencyKeyReusedError("this Idempotency-Key was used for another request")
                return {"lot": lot, "replayed": True}
            events = decide_supply(lot, change)
            after = fold_lot(events, lot)
            commit = Commit(
                stream=stream,
                number=history.number + 1,
                command_id=command_id,
                cause=cause,
                at=self.now(),
                events=events,
                previous=history.head,
            )
            try:
                self.log.append(commit, stock=stock_deltas(events), lots=[after] if after else [])
            except VersionConflictError:
                continue
            return {"lot": after, "replayed": False}
        raise ContentionError("too many writers on one supply", supply_id=change.supply_id)
