"""Taking in what payment providers tell: which order it is for, and what waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from oms.application.payment_events import TakePaymentEvent
from oms.domain.errors import CurrencyMismatchError, OrderNotFoundError
from oms.domain.ids import derive
from oms.domain.payments import reference_of
from tests.support.adyen import PAYMENT, item, notification

if TYPE_CHECKING:
    from oms.application.orders import Orders
    from oms.application.ports import Views

ORDER = derive("ord", "x")


class Recorder:
    """Orders and views in one: which commands were for which order."""

    def __init__(self, known: dict[str, str], refuse: str = "none") -> None:
        self.known = known
        self.refuse = refuse
        self.done: list[tuple[str, str]] = []

    def execute(self, order_id: str, command: Any, cause: Any) -> None:
        assert cause.actor == "adyen"
        if command.event.capture_ref == self.refuse:
            raise CurrencyMismatchError("no")
        self.done.append((order_id, command.event.event_id))

    def orders_with(self, kind: str, value: str) -> list[str]:
        assert kind == "payment"
        return [self.known[value]] if value in self.known else []


def take(recorder: Recorder, *items: dict[str, Any]) -> str:
    use_case = TakePaymentEvent(cast("Orders", recorder), cast("Views", recorder), {})
    return use_case("adyen", notification(*items))


def test_an_order_is_found_by_its_payment() -> None:
    recorder = Recorder({PAYMENT: ORDER})
    assert take(recorder, item("AUTHORISATION")) == ORDER
    assert take(recorder, item("CAPTURE")) == ORDER
    assert recorder.done == [(ORDER, f"{PAYMENT}:AUTHORISATION:true"), (ORDER, "MOD0000000000001:CAPTURE:true")]


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
