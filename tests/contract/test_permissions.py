"""What is called, its role allows; what a role allows, is called: every role, every action, every resource.

The engine on a laptop denies nothing, so that a forgotten permission would show on AWS only. The calls are those of the
stories of the fault sweep, which together reach every call that any function makes (tests/integration/test_sweep.py
holds them to that), and of three more, since a function may reach the same call from another queue, or only for an
order that is large; what services do in a role's name is read from the template.
"""

from __future__ import annotations

import fcntl
import pickle
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from oms.adapters import commit_item
from oms.adapters.rest import Answer
from tests.proof.sweep import stories
from tests.proof.sweep.people import MAIN, pay, place, ship, work
from tests.proof.sweep.world import world
from tests.support import template
from tests.support.permissions import Grant, Request, calls, differences, granted, used

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proof.sweep.world import World
    from tests.support.template import Resources


def amazon_is_down(w: World) -> None:
    """Amazon tells of an order and cannot be asked for it: the message comes again."""
    with w.patch.context() as patch:
        patch.setattr(w.vendors, "send", lambda *_, **__: Answer(status=503, headers={}, body=b"{}"))
        w.deliver("amazon", "03")
        w.drain()
    w.settle()


def total_before_its_refund(w: World) -> None:
    """The provider's new total of refunds comes before the refund that explains it, which is then asked for."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    payment = pay(w, 1000)
    place(w, "s-1", {"MUG-01": 1}, payment)
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    w.vendors.post("/v1/refunds", {"payment_intent": payment["reference"], "amount": "400"})
    w.vendors.untold.reverse()
    w.settle()


def an_order_in_parts(w: World) -> None:
    """An order whose first commit is too long for one item."""
    w.patch.setattr(commit_item, "PIECE", 200)
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    w.settle()
    place(w, "s-1", {"MUG-01": 1})
    w.settle()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mapping[str, set[Grant]]:
    """What every function calls in a life without faults; found out once, whichever worker of the tests comes first."""
    if worker_id == "master":
        return record()
    file = tmp_path_factory.getbasetemp().parent / "permissions.pickle"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(record()))
    found: Mapping[str, set[Grant]] = pickle.loads(file.read_bytes())
    return found


def record() -> Mapping[str, set[Grant]]:
    """Play the stories."""
    found = template.resources()
    made: dict[str, set[Grant]] = defaultdict(set)
    for each in stories.record():
        made[each.function] |= set(calls(Request(each.service, each.operation, each.asked), each.names, found))
    for story in (amazon_is_down, total_before_its_refund, an_order_in_parts):
        with world() as w:
            story(w)
            names = {value: logical for logical, value in w.cloud.names.items()}
            for call in w.tap.calls:
                if call.service != "vendor":
                    made[call.function] |= set(calls(Request(call.service, call.operation, call.asked), names, found))
    return dict(made)


def test_nothing_is_called_that_is_not_allowed(recorded: Mapping[str, set[Grant]]) -> None:
    found = template.resources()
    assert set(recorded) == {name for name, _ in template.of_type(found, "AWS::Lambda::Function")}
    assert differences(used(found, recorded), granted(found)) == []


def test_nothing_is_allowed_that_is_not_called(recorded: Mapping[str, set[Grant]]) -> None:
    found = template.resources()
    assert differences(granted(found), used(found, recorded)) == []


@pytest.mark.parametrize("role", sorted(granted(template.resources())))
def test_a_forgotten_permission_is_seen(role: str, recorded: Mapping[str, set[Grant]]) -> None:
    """Each statement of each role, taken away."""
    found = template.resources()
    for policy in found[role]["Properties"]["Policies"]:
        for each in list(template.listed(policy["PolicyDocument"]["Statement"])):
            policy["PolicyDocument"]["Statement"] = [
                other for other in template.listed(policy["PolicyDocument"]["Statement"]) if other is not each
            ]
            assert differences(used(found, recorded), granted(found)), each
            policy["PolicyDocument"]["Statement"].append(each)


def _statement(found: Resources, role: str, service: str) -> dict[str, object]:
    policies = found[role]["Properties"]["Policies"]
    statements: list[dict[str, object]] = [s for each in policies for s in each["PolicyDocument"]["Statement"]]
    return next(each for each in statements if str(template.listed(each["Action"])[0]).startswith(service))


def _on(found: Resources, role: str, table: str) -> Any:
    """The statement by which a role may query a table."""
    return next(
        each
        for policy in found[role]["Properties"]["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        if "dynamodb:Query" in each["Action"] and template.target(each["Resource"]) == table
    )


SURPLUS: list[tuple[str, Callable[[Resources], object]]] = [
    ("one more action", lambda found: _statement(found, "PlaceOrderRole", "s").update(Action=["s3:PutObject"])),
    (
        "every table",
        lambda found: _statement(found, "PlaceOrderRole", "dynamodb").update(Resource="*"),
    ),
    (
        "the whole bucket",
        lambda found: _statement(found, "ParkFailedRole", "s3").update(Resource={"Fn::GetAtt": ["RawBucket", "Arn"]}),
    ),
    (
        "contacts with what they hold",
        lambda found: _on(found, "ReadOrdersRole", "ContactsTable").pop("Condition"),
    ),
    (
        "one more attribute of contacts",
        lambda found: _on(found, "ShowConsoleRole", "ContactsTable")["Condition"]["ForAllValues:StringEquals"].update(
            {"dynamodb:Attributes": ["pk", "sk", "body"]}
        ),
    ),
    ("the key without a way", lambda found: _statement(found, "PlaceOrderRole", "kms").pop("Condition")),
    (
        "somebody else's log",
        lambda found: _statement(found, "PlaceOrderRole", "logs").update(Resource={"Fn::GetAtt": ["AccessLog", "Arn"]}),
    ),
]


@pytest.mark.parametrize("change", [each[1] for each in SURPLUS], ids=[each[0] for each in SURPLUS])
def test_a_needless_permission_is_seen(
    change: Callable[[Resources], object], recorded: Mapping[str, set[Grant]]
) -> None:
    found = template.resources()
    change(found)
    assert differences(granted(found), used(found, recorded))
