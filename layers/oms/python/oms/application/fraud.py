"""An order's risk, asked for once: from a provider, or from rules while the provider is away.

The question has a key that is derived from the order, so that a crash between the answer and its commit asks the same
again and is told the same. The answer is committed under an id derived from the order: there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.errors import UpstreamError
from oms.domain.fraud import SOURCE, fraud_hold_id, judge, question, question_key, read_scoring
from oms.domain.frozen import frozen
from oms.domain.gate import Limit
from oms.domain.hold_kinds import FRAUD, HoldKind, hold_of, read_kinds
from oms.domain.order.commands import DecideFraud, RecordScore
from oms.domain.order.fraud_facts import OrderScored, ScoredBy, Verdict
from oms.domain.screening import POLICY, fallback_holds, in_force

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from oms.application.gates import Gates
    from oms.application.gateways import FraudScorer
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Contacts, Reference
    from oms.domain.commit import Cause
    from oms.domain.fraud import FraudAnswer, FraudQuestion, FraudWord, Scoring
    from oms.domain.order.state import Order

UNLIMITED: Final = Limit(interval_ms=0, burst=1)
"""The gate is here for its breaker: how many questions a provider takes, it says itself by 429."""
LEFT_ALONE: Final = "left_alone"
WAIT_S: Final = 30.0
"""How long a provider is left alone that asks for it and does not say for how long."""


@frozen(kw_only=False)
class GuardedScorer:
    """FraudScorer behind a circuit breaker that all workers share: one that is down costs an order nothing."""

    scorer: FraudScorer
    gates: Gates

    def score(self, account: str, question: FraudQuestion, key: str) -> FraudAnswer:
        """See the port; UpstreamError with the cause `left_alone` while it is not asked."""
        if self.gates.enter(SOURCE, account, UNLIMITED, 1):
            raise UpstreamError("the scorer is left alone for a while", cause=LEFT_ALONE)
        try:
            answer = self.scorer.score(account, question, key)
        except UpstreamError as error:
            cause = error.context.get("cause")
            if cause == "limited":
                wait = float(str(error.context.get("retry_after") or WAIT_S))
                self.gates.told_to_wait(SOURCE, account, UNLIMITED, wait)
            elif cause == "unreachable":
                self.gates.failed(SOURCE, account)
            else:
                self.gates.answered(SOURCE, account)
            raise
        self.gates.answered(SOURCE, account)
        return answer


@frozen(kw_only=False)
class ScoreOrder:
    """A step before the promise, of orders that the merchant's policy wants scored."""

    orders: Orders
    reference: Reference
    contacts: Contacts
    scorer: FraudScorer
    now: Clock

    def __call__(self, order_id: str, cause: Cause) -> Order:
        """The order with its answer; what follows from it is in the same commit."""
        saved = self.reference.policy(POLICY)
        policy = in_force(saved)
        scoring = read_scoring(policy, int(saved.get("version", policy.get("version", 0))))
        order = self.orders.get(order_id)
        if scoring is None or not scoring.wants(order):
            return order
        command_id = ids.command_id(SOURCE, order_id)
        try:
            answer = self._ask(order, scoring)
        except UpstreamError as error:
            command = self._by_rule(command_id, order, policy, scoring, str(error.context.get("cause", "unreachable")))
        else:
            command = self._answered(command_id, order, policy, scoring, answer)
        return self.orders.execute(order_id, command, cause).order

    def _ask(self, order: Order, scoring: Scoring) -> FraudAnswer:
        contact = self.contacts.get(order.contact_key) if scoring.contact else None
        return self.scorer.score(scoring.account, question(order, contact, scoring), question_key(order.order_id))

    def _answered(
        self, command_id: str, order: Order, policy: Mapping[str, Any], scoring: Scoring, answer: FraudAnswer
    ) -> RecordScore:
        verdict = judge(answer, scoring)
        scored = OrderScored(
            verdict=verdict,
            score=answer.score,
            reference=answer.reference,
            model=answer.model,
            policy=scoring.version,
        )
        if verdict is Verdict.APPROVE:
            return RecordScore(command_id=command_id, scored=scored)
        if verdict is Verdict.DECLINE and scoring.cancels:
            return RecordScore(command_id=command_id, scored=scored, cancels=True)
        hold = hold_of(
            FRAUD,
            read_kinds(policy).get(FRAUD, HoldKind()),
            fraud_hold_id(order.order_id),
            self.now(),
            reason=f"score {answer.score}",
            decision={
                "score": answer.score,
                "verdict": verdict.value,
                "reference": answer.reference,
                "model": answer.model,
                "policy": scoring.version,
            },
        )
        return RecordScore(command_id=command_id, scored=scored, holds=(hold,))

    def _by_rule(
        self, command_id: str, order: Order, policy: Mapping[str, Any], scoring: Scoring, problem: str
    ) -> RecordScore:
        holds = fallback_holds(order, policy, self.now(), {"by": ScoredBy.RULE.value, "problem": problem})
        scored = OrderScored(
            verdict=Verdict.REVIEW if holds else Verdict.APPROVE,
            by=ScoredBy.RULE,
            policy=scoring.version,
            problem=problem,
        )
        return RecordScore(command_id=command_id, scored=scored, holds=holds)


@frozen(kw_only=False)
class TakeFraudDecision:
    """A provider's later word on an order that waits for it."""

    orders: Orders

    def __call__(self, event_id: str, told: FraudWord, cause: Cause) -> str:
        """The order it was for. Raises OrderNotFoundError, which may pass."""
        command = DecideFraud(
            command_id=ids.command_id(SOURCE, "decision", told.order_id, event_id),
            verdict=told.verdict,
            reference=told.reference,
        )
        self.orders.execute(told.order_id, command, cause)
        return told.order_id
