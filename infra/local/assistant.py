"""Asks the system as an assistant does, by the official client of the Model Context Protocol."""

from __future__ import annotations

from typing import Any

import anyio
from mcp import Client


def ask(url: str, tool: str, arguments: dict[str, str]) -> Any:
    """The structured answer of a tool of the server at `url`; None when it refused."""

    async def call() -> Any:
        async with Client(url) as client:
            result = await client.call_tool(tool, arguments)
            return None if result.is_error else result.structured_content

    return anyio.run(call)
