"""Take in what is told of supply that is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.exactly_once import Aggregate, Asked, Read, run_once
from oms.application.stock import check_stocked
from oms.domain import ids
from oms.domain.errors import SupplyNotFoundError
from oms.domain.frozen import frozen
from oms.domain.stock import stock_deltas
from oms.domain.supply import SupplyKind, decide_supply, fold_lot

if TYPE_CHECKING:
    from oms.application.ports import Clock, Log, Reference
    from oms.domain.commit import Cause, Commit
    from oms.domain.supply import Lot, SupplyChange


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

        def read() -> Read[Lot]:
            history = self.log.read(stream)
            return Read(state=fold_lot(history.events()), history=history)

        def append(commit: Commit, _before: Lot | None, after: Lot) -> Commit:
            self.log.append(commit, stock=stock_deltas(commit.events), lots=[after])
            return commit

        aggregate = Aggregate(
            read=read,
            fold=fold_lot,
            append=append,
            now=self.now,
            missing=SupplyNotFoundError,
            named={"supply_id": change.supply_id},
        )

        def asked(_: Read[Lot]) -> Asked[Lot]:
            return Asked(command_id=command_id, decide=lambda lot, _: decide_supply(lot, change))

        ran = run_once(aggregate, asked, cause)
        return {"lot": ran.state, "replayed": ran.replayed}
