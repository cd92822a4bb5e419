"""Move stock for reasons other than an order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.commit import Commit
from oms.domain.errors import IdempotencyKeyReusedError, InvalidInputError, VersionConflictError
from oms.domain.stock import MAX_POSITIONS, StockMoved, StockMovement, stock_deltas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.application.ports import Clock, Log, Reference
    from oms.domain.commit import Cause


@dataclass(frozen=True, slots=True)
class MoveStock:
    """Movements that happen together, once by their key: the commit and the positions in one transaction."""

    log: Log
    reference: Reference
    now: Clock

    def __call__(self, key: str, movements: Sequence[StockMovement], cause: Cause) -> dict[str, Any]:
        """{'movement_id', 'replayed'}.

        Raises InvalidInputError (unknown node or SKU, too many positions), InsufficientStockError,
        IdempotencyKeyReusedError when the key came with other movements.
        """
        event = StockMoved(movements=tuple(movements))
        deltas = stock_deltas([event])
        if not movements or len(deltas) > MAX_POSITIONS:
            raise InvalidInputError("a movement touches 1 to 90 positions", positions=len(deltas))
        self._check(movements)
        movement_id = ids.derive("mov", key)
        stream = f"stock#{movement_id}"
        fingerprint = hashlib.sha256(json.dumps(to_plain(event), sort_keys=True).encode()).hexdigest()
        command_id = ids.command_id("move_stock", key, fingerprint)
        history = self.log.read(stream)
        if not history.commits:
            commit = Commit(
                stream=stream,
                number=1,
                command_id=command_id,
                cause=cause,
                at=self.now(),
                events=(event,),
                previous=history.head,
            )
            try:
                self.log.append(commit, stock=deltas)
            except VersionConflictError:
                history = self.log.read(stream)
            else:
                return {"movement_id": movement_id, "replayed": False}
        if history.find(command_id) is None:
            raise IdempotencyKeyReusedError("this Idempotency-Key was used for other movements")
        return {"movement_id": movement_id, "replayed": True}

    def _check(self, movements: Sequence[StockMovement]) -> None:
        nodes = {node.node_id for node in self.reference.nodes({})}
        unknown = sorted({each.node_id for each in movements} - nodes)
        if unknown:
            raise InvalidInputError("unknown node", nodes=unknown[:10])
        skus = {each.sku for each in movements}
        missing = sorted(skus - self.reference.known_skus(skus))
        if missing:
            raise InvalidInputError("unknown SKU", skus=missing[:10])
