"""The quarantine API: what could not be processed, shown with its reason, replayed after a fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from oms.domain.codec import to_plain
from oms.domain.errors import QuarantineNotFoundError
from oms.entrypoints import http, use_cases, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

_PARKED_ID: Final = re.compile(r"qrn_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
PAGE: Final = 50


def list_parked(app: APIGatewayHttpResolver) -> Response[str]:
    """Entries without their bodies."""
    http.require(app, "service")
    rows, cursor = wiring.quarantine().list(PAGE, http.query(app).get("cursor", ""))
    return http.answer({"quarantine": rows, "next_cursor": cursor or None})


def _known_form(parked_id: str) -> str:
    if not _PARKED_ID.fullmatch(parked_id):
        raise QuarantineNotFoundError("no such quarantined input")
    return parked_id


def show(app: APIGatewayHttpResolver, parked_id: str) -> Response[str]:
    """One entry with its raw body, for those who have to mend it."""
    http.require(app, "service")
    return http.answer(to_plain(wiring.quarantine().get(_known_form(parked_id))))


def replay(app: APIGatewayHttpResolver, parked_id: str) -> Response[str]:
    """Process it again. A refusal keeps it, with its reason of today."""
    http.require(app, "service")
    http.idempotency_key(app)
    http.no_body(app)
    taken = use_cases.replay_parked()(_known_form(parked_id))
    return http.answer({"parked_id": parked_id, **to_plain(taken)})
