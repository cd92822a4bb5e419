"""From units, requests and CPU to US dollars, at the list prices of tests/bench/prices.py.

A function's billed time is not what it takes on this machine, where the engine shares its cores: it is its own CPU time
at the share of a core that its memory buys, and a usual wait for each call that it makes (WAIT_MS, an assumption).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.bench import prices
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.proof.cost.ledger import Record, Tally

VCPU_MB: Final = 1769
"""Lambda gives a whole core at this memory, and a share of it below."""
WAIT_MS: Final[Mapping[str, float]] = {
    "dynamodb": 4.0,
    "dynamodb.TransactWriteItems": 10.0,
    "events": 8.0,
    "s3": 20.0,
    "secretsmanager": 8.0,
    "sqs": 6.0,
    "stepfunctions": 12.0,
}
"""Milliseconds that a call within a region usually takes."""
RATE: Final = 5.0
"""Orders a second at which traces are sampled."""
DEFAULT: Final = (1.0, 0.05)
"""Without a rule of one's own X-Ray records one request a second of each function, and this share of the others."""


def own_cpu_ms(records: Sequence[Record]) -> dict[str, float]:
    """CPU of all invocations by function; one on a cold start counts as much as a warm one usually takes."""
    warm: dict[str, list[float]] = {}
    counts: Counter[str] = Counter()
    for each in records:
        if each.call == "lambda.Invoke":
            counts[each.by] += 1
            if not each.cold:
                warm.setdefault(each.by, []).append(each.cpu_ms)
    return {name: sum(warm[name]) / len(warm[name]) * counts[name] for name in sorted(warm)}


def wait_ms(records: Sequence[Record]) -> dict[str, float]:
    """Waits of all calls by function."""
    found: dict[str, float] = {}
    for each in records:
        if each.by and each.call != "lambda.Invoke":
            usual = WAIT_MS.get(each.call, WAIT_MS.get(each.call.partition(".")[0], 0.0))
            found[each.by] = found.get(each.by, 0.0) + usual
    return found


def memory_mb(function: str) -> int:
    """A function's memory, as the template says."""
    source = template.source()
    own = source["Resources"].get(function, {}).get("Properties", {}).get("MemorySize")
    return int(own or source["Globals"]["Function"]["MemorySize"])


def traces(tally: Tally) -> float:
    """Traces that X-Ray records per order at RATE, if functions are traced; a workflow's steps share its."""
    if template.source()["Globals"]["Function"].get("Tracing") != "Active":
        return 0.0
    begun = Counter(each.by for each in tally.records if each.call == "lambda.Invoke" and each.trigger != "workflow")
    begun["workflow"] = sum(each.call == "states.Execution" for each in tally.records)
    reservoir, share = sampling()
    per_second = [count / tally.orders * RATE for count in begun.values()]
    return sum(min(reservoir, each) + share * max(0.0, each - reservoir) for each in per_second) / RATE


def sampling() -> tuple[float, float]:
    """(requests a second that are recorded in any case, share of the others), as the template says."""
    rules = template.of_type(template.resources(), "AWS::XRay::SamplingRule")
    for _, properties in rules:
        rule = properties["SamplingRule"]
        share = template.source()["Parameters"][rule["FixedRate"]["Ref"]]["Default"]
        return float(rule["ReservoirSize"]), float(share)
    return DEFAULT


def usd_per_1000(tally: Tally) -> dict[str, float]:
    """US dollars for a thousand orders by what is billed, and their `total`. Logs and storage are not in it."""
    requests = tally.requests()
    calls_ = {name: prices.REQUEST[name] * requests.get(name, 0) for name in prices.REQUEST}
    cpu, waits = own_cpu_ms(tally.records), wait_ms(tally.records)
    gb_s = sum(
        (ms * VCPU_MB / min(memory_mb(name), VCPU_MB) + waits.get(name, 0)) / 1000 * memory_mb(name) / 1024
        for name, ms in cpu.items()
    )
    runs = [each.wall_ms for each in tally.records if each.call == "states.Execution"]
    steps = sum(math.ceil(each / prices.EXPRESS_STEP_MS) for each in runs) * prices.EXPRESS_STEP_MS / 1000
    found = {
        "dynamodb writes": prices.WRITE_UNIT * tally.wru(*tally.tables()),
        "dynamodb reads": prices.READ_UNIT * tally.rru(),
        **{f"{name} requests": usd for name, usd in calls_.items() if usd},
        "lambda GB-s": prices.LAMBDA_GB_S * gb_s / tally.orders,
        "states GB-s": prices.EXPRESS_GB_S * steps * prices.EXPRESS_MB / 1024 / tally.orders,
        "xray traces": prices.TRACE * traces(tally),
    }
    thousand = {name: round(usd * 1000, 5) for name, usd in found.items() if usd}
    return {**thousand, "total": round(sum(thousand.values()), 4)}
