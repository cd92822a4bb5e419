"""What can be promised now, of many SKUs at many nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.offering import offered
from oms.application.stock import check_known
from oms.domain.buffers import NO_BUFFERS, POLICY, read_buffers
from oms.domain.codec import to_plain
from oms.domain.errors import TooManyPositionsError
from oms.domain.frozen import frozen
from oms.domain.kits import able, stock_skus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.application.ports import Clock, Reference, Stock

MAX_SKUS: Final = 100
MAX_READ: Final = 400
"""SKUs that are read for them: a kit is what its components are."""
MAX_NODES: Final = 200


@frozen(kw_only=False)
class ShowAvailability:
    """One read per SKU kept in stock, whatever the number of nodes."""

    stock: Stock
    reference: Reference
    now: Clock

    def kit(self, sku: str) -> dict[str, Any]:
        """{'available', 'components'} of a kit, at all active nodes; nothing of any other SKU."""
        if not self.reference.made_of([sku]).get(sku):
            return {}
        told = self([sku])[0]
        return {"available": told["available"], "components": told["components"]}

    def __call__(
        self, skus: Sequence[str], node_ids: Sequence[str] = (), channel: str = "", account: str = ""
    ) -> list[dict[str, Any]]:
        """[{'sku', 'available', 'on_hand', 'in_transit', 'nodes': {node: available}}], in the order of `skus`.

        No nodes means all that are active. What an inactive node has cannot be promised, and counts as none available.
        For a channel, or an account of it, `available` is what that may take: its buffers left, and units of its pools
        with it. Units of lots that are over are nobody's. A kit is there as often as each node has all
        of its `components`, which its entry names; it has no stock of its own. Raises NoSuchSkuError, NoSuchNodeError,
        TooManyPositionsError.
        """
        active = {each.node_id for each in self.reference.nodes({}) if not each.excluded}
        nodes = list(dict.fromkeys(node_ids)) or sorted(active)
        wanted = list(dict.fromkeys(skus))
        if len(wanted) > MAX_SKUS or len(nodes) > MAX_NODES:
            raise TooManyPositionsError(
                "too many SKUs or nodes for one call", skus=len(wanted), nodes=len(nodes), limits=[MAX_SKUS, MAX_NODES]
            )
        made_of = check_known(self.reference, nodes, wanted)
        kept = stock_skus(made_of)
        if len(kept) > MAX_READ:
            raise TooManyPositionsError(
                "too many components for one call", skus=len(kept), limits=[MAX_READ, MAX_NODES]
            )
        found: dict[str, dict[str, Any]] = {
            sku: {"sku": sku, "available": 0, "on_hand": 0, "in_transit": 0, "nodes": dict.fromkeys(nodes, 0)}
            for sku in wanted
        }
        have: dict[str, dict[str, int]] = {node: {} for node in nodes}
        offer = offered(self.stock.look(kept), self.reference, channel, account, self.now())
        buffers = read_buffers(self.reference.policy(POLICY)) if channel else NO_BUFFERS
        for at in buffers.offered(offer.positions, channel):
            if at.node_id not in have:
                continue
            have[at.node_id][at.sku] = at.promisable + offer.pooled(at) if at.node_id in active else 0
            if at.sku in found:
                found[at.sku]["on_hand"] += at.on_hand
                found[at.sku]["in_transit"] += at.in_transit
        for sku, told in found.items():
            told["nodes"] = {node: able(have[node], sku, made_of[sku]) for node in nodes}
            told["available"] = sum(told["nodes"].values())
            if made_of[sku]:
                told["components"] = to_plain(made_of[sku])
        return list(found.values())
