"""The provider's word on a story's payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.order import commands as cmd
from oms.domain.payment_events import PaymentEvent
from oms.domain.payments import AuthorizationResult, AuthorizationState
from tests.support.builders import minutes

if TYPE_CHECKING:
    from oms.domain.order import events as ev
    from oms.domain.payment_events import PaymentEventKind
    from tests.support.builders import Story


def tell(story: Story, kind: PaymentEventKind, amount: int = 0, **fields: Any) -> tuple[ev.OrderEvent, ...]:
    """A webhook event of the provider."""
    said = {"source": "stripe", "currency": "EUR", **fields}
    event = PaymentEvent(account="acct", event_id="evt", kind=kind, occurred_at=minutes(0), amount=amount, **said)
    return story.do(cmd.RecordProviderEvent(command_id=story.id("provider"), event=event))


def verified(story: Story, state: AuthorizationState, amount: int) -> tuple[ev.OrderEvent, ...]:
    """The provider's answer when it was asked."""
    result = AuthorizationResult(state=state, amount=amount)
    return story.do(cmd.RecordAuthorization(command_id=story.id("verify"), authorization=result))


def shipped(story: Story, *lines: Any, **changes: Any) -> Story:
    """An order of these lines that was paid, shipped and captured."""
    story.place(*lines, **changes)
    story.promise()
    story.ship()
    story.settle()
    return story
