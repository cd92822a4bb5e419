"""Every call of every function, made to fail: a slice of `make bench NAME=sweep`, and proof that it can see."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.proof.sweep import call_sites
from tests.proof.sweep.cases import EVERYWHERE, ONCE, Site, cases
from tests.proof.sweep.tap import Fault
from tests.support import template

if TYPE_CHECKING:
    from collections.abc import Mapping

SLICE: Final = 199
"""Every such case; a prime, so that all faults and all functions have their turn."""
BY_TOOLS: Final[Mapping[call_sites.CallSite, str]] = {
    ("adapters/dynamodb_contacts.py", "DynamoContacts.erase", "PutItem"): "no function erases yet",
    ("adapters/dynamodb_contacts.py", "DynamoContacts.erase", "Query"): "no function erases yet",
    ("adapters/dynamodb_contacts.py", "DynamoContacts.erase", "DeleteItem"): "no function erases yet",
    ("adapters/dynamodb_reference.py", "DynamoReference.put", "PutItem"): "`make import` writes master data",
    ("adapters/dynamodb_reference.py", "DynamoReference.kits", "Scan"): "`make import` looks for kits",
}
"""Call sites that no function reaches, and who does."""


def _sweep(*arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(report, violations): in a process of its own, which forks and patches as it likes."""
    command = [sys.executable, "-m", "tests.bench.sweep", *arguments]
    done = subprocess.run(command, cwd=template.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report, [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]


def test_nothing_is_lost_doubled_or_left_standing() -> None:
    report, found = _sweep("--every", str(SLICE), "--calls")
    assert found == []
    assert report["violations"] == 0
    assert set(report["faults"]) >= {each.value for each in EVERYWHERE}
    declared = template.of_type(template.resources(), "AWS::Lambda::Function")
    assert set(report["functions"]) == {name for name, _ in declared}
    reached = {tuple(each) for each in report["calls"]}
    aws = {(file, owner, name.partition(".")[2]) for file, owner, name in reached if not name.startswith("vendor.")}
    assert call_sites.of_code() - aws == set(BY_TOOLS), "a call site that no story reaches"
    assert aws <= call_sites.of_code(), "a call that cannot be found in the code"


@pytest.mark.parametrize(
    ("defect", "story", "function", "fault"),
    [
        ("acknowledged_before_queued", "cancelled_in_the_channel", "ReceiveWebhook", "throttled_always"),
        ("stock_apart_from_its_commit", "stock_moves", "ManageStock", "killed_after"),
    ],
)
def test_a_planted_defect_is_seen(defect: str, story: str, function: str, fault: str) -> None:
    """Two of those that `python -m tests.bench.sweep --help` names."""
    report, found = _sweep("--defect", defect, "--stories", story, "--functions", function, "--faults", fault)
    assert report["violations"] > 0
    assert {(each["story"], each["function"]) for each in found} == {(story, function)}


def test_a_new_call_site_cannot_escape() -> None:
    source = """
class Store:
    def put(self):
        self._client.put_item(TableName="t")
        def inner():
            wiring.client("sqs").send_message(QueueUrl="q")
        self._views.put_item("no client")
"""
    assert call_sites.of_source(source, "x.py") == {
        ("x.py", "Store.put", "PutItem"),
        ("x.py", "Store.put.<locals>.inner", "SendMessage"),
    }


def test_every_site_meets_every_fault() -> None:
    where = {"function": "F", "place": 0, "origin": ("f", "f"), "path": ("f:1",), "story": "s", "invocation": 1}
    names = ("sqs.SendMessage", "vendor.stripe GET /", "events.PutEvents")
    site, vendor, bus = (Site(name=name, **where) for name in names)  # type: ignore[arg-type]
    assert [case.fault for case in cases([site, vendor, bus])] == [*EVERYWHERE, *ONCE, *Fault]
    assert {each.kind for each in EVERYWHERE} == {each.kind for each in ONCE}
