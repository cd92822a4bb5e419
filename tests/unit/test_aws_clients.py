"""Our clients call what boto3's would: the same hosts, signed for the same service and region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, UnknownServiceError

from oms.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "a"}}}),
    "dynamodbstreams": ("get_records", {"ShardIterator": "i"}),
    "sqs": ("send_message", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "MessageBody": "m"}),
    "s3": ("put_object", {"Bucket": "bucket-of-ours", "Key": "a/b c.json", "Body": b"{}"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "s"}),
    "stepfunctions": ("start_execution", {"stateMachineArn": "arn:aws:states:::m", "input": "{}"}),
    "events": ("put_events", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "b"}]}),
    "cognito-idp": ("get_user", {"AccessToken": "a"}),
}
PLACES = [
    *((region, "") for region in ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")),
    *(("us-west-2", variant) for variant in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")),
]


@pytest.fixture(autouse=True)
def _own_session() -> Iterator[None]:
    """The session of this process knows the credentials of whoever asked first."""
    aws._session.cache_clear()
    yield
    aws._session.cache_clear()


@pytest.fixture(scope="module")
def boto3_session() -> boto3.Session:
    return boto3.Session()


def _sent(client: Any, service: str) -> tuple[str, str]:
    """Where the call goes, and the scope of its signature."""
    seen: list[AWSPreparedRequest] = []

    def caught(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 400, HTTPHeaders(), _Nothing())

    client.meta.events.register("before-send", caught)
    operation, arguments = ASKED[service]
    with pytest.raises(ClientError):
        getattr(client, operation)(**arguments)
    scope = str(seen[0].headers.get("Authorization", "")).partition("Credential=")[2].partition(",")[0]
    return seen[0].url, scope


class _Nothing:
    """An empty body."""

    def stream(self, **_: Any) -> list[bytes]:
        return []


@pytest.mark.parametrize(("region", "variant"), PLACES)
@pytest.mark.parametrize("service", ASKED)
def test_they_send_the_same_request(
    service: str, region: str, variant: str, boto3_session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    if variant:
        monkeypatch.setenv(variant, "true")
    theirs: Any = boto3_session.client
    sent = _sent(aws.make_client(service), service)
    assert sent == _sent(theirs(service, config=aws.CONFIG), service)
    assert region in sent[0] + sent[1]


def test_a_service_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownServiceError):
        aws.make_client("dynamo")
