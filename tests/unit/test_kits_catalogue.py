"""What a kit is by the catalogue and by a file that is imported, and what it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from infra.local.import_ import import_file
from infra.local.import_rows import read_rows
from infra.local.system import System
from oms.adapters.dynamodb_reference import DynamoReference
from oms.domain.errors import (
    KitWithoutStockError,
    SourcingInputError,
    SourcingRangeError,
    UnknownSkuError,
)
from oms.domain.kits import Component, able, kit_problems, parts_of, read_components
from oms.domain.order import events as ev
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.network import Product
from oms.domain.sourcing.request import SourcingRequest, WantedLine
from oms.domain.stock import freed_skus
from tests.support.builders import T0

if TYPE_CHECKING:
    from pathlib import Path


COLUMNS = "sku,title,weight_g,length_mm,width_mm,height_mm"
GIFT = (Component(sku="MUG", units=2), Component(sku="NOTE", units=1))
NODE = {"node_id": "N", "country": "DE", "latitude": 52.5, "longitude": 13.0}


def _deployed() -> System:
    """Tables, and nothing else."""
    system = System(api_url="", outputs={"ReferenceTable": "reference", "EventsTable": "events", "StockTable": "stock"})
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    for table in system.outputs.values():
        system.client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
    return system


class TestWords:
    def test_rows_that_say_what_a_kit_is_made_of(self) -> None:
        assert read_components({"components": {"B": 1, "A": 2}}) == (
            Component(sku="A", units=2),
            Component(sku="B", units=1),
        )
        wrongs: tuple[Any, ...] = (None, [], {"A": 0}, {"A": True}, {"A": "1"}, {"": 1})
        for wrong in wrongs:
            assert read_components({"components": wrong}) == ()

    def test_whole_kits_only(self) -> None:
        assert able({"MUG": 5, "NOTE": 9}, "GIFT", GIFT) == 2
        assert able({"MUG": 5}, "GIFT", GIFT) == 0
        assert able({"GIFT": 5}, "GIFT", GIFT) == 0
        assert able({"MUG": 5}, "MUG", ()) == 5
        assert parts_of("GIFT", GIFT, 3) == (("MUG", 6), ("NOTE", 3))

    def test_no_kit_is_made_of_kits(self) -> None:
        assert [*kit_problems({"A": ["B"], "C": ["D"]}, {"E": ["B"]})] == []
        assert [sku for sku, _ in kit_problems({"A": ["A"]}, {})] == ["A"]
        assert [sku for sku, _ in kit_problems({"A": ["B"], "B": ["A"]}, {})] == ["A", "B"]
        assert [sku for sku, _ in kit_problems({"A": ["B"]}, {"B": ["C"]})] == ["A"]
        assert [sku for sku, _ in kit_problems({"A": ["B"]}, {"E": ["A"]})] == ["A"]

    @pytest.mark.parametrize(
        ("components", "made_of"),
        [("MUG:2|NOTE:1", {"MUG": 2, "NOTE": 1}), ("A:B:3", {"A:B": 3}), ("", None), (" | ", None)],
    )
    def test_a_kit_in_a_file(self, components: str, made_of: object) -> None:
        rows, problems = read_rows("products", [f"{COLUMNS},components", f"KIT,Kit,0,1,1,1,{components}"])
        assert problems == []
        assert rows[0].get("components") == made_of

    @pytest.mark.parametrize(
        "components", ["MUG", "MUG:", ":2", "MUG:0", "MUG:-1", "MUG:1.5", "MUG:1|MUG:2", "MUG:1001", "KIT:1", "MUG:²"]
    )
    def test_what_no_kit_can_be(self, components: str) -> None:
        assert read_rows("products", [f"{COLUMNS},components", f"KIT,Kit,0,1,1,1,{components}"])[1]

    def test_a_kit_is_not_as_large_as_a_warehouse(self) -> None:
        many = "|".join(f"P{number}:1" for number in range(21))
        assert read_rows("products", [f"{COLUMNS},components", f"KIT,Kit,0,1,1,1,{many}"])[1]

    def test_a_kit_beside_what_is_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        file = tmp_path / "rows.csv"

        def told(kind: str, *rows: str) -> list[str]:
            columns = f"{COLUMNS},components" if kind == "products" else "sku,node_id,quantity"
            file.write_text("\n".join([columns, *rows]))
            return import_file(system, kind, file)[1]

        with mock_aws():
            system = _deployed()
            DynamoReference(system.client("dynamodb"), "reference").put("node", "N", NODE)
            assert told("products", "MUG,Mug,1,1,1,1,", "NOTE,Note,1,1,1,1,", "KIT,Kit,0,1,1,1,MUG:2|NOTE:1") == []
            known = DynamoReference(system.client("dynamodb"), "reference")
            assert [known.kits_of([part]) for part in ("MUG", "NOTE", "KIT")] == [{"KIT"}, {"KIT"}, set()]
            assert told("stock", "MUG,N,3") == []
            assert told("products", "KIT,Kit,0,1,1,1,MUG:3") == []
            assert [known.kits_of([part]) for part in ("MUG", "NOTE")] == [{"KIT"}, set()], "it has no note any more"
            gone = {"pk": {"S": "kits_of#MUG"}, "sk": {"S": "v"}}
            system.client("dynamodb").delete_item(TableName="reference", Key=gone)
            assert told("products", "KIT,Kit,0,1,1,1,MUG:3") == []
            assert known.kits_of(["MUG"]) == {"KIT"}, "importing it again makes good what was not kept"
            assert [each.partition(":")[0] for each in told("products", "TWO,Two,0,1,1,1,KIT:1")] == ["TWO"]
            assert told("products", "TWO,Two,0,1,1,1,NONE:1") == ["TWO: no such component: NONE"]
            assert len(told("products", "MUG,Mug,1,1,1,1,NOTE:1")) == 2, "a part of KIT, and it has stock"
            with pytest.raises(KitWithoutStockError):
                told("stock", "KIT,N,3")

    def test_a_kit_weighs_and_needs_what_its_components_do(self) -> None:
        mug, acid = Product(grams=300, needs=("fragile",), duty=5), Product(grams=50, needs=("hazmat", "fragile"))
        assert Product().made_of([(mug, 2), (acid, 1)]) == Product(grams=650, needs=("fragile", "hazmat"), duty=10)
        assert Product(grams=700, needs=("gift",)).made_of([(acid, 1)]) == Product(
            grams=700, needs=("gift", "hazmat", "fragile")
        )

    def test_what_became_available_is_told_by_component(self) -> None:
        units = ev.NodeUnits(line_id="1", sku="GIFT", node_id="N", quantity=2, components=GIFT)
        assert freed_skus([ev.LinesReturned(units=(units,))]) == ("MUG", "NOTE")

    @pytest.mark.parametrize(
        ("components", "error"),
        [
            ((Component(sku="", units=1),), UnknownSkuError),
            ((Component(sku="A", units=0),), SourcingRangeError),
            ((Component(sku="A", units=1), Component(sku="A", units=1)), SourcingInputError),
        ],
    )
    def test_a_request_with_what_is_no_component(self, components: tuple[Component, ...], error: type) -> None:
        wanted = WantedLine(line_id="1", sku="KIT", quantity=1)
        request = SourcingRequest(lines=(replace(wanted, components=components),), ship_to=None, candidates=(), at=T0)
        with pytest.raises(error):
            source(request)
