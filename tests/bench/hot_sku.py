"""One SKU that everybody wants: how many reservations a second, and whether each unit is sold once.

`make bench NAME=hot_sku`: `simulated`, 100,000 buyers for 10,000 units of one SKU at one node, in virtual time. Each
order is promised by the product's own step, commit included, over DynamoDB's limits (`tests/proof/hot/limits.py` says
which, and what is assumed): 1,000 functions at a time, the position in one row at first. Then `engine`, 400 buyers of
40 units over HTTP on the local engine. `single_shard_per_s` is the same with the position kept in one row (simulated:
fewer buyers, since it takes so long); above 500 the simulation would be wrong, for a row takes 1,000 write units a
second and a transaction needs two.

- `attempts`: transactions sent to bind units (`engine`: orders);
- `stranded`: "sold out" was answered while a unit was free (`engine`: units free at the end, as many were refused);
- `reservations_per_s`: units sold, from the first order to the last unit.

`ARGS="--buyers N --units N"`; `--seed N`; `--engine 0` for none. The last line is JSON; the exit status is 1 when more
or less was sold than there was, one refusal in a thousand was wrong, or a row took more than it can.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from tests.proof.hot.sale import Sale

if TYPE_CHECKING:
    from collections.abc import Mapping

SINGLE_BUYERS: Final = 4000
SINGLE_UNITS: Final = 2000
ROW_PER_S: Final = 500
STRANDED: Final = 0.001


def simulated(buyers: int, units: int, seed: int) -> dict[str, Any]:
    """Both sales in virtual time."""
    began = time.process_time()
    found = Sale(buyers, units, seed).run()
    single = Sale(min(buyers, SINGLE_BUYERS), min(units, SINGLE_UNITS), seed, spreads=False).run()
    return {
        **found,
        "single_shard_per_s": single["reservations_per_s"],
        "single_shard": single,
        "cpu_s": round(time.process_time() - began),
    }


def sound(found: Mapping[str, Any], units: int) -> bool:
    """All units were sold once, and nobody was sent away without reason."""
    exact = (found["sold"], found["oversold"]) == (units, 0)
    return exact and found["stranded"] <= STRANDED * found["refused"] and found["single_shard_per_s"] <= ROW_PER_S


def main() -> int:
    """Sell, and say how it went."""
    parser = argparse.ArgumentParser(prog="make bench NAME=hot_sku")
    parser.add_argument("--buyers", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--engine", type=int, default=400, help="buyers on the engine, for a tenth of the units; 0: none"
    )
    options = parser.parse_args()
    document: dict[str, Any] = {"simulated": simulated(options.buyers, options.units, options.seed)}
    print(json.dumps(document), file=sys.stderr, flush=True)
    right = sound(document["simulated"], min(options.units, options.buyers))
    if options.engine:
        from tests.proof.hot.engine import sales

        document["engine"] = sales(options.engine, options.engine // 10)
        right = right and sound(document["engine"], options.engine // 10)
    print(json.dumps(document))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
