"""PayPal's signature of webhooks, by a certificate that this sandbox makes for itself and publishes.

It signs events of nothing but this sandbox; its key is known to everybody.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox import adobe

if TYPE_CHECKING:
    from collections.abc import Mapping

CERT_PATH: Final = "/v1/notifications/certs/CERT-sandbox-1"
WEBHOOK_ID: Final = "0NH00000SANDBOX01"
"""Of the endpoint that `make run` registers."""


def headers_of(body: bytes, webhook_id: str, at: int) -> dict[str, str]:
    """The headers of a delivery."""
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    number = hashlib.sha256(body).hexdigest()[:32]
    message = f"{number}|{when}|{webhook_id}|{zlib.crc32(body)}".encode()
    return {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-auth-version": "v2",
        "paypal-cert-url": f"https://api.sandbox.paypal.com{CERT_PATH}",
        "paypal-transmission-id": number,
        "paypal-transmission-sig": adobe.sign(message),
        "paypal-transmission-time": when,
    }


@cache
def certificate() -> bytes:
    """The certificate in PEM: signed by itself, valid for some decades."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "messageverificationcerts.sandbox")])
    key = adobe.private_key()
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2050, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


class PayPalTeller:
    """How deliveries are signed and named; the secret is the webhook id."""

    def headers(self, body: bytes, secret: str, at: int) -> Mapping[str, str]:
        """See `headers_of`."""
        return headers_of(body, secret, at)

    def names(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """As the event says."""
        return event["id"], event["event_type"]
