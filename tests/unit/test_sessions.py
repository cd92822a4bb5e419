"""Who may enter the console: tokens, keys, cookies, and where a sign-in leads."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from oms.domain.errors import ForbiddenError, InvalidTokenError, UpstreamError
from oms.entrypoints import sessions
from tests.support import staff
from tests.support.staff import KEY_ID, Shop, claims, id_token, key_pair, key_set


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop().install(monkeypatch)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(body: dict[str, Any], key: Any = None, algorithm: str = "RS256", **head: Any) -> str:
    return jwt.encode(body, key or key_pair(), algorithm=algorithm, headers={"kid": KEY_ID, **head})


def by_hand(head: dict[str, Any], body: dict[str, Any], mac: bytes = b"") -> str:
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}.{b64(mac)}"


def hs256_with_public_key() -> str:
    public = key_pair().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': KEY_ID}).encode())}.{b64(json.dumps(claims('admin')).encode())}"
    return f"{text}.{b64(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"


def with_payload(token: str, **changes: Any) -> str:
    head, _, mac = token.split(".")
    return f"{head}.{b64(json.dumps(claims('admin', **changes)).encode())}.{mac}"


def forged() -> dict[str, str]:
    good = id_token("admin")
    head, body, mac = good.split(".")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = claims()["iat"]
    own_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key()))
    corpus = {
        "empty": "",
        "not a token": "anna",
        "two parts": f"{head}.{body}",
        "five parts": f"{good}.a.b",
        "no signature": f"{head}.{body}.",
        "alg none": by_hand({"alg": "none", "kid": KEY_ID}, claims("admin")),
        "alg None": by_hand({"alg": "None", "kid": KEY_ID}, claims("admin")),
        "alg none, old signature": f"{b64(json.dumps({'alg': 'none', 'kid': KEY_ID}).encode())}.{body}.{mac}",
        "no alg": by_hand({"kid": KEY_ID}, claims("admin"), b"x"),
        "alg a list": by_hand({"alg": ["RS256"], "kid": KEY_ID}, claims("admin"), b"x"),
        "HS256 with the public key": hs256_with_public_key(),
        "RS384": signed(claims("admin"), algorithm="RS384"),
        "PS256": signed(claims("admin"), algorithm="PS256"),
        "ES256": signed(claims("admin"), ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "another key": signed(claims("admin"), other),
        "a key of its own": signed(claims("admin"), other, jwk=own_jwk, jku="https://evil.example/jwks.json"),
        "unknown kid": signed(claims("admin"), kid="key-2"),
        "kid a path": signed(claims("admin"), kid="../../dev/null"),
        "no kid": jwt.encode(claims("admin"), key_pair(), algorithm="RS256"),
        "kid a number": by_hand({"alg": "RS256", "kid": 1}, claims("admin"), b"x"),
        "tampered groups": with_payload(id_token("warehouse")),
        "tampered expiry": with_payload(good, exp=now + 10**6),
        "signature of another": f"{head}.{body}.{id_token('sales', sub='2').split('.')[2]}",
        "signature cut": good[:-8],
        "expired": signed(claims("admin", exp=now - 60)),
        "not yet": signed(claims("admin", nbf=now + 36_000)),
        "from the future": signed(claims("admin", iat=now + 36_000)),
        "expiry as text": signed(claims("admin", exp="soon")),
        "another pool": signed(
            claims("admin", iss="https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other")
        ),
        "another client": signed(claims("admin", aud="client2")),
        "many audiences": signed(claims("admin", aud=["client2", staff.CLIENT_ID])),
        "an access token": signed(claims("admin", token_use="access", client_id=staff.CLIENT_ID)),
        "an access token without audience": signed(claims("admin", token_use="access", aud=...)),
        "body a list": f"{head}.{b64(b'[]')}.{mac}",
        "too long": signed(claims("admin", name="x" * 5000)),
        "not ascii": good[:-1] + "é",
        "nested": jwt.encode({"x": good}, key_pair(), algorithm="RS256", headers={"kid": KEY_ID, "cty": "JWT"}),
    }
    needed = ("exp", "iat", "iss", "aud", "sub", "token_use")
    return corpus | {f"without {name}": signed(claims("admin", **{name: ...})) for name in needed}


FORGED = forged()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_no_session(name: str) -> None:
    with pytest.raises(InvalidTokenError):
        sessions.verify(FORGED[name])


def test_no_bit_of_a_token_can_be_changed() -> None:
    good = id_token("admin")
    accepted = 0
    for at in range(0, len(good), 3):
        for bit in (0, 1, 3):
            changed = chr(ord(good[at]) ^ (1 << bit))
            token = good[:at] + changed + good[at + 1 :]
            if _same(token, good):
                continue
            try:
                sessions.verify(token)
            except InvalidTokenError:
                continue
            accepted += 1
    assert accepted == 0


def _same(token: str, good: str) -> bool:
    """The last character of a part has bits that base64 does not use: another spelling of the same bytes."""

    def decoded(text: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".")]

    try:
        return decoded(token) == decoded(good)
    except ValueError:
        return False


def test_a_good_token_gives_its_roles() -> None:
    session = sessions.verify(id_token("service", "sales"))
    assert session.roles == {"service", "sales"}
    assert session.name == "anna"
    assert "eyJ" not in repr(session)


def test_a_token_without_groups_has_no_role() -> None:
    session = sessions.verify(id_token(**{"cognito:groups": ...}))
    assert session.roles == frozenset()
    with pytest.raises(ForbiddenError):
        session.require("service")


def test_the_first_matching_role_acts() -> None:
    session = sessions.verify(id_token("sales", "finance"))
    assert session.require("service", "finance", "sales") == "finance"
    assert sessions.verify(id_token("admin", "sales")).require("sales") == "admin"


class Fetch:
    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_read_once_and_again_after_a_while() -> None:
    fetch, clock = Fetch(key_set()), Clock()
    keys = sessions.PublicKeys(fetch, clock)
    for _ in range(5):
        keys.find(KEY_ID)
    assert fetch.count == 1
    clock.now += sessions.KEEP_KEYS_S + 1
    keys.find(KEY_ID)
    assert fetch.count == 2


def test_forged_key_names_do_not_become_a_flood() -> None:
    fetch, clock = Fetch(key_set()), Clock()
    keys = sessions.PublicKeys(fetch, clock)
    for number in range(100):
        with pytest.raises(InvalidTokenError):
            keys.find(f"key-{number + 2}")
    assert fetch.count == 1
    clock.now += sessions.LOOK_AGAIN_S + 1
    with pytest.raises(InvalidTokenError):
        keys.find("key-2")
    assert fetch.count == 2


def test_a_new_key_of_the_pool_is_found() -> None:
    renamed = key_set().replace(KEY_ID.encode(), b"key-2")
    fetch, clock = Fetch(key_set(), renamed), Clock()
    keys = sessions.PublicKeys(fetch, clock)
    keys.find(KEY_ID)
    clock.now += sessions.LOOK_AGAIN_S + 1
    assert keys.find("key-2")
    with pytest.raises(InvalidTokenError):
        keys.find(KEY_ID)


TROUBLE = [b"<html>", b"[]", b'{"keys": [{"kty": "RSA", "kid": "x"}]}', urllib3.exceptions.HTTPError()]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_without_any_keys_nobody_enters_and_the_next_request_tries_again(trouble: bytes | Exception) -> None:
    fetch = Fetch(trouble, key_set())
    keys = sessions.PublicKeys(fetch, Clock())
    with pytest.raises(UpstreamError):
        keys.find(KEY_ID)
    assert keys.find(KEY_ID)


def test_known_keys_outlive_an_outage_of_the_pool() -> None:
    fetch, clock = Fetch(key_set(), urllib3.exceptions.HTTPError()), Clock()
    keys = sessions.PublicKeys(fetch, clock)
    keys.find(KEY_ID)
    clock.now += sessions.KEEP_KEYS_S + 1
    assert keys.find(KEY_ID)


def test_only_rsa_signing_keys_are_taken() -> None:
    public = json.loads(key_set())["keys"][0]
    secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}
    encryption = {**public, "kid": "enc", "use": "enc"}
    keys = sessions.PublicKeys(Fetch(json.dumps({"keys": [public, secret, encryption]}).encode()), Clock())
    assert keys.find(KEY_ID)
    for key_id in ("secret", "enc"):
        with pytest.raises(InvalidTokenError):
            keys.find(key_id)


INSIDE = [
    "/console",
    "/console/orders",
    "/console/orders/ord_0KJ3DCHDBNX6VN3P5HTE0MNDYG",
    "/console/orders?status=on_hold&cursor=abc",
    "/console/orders?number=%231001",
    "/console/orders/ord_1?at=2026-11-21T21:05:12.123456%2B00:00",
]
OUTSIDE = [
    "",
    "https://evil.example/console/",
    "//evil.example/console/orders",
    "/\\evil.example/console/orders",
    "\\\\evil.example",
    "///evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/orders",
    "/status",
    "/consoleevil",
    "/console.evil.example",
    "/console@evil.example",
    "/console//evil.example",
    "/console/../status",
    "/console/%2e%2e/status",
    "/console/..%2fstatus",
    "/console/orders\r\nset-cookie: a=b",
    "/console/orders\n",
    "/console/orders?x=\r\nset-cookie: a=b",
    "/console/orders?next=https://evil.example/",
    "/console/orders#x",
    "/console/login?next=/console/login",
    "/console/logout",
    " /console/orders",
    "/console/ord\u00e9rs",
    "/console/orders?" + "x" * 1001,
]


@pytest.mark.parametrize("path", INSIDE)
def test_a_page_of_the_console_is_gone_back_to(path: str) -> None:
    assert sessions.safe_next(path) == path


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_redirect_leads_out_of_the_console(path: str) -> None:
    assert sessions.safe_next(path) == sessions.HOME


def test_a_form_token_holds_for_one_session_and_one_path() -> None:
    anna, ben = sessions.verify(id_token("service")), sessions.verify(id_token("service", sub="ben"))
    token = anna.form_token("/console/a")
    sessions.require_form_token(anna, "/console/a", token)
    for session, path, given in [
        (ben, "/console/a", token),
        (anna, "/console/b", token),
        (anna, "/console/a", ""),
        (anna, "/console/a", token[:-1]),
        (anna, "/console/a", token.upper()),
        (anna, "/console/a", "é\ud800"),
    ]:
        with pytest.raises(ForbiddenError):
            sessions.require_form_token(session, path, given)


def test_the_cookie_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = set(str(sessions.cookie("t")).split("; "))
    assert attributes == {"oms_session=t", "Path=/console", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=3600"}
    assert "Max-Age=0" in str(sessions.cookie("")).split("; ")
    monkeypatch.setenv("COOKIE_SECURE", "false")
    assert "Secure" not in str(sessions.cookie("t")).split("; ")
