"""Triggers as AWS words them, and which function each of them reaches."""

from __future__ import annotations

import base64
import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Reply:
    """What an HTTP function answered."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.status = int(answer["statusCode"])
        self.headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
        self.cookies: list[str] = list(answer.get("cookies", ()))
        self.text = str(answer.get("body", ""))

    @property
    def document(self) -> Any:
        """The JSON body; None for a page."""
        return json.loads(self.text) if "json" in self.headers.get("content-type", "") else None

    @property
    def retryable(self) -> bool:
        """The problem document says that the same call may succeed later."""
        document = self.document
        return self.status >= 400 and isinstance(document, dict) and bool(document.get("retryable"))

    def __repr__(self) -> str:
        return f"{self.status} {self.text[:300]}"


class Routes:
    """Routes and queues of the template."""

    @cached_property
    def _http(self) -> list[tuple[str, str, re.Pattern[str], str]]:
        found = []
        for name, events in self._events:
            for each in events:
                if each["Type"] == "HttpApi":
                    path = each["Properties"]["Path"]
                    pattern = re.sub(r"\{proxy\\\+\}|\{proxy\+\}", ".+", path)
                    pattern = re.sub(r"\{\w+\}", "[^/]+", pattern)
                    found.append((each["Properties"]["Method"], path, re.compile(pattern), name))
        return found

    @property
    def _events(self) -> list[tuple[str, list[dict[str, Any]]]]:
        resources = template.source()["Resources"]
        return [
            (name, list(each["Properties"].get("Events", {}).values()))
            for name, each in resources.items()
            if each["Type"] == "AWS::Serverless::Function"
        ]

    def find(self, method: str, path: str) -> tuple[str, str]:
        """(function, route key) of a call."""
        fits = [(name, route) for verb, route, known, name in self._http if verb == method and known.fullmatch(path)]
        name, route = min(fits, key=lambda each: each[1].count("{"))
        return name, f"{method} {route}"

    @cached_property
    def queues(self) -> dict[str, tuple[str, ...]]:
        """Who takes the messages of each queue."""
        found: dict[str, tuple[str, ...]] = {}
        for name, events in self._events:
            for each in events:
                if each["Type"] == "SQS":
                    queue = template.target(each["Properties"]["Queue"])
                    found[queue] = (*found.get(queue, ()), name)
        return found


def http_event(
    route: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, role: str
) -> dict[str, Any]:
    """A payload of format 2.0; with a `role`, as the authorizer lets it through."""
    context: dict[str, Any] = {
        "http": {"method": method, "path": path, "sourceIp": "203.0.113.7", "protocol": "HTTP/1.1"},
        "requestId": "r",
        "routeKey": route,
        "stage": "$default",
    }
    if role:
        context["authorizer"] = {"jwt": {"claims": {"cognito:groups": f"[{role}]", "sub": f"{role}-1"}, "scopes": None}}
    cookies = [value for name, value in headers.items() if name == "cookie"]
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in query.items()),
        "queryStringParameters": dict(query),
        "headers": {"host": "api.example", "content-type": "application/json", **headers},
        **({"cookies": cookies} if cookies else {}),
        "requestContext": context,
        "isBase64Encoded": False,
        "body": body.decode(),
    }


def sqs_event(messages: Sequence[Mapping[str, Any]], arn: str) -> dict[str, Any]:
    """A batch as the event source of a queue hands it over."""
    return {
        "Records": [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "messageAttributes": {},
                "md5OfBody": each["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": arn.split(":")[3],
            }
            for each in messages
        ]
    }


def stream_event(records: Sequence[Mapping[str, Any]], arn: str) -> dict[str, Any]:
    """A batch of a table's stream."""
    return {"Records": [_record(each) | {"eventSourceARN": arn} for each in records]}


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    change = {name: value for name, value in record["dynamodb"].items() if name != "ApproximateCreationDateTime"}
    image = {name: _told(value) for name, value in change.get("NewImage", {}).items()}
    return {**record, "dynamodb": {**change, "NewImage": image}}


def _told(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bytes are base64 text in what Lambda hands over."""
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value


def stream_failure(batch: Sequence[Mapping[str, Any]], arn: str, shard: str) -> dict[str, Any]:
    """What Lambda sends to the on-failure destination of a stream: the place in it, not the records."""
    numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 6},
        "version": "1.0",
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "batchSize": len(batch),
            "streamArn": arn,
        },
    }
