"""What channels were told, by their own record: it must be what one clean run tells, each once, and nothing else."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import ROOT
from infra.local.sandbox.shopify_told import LOCATION
from infra.local.told import TOLD
from oms.adapters.dynamodb_reference import DynamoReference
from oms.application.intake import OUTBOUND
from oms.channels.outward import kinds, sources
from oms.domain import buffers
from oms.domain.channel_dues import POLICY, Kind
from oms.domain.stock import stock_deltas
from tests.proof.chaos.cast import SELLER
from tests.proof.chaos.deeds import CANCEL, DEEDS, REFUND, SHIP, tracking_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from infra.local.sandbox import Sandbox
    from infra.local.system import System
    from oms.domain.commit import StoredCommit
    from oms.domain.stock import StockDelta
    from tests.proof.chaos.cast import World
    from tests.proof.invariants.evidence import Row

STOCKED: Final = tuple(source for source in sources() if Kind.STOCK in kinds(source))
LISTINGS: Final = {
    row["sku"]: f"MLB{10_000 + place}"
    for place, row in enumerate(csv.DictReader((ROOT / "events/demo/products.csv").read_text("utf-8").splitlines()))
}
"""Of Mercado Libre, by SKU."""
SKU_OF: Final = {listing: sku for sku, listing in LISTINGS.items()}
FOLLOWS: Final = frozenset({("shopify", "refund", "6303000000103", "")})
"""What else is told because of a deed: the money of an order that is cancelled goes back."""
_OF_ITS_WORLD: Final = frozenset({"at", "account", "note"})
KEPT_BACK: Final = 3
"""Units of each position that no channel may take."""
FOLLOWED: Final = "https://tracking.example/{number}"
SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    **TOLD,
    "mercadolibre": {"tracking_urls": {"UPS": FOLLOWED}},
    "shopify": {"location": str(LOCATION)},
    "magento": {"api_refund": False},
    "amazon": {**TOLD["amazon"], "seller": SELLER, "marketplace": "ATVPDKIKX0DER"},
}
MODES: Final = {"2000009100000101": "me1", "2000009100000103": "custom"}
"""How orders of Mercado Libre are shipped here: by labels of its own it would know of the parcels by itself."""
ACKNOWLEDGED: Final = frozenset({("walmart", "1796200000101"), ("meta-commerce", "3565497390170101")})
"""Orders whose channel wants to hear that they were taken in."""
_KIND: Final = {SHIP: "fulfillment", CANCEL: "cancellation", REFUND: "refund"}


@dataclass(frozen=True, slots=True)
class Levels:
    """Whose stock is told: one channel of one world at a time, each channel in its turn."""

    world: str
    source: str


def tell(system: System, worlds: Iterable[World], stock: Levels | None = None) -> None:
    """Have the channels of these worlds told everything that they have words for, but stock only where it is said."""
    accounts = {}
    for world in worlds:
        for source in sources():
            told = [each.value for each in kinds(source) if each is not Kind.STOCK]
            settings: dict[str, Any] = {**SETTINGS[source], "tell": sorted(told)}
            if stock == Levels(world.name, source):
                settings["tell"].append(Kind.STOCK.value)
                settings["listings"] = LISTINGS
            accounts[f"{source}/{world.account(source)}"] = settings
    reference = DynamoReference(system.client("dynamodb"), system.outputs["ReferenceTable"])
    reference.put("policy", POLICY, {"accounts": accounts})
    reference.put("policy", buffers.POLICY, {"rules": [{"units": KEPT_BACK}]})


def told_of(sandbox: Sandbox, world: str) -> list[dict[str, Any]]:
    """Everything that a world's channels were told of orders, without what differs from world to world."""
    return [
        {
            name: str(value).replace(world, "").replace(world.upper(), "") if name == "tracking" else value
            for name, value in each.items()
            if name not in _OF_ITS_WORLD
        }
        for each in sandbox.told
        if each.get("account") == world and each["kind"] != Kind.STOCK.value
    ]


def told_facts(sandbox: Sandbox, world: str) -> dict[str, int]:
    """How often each was told."""
    return dict(Counter(json.dumps(each, sort_keys=True) for each in told_of(sandbox, world)))


def not_as_done(sandbox: Sandbox, world: str) -> Iterator[str]:
    """What was told of a world's orders and is not what was done to them, each once."""
    told: Counter[tuple[str, ...]] = Counter()
    for each in told_of(sandbox, world):
        told[each["vendor"], each["kind"], each["order"], each.get("tracking", "")] += 1
    wanted: Counter[tuple[str, ...]] = Counter(
        (source, Kind.ACKNOWLEDGEMENT.value, number, "") for source, number in ACKNOWLEDGED
    )
    for source, orders in DEEDS.items():
        for number, deeds in orders.items():
            for deed in deeds:
                tracking = tracking_of("", source, number) if deed == SHIP else ""
                wanted[source, _KIND[deed], number, tracking] += 1
    wanted.update(FOLLOWS)
    for missing in (wanted - told).elements():
        yield f"untold: {missing}"
    for more in (told - wanted).elements():
        yield f"told and not done: {more}"


def unlike_levels(
    sandbox: Sandbox,
    levels: Levels,
    streams: Mapping[str, Sequence[StoredCommit]],
    positions: Mapping[tuple[str, str], StockDelta],
) -> Iterator[str]:
    """Of each SKU that orders moved, the level told last is what can be sold, less what is kept back."""
    last: dict[str, int] = {}
    for each in sandbox.told:
        if (each.get("account"), each["vendor"], each["kind"]) == (levels.world, levels.source, Kind.STOCK.value):
            last[each.get("sku") or SKU_OF[each["listing"]]] = each["units"]
    moved = {
        delta.sku
        for stored in streams.values()
        for commit in stored
        for delta in stock_deltas(commit.commit.events)
        if delta.available
    }
    for sku in sorted(moved):
        at = [each for (name, _), each in positions.items() if name == sku]
        wanted = sum(max(0, each.available - KEPT_BACK) for each in at if not each.short)
        if levels.source == "mercadolibre" and sku not in LISTINGS:
            continue
        if last.get(sku) != wanted:
            yield f"levels: {levels.source} was told {last.get(sku)} of {sku} last, and {wanted} can be sold"


def parked_name(key: str, row: Row) -> str:
    """What a channel could not be told has the same name in every world."""
    if row.row.get("source") != OUTBOUND:
        return key
    source, number = str(row.row.get("account")).partition("/")[0], row.row.get("detail", {}).get("number")
    return f"{OUTBOUND} {source} {row.row.get('topic')} {number}"
