"""Answers to disputes at PayPal: https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_provide-evidence.

Evidence goes as a form with one part, `input`. Its notes name our answer, by which it is found again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.domain.order.dispute_evidence import sentences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.dispute_evidence import Evidence

_BOUNDARY: Final = "oms-evidence-8f1d2c"
FORM: Final = f"multipart/form-data; boundary={_BOUNDARY}"
_MAX_NOTES: Final = 2000
_CARRIERS: Final[Mapping[str, str]] = {"ups": "UPS", "usps": "USPS", "fedex": "FEDEX", "dhl": "DHL"}


def evidence_form(told: Evidence, answer_id: str) -> bytes:
    """The body of the call."""
    tracked = [
        {
            "carrier_name": _CARRIERS.get(each.carrier.lower(), "OTHER"),
            **({} if each.carrier.lower() in _CARRIERS else {"carrier_name_other": each.carrier}),
            "tracking_number": each.tracking_number,
        }
        for each in told.parcels
    ]
    name = f" {answer_id}"
    given: dict[str, Any] = {
        "evidence_type": "PROOF_OF_FULFILLMENT" if tracked else "OTHER",
        "notes": " ".join(sentences(told))[: _MAX_NOTES - len(name)] + name,
    }
    if tracked:
        given["evidence_info"] = {"tracking_info": tracked}
    part = json.dumps({"evidences": [given]})
    head = 'Content-Disposition: form-data; name="input"\r\nContent-Type: application/json\r\n\r\n'
    return f"--{_BOUNDARY}\r\n{head}{part}\r\n--{_BOUNDARY}--\r\n".encode()


def has_answer(document: Mapping[str, Any], answer_id: str) -> bool:
    """The dispute has this evidence of ours already."""
    evidences = document.get("evidences")
    given = [each.get("notes") for each in evidences if isinstance(each, dict)] if isinstance(evidences, list) else []
    return any(isinstance(notes, str) and notes.endswith(answer_id) for notes in given)
