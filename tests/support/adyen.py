"""Notifications as Adyen sends and signs them. The rule is said again here: nothing of the connector is asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from oms.domain.inbound import InboundRequest

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
PAYMENT = "QFQTPCQ8HXSKGK82"


def item(code: str, *, success: str = "true", key: str = KEY, **changes: Any) -> dict[str, Any]:
    """One signed item: of the payment PAYMENT itself, or with `originalReference` of what was done to it."""
    fields: dict[str, Any] = {
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": code,
        "eventDate": "2026-11-22T12:00:00+01:00",
        "merchantAccountCode": "NorthWharf",
        "merchantReference": "S-1001",
        "originalReference": "" if code in ("AUTHORISATION", "EXPIRE") else PAYMENT,
        "pspReference": PAYMENT if code in ("AUTHORISATION", "EXPIRE") else "MOD0000000000001",
        "reason": "",
        "success": success,
    }
    fields |= changes
    return fields | {"additionalData": {**fields.get("additionalData", {}), "hmacSignature": sign(fields, key)}}


def sign(fields: dict[str, Any], key: str = KEY) -> str:
    money = fields.get("amount", {})
    parts = [fields.get(name, "") for name in ("pspReference", "originalReference", "merchantAccountCode")]
    parts += [fields.get("merchantReference", ""), money.get("value", ""), money.get("currency", "")]
    text = ":".join(str(part) for part in [*parts, fields.get("eventCode", ""), fields.get("success", "")])
    return base64.b64encode(hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).digest()).decode()


def notification(*items: dict[str, Any]) -> InboundRequest:
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": each} for each in items]}
    return InboundRequest(account="main", headers={}, body=json.dumps(body).encode())
