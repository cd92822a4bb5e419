"""What became of the orders, read from the raw log and the raw stock, against what the driver itself sent and loaded.

No view, no API and no fold of the system's is asked: events are counted as they are stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.commit_item import commit_from_item
from oms.domain.order import events as ev
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.proof.cost.path import Journey

COMMIT: Final = "c#"


@dataclass(kw_only=True)
class Facts:
    """What the log says of one order: units by SKU, deliveries by tracking number."""

    placed: list[str] = field(default_factory=list)
    ordered: Counter[str] = field(default_factory=Counter)
    reserved: Counter[str] = field(default_factory=Counter)
    shipped: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    skus: dict[str, str] = field(default_factory=dict)
    parcels: dict[str, str] = field(default_factory=dict)

    def take(self, event: object) -> None:
        """One event."""
        match event:
            case ev.OrderPlaced():
                self.placed.append(event.external_id)
                for line in event.lines:
                    self.skus[line.line_id] = line.sku
                    self.ordered[line.sku] += line.quantity
            case ev.LinesReserved():
                for each in event.units:
                    self.reserved[self.skus[each.line_id]] += each.quantity
            case ev.ShipmentShipped():
                for parcel in event.parcels:
                    self.parcels[parcel.parcel_id] = parcel.tracking_number
                    for each in parcel.units:
                        self.shipped[self.skus[each.line_id]] += each.quantity
            case ev.ParcelStatusChanged() if event.status is ParcelStatus.DELIVERED:
                self.delivered[self.parcels.get(event.parcel_id, "")] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Orders that are not, or not to the end; orders or movements too many; units promised that there were not."""

    orders: int
    lost: int
    duplicated: int
    oversold: int

    def document(self) -> dict[str, int]:
        """As JSON."""
        return {name: getattr(self, name) for name in ("orders", "lost", "duplicated", "oversold")}


def facts_of(log: Iterable[Mapping[str, Any]]) -> dict[str, Facts]:
    """By order id."""
    found: dict[str, Facts] = {}
    items = [each for each in log if each["sk"]["S"].startswith(COMMIT) and each["pk"]["S"].startswith("order#")]
    for item in sorted(items, key=lambda each: (each["pk"]["S"], each["sk"]["S"])):
        facts = found.setdefault(item["pk"]["S"].removeprefix("order#"), Facts())
        for event in commit_from_item(item).events:
            facts.take(event)
    return found


def judge(
    sent: Mapping[str, Journey],
    loaded: Mapping[str, int],
    log: Iterable[Mapping[str, Any]],
    stock: Iterable[Mapping[str, Any]],
) -> Verdict:
    """`sent` is by order id, `loaded` units by SKU; `log` and `stock` are raw items."""
    found = facts_of(log)
    lost = duplicated = 0
    for order_id, journey in sent.items():
        facts, wanted = found.get(order_id, Facts()), Counter(journey.skus)
        whole = facts.placed[:1] == [journey.external_id] and facts.ordered >= wanted
        lost += not (whole and facts.shipped >= wanted and facts.delivered[journey.tracking] > 0)
        twice = len(facts.placed) > 1 or not facts.shipped <= wanted or not facts.reserved <= wanted
        duplicated += twice or max(facts.delivered.values(), default=0) > 1
    duplicated += len(found.keys() - sent.keys())
    return Verdict(orders=len(sent), lost=lost, duplicated=duplicated, oversold=_oversold(found, loaded, stock))


def _oversold(found: Mapping[str, Facts], loaded: Mapping[str, int], stock: Iterable[Mapping[str, Any]]) -> int:
    """Units promised beyond what was loaded, by the log; and what the stock has below nothing."""
    promised: Counter[str] = Counter()
    for facts in found.values():
        promised.update(facts.reserved)
    beyond = sum(max(0, units - loaded.get(sku, 0)) for sku, units in promised.items())
    counts = [int(typed["N"]) for item in stock for typed in item.values() if "N" in typed]
    return beyond - sum(count for count in counts if count < 0)
