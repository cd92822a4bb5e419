"""What lies in a file that nobody has seen before: told apart, read whole, refused with a reason, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from oms.channels.files import read_saved
from oms.channels.registry import SOURCES
from tests.support.channels_page import told
from tests.support.template import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = ROOT / "events" / "channels"
SANDBOX = ROOT / "events" / "sandbox"
COMMAND = "import sys; from oms.channels.__main__ import main; sys.exit(main(sys.argv[1:]))"


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def shopify() -> dict[str, Any]:
    order: dict[str, Any] = load(CHANNELS / "shopify" / "01-orders-create-us-paid.json")["body"]
    return order


def answer(tmp_path: Path, source: str, document: object, *, raw: bytes | None = None) -> tuple[int, Any]:
    """(status, what was printed) of a file of that document."""
    file = tmp_path / "file.json"
    file.write_bytes(raw if raw is not None else json.dumps(document).encode())
    return told("normalize", source, str(file))


@pytest.mark.parametrize(
    "mark",
    [
        {"invoice_url": "https://x/invoices/1", "status": "open"},
        {"invoice_sent_at": None, "status": "open"},
        {"abandoned_checkout_url": "https://x/recover", "completed_at": None},
        {"order_id": 1, "tracking_number": "1Z"},
    ],
)
def test_what_only_looks_like_an_order_is_none(tmp_path: Path, mark: dict[str, Any]) -> None:
    """A draft order and an abandoned checkout have lines, prices and a total; nobody has bought anything."""
    assert answer(tmp_path, "shopify", shopify())[0] == 0
    for document in (shopify() | mark, {"draft_order": shopify() | mark}, [shopify() | mark]):
        status, (refusal,) = answer(tmp_path, "shopify", document)
        assert (status, refusal["code"]) == (2, "no_order")


def test_an_order_that_does_not_say_who_it_is_is_one_all_the_same(tmp_path: Path) -> None:
    order = shopify()
    del order["id"]
    del order["admin_graphql_api_id"]
    for document in (order, {"order": order}, {"orders": [order]}):
        status, (refusal,) = answer(tmp_path, "shopify", document)
        assert (status, refusal["code"], refusal["path"]) == (2, "malformed_payload", "id")


def test_a_delivery_that_says_to_carry_an_order_is_held_to_it(tmp_path: Path) -> None:
    for document in ({"topic": "orders/create", "body": {"id": 1}}, {"topic": "orders/create", "body": {}}):
        status, (refusal,) = answer(tmp_path, "shopify", document)
        assert (status, refusal["code"]) == (2, "malformed_payload")
    status, (refusal,) = answer(tmp_path, "shopify", {"topic": "draft_orders/create", "body": {"id": 1}})
    assert (status, refusal["code"], refusal["topic"]) == (2, "no_order", "draft_orders/create")


def test_a_refund_alone_is_no_order(tmp_path: Path) -> None:
    refund = load(CHANNELS / "shopify" / "09-refunds-create-us-one-tee.json")["body"]
    for document in (refund, {"refund": refund}):
        status, (refusal,) = answer(tmp_path, "shopify", document)
        assert (status, refusal["code"], refusal["topic"]) == (2, "no_order", "refunds/create")


def test_every_list_of_a_batch_is_read(tmp_path: Path) -> None:
    order = load(CHANNELS / "woocommerce" / "02-order-created-gb.json")["body"]
    batch = {"create": [order], "update": [order | {"id": 7}, order | {"id": 8}]}
    status, orders = answer(tmp_path, "woocommerce", batch)
    assert (status, [each["external_id"] for each in orders]) == (0, [str(order["id"]), "7", "8"])


def test_a_list_that_holds_more_than_orders_is_refused(tmp_path: Path) -> None:
    status, (refusal,) = answer(tmp_path, "shopify", {"orders": [shopify(), "x"]})
    assert (status, refusal["code"]) == (2, "malformed_payload")


def test_a_link_to_products_is_not_the_products(tmp_path: Path) -> None:
    """BigCommerce's order says where its products are."""
    parts = load(min((SANDBOX / "bigcommerce").glob("*.json")))
    link = {"url": "https://x/v2/orders/1/products", "resource": "/orders/1/products"}
    status, (refusal,) = answer(tmp_path, "bigcommerce", parts["order"] | {"products": link})
    assert (status, refusal["code"], refusal["missing"]) == (2, "incomplete_order", "products")
    status, orders = answer(tmp_path, "bigcommerce", parts["order"] | {"products": parts["products"]})
    assert (status, len(orders)) == (0, 1)


def test_a_list_of_orders_without_their_items(tmp_path: Path) -> None:
    order = load(SANDBOX / "amazon" / "112-4400101-5500101" / "order.json")["payload"]
    status, (refusal,) = answer(tmp_path, "amazon", {"payload": {"Orders": [order], "NextToken": "x"}})
    assert (status, refusal["code"], refusal["missing"]) == (2, "incomplete_order", "items")


def test_items_stand_beside_their_order_in_any_form(tmp_path: Path) -> None:
    folder = SANDBOX / "amazon" / "302-4400102-5500102"
    order, items = (load(folder / f"{name}.json")["payload"] for name in ("order", "items"))
    alone = items["OrderItems"]
    forms = [
        {"order": order, "items": items},
        {"order": order, "items": alone},
        {"order": {"payload": order}, "orderItems": {"payload": items}},
        {"order": order, "OrderItems": alone},
        {"payload": {**order, "OrderItems": alone}},
        {**order, "OrderItems": alone},
        {**order, "items": [items]},
    ]
    told_ = [answer(tmp_path, "amazon", form) for form in forms]
    assert told_ == [told_[0]] * len(forms)
    assert told_[0][0] == 0


def test_the_refusal_of_one_order_among_several_says_which(tmp_path: Path) -> None:
    wrong = shopify() | {"total_price": "0.01"}
    status, (refusal,) = answer(tmp_path, "shopify", {"orders": [shopify(), wrong, shopify()]})
    assert (status, refusal["code"], refusal["at"]) == (2, "totals_mismatch", 1)
    assert "at" not in answer(tmp_path, "shopify", {"orders": [wrong]})[1][0]


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b'{"id": 1',
        b"[]",
        b"{}",
        b"null",
        b"7",
        b'"order"',
        b"[[[]]]",
        b'[{"order": 1}]',
        b'{"order": []}',
        b'{"orders": {}}',
        b'{"order": {"payload": 1}, "items": 1}',
        b'{"headers": 1, "body": 1}',
        b'{"headers": {}, "body": "{"}',
        b'{"topic": "orders/create", "body": null}',
        b'{"topic": "\\ud800", "body": "\\ud800"}',
        b'{"headers": {"\\ud800": "\\udfff"}, "body": {"\\ud800": "\\ud800"}}',
        b'{"id": NaN, "line_items": []}',
        b'{"id": 1, "id": 2, "line_items": []}',
        b'{"id": ' + b"9" * 5000 + b', "line_items": []}',
        b"[" * 100_000,
        b'{"body": ' * 400 + b"1" + b', "topic": "x"}' * 400,
        b'{"a":' * 900 + b"{}" + b"}" * 900,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_no_file_ends_in_a_traceback(tmp_path: Path, source: str, raw: bytes) -> None:
    status, (refusal,) = answer(tmp_path, source, None, raw=raw)
    assert status == 2
    assert refusal["code"] in {"malformed_payload", "no_order", "invalid_input"}
    file = str(tmp_path / "file.json")
    status, (refusal,) = told("verify", source, "--secret", "s", file)
    assert (status, refusal.get("code")) in {(2, "bad_signature"), (2, "malformed_payload")} or source == "amazon"


def test_what_an_output_cannot_spell_is_escaped(tmp_path: Path) -> None:
    """A lone surrogate in a file's name, or in what is told of it; a terminal that knows ASCII alone."""
    file = tmp_path / "order.json"
    file.write_bytes(json.dumps(shopify() | {"name": "#é1"}).encode())
    for name in (str(file), "nowhere-\udcff.json", "a\x00b"):
        for encoding in ("ascii", "utf-8"):
            done = subprocess.run(
                [sys.executable, "-c", COMMAND, "normalize", "shopify", name.replace("\x00", "")],
                capture_output=True,
                check=False,
                env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT / "layers/oms/python")},
            )
            assert done.returncode == (0 if name == str(file) else 2)
            assert done.stderr == b""
            printed = json.loads(done.stdout)
            assert printed.get("number", "#é1") == "#é1"
    assert told("normalize", "shopify", "a\x00b")[1][0]["code"] == "no_file"


def test_the_body_of_a_saved_delivery_is_found_in_one_pass() -> None:
    """However often its name comes before it, also inside of other fields."""
    before = ",".join(f'{{"body": {number}}}' for number in range(50_000))
    raw = f'{{"notes": [{before}], "topic": "t" , "body" : {{"a":1.10, "body": 2}} , "more": 1}}'
    assert read_saved(raw.encode()).body == b'{"a":1.10, "body": 2}'
