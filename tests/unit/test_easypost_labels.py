"""Labels of EasyPost, over the sandbox's own answers: found before they are bought, the cheapest, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.local.sandbox.core import Request, Settings
from infra.local.sandbox.easypost import EasyPostVendor
from infra.local.sandbox.record import Record
from oms.adapters.easypost_api import EasyPostLabels
from oms.adapters.rest import Answer, RestClient, within
from oms.domain.canonical import PostalAddress
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.labels import ToLabel

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = ToLabel(
    reference="rma_1_1",
    sender=PostalAddress(name="Mara Lind", lines=("Beispielweg 12", "2. OG"), city="Berlin", country="DE"),
    node={"node_id": "DE-BER", "name": "Berlin", "street": "Lagerstr. 1", "city": "Berlin", "country": "DE"},
    grams=300,
)


class Reached:
    """The sandbox in place of HTTP; `lost` answers are made and never arrive."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.record = Record(lambda: 0.0)
        self.vendor = EasyPostVendor(Settings(), self.record)
        self.lost: list[str] = []
        self.instead: Answer | None = None

        def send(_: RestClient, method: str, path: str, **parts: Any) -> Answer:
            if self.instead:
                return self.instead
            request = Request(
                method=method, path=path, query={}, headers=parts["headers"], body=parts.get("body") or b""
            )
            reply = self.vendor.answer(request)
            if method in self.lost and path.endswith("/buy"):
                self.lost.remove(method)
                raise UpstreamError("no answer from the vendor")
            return Answer(status=reply.status, headers={}, body=reply.body())

        monkeypatch.setattr(RestClient, "send", send)

    def labels(self, key: str = "sandbox_easypost_key") -> EasyPostLabels:
        return EasyPostLabels("https://api.easypost.test", lambda _: {"api_key": key} if key else {}, within(5))


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Reached:
    return Reached(monkeypatch)


def test_the_cheapest_is_bought_and_then_found(reached: Reached) -> None:
    labels = reached.labels()
    assert labels.find("main", "rma_1_1") is None
    bought = labels.buy("main", ASKED)
    assert (bought.carrier, bought.url) == ("USPS", f"https://labels.example/shp_{1:032x}.png")
    assert labels.find("main", "rma_1_1") == bought
    (made,) = reached.vendor.shipments.values()
    assert (made["is_return"], made["from_address"]["name"]) == (True, "Mara Lind")
    assert made["to_address"]["street1"] == "Lagerstr. 1"


def test_an_answer_that_is_lost_buys_no_second(reached: Reached) -> None:
    reached.lost.append("POST")
    labels = reached.labels()
    with pytest.raises(UpstreamError):
        labels.buy("main", ASKED)
    bought = labels.buy("main", ASKED)
    assert labels.find("main", "rma_1_1") == bought
    assert [each["kind"] for each in reached.record.told] == ["label"]
    assert len(reached.vendor.shipments) == 1


def test_a_shipment_that_was_made_and_not_bought_is_no_label(reached: Reached) -> None:
    labels = reached.labels()
    reached.vendor._make({"reference": "rma_1_1", **_addresses(), "parcel": {"weight": "1"}})
    assert labels.find("main", "rma_1_1") is None
    labels.buy("main", ASKED)
    assert len(reached.vendor.shipments) == 1


def _addresses() -> dict[str, Any]:
    address = {"street1": "a", "city": "b", "country": "DE"}
    return {"to_address": address, "from_address": address}


def test_without_a_rate_nothing_is_bought(reached: Reached) -> None:
    labels = reached.labels()
    reached.vendor._make({"reference": "rma_1_1", **_addresses(), "parcel": {"weight": "1"}})
    next(iter(reached.vendor.shipments.values()))["rates"] = [{"id": "x"}, {"rate": "much", "id": "y"}, None]
    with pytest.raises(UpstreamRefusedError, match="no carrier"):
        labels.buy("main", ASKED)


def _no_key(reached: Reached) -> EasyPostLabels:
    return reached.labels("")


def _wrong_key(reached: Reached) -> EasyPostLabels:
    return reached.labels("another")


@pytest.mark.parametrize("labels", [_no_key, _wrong_key])
def test_without_its_key_it_is_refused(reached: Reached, labels: Callable[[Reached], EasyPostLabels]) -> None:
    with pytest.raises(UpstreamRefusedError) as refused:
        labels(reached).find("main", "rma_1_1")
    assert "sandbox" not in str(refused.value.context)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b"{}", UpstreamError),
        (500, b"<html>", UpstreamError),
        (200, b"<html>", UpstreamError),
        (402, b'{"error": {"code": "PAYMENT_REQUIRED", "message": "Mara Lind"}}', UpstreamRefusedError),
        (422, b'{"error": "Mara Lind"}', UpstreamRefusedError),
    ],
)
def test_what_it_says_is_told_without_what_was_sent(
    reached: Reached, status: int, body: bytes, kind: type[Exception]
) -> None:
    reached.instead = Answer(status=status, headers={}, body=body)
    with pytest.raises(kind) as refused:
        reached.labels().find("main", "rma_1_1")
    assert type(refused.value) is kind
    assert "Mara" not in f"{refused.value} {vars(refused.value)}"
