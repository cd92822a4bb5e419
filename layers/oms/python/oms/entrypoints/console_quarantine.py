"""Console pages about the quarantine: what could not be processed, why, and trying again."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.domain.errors import OmsError, QuarantineNotFoundError
from oms.entrypoints import http, readable, use_cases, wiring
from oms.entrypoints.console_visit import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler import Response

    from oms.entrypoints.console_visit import Visit

KEEPERS: Final = ("service",)
"""Who may see and replay the quarantine."""
_PARKED_ID: Final = re.compile(r"qrn_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)


def quarantine(visit: Visit) -> Response[str]:
    """What could not be processed."""
    rows, cursor = wiring.quarantine().list(PAGE, visit.query.get("cursor", ""))
    older = f"/console/quarantine?{urlencode({'cursor': cursor})}" if cursor else ""
    newest = sorted(rows, key=lambda row: str(row.get("parked_at", "")), reverse=True)
    return visit.page("quarantine.html", nav="quarantine", rows=newest, older=older)


def parked(visit: Visit, parked_id: str) -> Response[str]:
    """One input with its reason and its raw body."""
    return _parked(visit, parked_id)


def _parked(visit: Visit, parked_id: str, refusal: OmsError | None = None) -> Response[str]:
    entry = wiring.quarantine().get(_known_parked(parked_id))
    message = dict(entry.message)
    path = f"/console/quarantine/{parked_id}/replay"
    shown, note = _body(message)
    return visit.page(
        "parked.html",
        http.status_of(refusal) if refusal else 200,
        nav="quarantine",
        parked=entry,
        detail=readable.context(entry.detail),
        received_at=str(message.get("received_at", "")),
        sent_headers=message["headers"] if isinstance(message.get("headers"), dict) else {},
        body=readable.body(shown),
        body_note=note,
        refusal=refusal,
        action=path,
        form_token=visit.session.form_token(path),
    )


def _body(message: Mapping[str, Any]) -> tuple[str, str]:
    """What came, and what to know about it."""
    if message.get("body") is not None:
        return str(message["body"]), ""
    if "body_b64" in message:
        return str(message["body_b64"]), "not text: base64"
    return json.dumps(message, ensure_ascii=False, default=str), "not a delivery: the message as it was found"


def _known_parked(parked_id: str) -> str:
    if not _PARKED_ID.fullmatch(parked_id):
        raise QuarantineNotFoundError("there is no such quarantined input")
    return parked_id


def replay(visit: Visit, form: Mapping[str, str], parked_id: str) -> Response[str]:  # noqa: ARG001 - as other forms
    """Process it again, and show how that ended."""
    try:
        taken = use_cases.replay_parked()(_known_parked(parked_id))
    except QuarantineNotFoundError:
        raise
    except OmsError as error:
        return _parked(visit, parked_id, error)
    return visit.page("replayed.html", HTTPStatus.OK, nav="quarantine", taken=taken, parked_id=parked_id)
