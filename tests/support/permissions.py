"""What each role of the template may do, and what is done with it. Both as `Grant`s, so that they can be compared."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.support import template
from tests.support.template import ROOT, listed, of_type, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.support.template import Resources


class Grant(NamedTuple):
    """An action on a resource: its logical id, with the index, folder, stream, attributes or way that is meant."""

    action: str
    resource: str


class Request(NamedTuple):
    """What a call needs to be told apart: service and operation as boto3 names them, and what it asks."""

    service: str
    operation: str
    asked: Mapping[str, Any]


POLLING: Final = {
    "AWS::SQS::Queue": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "AWS::DynamoDB::Table": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}
"""What Lambda does in a function's name with an event source of a type."""
TRACING: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
SAMPLING: Final = ("xray:GetSamplingRules", "xray:GetSamplingTargets")
LOGGING: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
DELIVERY: Final = tuple(
    f"logs:{each}"
    for each in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
)
"""What Step Functions does in a workflow's name to write its log."""
NAMED_BY: Final = {
    "sqs": ("sqs", "QueueUrl"),
    "secretsmanager": ("secretsmanager", "SecretId"),
    "stepfunctions": ("states", "stateMachineArn"),
}
"""How IAM names a service, and the member of a call that names the resource."""
SOME: Final = "SPECIFIC_ATTRIBUTES"
"""What a Query selects whose role may see some attributes only."""
UNSIGNED: Final = {("cognito-idp", "InitiateAuth")}
"""Operations that anybody may call."""


# ---------------------------------------------------------------- what roles allow


def resource_of(value: Any) -> str:
    """The resource that a statement speaks of, as a `Grant` names it."""
    match value:
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "").replace("}", "").replace(".Arn", "")
        case {"Fn::GetAtt": [str(name), "StreamArn"]}:
            return f"{name}/stream"
        case str(text):
            return text
    return target(value)


def _ways(statement: Mapping[str, Any]) -> list[str]:
    """What a key may be used through, behind its name; [""] for a statement without such a condition."""
    told = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", [])
    names = [each["Fn::Sub"].partition(".")[0] for each in listed(told)]
    return [f" by {name}" for name in names] or [""]


def _part(statement: Mapping[str, Any]) -> str:
    """The attributes that a statement is limited to, in the two conditions that this takes; "" for the whole item."""
    condition = statement.get("Condition", {})
    named = condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
    if named is None or condition.get("StringEquals", {}).get("dynamodb:Select") != SOME:
        return ""
    return f" only {', '.join(sorted(listed(named)))}"


def granted(found: Resources) -> dict[str, set[Grant]]:
    """What every role of the template allows; managed policies are banned elsewhere."""
    roles = {name: set[Grant]() for name, _ in of_type(found, "AWS::IAM::Role")}
    for owner, statement in template.statements(found):
        if owner in roles and statement["Effect"] == "Allow":
            roles[owner] |= {
                Grant(action, resource_of(resource) + _part(statement) + way)
                for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])
                for way in _ways(statement)
            }
    return roles


# ---------------------------------------------------------------- what is called


def calls(made: Request, names: Mapping[str, str], found: Resources) -> Iterator[Grant]:
    """What a call needs to be allowed; `names` gives the logical id of what Ref gives."""
    service, operation, asked = made
    match service:
        case "dynamodb":
            yield from _on_tables(operation, asked, names)
        case "dynamodbstreams":
            (table,) = [name for name, each in of_type(found, "AWS::DynamoDB::Table") if "StreamSpecification" in each]
            yield Grant(f"dynamodb:{operation}", f"{table}/stream")
        case "sqs" if operation == "SendMessageBatch":
            yield Grant("sqs:SendMessage", names[asked["QueueUrl"]])  # which IAM does not tell apart
        case "s3":
            bucket, folder = names[asked["Bucket"]], asked["Key"].partition("/")[0]
            yield Grant(f"s3:{operation}", f"{bucket}/{folder}/*")
            if operation == "GetObject" and folder in ("quarantine", "checkpoints", "stock-feeds"):
                yield Grant("s3:ListBucket", bucket)  # or a missing one is "denied", not "no such key"
        case "events":
            yield from (Grant(f"events:{operation}", each) for each in _on_buses(operation, asked, names))
        case _ if service in NAMED_BY:
            prefix, member = NAMED_BY[service]
            yield Grant(f"{prefix}:{operation}", names[asked[member]])
        case _ if (service, operation) not in UNSIGNED:
            yield Grant(f"{service}:{operation}", "?")


def _on_buses(operation: str, asked: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """What a call of EventBridge names."""
    match operation:
        case "ListRules":
            return ["*"]
        case "PutRule":
            return [names[asked["Name"]]]
    return [names[entry["EventBusName"]] for entry in asked["Entries"]]


def _on_tables(operation: str, asked: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Grant]:
    """What a call of DynamoDB needs."""
    match operation:
        case "TransactWriteItems":
            for item in asked["TransactItems"]:
                for kind, one in item.items():
                    name = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
                    yield Grant(f"dynamodb:{name}", names[one["TableName"]])
        case "BatchGetItem" | "BatchWriteItem":
            for table in asked["RequestItems"]:
                yield Grant(f"dynamodb:{operation}", names[table])
        case _:
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            some = asked.get("Select") == SOME
            part = f" only {', '.join(sorted(asked['ProjectionExpression'].split(', ')))}" if some else ""
            yield Grant(f"dynamodb:{operation}", names[asked["TableName"]] + index + part)


def _deciphered(uses: Iterable[Grant], found: Resources) -> set[Grant]:
    """The keys with which services read, in the caller's name, what is encrypted with one."""
    needed = set()
    for use in uses:
        properties = found.get(use.resource.partition("/")[0].partition(" ")[0], {}).get("Properties", {})
        key = properties.get("KmsKeyId") or properties.get("SSESpecification", {}).get("KMSMasterKeyId")
        service = use.action.partition(":")[0]
        if key and service in ("dynamodb", "secretsmanager"):
            needed.add(Grant("kms:Decrypt", f"{target(key)} by {service}"))
    return needed


def _invoked(found: Resources) -> Iterator[tuple[str, Grant]]:
    """(role, grant) of what Lambda itself does with a function's role."""
    for name, properties in of_type(found, "AWS::Lambda::Function"):
        role = target(properties["Role"])
        group = target(properties["LoggingConfig"]["LogGroup"])
        yield from ((role, Grant(action, group)) for action in LOGGING)
        if properties["TracingConfig"]["Mode"] == "Active":
            yield from ((role, Grant(action, "*")) for action in TRACING)
        for _, source in of_type(found, "AWS::Lambda::EventSourceMapping"):
            if target(source["FunctionName"]) != name:
                continue
            of = target(source["EventSourceArn"])
            kind = found[of]["Type"]
            streams = kind == "AWS::DynamoDB::Table"
            yield from ((role, Grant(action, f"{of}/stream" if streams else of)) for action in POLLING[kind])
            if streams:
                yield role, Grant("dynamodb:ListStreams", "*")
        for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"):
            for _, source in of_type(found, kind):
                failed = source.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
                if failed and target(source["FunctionName"]) == name:
                    yield role, Grant("sqs:SendMessage", target(failed))


def _started(found: Resources) -> Iterator[tuple[str, Grant]]:
    """(role, grant) of what schedules and workflows do."""
    for _, properties in of_type(found, "AWS::Scheduler::Schedule"):
        role, to = target(properties["Target"]["RoleArn"]), properties["Target"]
        yield role, Grant("lambda:InvokeFunction", target(to["Arn"]))
        yield role, Grant("sqs:SendMessage", target(to["DeadLetterConfig"]["Arn"]))
    for name, properties in of_type(found, "AWS::StepFunctions::StateMachine"):
        role = target(properties["RoleArn"])
        source = template.source()["Resources"][name]["Properties"]
        definition = json.loads((ROOT / source["DefinitionUri"]).read_text(encoding="utf-8"))
        for placeholder in _functions(definition):
            told = source["DefinitionSubstitutions"][placeholder.strip("${}")]
            yield role, Grant("lambda:InvokeFunction", target(told))
        if "LoggingConfiguration" in properties:
            yield from ((role, Grant(action, "*")) for action in DELIVERY)
        if properties.get("TracingConfiguration", {}).get("Enabled"):
            yield from ((role, Grant(action, "*")) for action in (*TRACING, *SAMPLING))


def _functions(node: Any) -> Iterator[str]:
    """Every `${…Arn}` that a task of a workflow names as its function."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("Resource", "FunctionName") and isinstance(value, str) and value.startswith("${"):
                yield value
            yield from _functions(value)
    elif isinstance(node, list):
        for each in node:
            yield from _functions(each)


def used(found: Resources, recorded: Mapping[str, Iterable[Grant]]) -> dict[str, set[Grant]]:
    """What is done with every role: `recorded` by functions, the rest by services in their names."""
    roles: dict[str, set[Grant]] = defaultdict(set)
    for function, made in recorded.items():
        roles[target(found[function]["Properties"]["Role"])] |= set(made)
    for role, grant in (*_invoked(found), *_started(found)):
        roles[role].add(grant)
    return {role: uses | _deciphered(uses, found) for role, uses in roles.items()}


def differences(left: Mapping[str, set[Grant]], right: Mapping[str, set[Grant]]) -> list[str]:
    """What is in `left` and not in `right`: a line each."""
    return [
        f"{role}: {grant.action} on {grant.resource}"
        for role in sorted(left)
        for grant in sorted(left[role] - right.get(role, set()))
    ]
