"""eBay's ECDSA signatures, Walmart's and Etsy's HMACs: what is signed so holds, anything altered is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.local.sandbox import ebay as sandbox
from oms.channels import ebay, etsy, walmart
from oms.domain.errors import NotFoundError, ReplayWindowError, SignatureError
from oms.domain.inbound import ChallengedSender, InboundRequest, KeyedSender, ProvingSender

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODY = b'{"metadata":{"topic":"ORDER_CONFIRMATION"},"notification":{"notificationId":"n-1","data":{"orderId":"1-2-3"}}}'
KEY = ec.generate_private_key(ec.SECP256R1())


def _pem(key: Any) -> str:
    text: str = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return text


# ---------------------------------------------------------------- eBay


def header(made: bytes, **changes: Any) -> str:
    told = {"alg": "ecdsa", "kid": "k-1", "signature": base64.b64encode(made).decode(), "digest": "SHA1"}
    return base64.b64encode(json.dumps(told | changes).encode()).decode()


def check(given: str, body: bytes = BODY, *keys: str) -> None:
    headers = {"x-ebay-signature": given} if given else {}
    request = InboundRequest(account="a", headers=headers, body=body)
    ebay.verify(request, ["a-verification-token", *(keys or (_pem(KEY),))], NOW)


def by(key: Any, body: bytes = BODY, digest: Any = None) -> bytes:
    signature: bytes = key.sign(body, ec.ECDSA(digest or SHA1()))
    return signature


def test_a_signature_of_a_published_key_holds_in_either_spelling_of_the_key() -> None:
    check(header(by(KEY)))
    check(header(by(KEY)), BODY, _pem(KEY).replace("\n", ""))
    check(header(by(KEY)), BODY, _pem(ec.generate_private_key(ec.SECP256R1())), _pem(KEY))
    check(header(by(KEY), digest=None))
    check(header(by(KEY, digest=SHA256()), digest="SHA256"))
    check(header(by(KEY, digest=SHA256()), digest="sha-256"))


def test_the_body_may_be_signed_in_its_compact_form() -> None:
    spaced = json.dumps({"a": "é", "b": [1, 2]}, ensure_ascii=False, indent=2).encode()
    compact = '{"a":"é","b":[1,2]}'.encode()
    check(header(by(KEY, compact)), spaced)
    with pytest.raises(SignatureError):
        check(header(by(KEY, compact)), spaced.replace(b"2\n", b"3\n"))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "!!!",
        "é",
        "\ud800",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"\xff\xfe").decode(),
        "A" * 5000,
        header(b"nothing"),
        header(b""),
        header(by(KEY, b"another body")),
        header(by(ec.generate_private_key(ec.SECP256R1()))),
        header(by(KEY), digest="MD5"),
        header(by(KEY), digest=1.5),
        header(by(KEY), digest="SHA256"),
        header(by(KEY), kid="../../v1/other"),
        header(by(KEY), kid=""),
        header(by(KEY), signature="*"),
        header(by(KEY), signature="\u00e9"),
    ],
)
def test_what_nobody_signed_is_refused(given: str) -> None:
    with pytest.raises(SignatureError):
        check(given)


def test_only_keys_of_the_vendors_kind_are_believed() -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(SignatureError):
        check(header(by(other)), BODY, _pem(other))
    for key in (_pem(rsa.generate_private_key(65537, 2048)), "-----BEGIN PUBLIC KEY-----nonsense", "a-token"):
        with pytest.raises(SignatureError):
            check(header(by(KEY)), BODY, key)
    with pytest.raises(SignatureError):
        ebay.verify(InboundRequest(account="a", headers={"x-ebay-signature": header(by(KEY))}, body=BODY), [], NOW)


def test_any_altered_byte_of_the_body_is_refused() -> None:
    given = header(by(KEY))
    for at in range(0, len(BODY), 7):
        with pytest.raises(SignatureError):
            check(given, BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :])


def test_the_key_that_is_asked_for_is_of_ebays_place() -> None:
    assert isinstance(ebay, KeyedSender)

    def paths(given: str) -> list[str]:
        return list(ebay.key_paths(InboundRequest(account="a", headers={"x-ebay-signature": given}, body=BODY)))

    assert paths(header(b"x")) == ["/commerce/notification/v1/public_key/k-1"]
    for kid in ("../x", "a/b", "a?b", "k" * 81, "", "é"):
        assert paths(header(b"x", kid=kid)) == []
    assert paths("") == paths("garbage") == []


def test_the_sandbox_signs_as_ebay_does() -> None:
    check(sandbox.sign(BODY), BODY, sandbox.public_key())


def test_a_challenge_is_answered_with_what_the_token_and_the_url_make() -> None:
    assert isinstance(ebay, ProvingSender)
    assert not isinstance(ebay, ChallengedSender)
    url = "https://api.example/webhooks/ebay/main"
    expected = hashlib.sha256(f"a8628072{'t' * 32}{url}".encode()).hexdigest()
    assert ebay.prove({"challenge_code": "a8628072"}, url, ["t" * 32, "older"]) == {"challengeResponse": expected}
    for query in ({}, {"challenge_code": ""}, {"challenge_code": "a b"}, {"challenge_code": "x" * 201}):
        with pytest.raises(NotFoundError):
            ebay.prove(query, url, ["t" * 32])
    with pytest.raises(NotFoundError):
        ebay.prove({"challenge_code": "a8628072"}, url, [])


# ---------------------------------------------------------------- Walmart


def wal(headers: dict[str, str], body: bytes = BODY, *secrets: str, now: datetime = NOW) -> None:
    request = InboundRequest(account="main", headers=headers, body=body)
    walmart.verify(request, secrets or ("older", "s3cret"), now)


def mac(message: bytes, secret: str = "s3cret") -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def test_the_bodys_mac_in_either_spelling() -> None:
    wal({"authorization": base64.b64encode(mac(BODY)).decode()})
    wal({"authorization": mac(BODY).hex()})


@pytest.mark.parametrize(
    "given",
    [
        "",
        mac(BODY).hex().upper(),
        mac(BODY + b" ").hex(),
        mac(BODY, "another").hex(),
        mac(BODY, "").hex(),
        base64.b64encode(mac(BODY)).decode()[:-1],
        "Basic " + base64.b64encode(b"a:b").decode(),
        "\ud800",
    ],
)
def test_a_body_that_walmart_did_not_sign_is_refused(given: str) -> None:
    with pytest.raises(SignatureError):
        wal({"authorization": given})
    with pytest.raises(SignatureError):
        wal({"authorization": given}, BODY, "")


def signed(at: datetime = NOW, path: str = "/webhooks/walmart/main", body: bytes = BODY) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    message = f"POST\n{path}\n{seconds}\n{hashlib.sha256(body).hexdigest()}".encode()
    return {"wm_sec.signature": base64.b64encode(mac(message)).decode(), "wm_sec.timestamp": seconds}


def test_a_signature_over_path_time_and_body() -> None:
    wal(signed())
    for lag in (300, -300):
        wal(signed(), now=NOW + timedelta(seconds=lag))
    with pytest.raises(ReplayWindowError):
        wal(signed(), now=NOW + timedelta(seconds=301))
    for headers in (
        signed(path="/webhooks/walmart/other"),
        signed(body=b"{}"),
        signed() | {"wm_sec.timestamp": "1"},
        signed() | {"wm_sec.timestamp": ""},
        signed() | {"wm_sec.timestamp": "\u0661"},
        signed() | {"wm_sec.signature": "x"},
    ):
        with pytest.raises(SignatureError):
            wal(headers)


def test_a_wrong_signature_is_not_made_good_by_the_other() -> None:
    with pytest.raises(SignatureError):
        wal({"authorization": mac(BODY).hex(), "wm_sec.signature": "x", "wm_sec.timestamp": "1795348800"})


# ---------------------------------------------------------------- Etsy

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_answer_of_standard_webhooks_holds_with_its_prefixed_secret_and_bare() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body, then = b'{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC)
    request = InboundRequest(account="a", headers=headers, body=body)
    etsy.verify(request, ["whsec_!!", "é", SECRET], then)
    bare = headers | {"webhook-signature": headers["webhook-signature"].removeprefix("v1,")}
    etsy.verify(InboundRequest(account="a", headers=bare, body=body), [SECRET], then)
    with pytest.raises(ReplayWindowError):
        etsy.verify(request, [SECRET], then + timedelta(seconds=301))
    for changed in (
        InboundRequest(account="a", headers=headers, body=body + b" "),
        InboundRequest(account="a", headers=headers | {"webhook-id": "msg_2"}, body=body),
        InboundRequest(account="a", headers=headers | {"webhook-signature": ""}, body=body),
        InboundRequest(account="a", headers=headers | {"webhook-signature": "v2,x"}, body=body),
        InboundRequest(account="a", headers={}, body=body),
    ):
        with pytest.raises(SignatureError):
            etsy.verify(changed, [SECRET], then)
    for secrets in ([], [""], ["whsec_"], ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"]):
        with pytest.raises(SignatureError):
            etsy.verify(request, secrets, then)
