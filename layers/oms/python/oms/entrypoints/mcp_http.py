"""The Model Context Protocol over the HTTP API: one request of its Streamable HTTP transport is one call of a function.

The official SDK does the protocol, without sessions: each request is served by a transport of its own, and answered
with JSON. An event of the HTTP API becomes the ASGI call that the SDK takes. Rules of the transport (bodies of one
message, 405 where there is no stream, Origin and Host checked against DNS rebinding, versions in headers) are those of
https://modelcontextprotocol.io/specification/2025-11-25/basic/transports and of its successor 2026-07-28.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import anyio
from aws_lambda_powertools.event_handler import Response
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST

from oms.domain.errors import PayloadTooLargeError
from oms.entrypoints import assistants, http
from oms.entrypoints.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

MAX_MESSAGE: Final = 32_768
"""Bytes of one message; the largest that a tool takes is far smaller."""
MAX_SAID: Final = 200
"""Characters of an error's message."""
JSON: Final = "application/json"
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""How the one-machine engine is called. No request comes through API Gateway under these names."""
PASSED: Final = frozenset({"allow", "mcp-protocol-version"})
"""Headers of the SDK's answers that are passed on; the others are the gateway's."""

# What it logs can hold what was sent: refusals of pydantic, headers. Our own lines tell tool and outcome.
logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)


class Sent:
    """What the SDK sends, gathered."""

    def __init__(self) -> None:
        self.status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        self.headers: dict[str, str] = {}
        self.body = b""

    async def take(self, message: MutableMapping[str, Any]) -> None:
        """One ASGI message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def answer(app: APIGatewayHttpResolver) -> Response[str]:
    """One message of a client: a request is answered, a notification is acknowledged."""
    event: Mapping[str, Any] = app.current_event.raw_event
    try:
        raw = http.raw_body(app, MAX_MESSAGE)
    except PayloadTooLargeError as error:
        return _error(http.status_of(error), str(error))
    except ValueError:
        return _error(HTTPStatus.BAD_REQUEST, "the body is not what its encoding says")
    sent = anyio.run(_serve, _scope(event), raw, _security(event))
    body = sent.body.decode("utf-8", "replace")
    status = HTTPStatus.INTERNAL_SERVER_ERROR if _failed(body) else sent.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("an assistant was not answered")  # the SDK's own words may hold what was sent
    if status >= HTTPStatus.BAD_REQUEST:
        return _error(status, body, sent.headers)
    return _response(status, body, sent.headers)


def no_stream(app: APIGatewayHttpResolver) -> Response[str]:  # noqa: ARG001 - as every other route
    """There are no streams and no sessions to read or to end."""
    return _error(HTTPStatus.METHOD_NOT_ALLOWED, "this server has neither streams nor sessions", {"allow": "POST"})


async def _serve(scope: dict[str, Any], raw: bytes, security: TransportSecuritySettings) -> Sent:
    sent = Sent()
    waiting = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await anyio.sleep_forever()  # the client waits for its answer
        return waiting.pop()

    manager = StreamableHTTPSessionManager(
        assistants.server(),
        json_response=True,
        stateless=True,
        security_settings=security,
        max_request_body_size=MAX_MESSAGE,
    )
    async with manager.run():
        await manager.handle_request(scope, receive, sent.take)
    return sent


def _scope(event: Mapping[str, Any]) -> dict[str, Any]:
    """The request as ASGI has it. `client` is whose tries are counted."""
    called = event["requestContext"]["http"]
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "headers": [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ],
        "client": (str(called.get("sourceIp", "")), 0),
        "server": (str(event["requestContext"].get("domainName", "")), 443),
    }


def _security(event: Mapping[str, Any]) -> TransportSecuritySettings:
    """A browser's page may call from the API's own origin only, and the API only by its own name."""
    domain = str(event["requestContext"].get("domainName", ""))
    return TransportSecuritySettings(
        allowed_hosts=[domain, *LOOPBACK, *(f"{each}:*" for each in LOOPBACK)],
        allowed_origins=[f"https://{domain}", *(f"http://{each}:*" for each in LOOPBACK)],
    )


def _failed(body: str) -> bool:
    """It is our fault, which the gateway's metrics and alarms must see."""
    return bool(body) and body[0] == "{" and json.loads(body).get("error", {}).get("code") == INTERNAL_ERROR


def _error(status: int, said: str, headers: Mapping[str, str] | None = None) -> Response[str]:
    """A refusal of the transport as an error of JSON-RPC; one that the SDK made keeps its id, code and data."""
    try:
        told = json.loads(said)
        problem = {**told["error"], "message": _first_line(told["error"]["message"])}
        body = {"jsonrpc": "2.0", "id": told.get("id"), "error": problem}
    except (ValueError, TypeError, KeyError):
        message = _first_line(said) or HTTPStatus(status).phrase
        body = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": message}}
    return _response(status, json.dumps(body), {**(headers or {}), "content-type": JSON})


def _first_line(text: str) -> str:
    """What pydantic says below its first line repeats what was sent."""
    return text.partition("\n")[0][:MAX_SAID]


def _response(status: int, body: str, headers: Mapping[str, str]) -> Response[str]:
    kept: dict[str, str | list[str]] = {name: value for name, value in headers.items() if name in PASSED}
    kept |= {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(status_code=status, content_type=JSON if body else None, body=body, headers=kept)
