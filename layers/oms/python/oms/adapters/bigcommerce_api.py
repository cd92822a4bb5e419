"""BigCommerce's REST Management API: calls under one store's token.

Rules: https://docs.bigcommerce.com/docs/start/authentication/api-accounts (`X-Auth-Token`),
https://docs.bigcommerce.com/docs/start/best-practices/api-rate-limits (429 says in a header of its own, in
milliseconds, when the quota is whole again).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.shop_api import Sent, needed, read_answer
from oms.domain.errors import UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient

_HASH: Final = re.compile(r"[A-Za-z0-9]{1,40}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_MAX_WAIT: Final = 3600.0


class BigCommerceApi:
    """The API of `bigcommerce`."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> BigCommerceSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        store, token = needed("bigcommerce", credentials, "store_hash", "access_token")
        if not _HASH.fullmatch(store):
            raise UpstreamRefusedError("the store's hash is none", vendor="bigcommerce")
        return BigCommerceSession(self._rest, store, token)


@frozen(kw_only=False, show=False)
class BigCommerceSession:
    """Calls of one store."""

    rest: RestClient
    store: str
    token: str

    def send(self, call: Sent) -> Answer:
        """The answer, whatever its status."""
        headers = {**call.headers, "x-auth-token": self.token, "accept": "application/json"}
        path = f"/stores/{self.store}{call.path}"
        return self.rest.send(call.method, path, query=call.query, headers=headers, body=call.body)

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer; a list as its `items`."""
        answer = self.send(Sent(method="GET", path=path, query=query))
        return read_answer(answer, self.rest.vendor, self.wait(answer))

    def wait(self, answer: Answer) -> float | None:
        """As a header of its own says, bounded to an hour."""
        reset = answer.headers.get("x-rate-limit-time-reset-ms", "")
        return min(int(reset) / 1000, _MAX_WAIT) if _MILLISECONDS.fullmatch(reset) else None
