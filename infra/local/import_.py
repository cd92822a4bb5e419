"""`make import KIND=products|nodes|tariff|stock|buffers|pools|entities|tax_rates FILE=… [DRY=1]`: master data, stock.

Every row is checked before any is written; what is wrong is printed by line, and then nothing is imported. Importing
the same file twice changes nothing: products and nodes are compared, stock movements carry a key made of the file. A
file of buffers, of pools, of entities or of rates of taxes is all of them: it takes the place of what was there.
Orders: `infra.local.import_orders`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local import import_orders, import_taxes
from infra.local.import_rows import COLUMNS, OTHERS, kits, read_rows, tariff_of
from infra.local.system import System, SystemMissingError, find
from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.dynamodb_reference import DynamoReference
from oms.application.stock import MoveStock
from oms.domain.buffers import POLICY as BUFFERS
from oms.domain.buffers import read_buffers
from oms.domain.commit import Cause
from oms.domain.entities import POLICY as ENTITIES
from oms.domain.entities import read_entities
from oms.domain.errors import OmsError
from oms.domain.kits import kit_problems
from oms.domain.pools import POLICY as POOLS
from oms.domain.pools import read_pools
from oms.entrypoints.wiring import now

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH: Final = 50
WHOLE: Final[dict[str, tuple[Callable[[dict[str, Any]], Any], str]]] = {
    "buffers": (read_buffers, BUFFERS),
    "pools": (read_pools, POOLS),
    "entities": (read_entities, ENTITIES),
}
"""Kinds of which a file is all there is: how it is read, and the policy that it becomes."""


def _kits_beside(system: System, rows: list[dict[str, Any]]) -> list[str]:
    """What is wrong with kits beside what is there: other kits, components that nobody knows, stock of their own."""
    found = kits(rows)
    dynamodb = system.client("dynamodb")
    reference = DynamoReference(dynamodb, system.outputs["ReferenceTable"])
    named = {row["sku"] for row in rows}
    others = {sku: [each.sku for each in made_of] for sku, made_of in reference.kits().items() if sku not in named}
    problems = [f"{sku}: {problem}" for sku, problem in kit_problems(found, others)]
    wanted = {part for parts in found.values() for part in parts} - named
    unknown = wanted - reference.made_of(wanted).keys()
    problems += [
        f"{sku}: no such component: {part}" for sku, parts in found.items() for part in sorted({*parts} & unknown)
    ]
    stocked = {each.sku for each in DynamoStock(dynamodb, system.outputs["StockTable"]).positions(found)}
    return problems + [
        f"{sku}: it has, or had, stock of its own; a kit needs a SKU of its own" for sku in sorted(stocked)
    ]


def load(system: System, kind: str, rows: list[dict[str, Any]], fingerprint: str) -> dict[str, int]:
    """Write the rows; {'written', 'unchanged'}. Raises OmsError."""
    dynamodb = system.client("dynamodb")
    reference = DynamoReference(dynamodb, system.outputs["ReferenceTable"])
    done = {"written": 0, "unchanged": 0}
    if kind in WHOLE:
        rules = {"rules": rows}
        read, name = WHOLE[kind]
        read(rules)
        done["written" if reference.put("policy", name, rules) else "unchanged"] += len(rows)
        return done
    if kind == import_taxes.KIND:
        return import_taxes.put_rates(reference, rows)
    if kind == "tariff":
        done["written" if reference.put("tariff", "main", tariff_of(rows)) else "unchanged"] += 1
    elif kind != "stock":
        single, key = ("product", "sku") if kind == "products" else ("node", "node_id")
        before = reference.kits() if kind == "products" else {}
        for row in rows:
            done["written" if reference.put(single, row[key], row) else "unchanged"] += 1
            if kind == "nodes":
                reference.keep_network()
        if kind == "products":
            reference.keep_kits(before)
    if kind != "stock":
        reference.keep_network()
        return done
    move = MoveStock(DynamoLog(dynamodb, system.outputs["EventsTable"], system.outputs["StockTable"]), reference, now)
    for start in range(0, len(rows), BATCH):
        part = [row["movement"] for row in rows[start : start + BATCH]]
        key = f"import:{fingerprint}:{start}"
        replayed = move(key, part, Cause(kind="api", ref=key, actor="import"))["replayed"]
        done["unchanged" if replayed else "written"] += len(part)
    return done


def import_file(system: System, kind: str, file: Path, *, dry: bool = False) -> tuple[dict[str, int], list[str]]:
    """(counts, problems by line); nothing is written when there is a problem, or on a dry run."""
    raw = file.read_bytes()
    rows, problems = read_rows(kind, raw.decode("utf-8-sig").splitlines())
    if kind == "products" and not problems and kits(rows):
        problems = _kits_beside(system, rows)
    if problems or dry:
        return {"checked": len(rows) + len(problems), "written": 0}, problems
    return load(system, kind, rows, hashlib.sha256(raw).hexdigest()[:24]), []


def main(arguments: list[str]) -> int:
    """Import; 1 when rows are wrong, 2 when the command is."""
    kinds = {**COLUMNS, "orders": import_orders.COLUMNS}
    if len(arguments) != 2 or arguments[0] not in kinds:  # noqa: PLR2004 - kind and file
        print(f"usage: make import KIND={'|'.join(kinds)} FILE=rows.csv [DRY=1]", file=sys.stderr)
        for kind, columns in kinds.items():
            others = "".join(f"[,{each}]" for each in {**OTHERS, "orders": import_orders.OTHERS}.get(kind, ()))
            print(f"  {kind}: {','.join(columns)}{others}", file=sys.stderr)
        return 2
    kind, file, dry = arguments[0], Path(arguments[1]), bool(os.environ.get("DRY"))
    try:
        if kind == "orders":
            account = os.environ.get("ACCOUNT") or import_orders.ACCOUNT
            counts, problems = import_orders.import_orders(find(), file, account, dry=dry)
        else:
            counts, problems = import_file(find(), kind, file, dry=dry)
    except (SystemMissingError, OSError, UnicodeDecodeError, OmsError) as error:
        print(f"nothing more was imported: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
