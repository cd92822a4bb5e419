"""What can be promised now, of many SKUs at many nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.stock import check_known
from oms.domain.buffers import POLICY, read_buffers
from oms.domain.errors import TooManyPositionsError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.application.ports import Reference, Stock

MAX_SKUS: Final = 100
MAX_NODES: Final = 200


@frozen(kw_only=False)
class ShowAvailability:
    """One read per SKU, whatever the number of nodes."""

    stock: Stock
    reference: Reference

    def __call__(self, skus: Sequence[str], node_ids: Sequence[str] = (), channel: str = "") -> list[dict[str, Any]]:
        """[{'sku', 'available', 'on_hand', 'in_transit', 'nodes': {node: available}}], in the order of `skus`.

        No nodes means all that are active. What an inactive node has cannot be promised, and counts as none available.
        For a channel, `available` is what that may take, its buffers left. Raises NoSuchSkuError, NoSuchNodeError,
        TooManyPositionsError.
        """
        active = {each.node_id for each in self.reference.nodes({}) if not each.excluded}
        nodes = list(dict.fromkeys(node_ids)) or sorted(active)
        wanted = list(dict.fromkeys(skus))
        if len(wanted) > MAX_SKUS or len(nodes) > MAX_NODES:
            raise TooManyPositionsError(
                "too many SKUs or nodes for one call", skus=len(wanted), nodes=len(nodes), limits=[MAX_SKUS, MAX_NODES]
            )
        check_known(self.reference, nodes, wanted)
        found = {
            sku: {"sku": sku, "available": 0, "on_hand": 0, "in_transit": 0, "nodes": dict.fromkeys(nodes, 0)}
            for sku in wanted
        }
        found_at = self.stock.look(wanted)
        for at in read_buffers(self.reference.policy(POLICY)).offered(found_at, channel) if channel else found_at:
            told: dict[str, Any] = found[at.sku]
            if at.node_id not in told["nodes"]:
                continue
            available = at.promisable if at.node_id in active else 0
            told["nodes"][at.node_id] = available
            told["available"] += available
            told["on_hand"] += at.on_hand
            told["in_transit"] += at.in_transit
        return list(found.values())
