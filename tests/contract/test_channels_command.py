"""`python -m oms.channels`: samples of ours and collected ones, read and verified as somebody with a file would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from infra.local import recorded as rec
from infra.local.sandbox import adobe, ebay, etsy, mercadolibre
from oms.channels.registry import SOURCES
from tests.support.channels_page import COLLECTED, MARK, PAGE, generated, told
from tests.support.template import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = ROOT / "events"
SCHEMA = Draft202012Validator(json.loads((ROOT / "infra/schemas/canonical_order.v1.json").read_text(encoding="utf-8")))
CARRIES = ("shopify", "woocommerce", "webhook")
SECRETS = {
    "tiktok-shop": "app:secret",
    "magento": adobe.CLIENT_ID,
    "etsy": etsy.SIGNING_SECRET,
    "webhook": etsy.SIGNING_SECRET,
    "mercadolibre": f"{mercadolibre.SELLER}:token",
    "meta-commerce": "app-secret:verify",
}
collected = pytest.mark.skipif(not COLLECTED.is_dir(), reason="the collected payloads are not beside the repository")


def orders(source: str) -> list[Path]:
    folder = EVENTS / ("channels" if source in CARRIES else "sandbox") / source
    return sorted(each for each in folder.rglob("*.json") if not each.name.startswith(("address", "items")))


@pytest.mark.parametrize("source", list(SOURCES))
def test_every_channel_has_a_sample_that_becomes_a_canonical_order(source: str) -> None:
    found = 0
    for file in orders(source):
        status, printed = told("normalize", source, str(file))
        assert status in (0, 2)
        if not status:
            found += len(printed)
            assert not [error.message for error in SCHEMA.iter_errors(printed[0])]
            assert _sum(printed[0]) == printed[0]["total"]
        else:
            assert set(printed[0]) >= {"code", "detail"}
    assert found > 0 or source == "amazon"  # its documents are files of their own


def _sum(order: dict[str, Any]) -> int:
    goods = sum(line["unit_price"] * line["quantity"] - line["discount"] for line in order["lines"])
    taxes = sum(line["tax"] for line in order["lines"]) + order["shipping_tax"] + order["fee_tax"]
    total = goods + order["shipping"] + order["fees"] + order["tips"] + order["duties"]
    return int(total + (0 if order["tax_included"] else taxes))


def test_documents_of_an_order_stand_side_by_side(tmp_path: Path) -> None:
    folder = EVENTS / "sandbox" / "amazon" / "112-4400101-5500101"
    parts = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("order", "items", "address")}
    parts["items"] = [parts["items"], json.loads((folder / "items-page-2.json").read_text())]
    whole, part = tmp_path / "whole.json", tmp_path / "part.json"
    whole.write_text(json.dumps(parts))
    part.write_text(json.dumps(parts["order"]))
    status, (order,) = told("normalize", "amazon", str(whole))
    assert (status, order["external_id"]) == (0, folder.name)
    status, (refusal,) = told("normalize", "amazon", str(part))
    assert (status, refusal["code"], refusal["missing"]) == (2, "incomplete_order", "items")


@pytest.mark.parametrize("source", [each for each in SOURCES if each != "amazon"])
def test_a_delivery_is_verified_by_its_secret_alone(source: str, tmp_path: Path) -> None:
    delivery = rec.read(source, max((EVENTS / "channels" / source).glob("*.json")))
    secret = SECRETS.get(source, "s3cret")
    signed = [f"--header={name}: {value}" for name, value in rec.sign(delivery, secret).items()]
    key = {"magento": adobe.public_key, "ebay": ebay.public_key}.get(source)
    if key:
        (tmp_path / "key.pem").write_text(key())
        signed.append(f"--key={tmp_path / 'key.pem'}")
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(delivery.body)
    bad.write_bytes(delivery.body.replace(b"1", b"2"))
    if source == "mercadolibre":  # not signed: it is the token, and whose order it is, that are known
        bad.write_bytes(delivery.body.replace(mercadolibre.SELLER.encode(), b"1"))
    assert told("verify", source, "--secret", secret, *signed, str(good)) == (0, [{"verified": True}])
    good.write_bytes(delivery.body + b"\n")
    assert told("verify", source, "--secret", secret, *signed, str(good)) == (0, [{"verified": True}])
    assert told("verify", source, "--secret", secret, *signed, str(bad))[0] == 2
    assert told("verify", source, "--secret", secret, str(good))[1][0]["code"] == "bad_signature"


def test_a_saved_delivery_has_its_body_as_it_was_spelled(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    body = '{"amount": 10.10, "body": {"amount": 1}, "é": "\\u00e9"}'
    recorded = rec.Recorded(name="x", source="shopify", headers={}, body=body.encode())
    headers = json.dumps(rec.sign(recorded, "hush"))
    file.write_text(f'{{"headers": {headers}, "body": {body}}}', encoding="utf-8")
    assert told("verify", "shopify", "--secret", "hush", str(file)) == (0, [{"verified": True}])


def test_a_part_that_is_no_object_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    whole = json.loads(min((EVENTS / "sandbox" / "mercadolibre").glob("*.json")).read_text())
    file.write_text(json.dumps({**whole, "shipment": "x"}))
    assert told("normalize", "mercadolibre", str(file))[1][0]["code"] == "malformed_payload"


def test_what_is_wrong_with_the_command_is_told() -> None:
    assert told("normalize", "amazone", str(ROOT / "README.md"))[1][0]["code"] == "not_found"
    assert told("normalize", "shopify", str(ROOT / "README.md"))[1][0]["code"] == "malformed_payload"
    assert told("normalize", "shopify", "nowhere.json")[1][0]["code"] == "no_file"
    told_at = told("verify", "shopify", "--secret", "s", "--at", "noon", str(ROOT / "README.md"))
    assert told_at[1][0]["code"] == "invalid_input"
    status, listed = told("list")
    assert (status, [each["source"] for each in listed]) == (0, list(SOURCES))


@collected
def test_the_page_says_what_becomes_of_the_collected_payloads() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == generated()
