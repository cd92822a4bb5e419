"""Payout reports, read and held to what orders say."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.application.payouts import ReconcilePayout
from oms.domain.errors import MalformedPayloadError
from oms.domain.order.accounts import balances
from oms.domain.payouts import OurMovement, Payout, PayoutRow, RowKind, Verdict, missing, movements, reconcile
from oms.payments.payout_reports import adyen_settlement, paypal_settlement, stripe_payout
from tests.support.builders import Story, line, minutes
from tests.support.disputes import hear, told
from tests.support.money import shipped
from tests.support.stories import commits_of

CAPTURE, REFUND, DISPUTE, FEE = RowKind.CAPTURE, RowKind.REFUND, RowKind.DISPUTE, RowKind.FEE
AT = datetime(2026, 11, 20, tzinfo=UTC)


def ours(kind: RowKind, reference: str, amount: int, currency: str = "EUR", **more: Any) -> OurMovement:
    return OurMovement(order_id="ord_1", kind=kind, reference=reference, amount=amount, currency=currency, **more)


def payout(*rows: PayoutRow, amount: int | None = None) -> Payout:
    summed = sum(each.net for each in rows) if amount is None else amount
    return Payout(provider="stripe", payout_id="po_1", currency="EUR", amount=summed, paid_at=AT, rows=rows)


def row(kind: RowKind, reference: str, gross: int, fee: int = 0, **more: Any) -> PayoutRow:
    return PayoutRow(kind=kind, reference=reference, currency=more.pop("currency", "EUR"), gross=gross, fee=fee, **more)


class TestReconcile:
    def test_what_fits(self) -> None:
        done = reconcile(
            payout(row(CAPTURE, "ch_1", 3000, 87, payment_ref="pi_1"), row(REFUND, "re_1", -500), row(FEE, "f", -20)),
            [ours(CAPTURE, "pi_1", 3000), ours(REFUND, "re_1", -500)],
        )
        assert done.sound
        assert (done.fees, done.off) == (107, 0)
        assert [each.verdict for each in done.lines] == [Verdict.MATCHED, Verdict.MATCHED, Verdict.UNTOUCHED]

    def test_what_does_not(self) -> None:
        done = reconcile(
            payout(row(CAPTURE, "ch_1", 2999), row(CAPTURE, "ch_9", 100), amount=3100),
            [ours(CAPTURE, "ch_1", 3000)],
        )
        assert not done.sound
        assert done.off == 1
        assert [each.ours for each in done.of(Verdict.DIFFERS)] == [3000]
        assert [each.row.reference for each in done.of(Verdict.UNKNOWN)] == ["ch_9"]

    def test_several_captures_of_a_payment_are_compared_by_their_sum(self) -> None:
        known = [ours(CAPTURE, "pi_1", 1000), ours(CAPTURE, "pi_1", 2000)]
        rows = [row(CAPTURE, f"ch_{each}", each, payment_ref="pi_1") for each in (1200, 1800)]
        assert reconcile(payout(*rows), known).sound
        assert not reconcile(payout(rows[0]), known).sound

    def test_a_converted_row_matches_by_its_reference(self) -> None:
        assert reconcile(payout(row(CAPTURE, "pi_1", 3300)), [ours(CAPTURE, "pi_1", 3000, "USD")]).sound

    def test_what_no_payout_has_told_of(self) -> None:
        known = [
            ours(CAPTURE, "a", 1, at=minutes(0)),
            ours(CAPTURE, "b", 1, at=minutes(0)),
            ours(CAPTURE, "c", 1, at=AT),
        ]
        assert [each.reference for each in missing(known, [(CAPTURE, "a")], minutes(10))] == ["b"]

    @given(
        st.lists(st.tuples(st.sampled_from([CAPTURE, REFUND, DISPUTE]), st.integers(-5000, 5000)), max_size=8),
        st.integers(-3, 3),
    )
    def test_a_report_made_of_our_own_movements_is_sound_unless_it_is_changed(
        self, moved: list[tuple[RowKind, int]], change: int
    ) -> None:
        known = [ours(kind, f"r{number}", amount) for number, (kind, amount) in enumerate(moved)]
        rows = [row(each.kind, each.reference, each.amount) for each in known]
        assert reconcile(payout(*rows), known).sound
        if rows and change:
            rows[0] = row(known[0].kind, known[0].reference, known[0].amount + change)
            assert not reconcile(payout(*rows), known).sound


def test_an_orders_movements() -> None:
    story = shipped(Story(), line("1", 3, 1000))
    story.refund(amount=500)
    story.settle()
    hear(story, told(amount=800, moved={"txn_1": 800, "txn_2": -800}))
    story.refund(amount=100)
    story.settle()
    story.refund_outcome(list(story.order.payment.refunds)[-1], "failed")
    found = movements(story.order_id, commits_of(story))
    assert [(each.kind, each.amount) for each in found] == [
        (CAPTURE, 3000),
        (REFUND, -500),
        (DISPUTE, -800),
        (DISPUTE, 800),
        (REFUND, -100),
        (REFUND, 100),
    ]
    assert sum(each.amount for each in found) == balances(story.order)["tender:stripe"]


def test_stripe() -> None:
    def txn(ref: str, category: str, amount: int, fee: int, source: Any) -> dict[str, Any]:
        return {"id": ref, "type": category, "reporting_category": category, "amount": amount, "fee": fee,
                "currency": "usd", "source": source}  # fmt: skip

    read = stripe_payout(
        {"id": "po_1", "amount": 1100, "arrival_date": 1648425600, "currency": "usd"},
        [
            txn("txn_1", "charge", 3000, 100, {"id": "ch_1", "payment_intent": "pi_1"}),
            txn("txn_2", "refund", -300, 0, "re_1"),
            txn("txn_3", "dispute", -1000, 500, "dp_1"),
            txn("txn_4", "payout", -1100, 0, "po_1"),
        ],
    )
    assert [(each.kind, each.reference, each.gross, each.fee) for each in read.rows] == [
        (CAPTURE, "ch_1", 3000, 100),
        (REFUND, "re_1", -300, 0),
        (DISPUTE, "txn_3", -1000, 500),
    ]
    assert reconcile(read, []).off == 0
    with pytest.raises(MalformedPayloadError):
        stripe_payout({"id": "po_1"}, [])


ADYEN = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number"
)


def adyen(kind: str, own: str, debit: str = "", credit: str = "", commission: str = "") -> str:
    return (
        f"NorthWharf,NorthWharfECOM,PSP1,S-1,visa,2026-11-20 08:00:00,UTC,{kind},{own},EUR,{debit},{credit},1,EUR,"
        f"{debit},{credit},{commission},,,,visa,,7"
    )


def test_adyen() -> None:
    rows = [
        adyen("Settled", "CAP1", credit="29.50", commission="0.50"),
        adyen("Refunded", "REF1", debit="5.00"),
        adyen("Chargeback", "DSP1", debit="10.00"),
        adyen("Fee", "", debit="0.25"),
        adyen("MerchantPayout", "PAY1", debit="14.25"),
    ]
    read = adyen_settlement([ADYEN, *rows])
    assert (read.payout_id, read.amount, read.currency) == ("7", 1425, "EUR")
    known = [ours(CAPTURE, "CAP1", 3000), ours(REFUND, "REF1", -500), ours(DISPUTE, "DSP1:CHARGEBACK", -1000)]
    done = reconcile(read, known)
    assert done.sound
    assert done.fees == 75
    with pytest.raises(MalformedPayloadError):
        adyen_settlement([ADYEN, *rows[:-1]])
    with pytest.raises(MalformedPayloadError):
        adyen_settlement([ADYEN, adyen("Settled", "CAP1", credit="ten")])


PAYPAL = (
    '"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code",'
    '"Transaction Initiation Date","Transaction Completion Date","Transaction Debit or Credit",'
    '"Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency"'
)


def paypal(ref: str, code: str, side: str, amount: str, fee: str = "") -> str:
    when = "2026/11/20 08:00:00 -0800"
    fees = f'"DR",{fee},"USD"' if fee else '"",,""'
    return f'"SB","{ref}","","","TXN","{code}","{when}","{when}","{side}",{amount},"USD",{fees}'


def test_paypal() -> None:
    rows = [
        '"RH",2026/11/20 12:00:00 -0800,"A","M1",011',
        PAYPAL,
        paypal("CAP1", "T0006", "CR", "9000", "291"),
        paypal("REF1", "T1107", "DR", "1000"),
        paypal("W1", "T0400", "DR", "7709"),
    ]
    read = paypal_settlement(rows, "STL-20261120")
    assert read.paid_at == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    done = reconcile(read, [ours(CAPTURE, "CAP1", 9000, "USD"), ours(REFUND, "REF1", -1000, "USD")])
    assert done.sound
    assert (done.fees, read.amount) == (291, 7709)
    with pytest.raises(MalformedPayloadError):
        paypal_settlement(rows[:2], "x")


class Kept:
    """Orders, views and documents in one."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.written: dict[str, bytes] = {}
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}

    def load(self, order_id: str) -> Any:
        assert order_id == self.story.order_id
        return SimpleNamespace(order=self.story.order, history=SimpleNamespace(commits=commits_of(self.story)))

    def orders_with(self, kind: str, value: str) -> list[str]:
        assert kind == "payment"
        return [self.story.order_id] if value == "pi_1" else []

    def put(self, key: str, body: bytes, content_type: str) -> None:
        assert content_type == "application/json"
        self.written[key] = body

    def put_row(self, kind: str, key: str, row: dict[str, Any], **_: Any) -> None:
        self.rows[(kind, key)] = row


def test_a_payouts_report_is_the_same_each_time_and_an_alert_when_it_does_not_fit() -> None:
    kept = Kept(shipped(Story(), line("1", 3, 1000)))
    (capture,) = movements(kept.story.order_id, commits_of(kept.story))
    use_case = ReconcilePayout(cast("Any", kept), cast("Any", kept), cast("Any", kept))
    good = payout(row(CAPTURE, capture.reference, 3000, 87, payment_ref="pi_1"))
    told_once = use_case(good)
    assert (told_once["matched"], told_once["differs"], told_once["unknown"], told_once["off"]) == (1, 0, 0, 0)
    before = dict(kept.written)
    assert use_case(good) == told_once
    assert kept.written == before
    assert not [key for key in kept.rows if key[0] == "alert"]
    use_case(payout(row(CAPTURE, capture.reference, 2999, payment_ref="pi_1"), row(CAPTURE, "ch_9", 5)))
    (alert,) = [each for key, each in kept.rows.items() if key[0] == "alert"]
    assert (alert["kind"], alert["differs"], alert["unknown"]) == ("payout", 1, 1)
