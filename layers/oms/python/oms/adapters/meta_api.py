"""Meta's Graph API: calls under one commerce account's authorization.

Rules: https://developers.facebook.com/docs/graph-api/securing-requests (`appsecret_proof`),
https://developers.facebook.com/docs/graph-api/guides/error-handling (`error.code`; what is transient, and what is a
limit, comes with status 400 too) and https://developers.facebook.com/docs/graph-api/overview/rate-limiting
(`X-Business-Use-Case-Usage` tells the minutes until calls are taken again). The token goes in a header: a URL may be
kept by whoever sees it.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.shop_api import needed, read_answer
from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient
    from oms.adapters.shop_api import Sent

VERSION: Final = "v25.0"
_LIST_PATH: Final = "/commerce_orders"
_ACCOUNT: Final = re.compile(r"[0-9]{1,40}", re.ASCII)
_OK: Final = range(200, 300)
_FAILED: Final = frozenset({1, 2})
"""Unknown and service errors."""
_LIMITS: Final = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_015)})
"""Of the application, the user, the page, the business."""
_TRY_LATER: Final = _FAILED | _LIMITS
_NO_TOKEN: Final = 190
_STATUS_OF: Final = {_NO_TOKEN: 401, **dict.fromkeys(_FAILED, 503), **dict.fromkeys(_LIMITS, 429)}
"""What other vendors say by the status."""
_UNKNOWN: Final = frozenset({(803, None), (100, 33)})
"""(code, subcode) of an object that there is none of, or none that this account may see."""
_USAGE: Final = "x-business-use-case-usage"
_MAX_WAIT: Final = 3600.0


class MetaApi:
    """The API of `meta-commerce`."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> MetaSession:  # noqa: ARG002 - Amazon needs them
        """Raises UpstreamRefusedError when a credential is missing."""
        account, token = needed(self._rest.vendor, credentials, "account_id", "access_token")
        if not _ACCOUNT.fullmatch(account):
            raise UpstreamRefusedError("the commerce account's id is none", vendor=self._rest.vendor)
        return MetaSession(self._rest, account, token, credentials.get("app_secret", ""))


@frozen(kw_only=False, show=False)
class MetaSession:
    """Calls of one commerce account."""

    rest: RestClient
    account: str
    token: str
    app_secret: str

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - TikTok needs it
        """The object of the answer."""
        place = f"/{self.account}{path}" if path == _LIST_PATH else path
        answer = self.rest.send("GET", f"/{VERSION}{place}", query=self._proven(query), headers=self._headers())
        return _read(answer, self.rest.vendor)

    def send(self, call: Sent) -> Answer:
        """The answer; of an error whose code says more than its status, with the status that says so."""
        headers, query = {**call.headers, **self._headers()}, self._proven(call.query)
        answer = self.rest.send(call.method, f"/{VERSION}{call.path}", query=query, headers=headers, body=call.body)
        error = {} if answer.status in _OK else answer.document_or_empty().get("error")
        code = error.get("code") if isinstance(error, dict) else None
        status = _STATUS_OF.get(code) if isinstance(code, int) else None
        return replace(answer, status=status) if status else answer

    def wait(self, answer: Answer) -> float | None:
        """As the account's limits say."""
        return _wait(answer)

    def _proven(self, query: Mapping[str, str]) -> Mapping[str, str]:
        if not self.app_secret:
            return query
        proof = hmac.new(self.app_secret.encode(), self.token.encode(), "sha256").hexdigest()
        return {**query, "appsecret_proof": proof}

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "accept": "application/json"}


def _read(answer: Answer, vendor: str) -> dict[str, Any]:
    error = {} if answer.status in _OK else answer.document_or_empty().get("error")
    code, subcode = (error.get("code"), error.get("error_subcode")) if isinstance(error, dict) else (None, None)
    if not isinstance(code, int):
        return read_answer(answer, vendor, _wait(answer))
    context: dict[str, Any] = {"vendor": vendor, "vendor_status": answer.status, "vendor_code": code}
    if code in _TRY_LATER:
        wait = answer.retry_after() or _wait(answer)
        raise UpstreamError("the vendor asks to try later", retry_after=wait, **context)
    if (code, subcode) in _UNKNOWN or (code, None) in _UNKNOWN:
        raise OrderNotFoundError("the vendor knows no such order", **context)
    try:
        return read_answer(answer, vendor, _wait(answer))
    except UpstreamRefusedError as refusal:
        raise UpstreamRefusedError(str(refusal), **context) from None


def _wait(answer: Answer) -> float | None:
    """The longest that one of the account's limits asks to wait, bounded to an hour."""
    try:
        usage = json.loads(answer.headers.get(_USAGE, "{}"))
    except ValueError:
        return None
    found = [each for each in usage.values() if isinstance(each, list)] if isinstance(usage, dict) else []
    limits = [limit for each in found for limit in each]
    minutes = [each.get("estimated_time_to_regain_access") for each in limits if isinstance(each, dict)]
    longest = max((each for each in minutes if isinstance(each, (int, float)) and each > 0), default=0)
    return min(longest * 60.0, _MAX_WAIT) or None
