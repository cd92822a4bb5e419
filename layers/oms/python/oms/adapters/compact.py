"""JSON documents in few bytes: what is stored is billed by the kilobyte, and a commit in a transaction twice.

Deflate (RFC 1951) with a preset dictionary of the words that commits are made of: an order's commits of three lines
take about half a kilobyte each instead of one and a half. The first byte names the dictionary. A dictionary never
changes, or what was stored with it could not be read any more: a better one is added under the next number.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

_WORDS: Final = (
    '"request_hash":"","shipping_tax":,"fees":,"fee_tax":,"tips":,"duties":,"gift_cards":,"tax_included":true,'
    '"requires_shipping":false,"estimated_delivery_at":"[{"type":"FulfillmentOrderRejected","v":1,'
    '[{"type":"LinesBackordered","v":1,[{"type":"LinesDelivered","v":1,[{"type":"ShipToChanged","v":1,'
    '[{"type":"ChannelCancelConflicted","v":1,[{"type":"LinesReturned","v":1,[{"type":"RefundSubmitted","v":1,'
    '"refund_ref":"[{"type":"RefundFailed","v":1,[{"type":"PaymentDeclined","v":1,[{"type":"PaymentVoided","v":1}'
    '[{"type":"StockMoved","v":1,"movements":[{"sku":"","node_id":"","kind":"adjustment","kind":"receipt","quantity":'
    '[{"type":"HoldReleased","v":1,"hold_id":"hld_[{"type":"HoldPlaced","v":1,"hold_id":"hld_","kind":"unknown_sku",'
    '"reason":"","lines":["[{"type":"RefundRequested","v":1,"refund_id":"rfd_","amount":,"origin":"channel"'
    '{"type":"RefundSucceeded","v":1,"refund_id":"rfd_","removed":[],"returned":[]'
    '[{"type":"LinesCancelled","v":1,"lines":[{"line_id":"","quantity":1}],"origin":"api","reason":"","freed":[{'
    '[{"type":"FulfillmentOrderAccepted","v":1,"fulfillment_order_id":"ful_[{"type":"PaymentAuthorized","v":1,"amount":'
    '},{"type":"PaymentCaptured","v":1,"capture_id":"","amount":,"shipment_id":"shp_'
    '"provider":"stripe","reference":"pi_"shopify""woocommerce""tiktok-shop""amazon""site""USD""GBP""JPY""EUR"'
    '{"ev":[{"type":"OrderPlaced","v":1,"channel":"","account":"","external_id":"","number":"#","placed_at":"2026-'
    '","currency":"USD","total":,"lines":[{"line_id":"","sku":"","quantity":1,"unit_price":,"discount":,"tax":,"title":"'
    '"},{"line_id":"","sku":"","quantity":1,"unit_price":,"tax":,"title":""}],"payment":{"provider":"in_channel"},'
    '"shipping":,"ship_to":{"country":"US","region":"","postal_code":"","latitude":,"longitude":-},'
    '"shipping_method":"Standard","customer_id":"cus_"},{"type":"ChannelPaymentReported","v":1,"state":"paid",'
    '"captured":},{"type":"ChannelRevisionSeen","v":1,"revision":"2026-T00:00:00+00:00","digest":""}'
    '{"ev":[{"type":"LinesReserved","v":1,"units":[{"line_id":"","sku":"","node_id":"","quantity":1},{"line_id":"",'
    '"sku":"","node_id":"","quantity":1}],"fulfillment_orders":{"ful_":""},"promised_by":"2026-T00:00:00+00:00",'
    '"decision":{"policy":"nearest-complete/1","located_by":"channel","located_by":"country","candidates":[{"node":"",'
    '"km":,"has_all":false},{"node":"","km":,"has_all":true}],"excluded":{},"chosen":["],"short":[]}}]'
    '{"ev":[{"type":"ShipmentShipped","v":1,"shipment_id":"shp_","fulfillment_order_id":"ful_","node_id":"",'
    '"parcels":[{"parcel_id":"pcl_","carrier":"UPS","tracking_number":"1Z","units":[{"line_id":"","sku":"","node_id":"'
    '{"ev":[{"type":"ParcelStatusChanged","v":1,"parcel_id":"pcl_","status":"delivered","occurred_at":"2026-'
    '"holds":["],"waiting":["],"waited":["],"stage":"cancelled","stage":"on_hold","stage":"backordered",'
    '"stage":"awaiting_payment","fulfillment":"cancelled","fulfillment":"backordered","payment":"pending",'
    '"payment":"authorized","payment":"refunded","payment":"partially_refunded","next":"settle",'
    '+00:00"}],"sm":{"order_id":"ord_","number":"#","channel":"","account":"","customer":"cus_","placed_at":"2026-'
    'T00:00:00+00:00","currency":"EUR","total":,"units":1,"stage":"placed","status":"pending",'
    '"fulfillment":"unfulfilled","payment":"captured","next":"promise","due_at":"2026-"stage":"released",'
    '"status":"confirmed","fulfillment":"allocated","payment":"captured","due_at":"2026-T00:00:00+00:00",'
    '"stage":"shipped","status":"confirmed","fulfillment":"shipped","stage":"closed","status":"closed",'
    '"fulfillment":"delivered","payment":"captured","promised_by":"2026-T00:00:00+00:00","work":{"ful_":["","shipped"]}}}'
)
DICTIONARIES: Final = {1: _WORDS.encode()}
_NEWEST: Final = max(DICTIONARIES)
_MEMORY: Final = 5
"""Of 1 to 9: small documents gain nothing from more, and clearing more takes ten times as long."""


def pack(document: Any) -> bytes:
    """The bytes of a JSON document. Lone surrogates, which JSON lets stand, survive."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, _MEMORY, zlib.Z_DEFAULT_STRATEGY, DICTIONARIES[_NEWEST])
    return bytes([_NEWEST]) + deflate.compress(text) + deflate.flush()


def unpack(packed: bytes) -> Any:
    """The document of these bytes; raises ValueError for bytes that `pack` has not made."""
    words = DICTIONARIES.get(packed[0]) if packed else None
    if words is None:
        raise ValueError("packed with a dictionary that this code does not know")
    inflate = zlib.decompressobj(-15, words)
    try:
        text = inflate.decompress(packed[1:]) + inflate.flush()
    except zlib.error as error:
        raise ValueError("not packed by this system") from error
    return json.loads(text.decode("utf-8", "surrogatepass"))
