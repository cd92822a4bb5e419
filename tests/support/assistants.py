"""Assistants as the official client makes them, against the function's handler: HTTP requests in, events through it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent

from functions.answer_assistants import app
from tests.support.staff import HOST, Answer, call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

URL: Final = f"https://{HOST}/mcp"
ERAS: Final = ("legacy", "auto")
"""Versions with a handshake, and those without."""
SENT: Final = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
Found = TypeVar("Found")


class Function(httpx2.AsyncBaseTransport):
    """Carries requests to the handler as the HTTP API does."""

    def __init__(self, sender: str) -> None:
        self._sender = sender

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request. The handler runs its own loop, so it runs in a thread."""
        body = (await request.aread()).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}

        def ask() -> Answer:
            return call(app, request.method, request.url.path, headers=headers, body=body, sender=self._sender)

        answer = await anyio.to_thread.run_sync(ask)
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.body.encode())


def connected(use: Callable[[Client], Awaitable[Found]], era: str = "auto", sender: str = "203.0.113.7") -> Found:
    """What `use` makes of a connected client; raises MCPError."""

    async def connect() -> Found | MCPError:
        async with (
            httpx2.AsyncClient(transport=Function(sender)) as carrier,
            Client(streamable_http_client(URL, http_client=carrier), mode=era) as client,
        ):
            try:
                return await use(client)
            except MCPError as error:
                return error  # raised in here, it would leave as a group

    found = anyio.run(connect)
    if isinstance(found, MCPError):
        raise found
    return found


def ask(tool: str, arguments: dict[str, Any], era: str = "auto", sender: str = "203.0.113.7") -> Any:
    """The structured answer of a tool, or {"refused": problem}."""
    result = connected(lambda client: client.call_tool(tool, arguments), era, sender)
    (block,) = result.content
    assert isinstance(block, TextContent)
    document = json.loads(block.text)
    if result.is_error:
        assert result.structured_content is None
        return {"refused": document}
    assert result.structured_content == document
    return document


def send(
    message: Any, *, headers: Mapping[str, str] | None = None, sender: str = "203.0.113.7", method: str = "POST"
) -> Answer:
    """A message as any program may send it: bytes of text, or a document."""
    body = message if isinstance(message, str) else json.dumps(message)
    return call(app, method, "/mcp", headers={**SENT, **(headers or {})}, body=body, sender=sender)


def rpc(method: str, params: Any = None, number: Any = 1) -> dict[str, Any]:
    """A request of JSON-RPC."""
    return {"jsonrpc": "2.0", "id": number, "method": method, **({} if params is None else {"params": params})}
