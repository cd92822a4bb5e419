"""What the template makes, with what the other tests leave out: the stream, redrive policies, the staff's user pool."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import jwt
from moto.core.botocore_stubber import BotocoreStubber

from oms.entrypoints import sessions, wiring
from tests.proof.sweep import stores
from tests.proof.sweep.stores import ACCOUNT
from tests.support import staff
from tests.support.aws import REGION, Cloud
from tests.support.template import of_type, target

if TYPE_CHECKING:
    import pytest

FRESH_VIEWS: Final = "fresh-views"
"""Where the log is projected once more, to compare."""
EVERYBODY: Final = "everybody"
"""A rule of the bus that asks for every event."""
STAFF: Final = ("admin", "Correct-horse-battery-1")


class SweepCloud(Cloud):
    """`Cloud`, complete enough for whole stories."""

    def build(self) -> Cloud:
        """Make everything, then tie queues to their dead letters."""
        super().build()
        pattern = json.dumps({"source": ["oms.orders"]})
        wiring.client("events").put_rule(Name=EVERYBODY, EventBusName=self.names["EventBus"], EventPattern=pattern)
        self._aws_dynamodb_table(FRESH_VIEWS, self.found["ViewsTable"]["Properties"])
        sqs = wiring.client("sqs")
        for name, properties in of_type(self.found, "AWS::SQS::Queue"):
            if policy := properties.get("RedrivePolicy"):
                told = {**policy, "deadLetterTargetArn": self.queue_arn(target(policy["deadLetterTargetArn"]))}
                attributes = {"RedrivePolicy": json.dumps(told), "VisibilityTimeout": "180"}
                sqs.set_queue_attributes(QueueUrl=self.names[name], Attributes=attributes)
        return self

    @staticmethod
    def _aws_dynamodb_table(name: str, properties: dict[str, Any]) -> str:
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        request = {key: properties[key] for key in wanted if key in properties}
        if stream := properties.get("StreamSpecification"):
            request["StreamSpecification"] = {**stream, "StreamEnabled": True}
        wiring.client("dynamodb").create_table(TableName=name, **request)
        return name

    def items(self, logical: str) -> list[dict[str, Any]]:
        """Everything in a table, without asking for it by a call."""
        return stores.items(self.names[logical])

    def queue_arn(self, logical: str) -> str:
        """The ARN of a queue."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.names[logical].rpartition('/')[2]}"


class UserPool:
    """The staff's user pool: moto's needs a library that nothing else here needs."""

    def __init__(self, cloud: Cloud) -> None:
        pool = cloud.names["StaffPool"]
        self.issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"
        self.client = cloud.names["StaffClient"]

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Answer sign-ins where moto would, and give the public keys where functions would read them over HTTP."""
        answer = BotocoreStubber.process_request

        def answered(stubber: BotocoreStubber, request: Any) -> Any:
            return self._sign_in(request) if "//cognito-idp." in request.url else answer(stubber, request)

        patch.setattr(BotocoreStubber, "process_request", answered)
        patch.setattr(sessions, "_fetch_keys", staff.key_set)

    def _sign_in(self, request: Any) -> tuple[int, dict[str, str], str]:
        asked = json.loads(request.body)
        given = asked["AuthParameters"]
        if (asked["ClientId"], given["USERNAME"], given["PASSWORD"]) != (self.client, *STAFF):
            return 400, {}, json.dumps({"__type": "NotAuthorizedException", "message": "Incorrect"})
        claims = staff.claims("admin", iss=self.issuer, aud=self.client)
        token = jwt.encode(claims, staff.key_pair(), algorithm="RS256", headers={"kid": staff.KEY_ID})
        return 200, {}, json.dumps({"AuthenticationResult": {"IdToken": token}})
