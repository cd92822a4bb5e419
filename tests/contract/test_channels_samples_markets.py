"""Our samples of eBay, Walmart and Etsy: what their orders come to."""

from __future__ import annotations

from oms.domain.canonical import PaymentState
from tests.contract.test_channels_samples import _order


def test_ebay_orders_have_the_taxes_that_sum() -> None:
    us, again, de, gb = (
        _order(f"ebay/{name}").order
        for name in (
            "01-order-confirmation-us",
            "02-order-confirmation-us-second-line",
            "03-order-confirmation-de",
            "04-order-confirmation-gb",
        )
    )
    assert us == again
    assert [(order.currency, order.total, order.shipping) for order in (us, de, gb)] == [
        ("USD", 6865, 790),
        ("EUR", 10130, 0),
        ("GBP", 6474, 395),
    ]
    assert [(line.unit_price, line.discount, line.tax) for line in us.lines] == [(2400, 480, 346), (1450, 145, 104)]
    assert [line.tax for line in gb.lines] == [719, 360]
    assert [order.payment.state for order in (us, de, gb)] == [
        PaymentState.PAID,
        PaymentState.PAID,
        PaymentState.PARTIALLY_REFUNDED,
    ]
    assert [(refund.refund_ref, refund.amount) for refund in gb.refunds] == [("5000000031", 1200)]


def test_walmart_orders_come_to_what_their_charges_are() -> None:
    created, acknowledged, refunded = (
        _order(f"walmart/{name}").order
        for name in ("01-order-updates-po-created-us", "02-po-created-us-east", "03-order-updates-new-word-us-west")
    )
    assert [order.total for order in (created, acknowledged, refunded)] == [8226, 5891, 11798]
    assert [(line.quantity, line.unit_price, line.tax) for line in created.lines] == [(2, 2400, 396), (1, 2200, 182)]
    assert (created.shipping, created.shipping_tax, created.payment.state) == (599, 49, PaymentState.AUTHORIZED)
    assert ([line.discount for line in acknowledged.lines], acknowledged.fees) == ([250, 0], 100)
    assert [line.cancelled for line in acknowledged.lines] == [0, 1]
    assert not acknowledged.cancelled
    assert [(refund.refund_ref, refund.amount) for refund in refunded.refunds] == [("90000000041", 541)]
    assert created.ship_to is not None
    assert created.ship_to.country == "US"


def test_etsy_receipts_have_taxes_on_top_or_inside() -> None:
    us, de, gb = (
        _order(f"etsy/{name}").order for name in ("01-order-paid-us", "02-order-paid-de", "03-order-shipped-gb")
    )
    assert [(order.currency, order.total, order.tax_included) for order in (us, de, gb)] == [
        ("USD", 6190, False),
        ("EUR", 4790, True),
        ("GBP", 4850, False),
    ]
    assert [(line.discount, line.tax) for line in us.lines] == [(320, 230), (250, 180)]
    assert (de.fees, [line.tax for line in de.lines]) == (300, [639])
    assert [(refund.refund_ref, refund.amount) for refund in gb.refunds] == [("1795265390", 900)]
    assert gb.payment.state is PaymentState.PARTIALLY_REFUNDED
