"""Scorers of fraud: what they decide later, delivered as a webhook by our own contract (docs/fraud.md).

Signed as Standard Webhooks with the account's secret; `webhook-id` is the same for every delivery of one decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.channels import signatures
from oms.channels.payload import parse_object
from oms.domain import ids
from oms.domain.errors import MalformedPayloadError
from oms.domain.fraud import SOURCE, FraudWord
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.order.fraud_facts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oms.domain.inbound import InboundRequest

TOPIC = "decision"


class Fraud:
    """Sender."""

    source = SOURCE

    def verify(self, request: InboundRequest, secrets: Sequence[str], now: datetime) -> None:
        """Raises SignatureError, ReplayWindowError."""
        keys = list(signatures.standard_keys(secrets))
        signatures.check_standard(request.headers, request.body, keys, now)

    def identify(self, request: InboundRequest) -> Notice:
        """Raises MalformedPayloadError."""
        word = read_word(request)
        return Notice(
            kind=NoticeKind.RISK, topic=TOPIC, event_id=request.headers["webhook-id"], external_id=word.order_id
        )


def read_word(request: InboundRequest) -> FraudWord:
    """What was decided; raises MalformedPayloadError."""
    told = parse_object(request.body)
    order_id, reference, verdict = told.text("order_id"), told.text("reference"), told.text("decision")
    if not ids.is_order_id(order_id) or not reference or verdict not in set(Verdict):
        raise MalformedPayloadError("not a decision on an order")
    if not request.headers.get("webhook-id"):
        raise MalformedPayloadError("the decision has no id")
    return FraudWord(order_id=order_id, reference=reference, verdict=Verdict(verdict))
