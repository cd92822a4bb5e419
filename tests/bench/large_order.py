"""An order of ten thousand lines: placed, promised, shipped; and another one cancelled.

`make bench NAME=large_order`: the functions in one process over ports in memory that keep what JSON leaves, six
nodes. Each of promise and cancellation is killed once in its middle and driven on. JSON: `commits` of both orders,
`place_s`, `promise_s` and `ship_s` of the first and `cancel_s` of the second (`place_s` and `promise_s` are of both
together), `own_cpu_s`, `items_of_first_commit`, `largest_item_bytes` of all that their commits are stored in,
`peak_rss_mb`, `resumed`, `drift` (units by which stock is not the fold of the log). What AWS adds is the time of its
calls: of a promise, ninety reads of positions and one transaction per ninety lines. `--lines N`.
"""

from __future__ import annotations

import argparse
import json
import resource

from tests.proof.large import play


def main() -> None:
    """Play it, and say what it took."""
    parser = argparse.ArgumentParser(prog="make bench NAME=large_order")
    parser.add_argument("--lines", type=int, default=10_000)
    found = play(parser.parse_args().lines)
    seconds = {f"{step}_s": took for step, took in found.pop("seconds").items()}
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps({**found, **seconds, "peak_rss_mb": peak}))


if __name__ == "__main__":
    main()
