"""Any scorer that speaks our own contract (docs/fraud.md): a question in JSON, signed as our webhooks are, one answer.

An account `fraud/<account>` is connected with the URL (`api.url`) and the secret (`current`) that both sides sign with.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from oms.channels import signatures
from oms.domain.errors import EndpointRefusedError, UpstreamError
from oms.domain.fraud import SOURCE, WORST, FraudAnswer
from oms.domain.frozen import frozen
from oms.domain.order.fraud_facts import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.ports import Clock
    from oms.domain.fraud import FraudQuestion

MAX_REFERENCE: Final = 200
AGENT: Final = "oms-fraud/1"
LIMITED: Final = 429
_REFUSALS: Final = range(400, 500)


class Answered(Protocol):
    """What an endpoint said."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def body(self) -> bytes:
        """Of a success."""

    @property
    def retry_after(self) -> float | None:
        """Seconds, where it says for how long to wait."""


class AnsweringSender(Protocol):
    """A way out by which the answer comes back."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Raises EndpointRefusedError for what is not sent to, UpstreamError when nobody answers."""


class Connected(Protocol):
    """Secrets of connected accounts."""

    def signing_secrets(self, source: str, account: str) -> list[str]:
        """The current one first."""

    def credentials(self, source: str, account: str) -> Mapping[str, str]:
        """What calls need; empty for an account that nobody connected."""


@frozen(kw_only=False)
class ContractScorer:
    """FraudScorer port, over a way out that is guarded as that of webhooks is."""

    sender: AnsweringSender
    connections: Connected
    now: Clock

    def score(self, account: str, question: FraudQuestion, key: str) -> FraudAnswer:
        """See the port. What was asked stands in no error: it may hold personal data."""
        url = self.connections.credentials(SOURCE, account).get("url", "")
        keys = list(signatures.standard_keys(self.connections.signing_secrets(SOURCE, account)[:1]))
        if not url or not keys:
            raise UpstreamError("no scorer is connected under this name", cause="refused")
        body = json.dumps(question.facts, separators=(",", ":"), sort_keys=True).encode()
        signed_at = int(self.now().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            "idempotency-key": key,
            "webhook-id": key,
            "webhook-timestamp": str(signed_at),
            "webhook-signature": signatures.sign_standard(key, signed_at, body, keys),
        }
        try:
            answered = self.sender.send(url, headers, body)
        except EndpointRefusedError:
            raise UpstreamError("the scorer's address is not sent to", cause="refused") from None
        except UpstreamError:
            raise UpstreamError("the scorer does not answer", cause="unreachable") from None
        if answered.status == LIMITED:
            raise UpstreamError("the scorer asks us to wait", cause="limited", retry_after=answered.retry_after)
        if answered.status in _REFUSALS:
            raise UpstreamError("the scorer refuses the question", cause="refused", status=answered.status)
        if not answered.body:
            raise UpstreamError("the scorer fails", cause="unreachable", status=answered.status)
        return read_answer(answered.body)


def read_answer(body: bytes) -> FraudAnswer:
    """Raises UpstreamError (`unreadable`) for what is no answer by the contract."""
    try:
        told = json.loads(body)
        answer = FraudAnswer(
            score=told["score"],
            hint=Verdict(told.get("decision", Verdict.APPROVE.value)),
            reference=told["reference"],
            model=told.get("model", ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        answer = None
    if answer is None or not _fits(answer):
        raise UpstreamError("the scorer's answer cannot be read", cause="unreadable")
    return answer


def _fits(answer: FraudAnswer) -> bool:
    """JSON says nothing of types: the score is whole, the names are short and printed."""
    if type(answer.score) is not int or not 0 <= answer.score <= WORST:
        return False
    names = (answer.reference, answer.model)
    printed = all(isinstance(each, str) and each.isprintable() and len(each) <= MAX_REFERENCE for each in names)
    return printed and answer.reference != ""
