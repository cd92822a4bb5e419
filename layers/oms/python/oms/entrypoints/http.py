"""HTTP in and out: bodies checked, roles held, and the only place where a refusal meets a status code (RFC 9457)."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from oms.domain import errors as err
from oms.domain.commit import Cause
from oms.entrypoints.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError

PROBLEM: Final = "application/problem+json"
MAX_BODY: Final = 1_000_000
MAX_KEY: Final = 255
_OLDEST, _NEWEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

LONG_ANSWER: Final = 1_000_000
"""Characters of an answer from which on it is compressed."""
STATUS: Final[Mapping[type[err.OmsError], HTTPStatus]] = {
    err.NotFoundError: HTTPStatus.NOT_FOUND,
    err.AuthenticationError: HTTPStatus.UNAUTHORIZED,
    err.InvalidTokenError: HTTPStatus.NOT_FOUND,
    err.ForbiddenError: HTTPStatus.FORBIDDEN,
    err.PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    err.IdempotencyKeyMissingError: HTTPStatus.BAD_REQUEST,
    err.InvalidCursorError: HTTPStatus.BAD_REQUEST,
    err.RefusedError: HTTPStatus.CONFLICT,
    err.InsufficientStockError: HTTPStatus.CONFLICT,
    err.VersionConflictError: HTTPStatus.CONFLICT,
    err.ContentionError: HTTPStatus.SERVICE_UNAVAILABLE,
    err.RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    err.UpstreamError: HTTPStatus.SERVICE_UNAVAILABLE,
    err.UpstreamRefusedError: HTTPStatus.BAD_GATEWAY,
    err.UnknownEventError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The nearest class of an error decides; what is not listed is 422."""

Model = TypeVar("Model", bound="BaseModel")


def status_of(error: err.OmsError) -> HTTPStatus:
    """The status code of a refusal."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.UNPROCESSABLE_ENTITY


def resolver() -> APIGatewayHttpResolver:
    """A resolver that answers every refusal, and every failure, with a problem document."""
    app = APIGatewayHttpResolver()
    app.exception_handler(err.OmsError)(problem)
    app.exception_handler(Exception)(_failure)
    app.not_found(lambda _: problem(err.NotFoundError("no such route")))
    return app


def problem(error: err.OmsError) -> Response[str]:
    """A refusal as a problem document. The log has its code, and not what it says of whom."""
    status = status_of(error)
    logger.info("refused", extra={"code": error.code, "status": status.value})
    headers = {}
    if "retry_after" in error.context:
        headers["retry-after"] = str(error.context["retry_after"])
    body = {
        **error.context,
        "type": f"urn:oms:problem:{error.code}",
        "title": str(error),
        "status": status.value,
        "code": error.code,
        "retryable": error.retryable,
    }
    return Response(
        status_code=status.value, content_type=PROBLEM, body=json.dumps(body, default=str), headers={**headers}
    )


def _invalid(error: ValidationError) -> err.InvalidInputError:
    """Where the body breaks its contract; never what it said there, which may be personal."""
    places = [
        {"at": ".".join(str(part) for part in each["loc"])[:200], "problem": each["type"]} for each in error.errors()
    ]
    return err.InvalidInputError("the body breaks its contract", errors=places[:20])


def _failure(error: Exception) -> Response[str]:
    logger.error("unexpected failure", extra={"error": type(error).__name__}, exc_info=error)
    body = {"type": "urn:oms:problem:internal_error", "title": "unexpected failure", "status": 500}
    answer = {**body, "code": "internal_error", "retryable": True}
    return Response(status_code=500, content_type=PROBLEM, body=json.dumps(answer))


def raw_body(app: APIGatewayHttpResolver, limit: int = MAX_BODY) -> bytes:
    """The body exactly as it was sent; raises PayloadTooLargeError."""
    event: Mapping[str, Any] = app.current_event.raw_event
    text = event.get("body") or ""
    raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode("utf-8", "surrogatepass")
    if len(raw) > limit:
        raise err.PayloadTooLargeError("the body is too large", limit=limit)
    return raw


def body(app: APIGatewayHttpResolver, model: type[Model]) -> Model:
    """The body as `model`; no body counts as an empty object. Raises InvalidInputError."""
    from pydantic import ValidationError

    try:
        return model.model_validate_json(raw_body(app) or b"{}")
    except ValidationError as error:
        raise _invalid(error) from None


def no_body(app: APIGatewayHttpResolver) -> None:
    """For a call that says nothing in its body, or an empty object; raises InvalidInputError."""
    if raw_body(app).strip() not in (b"", b"{}"):
        from oms.entrypoints.requests.common import Empty

        body(app, Empty)


def headers(app: APIGatewayHttpResolver) -> dict[str, str]:
    """Headers with names in lower case."""
    event: Mapping[str, Any] = app.current_event.raw_event
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def query(app: APIGatewayHttpResolver) -> dict[str, str]:
    """Query parameters."""
    event: Mapping[str, Any] = app.current_event.raw_event
    return dict(event.get("queryStringParameters") or {})


def url(app: APIGatewayHttpResolver) -> str:
    """The URL that was called, without its query, as whoever called it knows it."""
    event: Mapping[str, Any] = app.current_event.raw_event
    host = event.get("requestContext", {}).get("domainName") or headers(app).get("host", "")
    return f"https://{host}{event.get('rawPath', '')}"


def instant(text: str) -> datetime:
    """An instant in UTC; raises InvalidInputError."""
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is None:
            raise err.InvalidInputError("an instant needs its zone", value=text[:40])
        at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise err.InvalidInputError("not an ISO 8601 instant", value=text[:40]) from error
    if not _OLDEST <= at <= _NEWEST:
        raise err.InvalidInputError("an instant that no order can be of", value=text[:40])
    return at


def idempotency_key(app: APIGatewayHttpResolver) -> str:
    """The Idempotency-Key; raises IdempotencyKeyMissingError."""
    key = headers(app).get("idempotency-key", "").strip()
    if not key or len(key) > MAX_KEY:
        raise err.IdempotencyKeyMissingError("this call needs an Idempotency-Key of 1 to 255 characters")
    return key


def api_cause(app: APIGatewayHttpResolver, key: str, actor: str) -> Cause:
    """The cause of an API write: its key, and what it asked, so that the key cannot come back for something else."""
    event: Mapping[str, Any] = app.current_event.raw_event
    asked = hashlib.sha256(f"{event.get('routeKey')} {event.get('rawPath')}\n".encode() + raw_body(app)).hexdigest()
    return Cause(kind="api", ref=f"{asked[:16]}:{key}", actor=actor)


def subject(app: APIGatewayHttpResolver) -> str:
    """Whom the token that the API's authorizer has verified was given to; '' when it does not say."""
    event: Mapping[str, Any] = app.current_event.raw_event
    claims = event.get("requestContext", {}).get("authorizer", {}).get("jwt", {}).get("claims", {})
    return str(claims.get("sub") or "")


def roles(app: APIGatewayHttpResolver) -> frozenset[str]:
    """Roles of the caller: the groups in the token that the API's authorizer has verified."""
    event: Mapping[str, Any] = app.current_event.raw_event
    claims = event.get("requestContext", {}).get("authorizer", {}).get("jwt", {}).get("claims", {})
    return groups_of(claims)


def groups_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups claim; the HTTP API flattens a list to '[one two]'."""
    groups = claims.get("cognito:groups", "")
    if isinstance(groups, str):
        groups = groups.strip("[]").replace(",", " ").split()
    return frozenset(str(each).strip("\"'") for each in groups)


def require(app: APIGatewayHttpResolver, *allowed: str) -> str:
    """The role under which the caller acts: 'admin', or the first of `allowed` it has; raises ForbiddenError."""
    have = roles(app)
    for role in ("admin", *allowed):
        if role in have:
            return role
    raise err.ForbiddenError("your role does not allow this", needs=sorted({"admin", *allowed}))


def plain(text: str) -> Response[str]:
    """An answer of plain text, which nobody takes for anything else."""
    headers: dict[str, str | list[str]] = {"x-content-type-options": "nosniff"}
    return Response(status_code=200, content_type="text/plain; charset=utf-8", body=text, headers=headers)


def answer(document: Any, status: int = 200) -> Response[str]:
    """A JSON answer; a long one compressed, for whoever takes that: a function answers with 6 MB at most."""
    body = json.dumps(document, ensure_ascii=False, default=str)
    return Response(status_code=status, content_type="application/json", body=body, compress=len(body) > LONG_ANSWER)
