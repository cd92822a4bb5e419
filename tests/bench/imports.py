"""What each function costs to start: CPU of importing it, against importing boto3, in fresh processes.

`make bench NAME=imports`. Rounds are interleaved so that a busy machine burdens both alike; the minimum is quoted.
The clients that a function makes at its first call are made too. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
CLIENTS = {
    "receive_webhook": ("sqs", "secretsmanager"),
    "take_orders": ("dynamodb", "secretsmanager"),
    "take_tracking": ("dynamodb",),
    "relay_commits": ("dynamodb", "stepfunctions", "events"),
    "promise_order": ("dynamodb",),
    "settle_payment": ("dynamodb", "secretsmanager"),
    "place_order": ("dynamodb", "secretsmanager"),
    "read_orders": ("dynamodb",),
    "show_status": ("dynamodb", "secretsmanager"),
}
HTTP = frozenset({"receive_webhook", "place_order", "read_orders", "show_status"})


def cpu_ms(code: str) -> float:
    """User and system CPU of a fresh interpreter that runs `code`, in milliseconds."""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": str(ROOT / "layers/oms/python")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def code_of(name: str) -> str:
    """Import the handler and make its clients."""
    made = "; ".join(f"wiring.client({service!r})" for service in CLIENTS[name])
    folder = ROOT / "functions" / name
    return f"import sys; sys.path.insert(0, {str(folder)!r}); import app; from oms.entrypoints import wiring; {made}"


def main() -> None:
    """Measure and print."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, code in {"boto3": "import boto3", **{each: code_of(each) for each in CLIENTS}}.items():
            best[name] = min(best.get(name, float("inf")), cpu_ms(code))
    ratios = {name: round(best[name] / best["boto3"], 2) for name in CLIENTS}
    for name, ratio in sorted(ratios.items(), key=lambda item: item[1]):
        print(f"{name:16} {best[name]:6.0f} ms CPU  {ratio:.2f} x import boto3")
    result = {
        "boto3_ms": round(best["boto3"]),
        "import_ratio_http": max(ratios[name] for name in HTTP),
        "import_ratio_async": max(ratio for name, ratio in ratios.items() if name not in HTTP),
        "ratios": ratios,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
