"""How keys are spelled, in every table. Nothing else builds a key.

| table | pk | sk |
|---|---|---|
| events | `order#<id>`, `stock#<id>`, `supply#<id>`, `hold#<id>` | `c#<number, 8 digits>` commit, `s#<fact id>` fact |
| events | `shards#<id>` | `c#<number, 8 digits>` commit |
| events | `invoices#<series>#<year>`, `billing#<order id>` | `c#<number, 8 digits>` commit |
| events | `unique#<key>` | `owner` |
| events, index `by_number` | `number#<number>` | `<placed at>#<order id>` |
| stock | `<sku>` | `<node>#0` |
| stock | `<sku>#<shard>`, of a spread position | `<node>#<shard>` |
| stock | `inbound#<sku>` | `lot#<supply id>` |
| stock | `held#<0-3>` | `<expires at>#<hold id>` |
| contacts | `<customer id>`, of an order without one `<order id>` | `<placed at>#<order id>`, and `…#<edit id>` |
| contacts | `labels#<order id>` | `<return id>` |
| views | `day#<day>#<0-3>` | `<placed at>#<order id>` |
| views | `tracking#<number>`, `return#<tracking number>`, `payment#<ref>` | `<placed at>#<order id>` |
| views | `serial#<serial number>`, `lot#<sku>~<lot>` | `<placed at>#<order id>` |
| views | `work#<node>` | `<fulfillment order id>` |
| views | `returned#<day>` | `<order id>` |
| views | `waiting#<sku>` | `<placed at>#<order id>` |
| views | `<kind>` (quarantine, alert, report, stock_feed) | `<key>` |
| views | `mark` | `<name>` |
| views | `webhook_health` | `<subscription id>` |
| views | `hit#<what>` | `<window>` |
| reference | `kits_of#<component>` | `v` |
| reference | `product#<sku>`, `policy#<name>`, `account#<source>#<account>` | `v` |
| reference | `tariff#main`, `network#<id of its content>` | `v` |
| reference | `policy#<name>` | `v#<version, 8 digits>` |
| reference | `node` | `<node id>` |
| outbound | `<message id>`, `gate#<source>#<account>`, `levels#<source>#<account>` | `v` |
| outbound | `level#<source>#<account>#<sku>` | `v` |
| reference | `webhook` | `<subscription id>` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.canonical import ContactKey

COMMIT_PREFIX: Final = "c#"
FACT_PREFIX: Final = "s#"
LOT_PREFIX: Final = "lot#"
OWNER: Final = "owner"
NOBODY: Final = ""
"""Who holds a key that was let go of."""
ONLY: Final = "v"
MARK: Final = "mark"
WEBHOOK: Final = "webhook"
WEBHOOK_HEALTH: Final = "webhook_health"
LAST_VERSION: Final = 99_999_999
DAY_SHARDS: Final = 4
"""Partitions of the orders of a day: one takes 1,000 write units a second."""
DUE_SHARDS: Final = 4


def policy_pk(name: str) -> str:
    """Partition of a policy: the current one, and every version."""
    return f"policy#{name}"


def version_sk(number: int) -> str:
    """Sort key of a version of a policy."""
    return f"{ONLY}#{number:08d}"


def commit_sk(number: int) -> str:
    """Sort key of a commit: zero-padded, so that text order is number order."""
    return f"{COMMIT_PREFIX}{number:08d}"


def part_sk(commit: str, part: int) -> str:
    """Sort key of a further part of the commit with this sort key: it follows the commit, before the next one."""
    return f"{parts_prefix(commit)}{part:02d}"


def parts_prefix(commit: str) -> str:
    """What the sort keys of all parts of a commit begin with."""
    return f"{commit}#p"


def is_commit_sk(sk: str) -> bool:
    """The sort key is a commit's: not of a part of one, a fact or a guard."""
    return sk.startswith(COMMIT_PREFIX) and "#" not in sk[len(COMMIT_PREFIX) :]


def fact_sk(fact_id: str) -> str:
    """Sort key of a fact."""
    return f"{FACT_PREFIX}{fact_id}"


def unique_pk(key: str) -> str:
    """Partition of a key that only one stream may hold."""
    return f"unique#{key}"


def position_sk(node_id: str, shard: int = 0) -> str:
    """Sort key of a position's row."""
    return f"{node_id}#{shard}"


def position_pk(sku: str, shard: int = 0) -> str:
    """Partition of a position's row: one of its own for each further row, for a partition is what is limited."""
    return f"{sku}#{shard}" if shard else sku


def position_of(pk: str, sk: str) -> tuple[str, str, int]:
    """SKU, node and shard of a position's row."""
    node_id, _, shard = sk.rpartition("#")
    return (pk.removesuffix(f"#{shard}") if shard != "0" else pk), node_id, int(shard)


def lots_pk(sku: str) -> str:
    """Partition of a SKU's lots that are to come. Shared with the positions of a SKU of that name, if there is one."""
    return f"inbound#{sku}"


def lot_sk(supply_id: str) -> str:
    """Sort key of a lot."""
    return f"{LOT_PREFIX}{supply_id}"


def held_pk(hold_id: str) -> str:
    """Partition of open holds of stock by when they end. Shared with the positions of a SKU of that name."""
    return f"held#{_shard(hold_id, DUE_SHARDS)}"


def held_pks() -> list[str]:
    """All partitions of open holds."""
    return [f"held#{shard}" for shard in range(DUE_SHARDS)]


def contact_key(where: ContactKey) -> tuple[str, str]:
    """Partition and sort key of an order's contact."""
    edit = f"#{where.edit_id}" if where.edit_id else ""
    return where.customer_id or where.order_id, at_sk(instant(where.placed_at), where.order_id) + edit


def labels_pk(order_id: str) -> str:
    """Partition of an order's labels: apart from its contact, for orders are listed by the keys of contacts."""
    return f"labels#{order_id}"


def _shard(order_id: str, shards: int) -> int:
    return sum(order_id.encode()) % shards


def day_pk(placed_at: str, order_id: str) -> str:
    """Partition of an order's row: of the UTC day it was placed on."""
    return f"day#{day_of(placed_at)}#{_shard(order_id, DAY_SHARDS)}"


def day_pks(day: str) -> list[str]:
    """All partitions of a day's orders."""
    return [f"day#{day}#{shard}" for shard in range(DAY_SHARDS)]


def at_sk(at: str, order_id: str) -> str:
    """Sort key that keeps an index partition in time order."""
    return f"{at}#{order_id}"


def day_of(at: str) -> str:
    """The UTC day of an ISO 8601 instant."""
    return at[:10]


def stage_pk(stage: str, at: str) -> str:
    """Index partition of a stage on the day its orders were placed."""
    return f"stage#{stage}#{day_of(at)}"


def number_pk(number: str) -> str:
    """Index partition of the orders that their channels gave this number."""
    return f"number#{number}"


def lookup_pk(kind: str, value: str) -> str:
    """Partition of a tracking number, payment reference, serial number or lot."""
    return f"{kind}#{value}"


def work_pk(node_id: str) -> str:
    """Partition of a node's fulfillment orders."""
    return f"work#{node_id}"


def open_work_pk(node_id: str, status: str) -> str:
    """Index partition of what a node still has to do."""
    return f"open#{node_id}#{status}"


def waiting_pk(sku: str) -> str:
    """Partition of orders that wait for a SKU."""
    return f"waiting#{sku}"


def due_pk(order_id: str) -> str:
    """Index partition of due work; a few of them, so that none grows hot."""
    return f"due#{_shard(order_id, DUE_SHARDS)}"


def due_pks() -> list[str]:
    """All partitions of due work."""
    return [f"due#{shard}" for shard in range(DUE_SHARDS)]


def newest_pk(kind: str) -> str:
    """Index partition of a kind's rows by time."""
    return f"newest#{kind}"


def look_pk(kind: str) -> str:
    """Index partition of a kind's rows that are to be looked at."""
    return f"look#{kind}"


def instant(at: datetime) -> str:
    """An instant as keys carry it: ISO 8601 UTC with microseconds, so that text order is time order."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
