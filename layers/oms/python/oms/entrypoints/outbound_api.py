"""The API of outbound webhooks: for administrators, since it shows secrets and tells other systems of orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.outbound_manage import Wanted
from oms.domain.errors import InvalidInputError
from oms.domain.masters import POLICY, mastered
from oms.entrypoints import http, use_cases_outbound, wiring, wiring_outbound
from oms.entrypoints.requests.outbound import ChangedWebhookBody, ReplayBody, RotationBody, WebhookBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.outbound import Subscription

EFFECTIVE_WITHIN_S: Final = 15
"""The relay keeps the bus's rules for ten seconds, the function that delivers its subscriptions for five."""
HIDDEN: Final = ("key", "rotated_by")


def _to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _shown(each: Subscription) -> dict[str, Any]:
    return _to_json({name: value for name, value in vars(each).items() if name not in HIDDEN})


def _whole(each: Subscription) -> dict[str, Any]:
    """With how its endpoint does, and what its integration is master of."""
    told = mastered(wiring.reference().policy(POLICY), each.integration)
    return {
        **_shown(each),
        "master_of": told,
        "health": _to_json(vars(wiring_outbound.subscriptions().health(each.subscription_id))),
    }


def _wanted(asked: WebhookBody) -> Wanted:
    return Wanted(
        url=asked.url,
        event_types=tuple(asked.event_types),
        channels=tuple(asked.channels),
        node_ids=tuple(asked.node_ids),
        description=asked.description,
        integration=asked.integration,
    )


def list_all(app: APIGatewayHttpResolver) -> Response[str]:
    """Every subscription, without secrets."""
    http.require(app)
    return http.answer({"subscriptions": [_whole(each) for each in wiring_outbound.subscriptions().all()]})


def show(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """One of them."""
    http.require(app)
    return http.answer(_whole(wiring_outbound.subscriptions().get(subscription_id)))


def create(app: APIGatewayHttpResolver) -> Response[str]:
    """A new one, with its secret: to be seen in this answer alone."""
    role = http.require(app)
    key = http.idempotency_key(app)
    wanted = _wanted(http.body(app, WebhookBody))
    made, secret, replayed = use_cases_outbound.manage_subscriptions().create(key, wanted, role)
    document = {**_shown(made), "secret": secret, "effective_within_s": EFFECTIVE_WITHIN_S}
    return http.answer(document, 200 if replayed else 201)


def change(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """Another version of it."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, ChangedWebhookBody)
    use = use_cases_outbound.manage_subscriptions()
    changed = use.change(key, subscription_id, _wanted(asked), asked.expected_version, role)
    return http.answer({**_shown(changed), "effective_within_s": EFFECTIVE_WITHIN_S})


def enable(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """Send again."""
    role = http.require(app)
    http.idempotency_key(app)
    http.no_body(app)
    return http.answer(_shown(use_cases_outbound.manage_subscriptions().enable(subscription_id, role)))


def disable(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """Send nothing more."""
    role = http.require(app)
    http.idempotency_key(app)
    http.no_body(app)
    return http.answer(_shown(use_cases_outbound.manage_subscriptions().disable(subscription_id, role)))


def rotate(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """A new secret, beside the one before for a while."""
    role = http.require(app)
    key = http.idempotency_key(app)
    overlap = timedelta(hours=http.body(app, RotationBody).overlap_hours)
    rotated, secret = use_cases_outbound.manage_subscriptions().rotate(key, subscription_id, overlap, role)
    return http.answer({**_shown(rotated), "secret": secret})


def ping(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """A test message, and what came of it."""
    http.require(app)
    key = http.idempotency_key(app)
    http.no_body(app)
    return http.answer(use_cases_outbound.ping_subscription()(subscription_id, key))


def ask_replay(app: APIGatewayHttpResolver, subscription_id: str) -> Response[str]:
    """Send again what happened since."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, ReplayBody)
    if bool(asked.since) == bool(asked.event_id):
        raise InvalidInputError("a replay begins at `since` or at `event_id`")
    since = http.instant(asked.since) if asked.since else asked.event_id
    return http.answer(use_cases_outbound.ask_replay()(key, subscription_id, since, role), 202)


def show_replay(app: APIGatewayHttpResolver, subscription_id: str, replay_id: str) -> Response[str]:
    """How far a replay came."""
    http.require(app)
    return http.answer(use_cases_outbound.ask_replay().show(subscription_id, replay_id))
