"""Known-answer vectors of the vendors are accepted; anything altered is refused with SignatureError, nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oms.channels.registry import connector
from oms.domain.errors import SignatureError
from oms.domain.inbound import InboundRequest

SHARED = Path(__file__).parents[3] / "shared" / "payloads"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = b'{"id": 1, "total": "10.00"}'


def _sign(source: str, secret: str, body: bytes) -> dict[str, str]:
    if source == "tiktok-shop":
        key, _, app_secret = secret.partition(":")
        digest = hmac.new(app_secret.encode(), key.encode() + body, hashlib.sha256)
        return {"authorization": digest.hexdigest()}
    header = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}[source]
    return {header: base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()}


def _verify(source: str, headers: dict[str, str], body: bytes, *secrets: str) -> None:
    connector(source).verify(InboundRequest(account="a", headers=headers, body=body), secrets, NOW)


SIGNED = pytest.mark.parametrize(
    ("source", "secret"), [("shopify", "s3cret"), ("woocommerce", "wc-s3cret"), ("tiktok-shop", "key:s3cret")]
)


@pytest.mark.parametrize(
    ("headers", "body", "secret"),
    [
        (
            {"x-shopify-hmac-sha256": "hMTq0K2x7oyOjoBwGYeTj5oxfnaVYXzbanUG9aajpKI="},
            b'"my secret message"',
            "hush",
        ),
        ({"shopify-hmac-sha256": "yCGX/RrK4fcuNtr3ztk5tQGsOBjcAzHpGLdMUrbV8yI="}, b"foo=anything", "secret"),
    ],
)
def test_shopify_known_answers(headers: dict[str, str], body: bytes, secret: str) -> None:
    _verify("shopify", headers, body, secret)


def test_woocommerce_known_answer() -> None:
    # the widely published HMAC-SHA256 example, in the header's base64
    headers = {"x-wc-webhook-signature": "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="}
    _verify("woocommerce", headers, b"The quick brown fox jumps over the lazy dog", "key")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected payloads are not beside the repository")
def test_shopify_shared_vectors() -> None:
    vectors = json.loads((SHARED / "shopify" / "kat-webhook-hmac.json").read_text("utf-8"))["vectors"]
    assert len(vectors) >= 5
    for vector in vectors:
        headers = {"x-shopify-hmac-sha256": vector["X-Shopify-Hmac-Sha256"]}
        if vector["valid"]:
            _verify("shopify", headers, vector["raw_body_utf8"].encode(), vector["secret"])
        else:
            with pytest.raises(SignatureError):
                _verify("shopify", headers, vector["raw_body_utf8"].encode(), vector["secret"])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected payloads are not beside the repository")
def test_tiktok_shared_vector() -> None:
    body = (SHARED / "tiktok-shop" / "webhook-hmac-kat.raw.json").read_bytes().rstrip(b"\n")
    headers = {"authorization": "5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05"}
    _verify("tiktok-shop", headers, body, "abcdef:123")
    with pytest.raises(SignatureError):
        _verify("tiktok-shop", headers, json.dumps(json.loads(body)).encode(), "abcdef:123")


@SIGNED
def test_any_secret_in_rotation_is_good(source: str, secret: str) -> None:
    _verify(source, _sign(source, secret, BODY), BODY, "old:one", secret)
    _verify(source, _sign(source, secret, BODY), BODY, secret, "old:one")


@SIGNED
def test_a_flipped_bit_anywhere_is_refused(source: str, secret: str) -> None:
    headers = _sign(source, secret, BODY)
    for index in range(len(BODY)):
        altered = bytes(byte ^ (index == at) for at, byte in enumerate(BODY))
        with pytest.raises(SignatureError):
            _verify(source, headers, altered, secret)
    ((name, signature),) = headers.items()
    for index in range(len(signature)):
        wrong = signature[:index] + chr(ord(signature[index]) ^ 1) + signature[index + 1 :]
        with pytest.raises(SignatureError):
            _verify(source, {name: wrong}, BODY, secret)


@SIGNED
def test_a_body_serialised_again_is_refused(source: str, secret: str) -> None:
    headers = _sign(source, secret, BODY)
    with pytest.raises(SignatureError):
        _verify(source, headers, json.dumps(json.loads(BODY), separators=(",", ":")).encode(), secret)


@SIGNED
@pytest.mark.parametrize("given", [None, "", " ", "é", "\udcff", "==", "a" * 100_000, "\x00"])
def test_a_missing_or_odd_header_is_refused(source: str, secret: str, given: str | None) -> None:
    ((name, _),) = _sign(source, secret, BODY).items()
    with pytest.raises(SignatureError):
        _verify(source, {} if given is None else {name: given}, BODY, secret)


@SIGNED
def test_no_secret_and_an_empty_secret_never_match(source: str, secret: str) -> None:
    for secrets in ((), ("",), ("wrong:wrong",)):
        with pytest.raises(SignatureError):
            _verify(source, _sign(source, secret, BODY), BODY, *secrets)
    empty = ":" if source == "tiktok-shop" else ""
    with pytest.raises(SignatureError):
        _verify(source, _sign(source, empty, BODY), BODY, empty)


@pytest.mark.parametrize(
    ("content_type", "body", "accepted"),
    [
        ("application/x-www-form-urlencoded", b"webhook_id=7", True),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"webhook_id=12345", True),
        ("application/x-www-form-urlencoded", b"webhook_id=7\n", False),
        ("application/x-www-form-urlencoded", b"webhook_id=7&id=1", False),
        ("application/x-www-form-urlencoded", b"webhook_id=", False),
        ("application/x-www-form-urlencoded", b"webhook_id=\xd9\xa1", False),
        ("application/json", b"webhook_id=7", False),
        ("", b"webhook_id=7", False),
    ],
)
def test_only_the_activation_ping_of_woocommerce_may_be_unsigned(
    content_type: str, body: bytes, *, accepted: bool
) -> None:
    headers = {"content-type": content_type, "x-wc-webhook-topic": "order.created"}
    if accepted:
        _verify("woocommerce", headers, body, "secret")
    else:
        with pytest.raises(SignatureError):
            _verify("woocommerce", headers, body, "secret")


def test_amazon_is_gated_by_its_queue() -> None:
    _verify("amazon", {}, b"{}")
