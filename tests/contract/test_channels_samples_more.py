"""Our own samples of Mercado Libre and Meta's shops: what each order comes to."""

from __future__ import annotations

from oms.domain.canonical import ChannelPayment, PaymentState, RefundedLine, ShipTo
from tests.contract.test_channels_samples import _order


def test_mercadolibre_orders_are_fetched_with_shipment_and_refunds() -> None:
    br, again, mx, cl = (
        _order(f"mercadolibre/{name}")
        for name in ("01-order-paid-br", "02-order-changed-br", "03-order-refunded-mx", "04-order-of-a-cart-cl")
    )
    assert br == again
    assert [(each.order.currency, each.order.total, each.order.shipping) for each in (br, mx, cl)] == [
        ("BRL", 19530, 1550),
        ("MXN", 41050, 4900),
        ("CLP", 32980, 0),
    ]
    (line,) = br.order.lines
    assert (line.line_ref, line.sku, line.unit_price, line.discount) == (
        *("MLB4400000101:178900101", "TEE-BLK-S", 9990, 2000),
    )
    assert [(line.sku, line.discount) for line in cl.order.lines] == [("MUG-02", 0), ("BAG-CANVAS", 3000)]
    assert mx.order.lines[0].sku == "MUG-01"  # the older field of it
    assert [(refund.refund_ref, refund.amount) for refund in mx.order.refunds] == [("1310000102", 12050)]
    assert mx.order.payment == ChannelPayment(state=PaymentState.PARTIALLY_REFUNDED, captured=41050)
    assert br.order.payment == ChannelPayment(state=PaymentState.PAID, captured=19530)
    assert br.order.ship_to == ShipTo(
        country="BR", region="SP", postal_code="01310000", latitude=-23.5614, longitude=-46.6559
    )
    assert br.contact.shipping is not None
    assert br.contact.shipping.lines == ("Rua do Exemplo 100", "Casa azul", "Bela Vista")
    assert ("pack_id", "2000009200000103") in cl.order.status_words


def test_meta_orders_are_fetched_with_their_edges() -> None:
    created, cut, refunded = (
        _order(f"meta-commerce/{name}").order
        for name in ("01-order-created-us", "02-order-cancelled-in-part-us", "03-order-refunded-us")
    )
    assert [(order.total, order.shipping, order.shipping_tax) for order in (created, cut, refunded)] == [
        (5935, 695, 57),
        (5447, 0, 0),
        (4860, 500, 40),
    ]
    assert [(line.sku, line.discount, line.tax) for line in created.lines] == [
        ("TEE-BLK-M", 381, 330),  # the merchant's promotion, by the prices
        ("MUG-02", 119, 103),
    ]
    assert [line.discount for line in cut.lines] == [0, 0]  # Meta's promotion takes nothing off the order
    assert [line.cancelled for line in cut.lines] == [1, 0]
    assert not cut.cancelled
    assert [order.payment.state for order in (created, cut, refunded)] == [
        PaymentState.AUTHORIZED,
        PaymentState.AUTHORIZED,
        PaymentState.PARTIALLY_REFUNDED,
    ]
    (refund,) = refunded.refunds
    assert (refund.refund_ref, refund.amount, refund.reason) == ("4989801941690103", 2160, "buyers_remorse")
    assert refund.lines == (RefundedLine(line_ref="4866024420730105", quantity=1),)
