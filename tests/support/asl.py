"""Runs a state machine as we write them offline: JSONata; Choice, Task, Pass, Succeed, Fail; Retry, Catch, Assign."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonata import Jsonata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Execution:
    """What became of an execution: its states in order, its calls, the seconds it would have waited at most."""

    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    path: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


@dataclass
class Machine:
    """A definition, and what its tasks do: `tasks` maps the FunctionName of a Lambda task to a function."""

    definition: Mapping[str, Any]
    tasks: Mapping[str, Callable[[Any], Any]]

    def run(self, given: Any) -> Execution:
        """Execute from the start until the machine ends."""
        done, variables = Execution(), dict[str, Any]()
        name, value = self.definition["StartAt"], given
        while name:
            done.path.append(name)
            if len(done.path) > 100:
                raise AssertionError(f"does not end: {done.path[:8]}")
            name, value = self._step(self.definition["States"][name], value, variables, done)
        done.output = value
        return done

    def _step(
        self, state: Mapping[str, Any], value: Any, variables: dict[str, Any], done: Execution
    ) -> tuple[str, Any]:
        states = {"input": value, "context": {}}
        match state["Type"]:
            case "Choice":
                holds = (rule for rule in state["Choices"] if evaluate(rule["Condition"], states, variables) is True)
                chosen = next(holds, {**state, "Next": state["Default"]})
                return self._leave(chosen, chosen["Next"], value, states, variables)
            case "Task":
                return self._task(state, states, variables, done)
            case "Pass":
                return self._leave(state, state.get("Next", ""), value, states, variables)
            case "Succeed":
                done.status = "SUCCEEDED"
                return "", evaluate(state["Output"], states, variables) if "Output" in state else value
            case "Fail":
                done.status = "FAILED"
                done.error, done.cause = (evaluate(state[each], states, variables) for each in ("Error", "Cause"))
                return "", None
        raise AssertionError(f"a {state['Type']} state is not understood")

    def _task(
        self, state: Mapping[str, Any], states: dict[str, Any], variables: dict[str, Any], done: Execution
    ) -> tuple[str, Any]:
        arguments = evaluate(state["Arguments"], states, variables)
        tries = [0] * len(state.get("Retry", ()))
        while True:
            done.calls.append((arguments["FunctionName"], arguments["Payload"]))
            try:
                payload = self.tasks[arguments["FunctionName"]](json.loads(json.dumps(arguments["Payload"])))
            except Exception as error:  # noqa: BLE001 - a task may fail with anything
                kind = "States.Timeout" if isinstance(error, TimeoutError) else type(error).__name__
                index = _matching(state.get("Retry", ()), kind)
                if index is not None and tries[index] < state["Retry"][index].get("MaxAttempts", 3):
                    rule = state["Retry"][index]
                    wait = rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2) ** tries[index]
                    done.waits.append(min(wait, rule.get("MaxDelaySeconds", wait)))
                    tries[index] += 1
                    continue
                index = _matching(state.get("Catch", ()), kind)
                if index is None:
                    done.status, done.error = "FAILED", kind
                    return "", None
                states["errorOutput"] = told = {"Error": kind, "Cause": str(error)}
                return self._leave(state["Catch"][index], state["Catch"][index]["Next"], told, states, variables)
            states["result"] = {"Payload": json.loads(json.dumps(payload)), "StatusCode": 200}
            done.status = done.status if "Next" in state else "SUCCEEDED"
            return self._leave(state, state.get("Next", ""), states["result"], states, variables)

    @staticmethod
    def _leave(part: Any, following: str, value: Any, states: Any, variables: dict[str, Any]) -> tuple[str, Any]:
        """Output and Assign see the variables as they were before."""
        output = evaluate(part["Output"], states, variables) if "Output" in part else value
        variables.update(evaluate(part.get("Assign", {}), states, variables))
        return following, output


def _matching(rules: Any, error: str) -> int | None:
    return next((at for at, rule in enumerate(rules) if {error, "States.ALL"} & set(rule["ErrorEquals"])), None)


def evaluate(value: Any, states: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """A value with its `{% … %}` expressions evaluated; one that gives nothing is an error, as it is on AWS."""
    if isinstance(value, dict):
        return {key: evaluate(each, states, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [evaluate(each, states, variables) for each in value]
    if not (isinstance(value, str) and value.startswith("{%") and value.endswith("%}")):
        return value
    result = Jsonata(value[2:-2]).evaluate(None, {"states": states, **variables})
    if result is None:
        raise AssertionError(f"{value} gives nothing")
    return result
