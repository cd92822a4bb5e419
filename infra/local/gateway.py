"""A clean address for the HTTP API: http://127.0.0.1:<port>/… instead of /_aws/execute-api/<id>/… on the engine's port.

The engine listens on a second port; what arrives there is the same ASGI request with the API's prefix before its path.
So bodies, header lines, cookies and status codes pass untouched, at the cost of one dictionary.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    type_of_app = Callable[[MutableMapping[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]

PREFIX: Final = "/_aws/execute-api/"


def root_paths(app: type_of_app, port: int) -> type_of_app:
    """Serve the newest HTTP API at the root of `port`, and leave every other port as it is."""
    apis = importlib.import_module("ministack.services.apigateway")._apis

    def newest() -> str:
        created = {key[-1]: api["createdDate"] for key, api in apis.all_items() if api["protocolType"] == "HTTP"}
        return max(created, key=lambda api_id: created[api_id], default="none")

    async def serve(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        server = scope.get("server")
        if scope["type"] == "http" and server and server[1] == port:
            prefix = PREFIX + newest()
            raw = scope.get("raw_path") or scope["path"].encode()
            scope = {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw}
        await app(scope, receive, send)

    return serve
