"""Scoring an order's risk: what a provider is asked, what it answers, and what the merchant's policy makes of that.

In the policy `screening`: {"scorer": {"account", "review_from": 60, "decline_from": 90, "on_decline": "cancel" or
"hold", "channels": [...], "contact": [...]}}. Scores are 0 to 100, the higher the worse. Without `channels` every order
is scored. The provider is told of the person what `contact` names, and nothing else: "email_domain" (its digest),
"email", "phone", "name", "address".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.ids import derive
from oms.domain.order.fraud_facts import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.canonical import Contact
    from oms.domain.order.state import Order

SOURCE: Final = "fraud"
"""Under this name accounts of scorers are connected, and deliver what they decide later."""
WORST: Final = 100
_STRICTNESS: Final = (Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE)


@frozen
class Scoring:
    """A merchant's policy of scoring."""

    account: str
    review_from: int = 60
    decline_from: int = 90
    cancels: bool = True
    """A declined order is cancelled; else it is put before a person."""
    channels: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    version: int = 0

    def wants(self, order: Order) -> bool:
        """The order is to be scored, and was not."""
        return order.scored is None and (not self.channels or order.placed.channel in self.channels)


@frozen(show=False)
class FraudQuestion:
    """What a provider is told; it may hold personal data, and is neither kept nor shown."""

    order_id: str
    facts: Mapping[str, Any]


@frozen
class FraudAnswer:
    """What a provider says; `hint` is what it would do itself."""

    score: int
    hint: Verdict
    reference: str
    model: str = ""


def read_scoring(policy: Mapping[str, Any], version: int = 0) -> Scoring | None:
    """How orders are scored by this policy; None where they are not."""
    told = policy.get("scorer")
    if not told:
        return None
    return Scoring(
        account=str(told.get("account", "main")),
        review_from=int(told.get("review_from", Scoring.review_from)),
        decline_from=int(told.get("decline_from", Scoring.decline_from)),
        cancels=told.get("on_decline", "cancel") == "cancel",
        channels=tuple(str(each) for each in told.get("channels", ())),
        contact=tuple(str(each) for each in told.get("contact", ())),
        version=version,
    )


def judge(answer: FraudAnswer, scoring: Scoring) -> Verdict:
    """The stricter of what the merchant's thresholds say of the score and what the provider would do."""
    by_score = Verdict.APPROVE
    if answer.score >= scoring.review_from:
        by_score = Verdict.REVIEW
    if answer.score >= scoring.decline_from:
        by_score = Verdict.DECLINE
    return max(by_score, answer.hint, key=_STRICTNESS.index)


def question(order: Order, contact: Contact | None, scoring: Scoring) -> FraudQuestion:
    """What the provider is told. Money in minor units of the order's currency."""
    placed = order.placed
    ship_to = placed.ship_to
    facts: dict[str, Any] = {
        "order_id": order.order_id,
        "placed_at": placed.placed_at.isoformat(),
        "channel": placed.channel,
        "currency": placed.currency,
        "total": placed.total,
        "lines": len(placed.lines),
        "units": sum(line.quantity for line in placed.lines),
        "country": ship_to.country if ship_to else "",
        "postal_code": ship_to.postal_code if ship_to else "",
        "customer": placed.customer_id,
        "payment": placed.payment.provider,
    }
    person = _told(contact, scoring.contact) if contact else {}
    return FraudQuestion(order_id=order.order_id, facts={**facts, **({"contact": person} if person else {})})


def _told(contact: Contact, names: tuple[str, ...]) -> dict[str, Any]:
    """As much of the person as the policy lets the provider know; of the address's domain only its digest."""
    shipping = contact.shipping
    known: dict[str, Any] = {
        "email_domain": _digest(contact.email.rpartition("@")[2]) if "@" in contact.email else "",
        "email": contact.email,
        "phone": contact.phone,
        "name": contact.name,
        "address": {"lines": list(shipping.lines), "city": shipping.city} if shipping else {},
    }
    return {name: known[name] for name in names if known.get(name)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def fraud_hold_id(order_id: str) -> str:
    """The hold of an order that waits for the word on its score: there is one, whoever asks."""
    return derive("hld", SOURCE, order_id)


def question_key(order_id: str) -> str:
    """Under which the provider is asked: the same however often, so that it answers the same."""
    return f"{SOURCE}:{order_id}"


@frozen
class FraudWord:
    """What the provider decided later on its answer `reference`."""

    order_id: str
    reference: str
    verdict: Verdict
