"""The message that a delivery becomes between being acknowledged and being processed.

{"source", "account", "headers": {name: value}, "body" or "body_b64", "received_at"}

An order that was found in its channel's list, and not delivered, goes the same way with `"listed": true` and a body
{"external_id", "updated_at"}: nobody but us can say so, and the order is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import TOKEN_HEADER, InboundRequest, Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.channels.listing import Listed

_DROPPED: Final = frozenset({"authorization", "cookie", "x-forwarded-for", "x-amzn-trace-id", TOKEN_HEADER})
"""Headers that are credentials or personal data and that no sender's rules need after verification."""


def to_message(source: str, request: InboundRequest, received_at: datetime) -> dict[str, Any]:
    """The message of a verified delivery. TikTok signs in `authorization`: verified before, so dropped too."""
    message: dict[str, Any] = {
        "source": source,
        "account": request.account,
        "headers": {name: value for name, value in request.headers.items() if name not in _DROPPED},
        "received_at": received_at.isoformat(),
    }
    try:
        message["body"] = request.body.decode("utf-8")
    except UnicodeDecodeError:
        message["body_b64"] = base64.b64encode(request.body).decode()
    return message


def listed_message(source: str, account: str, listed: Listed, found_at: datetime) -> dict[str, Any]:
    """The message of an order that was found in its channel's list."""
    body = {"external_id": listed.external_id, "updated_at": listed.updated_at.isoformat()}
    request = InboundRequest(account=account, headers={}, body=json.dumps(body).encode())
    return {**to_message(source, request, found_at), "listed": True}


def listed_notice(message: Mapping[str, Any]) -> Notice | None:
    """What the message of a listed order is about; None for a delivery. Raises MalformedPayloadError.

    The event is this state of the order: found again, it is the same.
    """
    if message.get("listed") is not True:
        return None
    try:
        body = json.loads(message["body"])
        external_id, updated_at = str(body["external_id"]), datetime.fromisoformat(body["updated_at"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedPayloadError("not the message of a listed order") from error
    event_id = f"listed:{external_id}:{updated_at.isoformat()}"
    return Notice(
        kind=NoticeKind.FETCH, topic="listed", event_id=event_id, external_id=external_id, occurred_at=updated_at
    )


def from_message(message: Mapping[str, Any]) -> tuple[str, InboundRequest]:
    """The source and the delivery; raises MalformedPayloadError."""
    try:
        raw = base64.b64decode(message["body_b64"]) if "body_b64" in message else message["body"].encode("utf-8")
        request = InboundRequest(account=message["account"], headers=dict(message["headers"]), body=raw)
        return str(message["source"]), request
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedPayloadError("not a delivery message") from error


def fingerprint(request: InboundRequest) -> str:
    """What identifies a delivery that cannot say who it is: the hash of its body."""
    return hashlib.sha256(request.body).hexdigest()
