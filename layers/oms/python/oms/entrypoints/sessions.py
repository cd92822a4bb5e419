"""Who a console request is from: sign-in with Cognito, the session cookie, and what keeps forms from being forged.

The session is the ID token itself, in a cookie that scripts cannot read and other sites cannot send. The API's
authorizer looks at the Authorization header only, so each request's token is verified here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import time
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import jwt
import urllib3
from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from botocore.exceptions import ClientError

from oms.domain.errors import AuthenticationError, ForbiddenError, InvalidTokenError, RateLimitedError, UpstreamError
from oms.domain.frozen import frozen
from oms.entrypoints import http, wiring
from oms.entrypoints.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

COOKIE: Final = "oms_session"
ID: Final = "id"
"""Which of Cognito's tokens we take: the access token names no audience."""
HOME: Final = "/console/orders"
LOGIN: Final = "/console/login"
LIFE_S: Final = 3600
KEEP_KEYS_S: Final = 900.0
"""How long the pool's public keys are used before they are read again."""
LOOK_AGAIN_S: Final = 60.0
"""Tokens of unknown keys make us read the keys again at most this often: forged ones must not become a flood."""
LEEWAY_S: Final = 10
_MAX_TOKEN: Final = 4_096
_MAX_KEYS: Final = 65_536
_NEXT: Final = re.compile(r"/console(/[A-Za-z0-9_-]+)*(\?[A-Za-z0-9_.~%&=+:-]{0,1000})?", re.ASCII)
_REFUSED_BY_COGNITO: Final = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "InvalidParameterException", "UserNotConfirmedException"}
)


@frozen
class Session:
    """A verified caller. `token` is what its cookie holds."""

    token: str = field(repr=False)
    roles: frozenset[str]
    name: str
    subject: str = ""

    def may(self, *allowed: str) -> bool:
        """The caller has one of these roles, or is an admin."""
        return bool(self.roles & {"admin", *allowed})

    def require(self, *allowed: str) -> str:
        """The role under which the caller acts; raises ForbiddenError."""
        for role in ("admin", *allowed):
            if role in self.roles:
                return role
        raise ForbiddenError("your role does not allow this", needs=sorted({"admin", *allowed}))

    def form_token(self, action: str) -> str:
        """What a form of this session must carry to be taken at the path `action`."""
        key = str(wiring.keys().read()["session_key"]).encode()
        said = f"console-form/1|{hashlib.sha256(self.token.encode()).hexdigest()}|{action}"
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


class PublicKeys:
    """The user pool's signing keys, read from `url` when needed."""

    def __init__(self, fetch: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Any] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")

    def find(self, key_id: str) -> Any:
        """The RSA public key; raises InvalidTokenError when the pool has none of this name, UpstreamError."""
        now = self._clock()
        stale = now - self._read_at > KEEP_KEYS_S
        if (stale or key_id not in self._keys) and now - self._tried_at > LOOK_AGAIN_S:
            self._tried_at = now
            try:
                self._keys = _rsa_keys(self._fetch())
                self._read_at = now
            except (ValueError, TypeError, KeyError, jwt.PyJWTError, urllib3.exceptions.HTTPError) as error:
                # Keys that were good a while ago are better than locking everybody out; without any, try again soon.
                if not self._keys:
                    self._tried_at = float("-inf")
                    raise UpstreamError("the sign-in service's keys cannot be read") from error
        if key_id not in self._keys:
            raise InvalidTokenError("signed with a key that the user pool does not have")
        return self._keys[key_id]


def _rsa_keys(raw: bytes) -> dict[str, Any]:
    document = json.loads(raw)
    return {
        each["kid"]: jwt.PyJWK(each, algorithm="RS256").key
        for each in document["keys"]
        if each.get("kty") == "RSA" and each.get("use", "sig") == "sig"
    }


def _fetch_keys() -> bytes:
    url = os.environ.get("STAFF_JWKS_URL") or f"{os.environ['STAFF_ISSUER']}/.well-known/jwks.json"
    timeout = urllib3.Timeout(connect=2.0, read=5.0)
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", url, timeout=timeout, retries=False, redirect=False)
    if answer.status != 200 or len(answer.data) > _MAX_KEYS:  # noqa: PLR2004 - HTTP
        raise ValueError("not a key set")
    return answer.data


@cache
def public_keys() -> PublicKeys:
    """Kept while the function is warm."""
    return PublicKeys(_fetch_keys)


def verify(token: str) -> Session:
    """The session that an ID token of our user pool stands for; raises InvalidTokenError for anything else."""
    if not token or len(token) > _MAX_TOKEN or not token.isascii():
        raise InvalidTokenError("not a session")
    try:
        head = jwt.get_unverified_header(token)
        if head.get("alg") != "RS256" or not isinstance(head.get("kid"), str):
            raise InvalidTokenError("not signed the way the user pool signs")
        claims = jwt.decode(
            token,
            public_keys().find(head["kid"]),
            algorithms=["RS256"],
            audience=os.environ["STAFF_CLIENT_ID"],
            issuer=os.environ["STAFF_ISSUER"],
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "token_use"], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise InvalidTokenError("this session is not valid, or no longer") from error
    if claims["token_use"] != ID:
        raise InvalidTokenError("a token for something else")
    name = claims.get("cognito:username", "")
    return Session(token=token, roles=http.groups_of(claims), name=str(name)[:100], subject=str(claims["sub"]))


def current(app: APIGatewayHttpResolver) -> Session | None:
    """The session of the request, if it brings a valid one."""
    event: Mapping[str, Any] = app.current_event.raw_event
    cookies = event.get("cookies") or http.headers(app).get("cookie", "").split(";")
    found = [value for name, _, value in (each.strip().partition("=") for each in cookies) if name == COOKIE]
    if len(found) != 1:
        return None  # two of a name: somebody else's may be among them
    try:
        return verify(found[0])
    except InvalidTokenError:
        return None


def sign_in(username: str, password: str) -> str:
    """An ID token; raises AuthenticationError, RateLimitedError, UpstreamError."""
    try:
        answer = wiring.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=os.environ["STAFF_CLIENT_ID"],
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        logger.warning("sign-in refused", extra={"code": code})
        if code == "TooManyRequestsException":
            raise RateLimitedError("too many tries; wait a minute", retry_after=60) from error
        if code == "PasswordResetRequiredException":
            raise AuthenticationError("an administrator has to set a new password for this account") from error
        if code in _REFUSED_BY_COGNITO:
            raise AuthenticationError("user name and password do not match") from error
        raise UpstreamError("the sign-in service does not answer") from error
    if "AuthenticationResult" not in answer:
        logger.warning("sign-in needs a challenge", extra={"challenge": answer.get("ChallengeName", "")})
        raise AuthenticationError("this account needs another step; ask an administrator to set its password for good")
    token: str = answer["AuthenticationResult"]["IdToken"]
    return token


def cookie(token: str) -> Cookie:
    """The cookie that holds a session; without a token, the one that ends it."""
    return Cookie(
        name=COOKIE,
        value=token,
        path="/console",
        secure=os.environ.get("COOKIE_SECURE", "true") != "false",
        http_only=True,
        max_age=LIFE_S if token else 0,
        same_site=SameSite.STRICT_MODE,
    )


def safe_next(path: str) -> str:
    """`path` when it is one of the console's own pages, else its first page."""
    inside = _NEXT.fullmatch(path) and not path.startswith((LOGIN, "/console/logout"))
    return path if inside else HOME


def login_path(app: APIGatewayHttpResolver) -> str:
    """The sign-in page, which comes back to the page asked for; for a form, to the page above it."""
    event: Mapping[str, Any] = app.current_event.raw_event
    path, query = event.get("rawPath", ""), event.get("rawQueryString", "")
    if event.get("requestContext", {}).get("http", {}).get("method") != "GET":
        path, query = path.rpartition("/")[0], ""
    following = safe_next(f"{path}?{query}" if query else path)
    return LOGIN if following == HOME else f"{LOGIN}?next={quote(following, safe='')}"


def require_same_origin(app: APIGatewayHttpResolver) -> None:
    """A form must come from a page of ours. Raises ForbiddenError."""
    sent = http.headers(app)
    site = sent.get("sec-fetch-site")
    if site is not None:
        ours = site == "same-origin"
    else:
        # Browsers leave it out on plain http, and older ones always.
        ours = bool(sent.get("host")) and urlsplit(sent.get("origin", "")).netloc == sent["host"]
    if not ours:
        raise ForbiddenError("this form was not sent from the console")


def require_form_token(session: Session, action: str, given: str) -> None:
    """A form must have been made for this session and this path. Raises ForbiddenError."""
    if not hmac.compare_digest(session.form_token(action).encode(), given.encode("utf-8", "surrogatepass")):
        raise ForbiddenError("this form is out of date; open the page again")
