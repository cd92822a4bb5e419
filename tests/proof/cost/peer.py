"""What one boto3 `put_item` costs in CPU on this machine, now: the unit in which our own CPU is told.

A call costs twice as much in a process that was idle before as one of many in a row: its code and data have left the
processor's caches meanwhile. Functions are idle between invocations, so their CPU is told in puts of a process that is
idle as they are; puts in a row are measured beside them.

`python -m tests.proof.cost.peer ENDPOINT TABLE`: in a process of its own. Prints milliseconds: after a pause, in a row.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

import boto3
from botocore.config import Config

from infra.local.engine import REGION, ROOT

WARM: Final = 30
CALLS: Final = 200
IDLE_S: Final = 0.2
"""Between calls: a function of the path is invoked about five times a second."""
SPACED: Final = 40
PAYLOAD: Final = "x" * 300


def measure(endpoint: str, table: str) -> tuple[float, float]:
    """Mean user and system CPU of a put, in milliseconds: after a pause, and in a row."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=2, read_timeout=10)
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    for number in range(WARM):
        client.put_item(TableName=table, Item={"pk": {"S": f"warm-{number}"}, "body": {"S": PAYLOAD}})

    def put(number: int) -> float:
        began = time.process_time()
        client.put_item(TableName=table, Item={"pk": {"S": f"peer-{number}"}, "body": {"S": PAYLOAD}})
        return (time.process_time() - began) * 1000

    spaced = 0.0
    for number in range(SPACED):
        time.sleep(IDLE_S)
        spaced += put(number)
    return spaced / SPACED, sum(put(number) for number in range(CALLS)) / CALLS


def ask(endpoint: str, table: str) -> tuple[float, float]:
    """As `measure`, in a fresh process."""
    command = [sys.executable, "-m", "tests.proof.cost.peer", endpoint, table]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    spaced, in_a_row = map(float, done.stdout.split())
    return spaced, in_a_row


if __name__ == "__main__":
    print(*measure(sys.argv[1], sys.argv[2]))
