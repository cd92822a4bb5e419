"""What functions read and write, made in moto as the template says, and each function's environment."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import (
    sessions,
    use_cases,
    use_cases_edits,
    use_cases_outbound,
    use_cases_returns,
    wiring,
    wiring_fraud,
    wiring_invoices,
    wiring_outbound,
    wiring_returns,
    wiring_taxes,
)
from tests.support import template

if TYPE_CHECKING:
    import pytest

REGION: Final = "eu-central-1"
DEFAULTS: Final = {"AWS::Region": REGION, "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "oms"}


@dataclass
class Cloud:
    """`names` maps logical ids to what Ref gives."""

    names: dict[str, str] = field(default_factory=dict)
    found: template.Resources = field(default_factory=template.resources)

    def build(self) -> Cloud:
        """Make what functions read and write."""
        for name, parameter in template.source()["Parameters"].items():
            self.names[name] = str(parameter["Default"])
        for name, resource in self.found.items():
            make = getattr(self, "_" + resource["Type"].lower().replace("::", "_"), None)
            if make:
                self.names[name] = make(f"oms-{name}-sample", resource.get("Properties", {}))
            else:
                self.names.setdefault(name, f"oms-{name}-sample")
        return self

    @staticmethod
    def _aws_dynamodb_table(name: str, properties: dict[str, Any]) -> str:
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        request = {key: properties[key] for key in wanted if key in properties}
        wiring.client("dynamodb").create_table(TableName=name, **request)
        return name

    @staticmethod
    def _aws_s3_bucket(name: str, properties: dict[str, Any]) -> str:
        place = {"LocationConstraint": REGION}
        wiring.client("s3").create_bucket(Bucket=name.lower(), CreateBucketConfiguration=place)
        return name.lower()

    @staticmethod
    def _aws_sqs_queue(name: str, properties: dict[str, Any]) -> str:
        return str(wiring.client("sqs").create_queue(QueueName=name)["QueueUrl"])

    @staticmethod
    def _aws_secretsmanager_secret(name: str, properties: dict[str, Any]) -> str:
        return str(wiring.client("secretsmanager").create_secret(Name=name, SecretString="{}")["ARN"])

    @staticmethod
    def _aws_events_eventbus(name: str, properties: dict[str, Any]) -> str:
        wiring.client("events").create_event_bus(Name=name)
        return name

    def _aws_events_rule(self, _: str, properties: dict[str, Any]) -> str:
        name, bus = self._value(properties["Name"]), self.names[template.target(properties["EventBusName"])]
        asked = {"Name": name, "EventBusName": bus, "State": properties["State"]}
        wiring.client("events").put_rule(**asked, EventPattern=json.dumps(properties["EventPattern"]))
        return name

    @staticmethod
    def _aws_stepfunctions_statemachine(name: str, properties: dict[str, Any]) -> str:
        request = {"name": name, "definition": "{}", "roleArn": "arn:aws:iam::123456789012:role/x", "type": "EXPRESS"}
        return str(wiring.client("stepfunctions").create_state_machine(**request)["stateMachineArn"])

    def enter(self, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Become the environment of a function, cold."""
        logical = "".join(word.title() for word in function.split("_"))
        for name, value in template.environment(self.found[logical]["Properties"]).items():
            monkeypatch.setenv(name, self._value(value))
        ports = (wiring, wiring_fraud, wiring_invoices, wiring_outbound, wiring_returns, wiring_taxes)
        modules = (*ports, use_cases, use_cases_edits, use_cases_outbound, use_cases_returns)
        for made in (*(each for module in modules for each in vars(module).values()), sessions.public_keys):
            if hasattr(made, "cache_clear") and made.__name__ != "client":
                made.cache_clear()

    def _value(self, value: Any) -> str:
        match value:
            case {"Ref": str(name)}:
                return {**DEFAULTS, **self.names}[name]
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: {**DEFAULTS, **self.names}[found[1]], text)
            case {"Fn::If": [_, _, other]}:
                return self._value(other)
        return str(value)

    def secret(self, logical: str, document: dict[str, Any]) -> None:
        """Fill a secret."""
        wiring.client("secretsmanager").put_secret_value(
            SecretId=self.names[logical], SecretString=json.dumps(document)
        )

    def messages(self, logical: str) -> list[str]:
        """What waits in a queue."""
        answer = wiring.client("sqs").receive_message(QueueUrl=self.names[logical], MaxNumberOfMessages=10)
        return [each["Body"] for each in answer.get("Messages", [])]

    def items(self, logical: str) -> list[dict[str, Any]]:
        """Everything in a table."""
        items: list[dict[str, Any]] = wiring.client("dynamodb").scan(TableName=self.names[logical])["Items"]
        return items
