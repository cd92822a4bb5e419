from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.sandbox import Sandbox
from oms.adapters.adyen_api import AdyenPayments
from oms.adapters.rest import Timeouts
from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.ids import derive
from oms.domain.payment_events import CaptureState, PaymentEvent, PaymentEventKind, RefundState
from oms.domain.payments import AuthorizationState, ExtensionState
from oms.payments.adyen import Adyen
from tests.integration.sandbox_support import Outbox, ask, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.payments import CaptureResult, RefundResult

PATIENT = Timeouts(connect=5, read=10, total=20)
HASTY = Timeouts(connect=1, read=0.2, total=1)
ORDER = derive("ord", "x")
DAY = 86_400.0


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    made = Sandbox()
    made.adyen._webhooks = Outbox()  # type: ignore[assignment]
    in_process(monkeypatch, made)
    yield made
    made._close()


@pytest.fixture
def adyen(sandbox: Sandbox) -> Iterator[AdyenPayments]:
    api = {"api_key": sandbox.settings.adyen_key, "merchant_account": sandbox.settings.adyen_merchant}
    made = AdyenPayments(sandbox.base_url, lambda: api, PATIENT)
    yield made
    made.close()


def pay(sandbox: Sandbox, amount: int = 1000, currency: str = "EUR", method: str = "scheme") -> str:
    """What the merchant's checkout does."""
    settings = sandbox.settings
    body = {
        "amount": {"currency": currency, "value": amount},
        "reference": "S-1",
        "merchantAccount": settings.adyen_merchant,
        "paymentMethod": {"type": method},
    }
    headers = {"x-api-key": settings.adyen_key}
    reply = ask(sandbox, "POST", "/v71/payments", headers=headers, body=json.dumps(body).encode())
    assert reply is not None
    assert isinstance(reply.document, dict)
    return str(reply.document["pspReference"])


def told(sandbox: Sandbox) -> list[PaymentEvent]:
    """What the notifications say, each verified."""
    from oms.domain.inbound import InboundRequest
    from tests.unit.test_adyen import NOW

    found: list[PaymentEvent] = []
    outbox: Any = sandbox.adyen._webhooks
    for event in outbox.events:
        asked = InboundRequest(account="main", headers={}, body=json.dumps(event).encode())
        Adyen().verify(asked, [sandbox.settings.adyen_hmac_key], NOW)
        found += Adyen().read_events(asked)
    outbox.events.clear()
    return found


def moved(sandbox: Sandbox, kind: str) -> list[int]:
    return [effect["amount"] for effect in sandbox.effects if effect["kind"] == kind]


def capture(
    adyen: AdyenPayments, ref: str, amount: int, shipment: str = "shp_1", currency: str = "EUR"
) -> CaptureResult:
    metadata = {"oms_order_id": ORDER, "oms_shipment_id": shipment}
    key = f"capture:{ORDER}:{shipment}"
    return adyen.capture(ref, amount, currency, key, final=False, metadata=metadata)


def refund(adyen: AdyenPayments, ref: str, amount: int, refund_id: str = "rfd_1", reason: str = "") -> RefundResult:
    return adyen.refund(
        ref, amount, "EUR", refund_id=refund_id, order_id=ORDER, reason=reason, idempotency_key=refund_id
    )


def test_only_the_notification_tells_of_an_authorization(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox)
    assert adyen.verify_authorization(ref, 1000, "EUR", "auth").state is AuthorizationState.PENDING
    assert sandbox.calls[1:] == [], "there is nothing to ask"
    (event,) = told(sandbox)
    assert (event.kind, event.payment_ref, event.amount) == (PaymentEventKind.AUTHORIZED, ref, 1000)
    pay(sandbox, method="sandbox_refused")
    assert [(each.kind, each.reason) for each in told(sandbox)] == [(PaymentEventKind.FAILED, "Refused")]


def test_a_capture_is_pending_until_it_is_told(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox)
    made = [capture(adyen, ref, 600), capture(adyen, ref, 400, "shp_2")]
    assert [each.state for each in made] == [CaptureState.PENDING] * 2
    assert moved(sandbox, "capture") == [600, 400]
    events = told(sandbox)[1:]
    assert [(each.capture_ref, each.our_shipment_id, each.order_ref) for each in events] == [
        (made[0].capture_ref, "shp_1", ORDER),
        (made[1].capture_ref, "shp_2", ORDER),
    ]
    assert {each.capture_state for each in events} == {CaptureState.SUCCEEDED}


def test_more_than_is_authorized_is_taken_on_and_refused_later(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    assert capture(adyen, pay(sandbox), 1001).state is CaptureState.PENDING
    assert (moved(sandbox, "capture"), told(sandbox)[-1].capture_state) == ([], CaptureState.FAILED)


def test_a_capture_that_went_well_may_be_taken_back(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    made = capture(adyen, pay(sandbox, method="sandbox_capture_fails"), 1000)
    sandbox.adyen.settle()
    states = [each.capture_state for each in told(sandbox) if each.capture_ref == made.capture_ref]
    assert states == [CaptureState.SUCCEEDED, CaptureState.FAILED]


@pytest.mark.parametrize("later", [0, 6 * DAY])
def test_a_lost_acknowledgement_moves_money_once(sandbox: Sandbox, adyen: AdyenPayments, later: float) -> None:
    ref = pay(sandbox)
    sandbox.add_fault(match="adyen POST .*/captures", drop="after")
    sandbox.add_fault(match="adyen POST .*/refunds", status=500, when="after")
    with pytest.raises(UpstreamError):
        capture(adyen, ref, 400)
    sandbox.clock.advance(later)
    assert capture(adyen, ref, 400).capture_ref in sandbox.adyen.modifications
    with pytest.raises(UpstreamError):
        refund(adyen, ref, 300)
    assert refund(adyen, ref, 300).state is RefundState.PENDING
    assert (moved(sandbox, "capture"), moved(sandbox, "refund")) == ([400], [300])


def test_after_the_keys_life_nothing_is_sent_on_a_guess(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    assert adyen.key_life.total_seconds() < 7 * DAY
    for call in (lambda: adyen.find_refund("PSP1", "rfd_1"), lambda: adyen.list_refunds("PSP1")):
        with pytest.raises(UpstreamRefusedError) as caught:
            call()
        assert not caught.value.retryable
    assert sandbox.calls == []


def test_a_void_lets_go_once(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox)
    for _ in range(2):
        adyen.void(ref, "void:1")
    assert moved(sandbox, "release") == [1000]
    assert [each.kind for each in told(sandbox)][1:] == [PaymentEventKind.VOIDED]


def test_a_refund_is_told_with_our_id(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox, method="sandbox_refund_fails")
    capture(adyen, ref, 1000)
    made = refund(adyen, ref, 300, reason="requested_by_customer")
    assert (made.state, made.amount, made.our_refund_id) == (RefundState.PENDING, 300, "rfd_1")
    sandbox.adyen.settle()
    events = told(sandbox)[2:]
    assert [(each.refund_ref, each.our_refund_id, each.refund_state) for each in events] == [
        (made.refund_ref, "rfd_1", RefundState.SUCCEEDED),
        (made.refund_ref, "rfd_1", RefundState.FAILED),
    ]


def test_more_than_was_captured_is_taken_on_and_refused_later(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox)
    capture(adyen, ref, 500)
    refund(adyen, ref, 501)
    assert (moved(sandbox, "refund"), told(sandbox)[-1].refund_state) == ([], RefundState.FAILED)


def test_amounts_are_in_adyens_units(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    assert capture(adyen, pay(sandbox, 500, "ISK"), 5, currency="ISK").amount == 5
    assert moved(sandbox, "capture") == [500]


def test_the_same_key_with_another_amount_is_refused(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    ref = pay(sandbox)
    capture(adyen, ref, 400)
    with pytest.raises(UpstreamError):
        capture(adyen, ref, 500)
    assert moved(sandbox, "capture") == [400]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_try_again_later(sandbox: Sandbox, adyen: AdyenPayments, status: int) -> None:
    sandbox.add_fault(match="adyen", status=status, retry_after=7)
    with pytest.raises(UpstreamError) as caught:
        adyen.void("PSP1", "void:1")
    assert caught.value.context["retry_after"] == 7.0


def test_silence_is_bounded() -> None:
    with Sandbox() as sandbox:
        api = {"api_key": sandbox.settings.adyen_key, "merchant_account": sandbox.settings.adyen_merchant}
        sandbox.add_fault(match="adyen", delay=1.0)
        with pytest.raises(UpstreamError):
            AdyenPayments(sandbox.base_url, lambda: api, HASTY).void("PSP1", "void:1")


@pytest.mark.parametrize("api", [{}, {"api_key": "x"}, {"merchant_account": "x"}])
def test_missing_credentials_are_a_refusal(sandbox: Sandbox, api: dict[str, str]) -> None:
    with pytest.raises(UpstreamRefusedError):
        AdyenPayments(sandbox.base_url, lambda: api, PATIENT).void("PSP1", "void:1")
    assert sandbox.calls == []


def test_a_wrong_key_is_refused_and_not_repeated(sandbox: Sandbox) -> None:
    api = {"api_key": "very-secret", "merchant_account": sandbox.settings.adyen_merchant}
    with pytest.raises(UpstreamRefusedError) as caught:
        AdyenPayments(sandbox.base_url, lambda: api, PATIENT).void("PSP1", "void:1")
    assert caught.value.context["vendor_status"] == 401
    assert "very-secret" not in f"{caught.value} {caught.value.context} {json.dumps(sandbox.calls)}"


def test_what_cannot_be_sent_is_not(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    for call in (
        lambda: adyen.void("PSP/../x", "void:1"),
        lambda: adyen.void("PSP1", ""),
        lambda: adyen.verify_authorization("", 1, "EUR", "a"),
        lambda: capture(adyen, "PSP1", 0),
        lambda: capture(adyen, "PSP1", 5, "shp_" + "x" * 60),
        lambda: capture(adyen, "PSP1", 1, currency="IDR"),
    ):
        with pytest.raises(InvalidInputError):
            call()
    assert sandbox.calls == []


def test_an_unknown_payment_is_refused(adyen: AdyenPayments) -> None:
    with pytest.raises(UpstreamRefusedError) as caught:
        adyen.void("PSP1", "void:1")
    assert caught.value.context["vendor_code"] == "167"


def test_an_authorization_is_held_longer_once_its_notification_says_so(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    payment = pay(sandbox)
    sandbox.clock.advance(27 * DAY)
    for _ in range(2):
        assert adyen.extend(payment, 1000, "EUR", "reauthorize:1").state is ExtensionState.PENDING
    assert moved(sandbox, "extend") == [1000], "once"
    event = told(sandbox)[-1]
    assert (event.kind, event.payment_ref) == (PaymentEventKind.EXTENDED, payment)
    sandbox.clock.advance(2 * DAY)
    assert sandbox.adyen.expire() == 0
    sandbox.clock.advance(26 * DAY)
    assert sandbox.adyen.expire() == 1
    assert told(sandbox)[-1].kind is PaymentEventKind.VOIDED


def test_what_was_captured_in_part_is_not_held_longer(sandbox: Sandbox, adyen: AdyenPayments) -> None:
    payment = pay(sandbox)
    capture(adyen, payment, 400)
    assert adyen.extend(payment, 600, "EUR", "reauthorize:1").state is ExtensionState.PENDING
    event = told(sandbox)[-1]
    assert (event.kind, event.payment_ref) == (PaymentEventKind.NOT_EXTENDED, payment)


def test_a_payment_that_adyen_does_not_have_is_not_held_longer(adyen: AdyenPayments) -> None:
    assert adyen.extend("NONE", 600, "EUR", "reauthorize:1").state is ExtensionState.REFUSED
