"""The workflow file: linted, and executed offline with stubs for its tasks."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.errors import ContentionError, InvalidInputError, UpstreamError
from tests.support import template
from tests.support.asl import Execution, Machine, evaluate
from tests.support.errors import error_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = template.ROOT / "infra" / "workflows" / "b2c_order.asl.json"
DEFINITION: dict[str, Any] = json.loads(SOURCE.read_text(encoding="utf-8"))
AWS_ERRORS = ("States.", "Lambda.")
LAMBDA_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
"""What AWS asks every Lambda task to retry: docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html"""
EXPRESS_SECONDS = 300


def definition() -> dict[str, Any]:
    return copy.deepcopy(DEFINITION)


# ---------------------------------------------------------------- lint


def _tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state


def lint(machine: dict[str, Any], substitutions: dict[str, Any], found: template.Resources) -> list[str]:
    """Every task ends in time, is retried with jitter, and leaves what fails to the watchdog; every name exists."""
    findings = [] if 0 < machine.get("TimeoutSeconds", 0) < EXPRESS_SECONDS else ["lives longer than Express does"]
    for name, state in _tasks(machine):
        findings += [f"{name}: {each}" for each in _task_findings(state, substitutions, found)]
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(machine)))
    findings += [f"{each}: not declared, or not used" for each in sorted(used ^ set(substitutions))]
    if machine.get("QueryLanguage") != "JSONata":
        findings.append("not JSONata")
    reached = _reachable(machine)
    findings += [f"{name}: nothing leads there" for name in machine["States"] if name not in reached]
    findings += [f"{name}: leads nowhere" for name in sorted(reached - set(machine["States"]))]
    return findings


def _task_findings(state: dict[str, Any], substitutions: dict[str, Any], found: template.Resources) -> Iterator[str]:
    arn = re.fullmatch(r"\$\{(\w+)\}", state["Arguments"]["FunctionName"])
    function = found.get(template.target(substitutions.get(arn[1] if arn else "")), {}).get("Properties", {})
    if not function:
        yield "calls no function of the template"
    elif state.get("TimeoutSeconds", 0) <= function["Timeout"]:
        yield "gives up before its function does"
    retries, catches = state.get("Retry", []), state.get("Catch", [])
    if any(rule.get("JitterStrategy") != "FULL" or not 0 < rule.get("MaxAttempts", 0) <= 5 for rule in retries):
        yield "retries without jitter or bound"
    if LAMBDA_ERRORS | {"States.Timeout"} > _names(retries):
        yield "does not retry what AWS may meet"
    if "States.ALL" not in _names(catches):
        yield "does not catch everything"
    yield from _name_findings(_names(retries), _names(catches))


def _names(rules: list[dict[str, Any]]) -> set[str]:
    return {name for rule in rules for name in rule["ErrorEquals"]}


def _name_findings(retried: set[str], caught: set[str]) -> Iterator[str]:
    known = {each.__name__: each for each in error_classes()}
    for name in sorted(retried | caught):
        if name.startswith(AWS_ERRORS):
            continue
        if name not in known:
            yield f"{name} is no error of ours"
        elif name in retried and not known[name].retryable:
            yield f"{name} is retried, and says that it need not be"


def _reachable(machine: dict[str, Any]) -> set[str]:
    seen: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        state = machine["States"].get(name, {})
        rules = [state, *state.get("Choices", ()), *state.get("Catch", ())]
        waiting += [each[key] for each in rules for key in ("Next", "Default") if key in each]
    return seen


def _substitutions() -> dict[str, Any]:
    given: dict[str, Any] = template.source()["Resources"]["B2cOrder"]["Properties"]["DefinitionSubstitutions"]
    return given


def test_the_workflow_is_sound() -> None:
    assert lint(definition(), _substitutions(), template.resources()) == []


def _in(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda machine: machine["States"][name]


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no timeout": lambda machine: _in("ScreenAndPromise")(machine).pop("TimeoutSeconds"),
    "gives up early": lambda machine: _in("ScreenAndPromise")(machine).update(TimeoutSeconds=20),
    "no retry": lambda machine: _in("Promise")(machine).pop("Retry"),
    "no jitter": lambda machine: _in("Promise")(machine)["Retry"][0].pop("JitterStrategy"),
    "no catch": lambda machine: _in("Settle")(machine).pop("Catch"),
    "unknown error": lambda machine: _in("Settle")(machine)["Retry"][0]["ErrorEquals"].append("ContentionErorr"),
    "retries a refusal": lambda machine: _in("Settle")(machine)["Retry"][0]["ErrorEquals"].append("ForbiddenError"),
    "unknown substitution": lambda machine: _in("Settle")(machine)["Arguments"].update(FunctionName="${CaptureArn}"),
    "written ARN": lambda machine: _in("Settle")(machine)["Arguments"].update(FunctionName="arn:aws:lambda:x"),
    "unreachable": lambda machine: machine["States"].update(Lost={"Type": "Succeed"}),
    "dead end": lambda machine: _in("MustAsk")(machine).update(Default="Wait"),
    "too long": lambda machine: machine.update(TimeoutSeconds=600),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_broken_workflow_is_seen(change: Callable[[dict[str, Any]], Any]) -> None:
    machine = definition()
    change(machine)
    assert lint(machine, _substitutions(), template.resources())


# ---------------------------------------------------------------- execution


def run(given: dict[str, Any], **answers: Any) -> Execution:
    """Execute with stubs: an answer is what the step gives, or a list of answers and exceptions, one per call."""

    def stub(name: str) -> Callable[[Any], Any]:
        told = answers.get(name, AssertionError(f"{name} was not to be called"))
        queue = list(told) if isinstance(told, list) else None

        def call(payload: Any) -> Any:
            answer = told if queue is None else queue.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    steps = {"authorize": "AuthorizePayment", "promise": "PromiseOrder", "settle": "SettlePayment"}
    tasks = {f"${{{function}Arn}}": stub(name) for name, function in steps.items()}
    return Machine(definition(), tasks).run(given)


PROMISE = {"order_id": "ord_1", "step": "promise", "cause": "order#ord_1:1"}
IDS = {"order_id": "ord_1", "cause": "order#ord_1:1"}
HELD = {"state": "authorized", "amount": 1900}
NOTHING = {"promised": 0, "short": 0, "more": False}
ASK = {"authorize": True, **NOTHING}
HELD_UP = {"authorize": False, **NOTHING}
DONE = {"promised": 2, "short": 0, "more": False}


def test_an_order_whose_money_is_held_is_promised_in_one_step() -> None:
    done = run(PROMISE, promise={"authorize": False, **DONE})
    assert (done.status, done.path) == ("SUCCEEDED", ["Route", "ScreenAndPromise", "MustAsk", "IsMoreToDo", "Waiting"])
    assert [payload for _, payload in done.calls] == [{**IDS, "screen": True}]


def test_an_order_is_screened_authorized_and_promised() -> None:
    done = run(PROMISE, promise=[ASK, DONE], authorize=HELD)
    assert done.status == "SUCCEEDED"
    usual = ["Authorize", "MoneyIsHeld", "Promise", "IsMoreToDo", "Waiting"]
    assert done.path == ["Route", "ScreenAndPromise", "MustAsk", *usual]
    assert done.output == DONE


def test_ids_travel_and_documents_do_not() -> None:
    done = run(PROMISE, promise=[ASK, DONE], authorize=HELD)
    asked = {**IDS, "score": False}
    assert [payload for _, payload in done.calls] == [{**IDS, "screen": True}, asked, {**IDS, "authorization": HELD}]


def test_a_risk_is_asked_for_where_the_money_is() -> None:
    done = run(PROMISE, promise=[{**ASK, "score": True}, DONE], authorize=HELD)
    assert done.calls[1][1] == {**IDS, "score": True}


def test_a_held_order_waits() -> None:
    done = run(PROMISE, promise=HELD_UP)
    assert (done.status, done.path[-1]) == ("SUCCEEDED", "Waiting")


@pytest.mark.parametrize("state", ["pending", "declined"])
def test_without_money_nothing_is_promised(state: str) -> None:
    done = run(PROMISE, promise=[ASK], authorize={"state": state, "amount": 0})
    assert (done.status, done.path[-1]) == ("SUCCEEDED", "Waiting")
    assert len(done.calls) == 2


def test_a_captured_payment_is_as_good_as_an_authorized_one() -> None:
    done = run(PROMISE, promise=[ASK, DONE], authorize={"state": "captured", "amount": 5})
    assert "Promise" in done.path


@pytest.mark.parametrize("first", [[{"authorize": False, "promised": 900, "short": 0, "more": True}], [ASK]])
def test_a_large_order_is_promised_in_several_runs(first: list[Any]) -> None:
    more = {"promised": 900, "short": 0, "more": True}
    done = run(PROMISE, promise=[*first, more, more, {**more, "more": False}], authorize=HELD)
    assert done.status == "SUCCEEDED"
    assert done.path.count("Promise") == 3


def test_what_does_not_end_is_left_to_the_watchdog() -> None:
    done = run(PROMISE, promise={"authorize": False, "promised": 90, "short": 0, "more": True})
    assert (done.status, done.path.count("Promise")) == ("SUCCEEDED", 12)


def test_a_cancellation_goes_on_without_asking_anybody() -> None:
    done = run({**PROMISE, "step": "cancel"}, promise=NOTHING)
    assert done.path == ["Route", "Promise", "IsMoreToDo", "Waiting"]
    assert [payload for _, payload in done.calls] == [IDS]


def test_settling_is_a_burst_of_its_own() -> None:
    done = run({**PROMISE, "step": "settle"}, settle={"moved": 1})
    assert (done.status, done.path, done.output) == ("SUCCEEDED", ["Route", "Settle"], {"moved": 1})
    assert done.calls[0][1] == IDS


@pytest.mark.parametrize("error", [ContentionError("busy"), UpstreamError("down"), TimeoutError()])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    done = run(PROMISE, promise=[error, ASK, error, error, DONE], authorize=HELD)
    assert done.status == "SUCCEEDED"
    assert [name for name, _ in done.calls].count("${PromiseOrderArn}") == 5
    assert done.waits == [1, 1, 2]


def test_what_keeps_failing_is_left_to_the_watchdog() -> None:
    done = run(PROMISE, promise=[ASK], authorize=UpstreamError("down"))
    assert (done.status, done.path[-1], done.error) == ("FAILED", "LeftToWatchdog", "StepFailed")
    assert "ord_1" in done.cause
    assert len(done.calls) == 1 + 4


def test_a_refusal_is_not_tried_again() -> None:
    done = run({**PROMISE, "step": "settle"}, settle=InvalidInputError("no"))
    assert (done.status, done.path[-1], len(done.calls)) == ("FAILED", "LeftToWatchdog", 1)


# ---------------------------------------------------------------- the driver itself


def test_the_driver_refuses_what_gives_nothing() -> None:
    with pytest.raises(AssertionError, match="gives nothing"):
        evaluate("{% $states.input.cause %}", {"input": {}}, {})


def test_assignments_are_seen_by_the_next_state_only() -> None:
    machine = {
        "StartAt": "One",
        "States": {
            "One": {
                "Type": "Pass",
                "Assign": {"x": "{% $states.input.n %}", "y": 2},
                "Output": {"n": "{% $states.input.n + 1 %}"},
                "Next": "Two",
            },
            "Two": {"Type": "Succeed", "Output": "{% [$x, $y, $states.input.n] %}"},
        },
    }
    assert Machine(machine, {}).run({"n": 1}).output == [1, 2, 2]


def test_the_driver_gives_up_on_a_circle() -> None:
    with pytest.raises(AssertionError, match="does not end"):
        Machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}, {}).run({})


def test_an_error_that_nobody_catches_ends_the_execution() -> None:
    def fail(payload: Any) -> Any:
        raise KeyError("x")

    task = {"Type": "Task", "Arguments": {"FunctionName": "f", "Payload": {}}, "End": True}
    done = Machine({"StartAt": "A", "States": {"A": task}}, {"f": fail}).run({})
    assert (done.status, done.error) == ("FAILED", "KeyError")
