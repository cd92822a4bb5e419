"""The API of policies: the rules of sourcing, read, saved and rolled back; integrations, read and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.application.policies import shown
from oms.domain.errors import InvalidInputError
from oms.entrypoints import http, use_cases, use_cases_returns, wiring
from oms.entrypoints.requests.policies import IntegrationsBody, ReturnPolicyBody, RollBackBody, SourcingPolicyBody

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

EFFECTIVE_WITHIN_S: Final = 5
MAX_PAGE: Final = 100


def show(app: APIGatewayHttpResolver) -> Response[str]:
    """The version that holds; `?version=` shows another."""
    http.require(app)
    asked = http.query(app).get("version")
    use = use_cases.manage_sourcing()
    return http.answer(shown(use.version(_whole(asked, "version")) if asked else use.show()))


def save(app: APIGatewayHttpResolver) -> Response[str]:
    """A new version, validated whole."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, SourcingPolicyBody)
    done = use_cases.manage_sourcing().save(key, asked.document, asked.expected_version, role)
    return http.answer({**shown(done), "effective_within_s": EFFECTIVE_WITHIN_S}, 200 if done["replayed"] else 201)


def versions(app: APIGatewayHttpResolver) -> Response[str]:
    """Versions with their documents, newest first; `?before=` goes on."""
    http.require(app)
    asked = http.query(app)
    before = _whole(asked["before"], "before") if asked.get("before") else None
    limit = _whole(asked.get("limit", "25"), "limit")
    if not 0 < limit <= MAX_PAGE:
        raise InvalidInputError("limit must be 1 to 100")
    found = wiring.policies().versions("sourcing", limit, before)
    more = found[-1]["version"] if len(found) == limit and found[-1]["version"] > 1 else None
    return http.answer({"versions": [shown(each) for each in found], "next_before": more})


def roll_back(app: APIGatewayHttpResolver) -> Response[str]:
    """An earlier document, saved again."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, RollBackBody)
    done = use_cases.manage_sourcing().roll_back(key, asked.to_version, asked.expected_version, role)
    return http.answer({**shown(done), "effective_within_s": EFFECTIVE_WITHIN_S}, 200 if done["replayed"] else 201)


def show_returns(app: APIGatewayHttpResolver) -> Response[str]:
    """The rules for returns that hold; `?version=` shows another."""
    http.require(app, "service", "warehouse", "finance")
    asked = http.query(app).get("version")
    use = use_cases_returns.manage_return_rules()
    return http.answer(shown(use.version(_whole(asked, "version")) if asked else use.show()))


def save_returns(app: APIGatewayHttpResolver) -> Response[str]:
    """A new version, validated whole; what was asked for before keeps the terms it was given."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, ReturnPolicyBody)
    done = use_cases_returns.manage_return_rules().save(key, asked.document, asked.expected_version, role)
    return http.answer({**shown(done), "effective_within_s": EFFECTIVE_WITHIN_S}, 200 if done["replayed"] else 201)


def show_integrations(app: APIGatewayHttpResolver) -> Response[str]:
    """Which integrations there are, and who is master of what: for all who work with it."""
    http.require(app, "service", "warehouse", "finance", "sales")
    return http.answer(shown(use_cases.manage_integrations().show()))


def save_integrations(app: APIGatewayHttpResolver) -> Response[str]:
    """A new version, validated whole."""
    role = http.require(app)
    key = http.idempotency_key(app)
    asked = http.body(app, IntegrationsBody)
    done = use_cases.manage_integrations().save(key, asked.document, asked.expected_version, role)
    return http.answer({**shown(done), "effective_within_s": EFFECTIVE_WITHIN_S}, 200 if done["replayed"] else 201)


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 8:  # noqa: PLR2004 - digits of the last version
        raise InvalidInputError(f"{name} must be a whole number of up to 8 digits")
    return int(text)
