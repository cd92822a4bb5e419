"""The use cases of outbound webhooks, as `use_cases` has all others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import wiring, wiring_outbound

if TYPE_CHECKING:
    from oms.application.outbound_deliver import DeliverWebhook, FanOut, PingSubscription, SignAndSend
    from oms.application.outbound_manage import KeepRule, ManageSubscriptions
    from oms.application.outbound_replay import AskReplay, ReplayWebhooks


@cache
def keep_rule() -> KeepRule:
    """Use case."""
    from oms.application.outbound_manage import KeepRule

    return KeepRule(wiring_outbound.subscriptions(), wiring_outbound.rule())


@cache
def manage_subscriptions() -> ManageSubscriptions:
    """Use case."""
    from oms.application.outbound_manage import ManageSubscriptions

    known, allowed = wiring_outbound.subscriptions(), wiring_outbound.allowed()
    return ManageSubscriptions(known, keep_rule(), wiring_outbound.master, allowed, wiring.now)


@cache
def sign_and_send() -> SignAndSend:
    """One attempt."""
    from oms.application.outbound_deliver import SignAndSend

    return SignAndSend(wiring_outbound.sender(), wiring_outbound.master, wiring.now)


@cache
def ping_subscription() -> PingSubscription:
    """Use case."""
    from oms.application.outbound_deliver import PingSubscription

    return PingSubscription(wiring_outbound.subscriptions(), sign_and_send())


@cache
def fan_out() -> FanOut:
    """Use case."""
    from oms.application.outbound_deliver import FanOut

    return FanOut(wiring_outbound.subscriptions(), wiring_outbound.deliveries(), wiring.now)


@cache
def deliver_webhook() -> DeliverWebhook:
    """Use case."""
    from oms.application.outbound_deliver import DeliverWebhook

    known, queue = wiring_outbound.subscriptions(), wiring_outbound.deliveries()
    return DeliverWebhook(known, sign_and_send(), queue, wiring.views(), wiring.now)


@cache
def ask_replay() -> AskReplay:
    """Use case."""
    from oms.application.outbound_replay import AskReplay

    known, queue = wiring_outbound.subscriptions(), wiring_outbound.deliveries()
    return AskReplay(known, wiring.log(), queue, wiring.views(), wiring.now)


@cache
def replay_webhooks() -> ReplayWebhooks:
    """Use case."""
    from oms.application.outbound_replay import ReplayWebhooks

    known, queue = wiring_outbound.subscriptions(), wiring_outbound.deliveries()
    return ReplayWebhooks(known, wiring_outbound.log_since(), queue, wiring.views(), wiring.now)
