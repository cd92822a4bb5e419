"""Reads the stream: starts the workflow of each order; an order may fail twice, for ever, or by an exception."""

import json
import os
from typing import Any

import boto3
from sample import store

FLOWS = boto3.client("stepfunctions")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["sk"]["S"]
        times = store.count("stream", key)
        if key.startswith("flaky") and times < 2:
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        if key.startswith("poison"):
            raise ValueError(key)
        store.mark("stream", key, times=times)
        if key.startswith("flow"):
            FLOWS.start_execution(stateMachineArn=os.environ["FLOW"], name=key, input=json.dumps({"id": key}))
    return {"batchItemFailures": []}
