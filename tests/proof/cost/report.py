"""Figures of a run, as the benches print them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tests.proof.cost.bill import own_cpu_ms, usd_per_1000
from tests.proof.cost.ledger import TRUTH

if TYPE_CHECKING:
    from tests.proof.cost.ledger import Tally


def figures(tally: Tally) -> dict[str, Any]:
    """Units and requests per order."""
    requests = tally.requests()
    calls = requests.pop("dynamodb_calls", 0)
    return {
        "wru_truth_per_order": tally.wru(*TRUTH),
        "wru_views_per_order": tally.wru("views"),
        "rru_per_order": tally.rru(),
        "failed_wru_per_order": tally.failed(),
        "wru_told_per_order": tally.told(),
        "requests_per_order": round(sum(requests.values()), 2),
        "requests_by_service": requests,
        "dynamodb_calls_per_order": calls,
        "transitions_per_order": tally.transitions(),
        "batch_mean": tally.batch_mean(),
        "invocations_per_order": tally.invocations(),
    }


def priced(tally: Tally) -> dict[str, Any]:
    """`figures`, CPU and dollars, of a run whose functions ran in processes of their own."""
    by_function = {name: round(ms / tally.orders, 2) for name, ms in own_cpu_ms(tally.records).items()}
    dollars = usd_per_1000(tally)
    return {
        **figures(tally),
        "usd_per_1000_orders": dollars["total"],
        "usd_by_service": dollars,
        "own_cpu_ms_per_order": round(sum(by_function.values()), 1),
        "own_cpu_ms_by_function": by_function,
    }


def show(tally: Tally, *by: str) -> None:
    """Where the units go, a table on stderr."""
    rows = [(*by, "times", "write", "index", "read", "failed", "bytes")]
    rows += [tuple(str(each[name]) for name in rows[0]) for each in tally.where(*by)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)), file=sys.stderr)
    print(file=sys.stderr)
