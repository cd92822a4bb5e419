"""docs/cost.md: blocks that the benches write, between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.

Everything outside the blocks is written by people, and kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.proof.cost.ledger import Tally

PAGE: Final = ROOT / "docs" / "cost.md"


def replace_block(text: str, name: str, content: str) -> str:
    """The page with a block's content replaced; raises KeyError when the page has no such block."""
    begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise KeyError(name)
    return pattern.sub(lambda _: begin + content.rstrip("\n") + "\n" + end, text)


def write(blocks: Mapping[str, str], path: Path = PAGE) -> None:
    """Replace blocks of the page."""
    text = path.read_text(encoding="utf-8")
    for name, content in blocks.items():
        text = replace_block(text, name, content)
    path.write_text(text, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers as they are best read."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _shown(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


# ---------------------------------------------------------------- blocks of the order path


def blocks(result: Mapping[str, Any], steps: Tally, said: str) -> dict[str, str]:
    """What the order path's bench knows; `said` tells when and how it ran."""
    return {
        "targets": said + "\n\n" + targets(result),
        "writes": writes(steps),
        "reads": reads(steps),
        "functions": functions(result, steps),
        "requests": requests(result),
        "dollars": dollars(result),
    }


def came(result: Mapping[str, Any]) -> str:
    """How the orders of the main run came."""
    return f"{result['rate_asked']:g} a second"


def targets(result: Mapping[str, Any]) -> str:
    """Measured against what the design is held to."""
    runs = (result["alone"], result, result["in_bursts"])

    def three(name: str) -> list[object]:
        return [run[name] for run in runs]

    units = [round(run["wru_truth_per_order"] + run["wru_views_per_order"], 2) for run in runs]
    acks = f"{result['webhook_ack_p50_ms']} / {result['webhook_ack_p99_ms']}"
    wrong = f"{result['lost']} / {result['duplicated']} / {result['oversold']}"
    spaced, in_a_row = result["put_item_cpu_ms"], result["put_item_in_a_row_cpu_ms"]
    rows: list[list[object]] = [
        ["DynamoDB write units", "≤ 28", *units],
        ["of these truth (events, stock, contacts)", "≤ 22", *three("wru_truth_per_order")],
        ["of these views", "≤ 6", *three("wru_views_per_order")],
        ["in these, conditions that failed", "", *three("failed_wru_per_order")],
        ["write units by the engine's own count", "", *three("wru_told_per_order")],
        ["DynamoDB read units", "", *three("rru_per_order")],
        ["billed requests", "≤ 55 alone, 45 in bursts", *three("requests_per_order")],
        ["records per batch of a queue or stream", "", *three("batch_mean")],
        ["US$ per 1,000 orders", "≤ 0.038 alone, 0.036 in bursts", *three("usd_per_1000_orders")],
        ["CPU of our own code, ms", "", *three("own_cpu_ms_per_order")],
        [f"the same in put_items, {spaced} ms each after a pause", "≤ 30", "", result["own_cpu_in_put_items"], ""],
        [f"the same in put_items, {in_a_row} ms each in a row", "", "", result["own_cpu_in_put_items_in_a_row"], ""],
        ["states that workflows enter (Express: not billed)", "", *three("transitions_per_order")],
        ["webhook acknowledged, p50 / p99, ms", "", "", acks, ""],
        ["orders a second, placed to delivered", "", "", "", result["orders_per_s"]],
        ["orders lost / twice / units oversold, all runs together", "0 / 0 / 0", "", wrong, ""],
    ]
    if "import_ratio_async" in result:
        for kind, limit in (("async", "≤ 1.7"), ("http", "≤ 2.2")):
            name = {"async": "queue, stream and workflow", "http": "HTTP"}[kind]
            what = f"import of the heaviest {name} function, in imports of boto3"
            rows.append([what, limit, "", result[f"import_ratio_{kind}"], ""])
    return table(("per order", "target", "alone", came(result), "in bursts"), rows)


def writes(steps: Tally) -> str:
    """Every write of an order, step by step."""
    rows = [each for each in steps.where(*_BY) if each["write"] or each["index"]]
    return table(
        ("step", "function", "write", "times", "bytes", "table units", "index units"),
        [(*_place(each), each["times"], _mean(each), each["write"], each["index"]) for each in _in_order(rows)],
    )


def reads(steps: Tally) -> str:
    """Every read of an order, step by step."""
    rows = [each for each in steps.where(*_BY) if each["read"]]
    return table(
        ("step", "function", "read", "times", "bytes", "units"),
        [(*_place(each), each["times"], _mean(each), each["read"]) for each in _in_order(rows)],
    )


def functions(result: Mapping[str, Any], steps: Tally) -> str:
    """Invocations, CPU, calls and units by function."""
    units = {each["function"]: each for each in steps.where("function")}
    alone, bursts = result["alone"]["invocations_per_order"], result["in_bursts"]["invocations_per_order"]
    rows = []
    for name in sorted(alone):
        own = units.get(name, _NONE)
        cpu = result["own_cpu_ms_by_function"].get(name, 0.0)
        rows.append((name, alone[name], bursts.get(name, 0.0), cpu, own["write"] + own["index"], own["read"]))
    head = ("function", "invocations alone", "in bursts", f"CPU ms, {came(result)}", "write units", "read units")
    return table(head, rows)


def requests(result: Mapping[str, Any]) -> str:
    """Billed requests by service."""
    runs = (result["alone"], result, result["in_bursts"])
    names = sorted({name for run in runs for name in run["requests_by_service"]})
    rows: list[list[object]] = [[name, *(run["requests_by_service"].get(name, 0.0) for run in runs)] for name in names]
    rows.append(["**sum**", *(run["requests_per_order"] for run in runs)])
    rows.append(["DynamoDB calls (billed by units instead)", *(run["dynamodb_calls_per_order"] for run in runs)])
    return table(("service", "alone", came(result), "in bursts"), rows)


def dollars(result: Mapping[str, Any]) -> str:
    """US dollars by what is billed."""
    runs = (result["alone"], result, result["in_bursts"])
    names = list(dict.fromkeys(name for run in runs for name in run["usd_by_service"] if name != "total"))
    rows = [(name, *(f"{run['usd_by_service'].get(name, 0):.4f}" for run in runs)) for name in (*names, "total")]
    return table(("US$ per 1,000 orders", "alone", came(result), "in bursts"), rows)


_BY: Final = ("step", "function", "call", "table", "what")
_NONE: Final = {"write": 0.0, "index": 0.0, "read": 0.0}


def _place(row: Mapping[str, Any]) -> tuple[str, str, str]:
    in_one = " (transaction)" if row["call"].startswith("Transact") else ""
    return row["step"], row["function"], f"{row['table']}: {row['what']}{in_one}"


def _mean(row: Mapping[str, Any]) -> int:
    return int(row["bytes"] / row["times"] + 0.5)


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    from tests.proof.cost.path import STEPS

    return sorted(rows, key=lambda each: (STEPS.index(each["step"]), -(each["write"] + each["index"]), -each["read"]))
