"""Every environment variable that a function's code can ask for is given to it by the template."""

from __future__ import annotations

import ast
from functools import cache
from typing import NamedTuple

import pytest

from tests.support import reach, template
from tests.support.template import LAYER, Resources, environment, of_type, target

FUNCTION = "AWS::Lambda::Function"
WIRING = f"{reach.PACKAGE}.wiring"
USE_CASES = f"{reach.PACKAGE}.use_cases"
LAMBDA = {"_X_AMZN_TRACE_ID", "AWS_LAMBDA_FUNCTION_NAME", "AWS_SDK_UA_APP_ID"}
"""Set by Lambda itself."""


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Asked(NamedTuple):
    """Names that code can ask for; `wired` are the needed ones that the composition root asks for."""

    needed: frozenset[str]
    optional: frozenset[str]
    wired: frozenset[str]


@cache
def _asked(function: str, known: frozenset[str]) -> Asked:
    """A name that a body holds as text may be asked for by that text (`wiring.queue`)."""
    needed: set[str] = set()
    optional: set[str] = set()
    wired: set[str] = set()
    for place, node in reach.reached(function).items():
        here = {name for name, must in reach.environ(node) if must}
        optional |= {name for name, must in reach.environ(node) if not must}
        if isinstance(node, ast.FunctionDef):
            here |= reach.texts(node) & known
        needed |= here
        wired |= here if place.module == WIRING else set()
    return Asked(frozenset(needed), frozenset(optional), frozenset(wired))


def missing(found: Resources) -> list[str]:
    """What a function's code can ask for and the template does not give it."""
    given = {name: set(environment(properties)) for name, properties in of_type(found, FUNCTION)}
    every = frozenset().union(*given.values())
    findings = []
    for name, has in given.items():
        needed, optional, _ = _asked(_snake(name), every)
        findings += [f"{name} needs {each}" for each in sorted(needed - has)]
        findings += [f"nobody is given {each}" for each in sorted(optional - every - LAMBDA)]
    return findings


def unused(found: Resources) -> list[str]:
    """What the template gives to a function of its own accord (not to all) and its code never asks for."""
    functions = dict(of_type(found, FUNCTION))
    every = frozenset().union(*(environment(properties) for properties in functions.values()))
    shared = frozenset.intersection(*(frozenset(environment(properties)) for properties in functions.values()))
    findings = []
    for name, properties in functions.items():
        needed, optional, _ = _asked(_snake(name), every)
        by_list = {text for node in reach.reached(_snake(name)).values() for text in reach.texts(node)}
        extra = set(environment(properties)) - shared - needed - optional - by_list
        findings += [f"{name} never asks for {each}" for each in sorted(extra)]
    everybody = [_asked(_snake(name), every) for name in functions]
    for each in sorted(shared - frozenset().union(*(each.needed | each.optional for each in everybody))):
        findings.append(f"nobody asks for {each}")
    return findings


def unnamed_queues(found: Resources) -> list[str]:
    """A consumer that asks for a delivery to come sooner must know its queue, and may change its visibility."""
    findings = []
    for name, properties in of_type(found, "AWS::Lambda::EventSourceMapping"):
        queue, reader = target(properties["EventSourceArn"]), target(properties["FunctionName"])
        if found[queue]["Type"] != "AWS::SQS::Queue":
            continue
        if reach.Place(f"{reach.PACKAGE}.queues", "_again_soon") not in reach.reached(_snake(reader)):
            continue
        known = {target(value) for value in environment(found[reader]["Properties"]).values()}
        if queue not in known:
            findings.append(f"{name}: {reader} does not know {queue}")
        if "sqs:ChangeMessageVisibility" not in allowed(found, target(found[reader]["Properties"]["Role"]), queue):
            findings.append(f"{name}: {reader} may not change the visibility of what it reads")
    return findings


SENDS = {
    "AWS::SQS::Queue": "sqs:SendMessage",
    "AWS::StepFunctions::StateMachine": "states:StartExecution",
    "AWS::Events::EventBus": "events:PutEvents",
}


def forbidden(found: Resources) -> list[str]:
    """What a function's code sends to, and its role does not let it."""
    findings = []
    names = [name for name, _ in of_type(found, FUNCTION)]
    every = frozenset().union(*(environment(found[name]["Properties"]) for name in names))
    for name in names:
        properties = found[name]["Properties"]
        given = environment(properties)
        for variable in sorted(_asked(_snake(name), every).wired & set(given)):
            to = target(given[variable])
            action = SENDS.get(found.get(to, {}).get("Type", ""))
            if action and action not in allowed(found, target(properties["Role"]), to):
                findings.append(f"{name} may not {action} to {to}")
    return findings


def allowed(found: Resources, role: str, resource: str) -> set[str]:
    """What a role lets its function do with a resource."""
    return {
        action
        for owner, statement in template.statements(found)
        if owner == role and resource in {target(one) for one in template.listed(statement["Resource"])}
        for action in template.listed(statement["Action"])
    }


def test_every_function_is_given_what_its_code_asks_for() -> None:
    assert missing(template.resources()) == []


def test_no_function_is_given_what_its_code_never_asks_for() -> None:
    assert unused(template.resources()) == []


def test_consumers_know_their_queues() -> None:
    assert unnamed_queues(template.resources()) == []


def test_functions_may_send_where_they_send() -> None:
    assert forbidden(template.resources()) == []


@pytest.mark.parametrize("function", ["ReceiveWebhook", "RelayCommits", "RedriveOverdue", "ManageQuarantine"])
def test_a_forgotten_permission_is_seen(function: str) -> None:
    found = template.resources()
    found[f"{function}Role"]["Properties"]["Policies"] = []
    assert [each for each in forbidden(found) if each.startswith(function)]


def test_only_entry_points_look_at_the_environment() -> None:
    for path in (LAYER / "oms").rglob("*.py"):
        if path.parent.name != "entrypoints":
            assert not list(reach.environ(ast.parse(path.read_text(encoding="utf-8")))), path


def test_functions_reach_their_use_cases() -> None:
    assert reach.Place(USE_CASES, "redrive_overdue") in reach.reached("redrive_overdue")
    assert reach.Place(WIRING, "queue_of") in reach.reached("receive_webhook")
    assert reach.Place(WIRING, "connections") in reach.reached("settle_payment")
    assert reach.Place(USE_CASES, "replay_parked") in reach.reached("show_console")
    assert reach.Place(WIRING, "queue") not in reach.reached("take_orders")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("ReceiveWebhook", "TRACKING_QUEUE"),
        ("RelayCommits", "EVENT_BUS"),
        ("RelayCommits", "RELAY_RETRY_QUEUE"),
        ("RedriveOverdue", "B2C_ORDER_ARN"),
        ("RedriveOverdue", "INTAKE_QUEUE"),
        ("ShowConsole", "STAFF_ISSUER"),
        ("SettlePayment", "STRIPE_URL"),
        ("PlaceOrder", "EVENTS_TABLE"),
    ],
)
def test_a_forgotten_variable_is_seen(function: str, name: str) -> None:
    found = template.resources()
    del found[function]["Properties"]["Environment"]["Variables"][name]
    assert f"{function} needs {name}" in missing(found)


def test_a_forgotten_queue_is_seen() -> None:
    found = template.resources()
    del found["TakeOrders"]["Properties"]["Environment"]["Variables"]["AMAZON_QUEUE"]
    assert unnamed_queues(found)


def test_a_variable_too_many_is_seen() -> None:
    found = template.resources()
    found["PlaceOrder"]["Properties"]["Environment"]["Variables"]["EVENT_BUS"] = "bus"
    assert unused(found) == ["PlaceOrder never asks for EVENT_BUS"]
