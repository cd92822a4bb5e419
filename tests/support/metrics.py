"""Metrics: those that AWS publishes, those that our code publishes, and those that alarms and the dashboard ask for."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from samtranslator.yaml_helper import yaml_parse

from tests.support.template import LAYER, ROOT, of_type, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.template import Resources

OURS: Final = "OMS"
TELEMETRY: Final = "oms.entrypoints.telemetry"
Spec = dict[str, tuple[str, frozenset[str]]]
PUBLISHED: Final[dict[str, Spec]] = {
    "AWS/ApiGateway": {
        "ApiId": ("AWS::ApiGatewayV2::Api", frozenset({"4xx", "5xx", "Count", "Latency", "IntegrationLatency"}))
    },
    "AWS/DynamoDB": {
        "TableName": (
            "AWS::DynamoDB::Table",
            frozenset({"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"}),
        )
    },
    "AWS/Lambda": {
        "FunctionName": (
            "AWS::Lambda::Function",
            frozenset({"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge"}),
        )
    },
    "AWS/SQS": {
        "QueueName": (
            "AWS::SQS::Queue",
            frozenset({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}),
        )
    },
    "AWS/States": {
        "StateMachineArn": (
            "AWS::StepFunctions::StateMachine",
            frozenset({"ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsSucceeded"}),
        )
    },
}
"""Namespace to its one dimension: the type of resource it names, and the metrics published under it alone.

From the services' pages "CloudWatch metrics for ..."; HTTP APIs publish per `ApiId`, Express workflows per
`StateMachineArn`, SQS per `QueueName`, streams' `IteratorAge` per `FunctionName`.
"""
RUNBOOK: Final = re.compile(r"docs/runbooks/[a-z-]+\.md")


@cache
def emitted() -> frozenset[str]:
    """Names of the metrics that our code publishes; f-strings are evaluated over every value they may meet."""
    names: set[str] = set()
    for tree in _sources():
        counted = any(isinstance(node, ast.ImportFrom) and node.module == TELEMETRY for node in ast.walk(tree))
        for call in _calls(tree, "count") if counted else ():
            names.update(_values(call.args[0]))
    return frozenset(names)


def _sources() -> Iterator[ast.Module]:
    for path in sorted([*(LAYER / "oms" / "entrypoints").glob("*.py"), *(ROOT / "functions").glob("*/app.py")]):
        yield ast.parse(path.read_text(encoding="utf-8"))


def dimensions() -> list[dict[str, Any]]:
    """The arguments of every `Metrics(...)` in our code."""
    return [
        {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        for tree in _sources()
        for call in _calls(tree, "Metrics")
    ]


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
            yield node


def _values(name: ast.expr) -> list[str]:
    if isinstance(name, ast.Constant):
        return [str(name.value)]
    code = compile(ast.Expression(name), "a metric's name", "eval")
    variables = {each.id for each in ast.walk(name) if isinstance(each, ast.Name)}
    if variables == {"taken"}:
        return [eval(code, {"taken": SimpleNamespace(outcome=each)}) for each in _outcomes()]
    if variables == {"name"}:
        return [eval(code, {"name": each}) for each in _counters()]
    raise AssertionError(f"whose values are {variables}?")


def _outcomes() -> set[str]:
    """How a delivery may end: the first argument of every `Taken(...)`."""
    tree = ast.parse((LAYER / "oms" / "application" / "intake.py").read_text(encoding="utf-8"))
    return {ast.literal_eval(call.args[0]) for call in _calls(tree, "Taken") if call.args}


def _counters() -> set[str]:
    """What a run of the watchdog counts: the dictionary it begins with."""
    tree = ast.parse((LAYER / "oms" / "application" / "watchdog.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "counts":
            return set(ast.literal_eval(node.value))
    raise AssertionError("the watchdog counts nothing")


def _ask(namespace: str, metric: str, asked: dict[str, str], types: dict[str, str]) -> list[str]:
    """What is wrong with asking for a metric; `types` gives the type of what each dimension's value names."""
    if namespace == OURS:
        wrong = [] if metric in emitted() else [f"{metric}: nobody emits it"]
        return wrong if asked == {"service": "oms"} else [*wrong, f"{metric}: our metrics have the dimension service"]
    spec = PUBLISHED.get(namespace)
    if spec is None or set(asked) - set(spec) or len(asked) != 1:
        return [f"{metric}: {namespace} publishes nothing under {sorted(asked)}"]
    (dimension,) = asked
    kind, metrics = spec[dimension]
    findings = [] if metric in metrics else [f"{metric}: {namespace} has no such metric per {dimension}"]
    return findings if types.get(dimension) == kind else [*findings, f"{metric}: {dimension} does not name a {kind}"]


def alarms(found: Resources) -> list[str]:
    """Each watches a metric that exists, tells somebody, and names the page that says what to do."""
    findings = []
    for name, properties in of_type(found, "AWS::CloudWatch::Alarm"):
        values = {each["Name"]: each["Value"] for each in properties["Dimensions"]}
        types = {key: found.get(target(value), {}).get("Type", "") for key, value in values.items()}
        findings += [
            f"{name}: {finding}" for finding in _ask(properties["Namespace"], properties["MetricName"], values, types)
        ]
        page = RUNBOOK.search(properties.get("AlarmDescription", ""))
        if not page or not (ROOT / page[0]).is_file():
            findings.append(f"{name}: names no runbook that exists")
        if not properties.get("AlarmActions") or "TreatMissingData" not in properties:
            findings.append(f"{name}: tells nobody, or leaves open what no data means")
    return findings


def dashboard_source() -> dict[str, Any]:
    """The dashboard's template."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "infra" / "dashboards.yaml").read_text(encoding="utf-8"))
    return parsed


def dashboard(found: Resources, source: dict[str, Any]) -> list[str]:
    """Every line of the dashboard exists, and every parameter of it is given and used."""
    given = found["Dashboards"]["Properties"]["Parameters"]
    findings = [f"{each}: not given, or not asked for" for each in sorted(set(given) ^ set(source["Parameters"]))]
    text = source["Resources"]["Orders"]["Properties"]["DashboardBody"]["Fn::Sub"]
    findings += [f"{each}: given, but not used" for each in given if f"${{{each}}}" not in text]
    for widget in json.loads(text)["widgets"]:
        for line in widget["properties"]["metrics"]:
            namespace, metric, *rest = [each for each in line if isinstance(each, str)]
            asked = dict(zip(rest[::2], rest[1::2], strict=True))
            types = {
                key: found.get(target(given.get(value.strip("${}"))), {}).get("Type", "")
                for key, value in asked.items()
            }
            findings += [f"{widget['properties']['title']}: {each}" for each in _ask(namespace, metric, asked, types)]
    return findings
