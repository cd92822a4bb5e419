"""Answers to disputes at Adyen: https://docs.adyen.com/api-explorer/Disputes/30/overview.

The service has a host of its own. A document is supplied, which takes the place of one of its type, and then the
dispute is defended for a reason that the scheme knows; both are answered at once. Nobody can be asked whether an answer
arrived: one that did, repeated under its key, is answered as the first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.rest import RestClient, Timeouts
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.vendor_money import ADYEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVICE: Final = "/ca/services/DisputeService/v30"
_OK: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_TRY_LATER: Final = frozenset({409, 429})
_TEST: Final = "https://checkout-test.adyen.com"
_LIVE: Final = re.compile(r"https://[a-z0-9-]+-checkout-live\.adyenpayments\.com(/checkout)?", re.ASCII)
_REASON: Final = "GOODS_OR_SERVICES_PROVIDED"
_DOCUMENT: Final = "DefenseMaterial"


def service_url(checkout_url: str) -> str:
    """Where the service is, for where payments are; the same place for anything that is not Adyen."""
    if checkout_url.rstrip("/") == _TEST:
        return "https://ca-test.adyen.com"
    return "https://ca-live.adyen.com" if _LIVE.fullmatch(checkout_url.rstrip("/")) else checkout_url


class AdyenDisputes:
    """The calls. UpstreamError: try again. UpstreamRefusedError: Adyen said no."""

    def __init__(self, checkout_url: str, credentials: Callable[[], Mapping[str, str]]) -> None:
        self._rest = RestClient(ADYEN, service_url(checkout_url), Timeouts())
        self._credentials = credentials

    def defend(self, dispute_ref: str, reason: str, document: bytes, answer_id: str) -> str:
        """The dispute, defended."""
        content = base64.b64encode(document).decode()
        paper = {"content": content, "contentType": "application/pdf", "defenseDocumentTypeCode": _DOCUMENT}
        self._post("supplyDefenseDocument", dispute_ref, {"defenseDocuments": [paper]}, f"{answer_id}:document")
        self._post("defendDispute", dispute_ref, {"defenseReasonCode": reason or _REASON}, answer_id)
        return dispute_ref

    def accept(self, dispute_ref: str, answer_id: str) -> str:
        """The dispute, let be."""
        self._post("acceptDispute", dispute_ref, {}, answer_id)
        return dispute_ref

    def _post(self, what: str, dispute_ref: str, body: Mapping[str, Any], key: str) -> None:
        known = self._credentials()
        missing = [name for name in ("api_key", "merchant_account") if not known.get(name)]
        if missing:
            raise UpstreamRefusedError(
                "a credential is missing", vendor=ADYEN, vendor_code="credentials", names=missing
            )
        headers = {
            "x-api-key": known["api_key"].strip(),
            "content-type": "application/json",
            "idempotency-key": hashlib.sha256(key.encode()).hexdigest(),
        }
        whose = {"merchantAccountCode": known["merchant_account"], "disputePspReference": dispute_ref}
        answer = self._rest.send(
            "POST", f"{_SERVICE}/{what}", headers=headers, body=json.dumps({**whose, **body}).encode()
        )
        context = {"vendor": ADYEN, "vendor_status": answer.status, "vendor_code": f"http_{answer.status}"}
        if answer.status >= _SERVER_ERROR or answer.status in _TRY_LATER:
            raise UpstreamError("Adyen asks to try later", retry_after=answer.retry_after(), **context)
        result = answer.document_or_empty().get("disputeServiceResult")
        if answer.status not in _OK or not isinstance(result, dict) or result.get("success") is not True:
            raise UpstreamRefusedError("Adyen refused the answer", **{**context, "vendor_code": f"{what}_refused"})
