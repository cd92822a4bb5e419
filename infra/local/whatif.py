"""`make whatif POLICY=file`: past orders under another policy. It only reads, but for one local file."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.system import STATE, System, SystemMissingError, find
from oms.adapters.dynamodb_reference import DynamoReference
from oms.adapters.dynamodb_scan import DynamoScan
from oms.application.whatif import Replayed, WhatIf, read_scenario
from oms.domain.errors import OmsError
from oms.domain.sourcing.whatif import METRICS, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PARTS_PER_WORKER: Final = 4
"""More than one, so that nobody waits long for the slowest."""


@dataclass(frozen=True)
class Task:
    """Parts of the log for a worker, and where it is."""

    endpoint: str
    outputs: Mapping[str, str]
    scenario: Mapping[str, Any]
    part: int
    of: int


def work(task: Task) -> Replayed:
    """One part, by clients of this process."""
    dynamodb = System(api_url="", outputs=task.outputs, endpoint=task.endpoint).client("dynamodb")
    return what_if(dynamodb, task.outputs)(read_scenario(task.scenario), (task.part,), task.of)


def what_if(dynamodb: Any, outputs: Mapping[str, str]) -> WhatIf:
    """The use case over the tables of a system: it scans one and queries another."""
    return WhatIf(
        DynamoScan(dynamodb, outputs["EventsTable"], outputs["StockTable"]),
        DynamoReference(dynamodb, outputs["ReferenceTable"]),
    )


def replay_all(system: System, scenario: Mapping[str, Any], workers: int) -> dict[str, Any]:
    """The report over the whole log."""
    of = workers * PARTS_PER_WORKER
    outputs = {name: system.outputs[name] for name in ("EventsTable", "StockTable", "ReferenceTable")}
    tasks = [Task(system.endpoint, outputs, scenario, part, of) for part in range(of)]
    whole, left_out = Tally(), 0
    if workers == 1:
        answers = [work(task) for task in tasks]
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            answers = pool.map(work, tasks, chunksize=1)
    for answer in answers:
        whole.merge(answer.tally)
        left_out += answer.left_out
    return {**whole.report(), "left_out": left_out, "scenario": scenario}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The report, a line for each figure."""
    yield f"{report['orders']} promises, {report['changed']} otherwise, {report['left_out']} left out"
    for name in METRICS:
        each = report[name]
        low, high = each["low"], each["high"]
        sure = "" if low is None else f", {low:+.4g} to {high:+.4g} each"
        yield f"{name:8} {each['before']} before, {each['after']} after, {each['change']:+}{sure}"


def main(arguments: Sequence[str]) -> int:
    """Replay, print, and keep the report beside the system's state."""
    parser = argparse.ArgumentParser(prog="make whatif")
    parser.add_argument("policy", type=Path, help="JSON: policy, and rates (docs/sourcing.md)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    try:
        scenario = json.loads(options.policy.read_text())
        label = read_scenario(scenario).policy.label
        report = replay_all(find(), scenario, max(1, options.workers))
    except (OSError, ValueError, OmsError, SystemMissingError, BotoCoreError, ClientError) as error:
        print(f"nothing was replayed: {error}", file=sys.stderr)
        return 1
    kept = STATE / "whatif" / f"{label.replace('/', '-')}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(report, ensure_ascii=False, indent=1))
    for line in lines(report):
        print(line)
    print(f"kept in {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
