"""Standard Webhooks (BigCommerce) and Adobe's RSA signatures: known answers hold, anything altered is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from infra.local.sandbox import adobe
from oms.channels import bigcommerce, magento
from oms.channels.signatures import check_standard
from oms.domain.errors import NotFoundError, ReplayWindowError, SignatureError
from oms.domain.inbound import ChallengedSender, InboundRequest, KeyedSender

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODY = b'{"scope": "store/order/created", "data": {"id": 1}}'
EVENT = json.dumps({"id": "e-1", "recipient_client_id": "our-client", "data": {"value": {"entity_id": 1}}}).encode()


# ---------------------------------------------------------------- Standard Webhooks


def _standard(
    secret: str = "s3cret", body: bytes = BODY, at: datetime = NOW, message_id: str = "msg_1"
) -> dict[str, str]:
    signed_at = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{message_id}.{signed_at}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": signed_at, "webhook-signature": signature}


def _big(headers: dict[str, str], body: bytes = BODY, *secrets: str, now: datetime = NOW) -> None:
    request = InboundRequest(account="a", headers=headers, body=body)
    bigcommerce.verify(request, secrets or ("s3cret",), now)


def test_the_published_answer_of_standard_webhooks() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    check_standard(headers, b'{"test": 2432232314}', [key], datetime.fromtimestamp(1614265330, UTC))
    with pytest.raises(SignatureError):
        check_standard(headers, b'{"test": 2432232315}', [key], datetime.fromtimestamp(1614265330, UTC))


def test_bigcommerce_takes_any_secret_in_rotation_and_any_signature_of_the_header() -> None:
    _big(_standard(), BODY, "older", "s3cret")
    headers = _standard()
    headers["webhook-signature"] = f"v1a,AAAA v1,AAAA {headers['webhook-signature']}"
    _big(headers)


def test_bigcommerce_refuses_a_flipped_bit_anywhere() -> None:
    headers = _standard()
    for index in range(len(BODY)):
        with pytest.raises(SignatureError):
            _big(headers, bytes(byte ^ (index == at) for at, byte in enumerate(BODY)))
    for name, value in headers.items():
        for index in range(len(value)):
            wrong = value[:index] + chr(ord(value[index]) ^ 1) + value[index + 1 :]
            with pytest.raises(SignatureError):
                _big({**headers, name: wrong})


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("given", [None, "", " ", "é", "\udcff", "==", "v1,", "a" * 100_000, "\x00"])
def test_bigcommerce_refuses_a_missing_or_odd_header(name: str, given: str | None) -> None:
    headers = {key: value for key, value in _standard().items() if key != name or given is not None}
    with pytest.raises(SignatureError):
        _big({**headers, **({} if given is None else {name: given})})


@pytest.mark.parametrize("secrets", [("",), ("wrong",), ("s3cret ",)])
def test_bigcommerce_refuses_other_secrets(secrets: tuple[str, ...]) -> None:
    with pytest.raises(SignatureError):
        _big(_standard(), BODY, *secrets)
    with pytest.raises(SignatureError):
        bigcommerce.verify(InboundRequest(account="a", headers=_standard(""), body=BODY), ("",), NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 10**7])
def test_bigcommerce_refuses_what_was_signed_at_another_time(seconds: int) -> None:
    with pytest.raises(ReplayWindowError):
        _big(_standard(at=NOW + timedelta(seconds=seconds)))
    _big(_standard(at=NOW + timedelta(seconds=300 if seconds > 0 else -300)))


# ---------------------------------------------------------------- Adobe I/O Events

KEY = rsa.generate_private_key(65537, 2048)


def _pem(key: Any) -> str:
    found: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found.decode()


def _signed(body: bytes = EVENT, key: rsa.RSAPrivateKey = KEY) -> str:
    return base64.b64encode(key.sign(body, padding.PKCS1v15(), SHA256())).decode()


def _adobe(
    headers: dict[str, str], body: bytes = EVENT, client: str = "our-client", keys: tuple[str, ...] = ()
) -> None:
    request = InboundRequest(account="a", headers=headers, body=body)
    magento.verify(request, [client, *(keys or (_pem(KEY),))], NOW)


FIRST, SECOND = "x-adobe-digital-signature-1", "x-adobe-digital-signature-2"


def test_either_of_adobes_signatures_is_enough() -> None:
    _adobe({FIRST: _signed()})
    _adobe({SECOND: _signed()})
    _adobe({FIRST: _signed(b"another"), SECOND: _signed()})
    other = rsa.generate_private_key(65537, 2048)
    _adobe({FIRST: _signed(key=other), SECOND: _signed()}, keys=(_pem(KEY), _pem(other)))
    with pytest.raises(SignatureError):
        _adobe({FIRST: _signed(key=other)})


def test_the_sandboxs_key_is_one_and_signs_as_the_library_does() -> None:
    key = load_pem_public_key(adobe.public_key().encode())
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(adobe.sign(EVENT)), EVENT, padding.PKCS1v15(), SHA256())
    _adobe({FIRST: adobe.sign(EVENT)}, keys=(adobe.public_key(),))


def test_adobe_refuses_a_flipped_bit_anywhere() -> None:
    headers = {FIRST: _signed()}
    for index in range(len(EVENT)):
        with pytest.raises(SignatureError):
            _adobe(headers, bytes(byte ^ (index == at) for at, byte in enumerate(EVENT)))
    for index in range(0, len(headers[FIRST]) - 2, 5):
        wrong = headers[FIRST][:index] + chr(ord(headers[FIRST][index]) ^ 1) + headers[FIRST][index + 1 :]
        with pytest.raises(SignatureError):
            _adobe({FIRST: wrong})


@pytest.mark.parametrize("given", [None, "", " ", "é", "\udcff", "==", "a" * 100_000, "\x00", "AAAA"])
def test_adobe_refuses_a_missing_or_odd_header(given: str | None) -> None:
    with pytest.raises(SignatureError):
        _adobe({} if given is None else {FIRST: given})


def test_a_genuine_event_for_another_customer_of_adobe_is_refused() -> None:
    body = EVENT.replace(b"our-client", b"a-stranger")
    with pytest.raises(SignatureError):
        _adobe({FIRST: _signed(body)}, body)
    with pytest.raises(SignatureError):
        _adobe({FIRST: _signed()}, client="")
    for nothing in (b"{}", b"[]", b"\xff", b'{"recipient_client_id": 7.5}', b'{"recipient_client_id": ""}'):
        with pytest.raises(SignatureError):
            _adobe({FIRST: _signed(nothing)}, nothing)
    spelt_otherwise = EVENT.replace(b"recipient_client_id", b"recipientclientid")
    _adobe({FIRST: _signed(spelt_otherwise)}, spelt_otherwise)


def test_a_key_is_never_a_client_and_a_client_never_a_key() -> None:
    with pytest.raises(SignatureError):
        magento.verify(InboundRequest(account="a", headers={FIRST: _signed()}, body=EVENT), ["our-client"], NOW)
    body = EVENT.replace(b'"our-client"', json.dumps(_pem(KEY)).encode())
    with pytest.raises(SignatureError):
        _adobe({FIRST: _signed(body)}, body)


def test_weak_and_other_keys_and_other_hashes_are_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(SignatureError):
        _adobe({FIRST: _signed(key=weak)}, keys=(_pem(weak),))
    curve = ec.generate_private_key(ec.SECP256R1())
    signed = base64.b64encode(curve.sign(EVENT, ec.ECDSA(SHA256()))).decode()
    for pem in (_pem(curve), "-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----"):
        with pytest.raises(SignatureError):
            _adobe({FIRST: signed}, keys=(pem,))
    hashed = base64.b64encode(KEY.sign(EVENT, padding.PKCS1v15(), SHA1())).decode()
    with pytest.raises(SignatureError):
        _adobe({FIRST: hashed})


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("/prod/keys/pub-key-voy5XEbWmT.pem", True),
        ("/prod/keys/pub-key-12345678-1234-1234-1234-123456789abc.pem", True),
        ("", False),
        ("prod/keys/pub-key-a.pem", False),
        ("/prod/keys/../pub-key-a.pem", False),
        ("/prod/keys/pub-key-a.pem?x", False),
        ("@evil.example/prod/keys/pub-key-a.pem", False),
        ("//evil.example/prod/keys/pub-key-a.pem", False),
        ("/stage/keys/pub-key-a.pem", False),
    ],
)
def test_keys_are_read_of_adobes_place_alone(path: str, *, taken: bool) -> None:
    request = InboundRequest(
        account="a",
        headers={"x-adobe-public-key1-path": path, "x-adobe-public-key2-path": path},
        body=b"",
    )
    assert magento.key_paths(request) == ([path] if taken else [])


def test_a_challenge_is_echoed_when_it_is_one() -> None:
    assert magento.challenge({"challenge": "8ec8d794-e0ab-42df-9017-e3dada8e84f7"}) == (
        "8ec8d794-e0ab-42df-9017-e3dada8e84f7"
    )
    for query in ({}, {"challenge": ""}, {"challenge": "<script>"}, {"challenge": "a" * 201}, {"x": "1"}):
        with pytest.raises(NotFoundError):
            magento.challenge(query)


def test_only_magento_publishes_keys_and_asks_challenges() -> None:
    assert isinstance(magento, KeyedSender)
    assert isinstance(magento, ChallengedSender)
    assert not isinstance(bigcommerce, KeyedSender)
    assert not isinstance(bigcommerce, ChallengedSender)
