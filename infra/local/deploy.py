"""Deploys the SAM template to a running engine: package it, create or update the stack, then the HTTP API's routes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from infra.local.engine import client
from infra.local.http_api import configure
from infra.local.package import BUCKET, package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STACK: Final = "oms"
DEPLOY_SECONDS: Final = 120.0
CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


class DeployError(Exception):
    """The stack could not be made; the message carries the engine's reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is running: `resources` maps logical to physical ids, `left_out` says what the engine cannot do and why."""

    stack: str
    endpoint: str
    api_url: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    left_out: tuple[str, ...] = ()


def deploy(
    template_path: Path,
    endpoint: str,
    parameters: Mapping[str, str] | None = None,
    *,
    api_url: str | None = None,
    stack: str = STACK,
) -> Deployment:
    """Create the stack, or update it where it exists, and return once everything answers."""
    packed = package(template_path)
    _upload(endpoint, {**packed.files, "template.json": json.dumps(packed.template).encode()})
    cloudformation = client("cloudformation", endpoint)
    _create_or_update(cloudformation, stack, parameters or {})
    _wait(cloudformation, stack)
    resources = _resources(cloudformation, stack)
    template = _processed(cloudformation, stack)
    names = {"AWS::StackName": stack, **(parameters or {})}
    api = configure(client("apigatewayv2", endpoint), template, names, resources)
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return Deployment(
        stack=stack,
        endpoint=endpoint,
        api_url=api_url or f"{endpoint}/_aws/execute-api/{api}",
        outputs={output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])},
        resources=resources,
        left_out=packed.left_out,
    )


def _upload(endpoint: str, files: Mapping[str, bytes]) -> None:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=BUCKET)
    present = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    for key, content in files.items():
        if key not in present or key == "template.json":
            s3.put_object(Bucket=BUCKET, Key=key, Body=content)


def _create_or_update(cloudformation: Any, stack: str, parameters: Mapping[str, str]) -> None:
    request = {
        "StackName": stack,
        "TemplateURL": f"{cloudformation.meta.endpoint_url}/{BUCKET}/template.json",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": list(CAPABILITIES),
    }
    status = _status(cloudformation, stack)
    if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}:
        cloudformation.delete_stack(StackName=stack)
        _wait(cloudformation, stack)
        status = None
    try:
        if status in {None, "DELETE_COMPLETE"}:
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeployError(f"the engine refused the template: {error.response['Error']['Message']}") from error


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    except ClientError:
        return None


def _wait(cloudformation: Any, stack: str) -> None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        status = _status(cloudformation, stack)
        if status is None or status == "DELETE_COMPLETE":
            return
        if status.endswith("_IN_PROGRESS"):
            time.sleep(0.05)
            continue
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return
        raise DeployError(f"the stack is {status}:\n{_reasons(cloudformation, stack)}")
    raise DeployError(f"the stack was not ready in {DEPLOY_SECONDS:.0f} s")


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return "\n".join(f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '?')}" for event in failed)


def _resources(cloudformation: Any, stack: str) -> dict[str, str]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = (item for page in pages for item in page["StackResourceSummaries"])
    return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found if "PhysicalResourceId" in item}


def _processed(cloudformation: Any, stack: str) -> dict[str, Any]:
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template
