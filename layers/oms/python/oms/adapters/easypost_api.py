"""EasyPost's API, as far as labels for returns need it.

Rules: https://docs.easypost.com/docs/shipments/returns (`is_return`: the addresses are given as of the way there, and
swapped by EasyPost), https://docs.easypost.com/docs/shipments (rates, buy), https://docs.easypost.com/docs/errors.
A `reference` stands for an id in URLs: a shipment is looked for by it before one is made. Weights are ounces. A
shipment is bought once: a second time is refused, and what was bought is read.
"""

from __future__ import annotations

import base64
import json
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from oms.adapters.rest import RestClient, Timeouts
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.labels import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.adapters.rest import Answer
    from oms.domain.labels import ToLabel

VENDOR: Final = "easypost"
GRAMS_PER_OUNCE: Final = Decimal("28.349523125")
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404
_TRY_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


class EasyPostLabels:
    """ReturnLabels port. `credentials(account)`: {"api_key": …}."""

    def __init__(self, base_url: str, credentials: Callable[[str], Mapping[str, str]], timeouts: Timeouts) -> None:
        self._rest = RestClient(VENDOR, base_url, timeouts)
        self._credentials = credentials

    def find(self, account: str, reference: str) -> Label | None:
        """By its reference; None for one that is not there, or was not bought."""
        shipment = self._shipment(account, reference)
        return _label(shipment) if shipment is not None else None

    def buy(self, account: str, asked: ToLabel) -> Label:
        """The lowest rate of all carriers of the account."""
        shipment = self._shipment(account, asked.reference)
        if shipment is None:
            shipment = self._read(self._call(account, "POST", "/v2/shipments", {"shipment": _shipment(asked)}))
        rate = _lowest(shipment.get("rates"))
        if rate is None:
            raise UpstreamRefusedError("no carrier of the account takes it", vendor=VENDOR)
        path = f"/v2/shipments/{quote(str(shipment.get('id', '')), safe='')}/buy"
        answer = self._call(account, "POST", path, {"rate": {"id": rate}})
        if answer.status in _OK:
            label = _label(self._read(answer))
        else:
            # Bought meanwhile, perhaps by a try whose answer was lost: then it is there.
            bought = self._shipment(account, asked.reference)
            label = _label(bought) if bought is not None else None
            if label is None:
                self._refuse(answer)
        if label is None:
            raise UpstreamError("no label came of what was bought", vendor=VENDOR)
        return label

    def _shipment(self, account: str, reference: str) -> dict[str, Any] | None:
        answer = self._call(account, "GET", f"/v2/shipments/{quote(reference, safe='')}")
        return None if answer.status == _NOT_FOUND else self._read(answer)

    def _call(self, account: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        key = self._credentials(account).get("api_key", "")
        if not key:
            raise UpstreamRefusedError("the credentials are incomplete", vendor=VENDOR, missing=["api_key"])
        basic = base64.b64encode(f"{key}:".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "accept": "application/json"}
        if body is None:
            return self._rest.send(method, path, headers=headers)
        sent = json.dumps(body, ensure_ascii=False).encode()
        return self._rest.send(method, path, headers={**headers, "content-type": "application/json"}, body=sent)

    def _read(self, answer: Answer) -> dict[str, Any]:
        if answer.status not in _OK:
            self._refuse(answer)
        try:
            return answer.document()
        except ValueError:
            raise UpstreamError("the vendor's answer cannot be read", vendor=VENDOR) from None

    @staticmethod
    def _refuse(answer: Answer) -> None:
        """Its code, never its message: that repeats what was sent."""
        if answer.status in _TRY_LATER or answer.status >= _SERVER_ERROR:
            raise UpstreamError("the vendor cannot now", vendor=VENDOR, status=answer.status)
        told = answer.document_or_empty().get("error")
        code = told.get("code") if isinstance(told, dict) else ""
        raise UpstreamRefusedError(
            "the vendor refused", vendor=VENDOR, status=answer.status, vendor_code=str(code or "")[:80]
        )


def _label(shipment: Mapping[str, Any]) -> Label | None:
    """What was bought of a shipment; None before that."""
    told, rate = shipment.get("postage_label"), shipment.get("selected_rate")
    url = told.get("label_url") if isinstance(told, dict) else None
    number = shipment.get("tracking_code")
    if not url or not number:
        return None
    carrier = rate.get("carrier") if isinstance(rate, dict) else None
    return Label(carrier=str(carrier or VENDOR), tracking_number=str(number), url=str(url))


def _lowest(rates: object) -> str | None:
    """The id of the cheapest rate; of two alike, the one that is listed first."""
    found = []
    for each in rates if isinstance(rates, list) else ():
        try:
            found.append((Decimal(str(each["rate"])), str(each["id"])))
        except (InvalidOperation, KeyError, TypeError):
            continue
    return min(found, key=lambda each: each[0])[1] if found else None


def _shipment(asked: ToLabel) -> dict[str, Any]:
    sender, node = asked.sender, asked.node
    lines = [*sender.lines, ""]
    ounces = (Decimal(asked.grams) / GRAMS_PER_OUNCE).quantize(Decimal("0.1"), ROUND_UP)
    return {
        "reference": asked.reference,
        "is_return": True,
        "to_address": {
            "name": sender.name,
            "company": sender.company,
            "street1": lines[0],
            "street2": ", ".join(each for each in lines[1:] if each),
            "city": sender.city,
            "state": sender.region,
            "zip": sender.postal_code,
            "country": sender.country,
            "phone": sender.phone,
        },
        "from_address": {
            "company": node.get("name", node["node_id"]),
            "street1": node["street"],
            "city": node.get("city", ""),
            "state": node.get("region", ""),
            "zip": node.get("postal_code", ""),
            "country": node.get("country", ""),
        },
        "parcel": {"weight": str(max(ounces, Decimal("0.1")))},
        "options": {"print_custom_1": asked.reference},
    }
