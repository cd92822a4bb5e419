"""Orders from a file: what rows say, what is wrong with them, and that each is sent as any other delivery."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.local.import_orders import COLUMNS, import_orders, read_orders
from infra.local.system import Reply
from oms.channels import webhook
from oms.domain.inbound import InboundRequest, NoticeKind
from tests.support.builders import T0

if TYPE_CHECKING:
    from pathlib import Path

HEAD = ",".join((*COLUMNS, "tax", "shipping", "country", "postal_code", "city", "street", "name", "email"))
WHERE = "DE,10115,Berlin,Weg 1,Petra Muster,petra@example.com"
ROWS = [
    HEAD,
    f"A-1,1,EUR,2026-11-20T10:00:00Z,3690,MUG-01,2,1000,0,490,{WHERE}",
    "A-1,,,,,TEE-WHT-M,1,1200,0,,,,,,,",
    "A-2,2,USD,2026-11-20T11:00:00Z,1090,MUG-01,1,1000,90,,US,07302,Jersey City,,,",
]


def test_rows_of_an_order_follow_each_other() -> None:
    orders, problems = read_orders(ROWS, name="orders.csv")
    assert problems == []
    first, second = orders
    assert (first["id"], first["total"], first["shipping"]) == ("A-1", 3690, 490)
    assert [(line["sku"], line["quantity"], line["unit_price"]) for line in first["lines"]] == [
        ("MUG-01", 2, 1000),
        ("TEE-WHT-M", 1, 1200),
    ]
    assert first["ship_to"] == {"country": "DE", "postal_code": "10115"}
    assert first["contact"]["shipping"]["lines"] == ["Weg 1"]
    assert first["payment"] == {"provider": "in_channel", "state": "paid"}
    assert second["contact"]["shipping"]["city"] == "Jersey City"


def test_each_wrong_row_is_named_by_its_line() -> None:
    wrong = [
        HEAD,
        f"A-1,1,EUR,2026-11-20T10:00:00Z,3691,MUG-01,2,1000,0,490,{WHERE}",
        f"A-2,2,EUR,2026-11-20T10:00:00Z,10.00,MUG-01,1,1000,0,,{WHERE}",
        f"A-3,3,EUR,,1000,MUG-01,1,1000,0,,{WHERE}",
        f"A-4,4,EUR,2026-11-20T10:00:00,1000,MUG-01,1,1000,0,,{WHERE}",
        f",5,EUR,2026-11-20T10:00:00Z,1000,MUG-01,1,1000,0,,{WHERE}",
        f"A-6,6,EUR,2026-11-20T10:00:00Z,1000,MUG-01,1,1000,0,,{WHERE}",
        f"A-7,7,EUR,2026-11-20T10:00:00Z,1000,MUG-01,1,1000,0,,{WHERE}",
        f"A-6,6,EUR,2026-11-20T10:00:00Z,1000,MUG-01,1,1000,0,,{WHERE}",
    ]
    _, problems = read_orders(wrong, name="orders.csv")
    assert [each.partition(":")[0] for each in problems] == [
        *("line 2", "line 3", "line 4", "line 5", "line 6", "order A-6 is there twice"),
    ]
    assert "add up" in problems[0]
    assert "whole number" in problems[1]
    assert read_orders(["order,sku"], name="x.csv")[1][0].startswith("line 1: columns are missing")
    assert "nobody knows" in read_orders([f"{HEAD},coupon"], name="x.csv")[1][0]


def test_lines_of_json_are_orders_of_the_channel() -> None:
    order = {**read_orders(ROWS, name="orders.csv")[0][0], "refunds": [{"id": "R", "amount": 5}]}
    told = [json.dumps(order), "", "{", json.dumps({**order, "id": "A-9", "coupon": "X"})]
    orders, problems = read_orders(told, name="orders.jsonl")
    assert [each["id"] for each in orders] == ["A-1"]
    assert [each.partition(":")[0] for each in problems] == ["line 3", "line 4"]
    assert "coupon" in problems[1]


class _System:
    api_url = "https://api.example"

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.secrets: dict[str, dict[str, Any]] = {"ConnectionsSecret": {}}
        self.sent: list[tuple[str, dict[str, str], bytes]] = []

    def make_keys(self) -> None:
        """There are some."""

    def read_secret(self, name: str) -> dict[str, Any]:
        return self.secrets[name]

    def write_secret(self, name: str, document: dict[str, Any]) -> None:
        self.secrets[name] = document

    def call(self, method: str, path: str, *, headers: dict[str, str], body: bytes) -> Reply:
        assert method == "POST"
        self.sent.append((path, headers, body))
        return Reply(status=self.status, headers={}, document={"outcome": "queued"})


def test_every_order_is_sent_signed_and_the_same_each_time(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(ROWS), encoding="utf-8")
    system: Any = _System()
    assert import_orders(system, file, "import", dry=True) == ({"checked": 2, "sent": 0}, [])
    assert import_orders(system, file, "import", dry=False) == ({"checked": 2, "sent": 2}, [])
    assert import_orders(system, file, "import", dry=False)[0]["sent"] == 2
    first, again = system.sent[:2], system.sent[2:]
    assert [(path, body) for path, _, body in first] == [(path, body) for path, _, body in again]
    assert {headers["webhook-id"] for _, headers, _ in first} == {headers["webhook-id"] for _, headers, _ in again}
    secret = system.secrets["ConnectionsSecret"]["webhook/import"]["current"]
    for path, headers, body in first:
        assert path == "/webhooks/webhook/import"
        request = InboundRequest(account="import", headers=headers, body=body)
        signed_at = T0.fromtimestamp(int(headers["webhook-timestamp"]), T0.tzinfo)
        webhook.verify(request, [secret], signed_at)
        assert webhook.identify(request).kind is NoticeKind.ORDER


def test_what_is_refused_is_told_and_nothing_is_sent_of_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(ROWS), encoding="utf-8")
    system: Any = _System(status=500)
    assert import_orders(system, file, "import", dry=False) == (
        {"checked": 2, "sent": 0},
        ["order A-1 was answered 500", "order A-2 was answered 500"],
    )
    file.write_text("\n".join([*ROWS, "A-3,3,EUR,,1,MUG-01,1,1,,,,,,,,"]), encoding="utf-8")
    untouched: Any = _System()
    counts, problems = import_orders(untouched, file, "import", dry=False)
    assert (counts["sent"], len(problems), untouched.sent) == (0, 1, [])
