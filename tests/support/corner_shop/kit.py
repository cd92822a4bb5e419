"""Corner Shop's kit: what the rules for connectors are told of it."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Final

from oms.channels.layouts import Documents as Pages
from oms.channels.layouts import Layout, Parts
from oms.channels.payload import parse_object
from tests.support.connector_rules.kit import Kit
from tests.support.connector_rules.kits import deliveries, files
from tests.support.corner_shop import shop, shop_list

SAMPLES: Final = Path(__file__).parent / "samples"
SECRET: Final = "corner-s3cret"


def _documents(parts: Parts) -> Pages:
    return {"order": [{"sale": parts["order"]}]}


LAYOUT: Final = Layout(
    identity="id",
    mark="items",
    delivery=frozenset({"event"}),
    wrapped=(("sale",), ("sales",)),
    documents=_documents,
)


def sign(body: bytes, now: int) -> dict[str, str]:
    """As the shop signs."""
    mac = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-corner-signature": f"t={now},v1={mac}"}


def corner_shop() -> Kit:
    """The kit."""
    sale = parse_object((SAMPLES / "01-sale-paid-gb.json").read_bytes()).values["body"]["sale"]
    return Kit(
        name=shop.source,
        connector=shop,
        lister=shop_list,
        layouts=(LAYOUT,),
        deliveries=deliveries(shop.source, SAMPLES),
        orders=files(SAMPLES),
        secrets=[SECRET],
        strangers=["another"],
        sign=sign,
        pages={"last": {"sales": [sale]}, "stuck": {"sales": [sale], "next": "c1"}},
    )
