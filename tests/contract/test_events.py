"""Public events and the canonical order: schemas, samples and code agree, and nothing promised goes away."""

from __future__ import annotations

import copy
import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from oms.channels.registry import connector
from oms.domain.canonical import CanonicalOrder, Normalized
from oms.domain.codec import to_plain
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.order import return_facts as ret
from oms.domain.public_events import DETAIL_TYPES, SOURCE, public_events
from oms.domain.stock import StockMoved, StockMovement
from oms.domain.tracking import ParcelStatus
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMAS = ROOT / "infra" / "schemas"
SAMPLES = ROOT / "events" / "public"
PROMISED = ROOT / "tests" / "contract" / "corpus" / "promised_fields.json"
CANONICAL = "canonical_order.v1"
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UNITS = (ev.NodeUnits(line_id="1", sku="MUG-01", node_id="DE-BER", quantity=2),)
LINES = (ev.LineUnits(line_id="1", quantity=2),)
PARCEL = ev.ShippedParcel(parcel_id="pcl_1", carrier="DHL", tracking_number="0034", units=UNITS)
EMITTED = [
    ev.OrderPlaced(
        channel="site",
        account="main",
        external_id="k",
        number="S-1",
        placed_at=AT,
        currency="EUR",
        total=2580,
        lines=(ev.PlacedLine(line_id="1", sku="MUG-01", quantity=2, unit_price=1290),),
        payment=ev.PaymentPlan(provider="in_channel"),
    ),
    ev.LinesReserved(units=UNITS, fulfillment_orders={"ful_1_1": "DE-BER"}, promised_by=AT, release_at=AT),
    ev.FulfillmentOrderReleased(fulfillment_order_id="ful_1_1", node_id="DE-BER"),
    ev.LinesBackordered(lines=LINES, expected_at={"1": AT}),
    ev.PromiseDateMoved(lines=(ev.MovedDate(line_id="1", before=AT, after=AT),)),
    ev.LinesCancelled(lines=LINES, origin="api"),
    ev.OrderEdited(
        edit_id="edt_1",
        origin="oms",
        total=10,
        added=(ev.PlacedLine(line_id="e1-1", sku="MUG-01", quantity=1, unit_price=5),),
        freed=UNITS,
        out_of=("ful_1_1",),
    ),
    ev.HoldPlaced(hold_id="hld_1", kind="fraud"),
    ev.ShipmentShipped(shipment_id="shp_1", fulfillment_order_id="ful_1_1", node_id="DE-BER", parcels=(PARCEL,)),
    ev.ParcelStatusChanged(parcel_id="pcl_1", status=ParcelStatus.DELIVERED, occurred_at=AT),
    ev.RefundSucceeded(refund_id="rfd_1"),
    StockMoved(
        movements=(StockMovement(sku="MUG-01", node_id="DE-BER", kind=MovementKind.SAFETY, quantity=-1, reason="x"),)
    ),
    ret.ReturnRequested(
        return_id="rma_1_1",
        number="S-1-R1",
        lines=(ret.ReturnedLine(line_id="1", quantity=2, reason="size"),),
        terms=ret.ReturnTerms(),
    ),
    ret.ReturnApproved(return_id="rma_1_1", expires_at=AT),
    ret.ReturnReceived(return_id="rma_1_1", node_id="DE-BER"),
    ret.ReturnInspected(
        return_id="rma_1_1",
        node_id="DE-BER",
        lines=(ret.InspectedUnits(line_id="1", quantity=2, disposition=ev.Disposition.RESTOCK),),
    ),
    ret.ReturnSettled(return_id="rma_1_1", reason="looked at"),
]


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return sample


def _errors(schema: dict[str, Any], document: Any) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def closed(schema: Any) -> Any:
    """The schema as the producer is held to it: nothing that it does not describe."""
    if isinstance(schema, dict):
        inner = {key: closed(value) for key, value in schema.items()}
        return {**inner, "additionalProperties": False} if "properties" in schema else inner
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


def promised(schema: dict[str, Any], at: str = "") -> dict[str, str]:
    """The fields that every document has: path to type."""
    found = {}
    for name in schema.get("required", ()):
        field = schema["properties"][name]
        found[at + name] = field["type"]
        inner = field.get("items", {}) if field["type"] == "array" else field
        found |= promised(inner, f"{at}{name}{'[]' if field['type'] == 'array' else ''}.")
    return found


def broken_promises(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Fields that a consumer may count on, and no longer finds, or finds as something else."""
    return [f"{path}: {kind} became {now.get(path)}" for path, kind in before.items() if now.get(path) != kind]


# ---------------------------------------------------------------- events


def test_every_event_has_a_schema_and_a_sample_and_the_reverse() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {*DETAIL_TYPES, CANONICAL}
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(DETAIL_TYPES)


@pytest.mark.parametrize("name", [*DETAIL_TYPES, CANONICAL])
def test_schemas_are_sound_and_open(name: str) -> None:
    schema = _schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(name)
    assert all(each["additionalProperties"] is True for each in _objects(schema))
    assert all("description" in field for each in _objects(schema) for field in each["properties"].values())


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in _objects(each)]
    if not isinstance(schema, dict):
        return []
    inner = [found for each in schema.values() for found in _objects(each)]
    return [schema, *inner] if "properties" in schema and "type" in schema else inner


@pytest.mark.parametrize("name", DETAIL_TYPES)
def test_samples_are_what_the_bus_delivers(name: str) -> None:
    sample = _sample(name)
    assert (sample["source"], sample["detail-type"]) == (SOURCE, name)
    assert _errors(closed(_schema(name)), sample["detail"]) == []
    stream, commit, _ = sample["detail"]["event_id"].rsplit(":", 2)
    assert int(commit) == sample["detail"]["commit"]
    assert stream.startswith("stock#" if name.startswith("Stock") else f"order#{sample['detail'].get('order_id')}")


def _published(event: object) -> tuple[str, dict[str, Any]]:
    about = {"order_id": "ord_1", "number": "S-1", "channel": "site"}
    stock = isinstance(event, StockMoved)
    commit = Commit(
        stream="stock#mov_1" if stock else "order#ord_1",
        number=2,
        command_id="cmd_1",
        cause=Cause(kind="api", ref="x"),
        at=AT,
        events=(event,),
        previous=GENESIS,
        summary={} if stock else about,
    )
    ((event_id, kind, detail),) = public_events(commit)
    return kind, {**detail, "event_id": event_id}  # as EventBridgeBus publishes it


@pytest.mark.parametrize("event", EMITTED, ids=lambda event: type(event).__name__)
def test_what_the_code_emits_fits_its_schema(event: object) -> None:
    kind, detail = _published(event)
    assert _errors(closed(_schema(kind)), json.loads(json.dumps(detail))) == []


def test_every_detail_type_is_emitted() -> None:
    assert [_published(event)[0] for event in EMITTED] == list(DETAIL_TYPES)


def test_free_text_of_staff_about_stock_stays_inside() -> None:
    moved = next(each for each in EMITTED if isinstance(each, StockMoved))
    assert "reason" not in json.dumps(_published(moved)[1])


@pytest.mark.parametrize("name", [*DETAIL_TYPES, CANONICAL])
def test_what_was_promised_is_kept(name: str) -> None:
    before = json.loads(PROMISED.read_text(encoding="utf-8"))[name]
    now = promised(_schema(name))
    assert broken_promises(before, now) == []
    assert set(now) == set(before), "a field that is new and always there: add it to the list, so that it stays"


def test_a_broken_promise_is_seen() -> None:
    before = promised(_schema("OrderPlaced.v1"))
    dropped, renamed, retyped = (copy.deepcopy(_schema("OrderPlaced.v1")) for _ in range(3))
    dropped["required"].remove("total")
    renamed["properties"]["lines"]["items"]["required"] = ["line", "sku", "quantity"]
    renamed["properties"]["lines"]["items"]["properties"]["line"] = {"type": "string"}
    retyped["properties"]["total"]["type"] = "string"
    assert broken_promises(before, promised(dropped)) == ["total: integer became None"]
    assert broken_promises(before, promised(renamed)) == ["lines[].line_id: string became None"]
    assert broken_promises(before, promised(retyped)) == ["total: integer became string"]


# ---------------------------------------------------------------- the canonical order


def shape_findings(kind: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Where a schema and the stored form of a dataclass differ: names, what may be left out, enumerations, types."""
    hints = typing.get_type_hints(kind, localns={"datetime": datetime})
    names = {each.name for each in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    findings = [f"{at}{each}: on one side only" for each in sorted(names ^ set(schema["properties"]))]
    findings += [f"{at}{each}: needed on one side only" for each in sorted(needed ^ set(schema.get("required", ())))]
    for name in sorted(names & set(schema["properties"])):
        findings += _type_findings(hints[name], schema["properties"][name], f"{at}{name}")
    return findings


def _type_findings(hint: Any, schema: dict[str, Any], at: str) -> list[str]:
    words = {str: "string", int: "integer", bool: "boolean", float: "number", datetime: "string"}
    kinds = set(typing.get_args(hint)) if typing.get_origin(hint) in (types.UnionType, typing.Union) else {hint}
    told = set(schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
    if (type(None) in kinds) != ("null" in told):
        return [f"{at}: null on one side only"]
    (inner,) = kinds - {type(None)}
    if typing.get_origin(inner) is tuple:
        return (
            [] if told == {"array"} and _item_ok(typing.get_args(inner)[0], schema["items"]) else [f"{at}: not a list"]
        )
    if is_dataclass(inner):
        return shape_findings(inner, schema, f"{at}.")
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return [] if set(schema["enum"]) == {each.value for each in inner} else [f"{at}: other words"]
    return [] if told - {"null"} == {words[inner]} else [f"{at}: {told} for {inner}"]


def _item_ok(item: Any, schema: dict[str, Any]) -> bool:
    if is_dataclass(item):
        return not shape_findings(item, schema)
    return schema["type"] == "array" if typing.get_origin(item) is tuple else not _type_findings(item, schema, "")


def test_the_canonical_schema_is_the_stored_form() -> None:
    assert shape_findings(CanonicalOrder, _schema(CANONICAL)) == []


def test_a_canonical_schema_that_drifts_is_seen() -> None:
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda schema: schema["properties"].pop("duties"),
        lambda schema: schema["properties"].update(discount={"type": "integer"}),
        lambda schema: schema["required"].append("shipping"),
        lambda schema: schema["properties"]["payment"]["properties"]["state"]["enum"].append("maybe"),
        lambda schema: schema["properties"]["total"].update(type="number"),
        lambda schema: schema["properties"]["lines"]["items"]["properties"].pop("tax"),
        lambda schema: schema["properties"]["ship_to"].update(type="object"),
    ]
    for change in changes:
        schema = _schema(CANONICAL)
        change(schema)
        assert shape_findings(CanonicalOrder, schema)


def _read(path: Path) -> object:
    sample = json.loads(path.read_text(encoding="utf-8"))
    body = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    headers = {name.lower(): value for name, value in sample["headers"].items()}
    request = InboundRequest(account="main", headers=headers, body=body.encode())
    who = connector(path.parent.name)
    notice = who.identify(request)
    return who.normalize(request, notice) if notice.kind is NoticeKind.ORDER else None


def test_normalized_samples_fit_the_canonical_schema() -> None:
    samples = [*(ROOT / "events" / "channels").glob("shopify/*.json"), *(ROOT / "events").glob("channels/woo*/*.json")]
    read = [_read(path) for path in sorted(samples) if "add-up" not in path.stem]
    orders = [each.order for each in read if isinstance(each, Normalized)]
    assert len(orders) > 12
    for order in orders:
        assert _errors(closed(_schema(CANONICAL)), json.loads(json.dumps(to_plain(order)))) == []
