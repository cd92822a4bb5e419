"""Answers with what it was asked; `/open/bytes` with bytes, `/open/crash` with an exception."""

import base64
import json
import os
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    path = event["rawPath"]
    if path == "/open/crash":
        raise KeyError("not for the caller to see")
    if path == "/open/bytes":
        body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        return {
            "statusCode": 201,
            "headers": {"content-type": "application/octet-stream"},
            "cookies": ["a=1; Path=/", "b=2; HttpOnly"],
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "x-greeting": os.environ["GREETING"]},
        "body": json.dumps(event),
    }
