"""What became of what channels were told: a row for each message, and a few for each account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from oms.adapters import keys
from oms.adapters.dynamodb_marks import DynamoMarks

KEEP: Final = timedelta(days=400)
"""Longer than any queue, dead letter or quarantine can bring a message back."""


class DynamoOutbox(DynamoMarks):
    """Outbox port: marks, each in a partition of its own, which end by themselves."""

    def _key(self, name: str) -> dict[str, Any]:
        return {"pk": {"S": name}, "sk": {"S": keys.ONLY}}

    def _beside(self) -> dict[str, Any]:
        return {"ttl": {"N": str(int((datetime.now(UTC) + KEEP).timestamp()))}}
