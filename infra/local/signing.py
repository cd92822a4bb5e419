"""Signatures as the senders put them on their deliveries; each vendor's rule is in its connector."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from typing import TYPE_CHECKING, Final

from infra.local.sandbox import adobe, adyen, ebay, paypal_signing
from oms.domain.inbound import TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def signed(source: str, body: bytes, secret: str, now: int) -> dict[str, str]:
    """The headers that prove who sends; none of a source whose deliveries come another way."""
    rule = _RULES.get(source)
    return rule(body, secret, now) if rule else {}


def signed_body(source: str, body: bytes, secret: str) -> bytes:
    """The body as it is sent: some senders sign within it."""
    return adyen.sign_body(body, secret) if source == "adyen" else body


def _mac(key: str | bytes, message: bytes) -> bytes:
    return hmac.new(key.encode() if isinstance(key, str) else key, message, hashlib.sha256).digest()


def _base64(name: str) -> Callable[[bytes, str, int], dict[str, str]]:
    def rule(body: bytes, secret: str, _: int) -> dict[str, str]:
        return {name: base64.b64encode(_mac(secret, body)).decode()}

    return rule


def _tiktok(body: bytes, secret: str, _now: int) -> dict[str, str]:
    app_key, _, app_secret = secret.partition(":")
    return {"authorization": _mac(app_secret, app_key.encode() + body).hex()}


def _standard(body: bytes, secret: str | bytes, now: int) -> dict[str, str]:
    message_id = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
    mac = base64.b64encode(_mac(secret, f"{message_id}.{now}.".encode() + body)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": f"v1,{mac}"}


def _whsec(body: bytes, secret: str, now: int) -> dict[str, str]:
    return _standard(body, base64.b64decode(secret.removeprefix("whsec_")), now)


def _magento(body: bytes, *_: object) -> dict[str, str]:
    # Signed by Adobe for everybody; the secret is whom the event is for, which its body says.
    return {"x-adobe-digital-signature-1": adobe.sign(body), "x-adobe-public-key1-path": adobe.KEY_PATH}


def _ebay(body: bytes, *_: object) -> dict[str, str]:
    # Signed by eBay for everybody; the secret is the verification token, which ties the URL to us.
    return {"x-ebay-signature": ebay.sign(body)}


def _mercadolibre(_: bytes, secret: str, *__: object) -> dict[str, str]:
    # Not signed: a token in the URL, which our entry takes as this header.
    return {TOKEN_HEADER: secret.partition(":")[2]}


def _meta(body: bytes, secret: str, _: int) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={_mac(secret.partition(':')[0], body).hex()}"}


def _easypost(body: bytes, secret: str, _: int) -> dict[str, str]:
    return {"x-hmac-signature": f"hmac-sha256-hex={_mac(unicodedata.normalize('NFKD', secret), body).hex()}"}


def _stripe(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"stripe-signature": f"t={now},v1={_mac(secret, f'{now}.'.encode() + body).hex()}"}


_RULES: Final[Mapping[str, Callable[[bytes, str, int], dict[str, str]]]] = {
    "shopify": _base64("x-shopify-hmac-sha256"),
    "woocommerce": _base64("x-wc-webhook-signature"),
    "walmart": _base64("authorization"),
    "tiktok-shop": _tiktok,
    "bigcommerce": _standard,
    "etsy": _whsec,
    "webhook": _whsec,
    "magento": _magento,
    "ebay": _ebay,
    "mercadolibre": _mercadolibre,
    "meta-commerce": _meta,
    "easypost": _easypost,
    "stripe": _stripe,
    "paypal": paypal_signing.headers_of,
}
