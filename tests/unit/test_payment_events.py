"""Taking in what payment providers tell: which order it is for, and what waits for one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from oms.application.payment_events import TakePaymentEvent
from oms.domain.errors import CurrencyMismatchError, OrderNotFoundError
from oms.domain.ids import derive
from oms.domain.order.tenders import Tendered
from oms.domain.payment_events import RefundState
from oms.domain.payments import RefundResult, reference_of
from tests.support.adyen import PAYMENT, item, notification
from tests.unit import test_paypal as paypal

if TYPE_CHECKING:
    from oms.application.orders import Orders
    from oms.application.ports import Views
    from oms.domain.payment_events import PaymentEvent

ORDER = derive("ord", "x")
OTHER = derive("ord", "y")


class Recorder:
    """Orders and views in one: which commands were for which order."""

    def __init__(self, known: dict[str, str], refuse: str = "none") -> None:
        self.known = known
        self.refuse = refuse
        self.done: list[tuple[str, str]] = []
        self.events: list[PaymentEvent] = []

    def execute(self, order_id: str, command: Any, cause: Any) -> None:
        assert cause.actor in ("adyen", "paypal")
        self.events.append(command.event)
        if command.event.capture_ref == self.refuse:
            raise CurrencyMismatchError("no")
        self.done.append((order_id, command.event.event_id))

    def get(self, order_id: str) -> Any:
        """An order paid by two, with a refund of ours over 9.00 to the second, PPORDER1."""
        provider = "stripe" if order_id == OTHER else "adyen"
        tenders = (
            Tendered(number=1, provider=provider, reference=PAYMENT),
            Tendered(number=2, provider="paypal", reference="PPORDER1"),
        )
        refunds = {"rfd_1": SimpleNamespace(amount=900, tender=2)}
        return SimpleNamespace(payment=SimpleNamespace(refunds=refunds, tenders=tenders))

    def orders_with(self, kind: str, value: str) -> list[str]:
        assert kind == "payment"
        return self.known[value].split() if value in self.known else []


def take(recorder: Recorder, *items: dict[str, Any]) -> str:
    use_case = TakePaymentEvent(cast("Orders", recorder), cast("Views", recorder), {})
    return use_case("adyen", notification(*items))


def test_an_order_is_found_by_its_payment() -> None:
    recorder = Recorder({PAYMENT: ORDER})
    assert take(recorder, item("AUTHORISATION")) == ORDER
    assert take(recorder, item("CAPTURE")) == ORDER
    assert recorder.done == [(ORDER, f"{PAYMENT}:AUTHORISATION:true"), (ORDER, "MOD0000000000001:CAPTURE:true")]


def test_of_equal_references_the_providers_own_counts() -> None:
    assert take(Recorder({PAYMENT: f"{OTHER} {ORDER}"}), item("AUTHORISATION")) == ORDER
    with pytest.raises(OrderNotFoundError):
        take(Recorder({PAYMENT: f"{OTHER} {OTHER}"}), item("AUTHORISATION"))


def test_our_own_reference_needs_no_lookup() -> None:
    assert take(Recorder({}), item("CAPTURE", merchantReference=reference_of(ORDER, "shp_1"))) == ORDER


@pytest.mark.parametrize("code", ["AUTHORISATION", "CAPTURE", "REFUND"])
def test_what_comes_before_its_order_waits_for_it(code: str) -> None:
    with pytest.raises(OrderNotFoundError) as caught:
        take(Recorder({}), item(code))
    assert (caught.value.retryable, caught.value.context["payment"]) == (True, PAYMENT)


def test_a_refusal_and_the_end_of_a_payment_wait_for_nobody() -> None:
    assert take(Recorder({}), item("AUTHORISATION", success="false")) == ""
    assert take(Recorder({}), item("CANCELLATION")) == ""
    assert take(Recorder({}), item("CANCELLATION", success="false")) == ""


def test_of_several_items_one_that_is_refused_keeps_none_back() -> None:
    recorder = Recorder({PAYMENT: ORDER}, refuse="BAD")
    items = item("CAPTURE", pspReference="BAD"), item("CAPTURE", pspReference="GOOD"), item("REFUND")
    with pytest.raises(CurrencyMismatchError):
        take(recorder, *items)
    assert [event for _, event in recorder.done] == ["GOOD:CAPTURE:true", "MOD0000000000001:REFUND:true"]


class Asked:
    """A provider that can be asked: for the payment of a capture, and how a refund of ours stands as a whole."""

    def __init__(self, found: RefundResult | None = None, payment: str = "PPORDER1") -> None:
        self.found = found
        self.payment = payment

    def payment_of(self, charge_ref: str) -> str:
        assert charge_ref == "CAP1"
        return self.payment

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        assert (payment_ref, refund_id) == ("PPORDER1", "rfd_1")
        return self.found


def from_paypal(recorder: Recorder, document: dict[str, Any], asked: Asked) -> str:
    providers = cast("Any", {"paypal": asked})
    use_case = TakePaymentEvent(cast("Orders", recorder), cast("Views", recorder), providers)
    return use_case("paypal", paypal.request(document))


def test_a_refund_that_names_its_capture_alone_is_looked_up() -> None:
    recorder = Recorder({"PPORDER1": ORDER})
    assert from_paypal(recorder, paypal.refund(), Asked()) == ORDER
    assert recorder.events[0].payment_ref == "PPORDER1"
    with pytest.raises(OrderNotFoundError):
        from_paypal(recorder, paypal.refund(), Asked(payment=""))


@pytest.mark.parametrize("state", [RefundState.SUCCEEDED, RefundState.PENDING])
def test_a_part_of_a_refund_says_how_the_whole_stands(state: RefundState) -> None:
    recorder = Recorder({"PPORDER1": ORDER})
    whole = RefundResult(refund_ref="REF1", state=state, amount=900, our_refund_id="rfd_1")
    part = paypal.refund(custom_id=reference_of(ORDER, "rfd_1"))
    from_paypal(recorder, part, Asked(whole))
    assert [(each.refund_state, each.amount) for each in recorder.events] == [(state, 900)]


def test_while_parts_of_a_refund_are_missing_nothing_is_said_of_it() -> None:
    """Found by the sweep: said to be on its way, it was never completed by the step that died between two parts."""
    recorder = Recorder({"PPORDER1": ORDER})
    half = RefundResult(refund_ref="REF1", state=RefundState.SUCCEEDED, amount=600, our_refund_id="rfd_1")
    for found in (half, None):
        from_paypal(recorder, paypal.refund(custom_id=reference_of(ORDER, "rfd_1")), Asked(found))
    assert recorder.events == []


def test_a_whole_refund_of_ours_needs_no_question() -> None:
    recorder = Recorder({"PPORDER1": ORDER})
    whole = paypal.refund(custom_id=reference_of(ORDER, "rfd_1"), amount={"currency_code": "USD", "value": "9.00"})
    from_paypal(recorder, whole, Asked())
    assert recorder.events[0].refund_state is RefundState.SUCCEEDED
