"""The message that a delivery becomes between being acknowledged and being processed.

{"source", "account", "headers": {name: value}, "body" or "body_b64", "received_at"}
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import MalformedPayloadError
from oms.domain.inbound import InboundRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_DROPPED: Final = frozenset({"authorization", "cookie", "x-forwarded-for", "x-amzn-trace-id"})
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
