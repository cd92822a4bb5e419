"""Reads queues: a message that says so fails, alone; a schedule's tick leaves a mark."""

import json
from typing import Any

from sample import store


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if "tick" in event:
        store.mark("tick", "tick", at=event["tick"])
        return {}
    failures = []
    for record in event["Records"]:
        message = json.loads(record["body"])
        detail = message.get("detail", message)
        times = store.count("message", detail["id"])
        if detail.get("poison"):
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            store.mark("message", detail["id"], times=times)
    return {"batchItemFailures": failures}
