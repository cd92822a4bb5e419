"""The system as `template.yaml` says it, and as CloudFormation gets it: translated offline, nothing uploaded."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "template.yaml"
LAYER: Final = ROOT / "layers" / "oms" / "python"

Resources = dict[str, dict[str, Any]]


@cache
def _source(file: Path = TEMPLATE) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse(file.read_text(encoding="utf-8"))
    return parsed


@cache
def translated(file: Path = TEMPLATE) -> str:
    """A template as CloudFormation gets it, as JSON."""
    template = copy.deepcopy(_source(file))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://bucket/code"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = "s3://bucket/layer"
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            properties["Definition"] = json.loads((ROOT / properties.pop("DefinitionUri")).read_text(encoding="utf-8"))
    session = boto3.Session(region_name="us-east-1")
    return json.dumps(Translator({}, Parser(), boto_session=session).translate(template, {}))


def source() -> dict[str, Any]:
    """The template as written; a copy, to be changed at will."""
    return copy.deepcopy(_source())


def resources() -> Resources:
    """The resources that CloudFormation would make; a copy in which nothing is shared, to be changed at will."""
    found: Resources = json.loads(translated())["Resources"]
    return found


def of_type(found: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, properties) of every resource of a type."""
    for name, resource in found.items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def target(value: Any) -> str:
    """The logical id that a Ref or GetAtt (or the first `${...}` of a Sub) names; '' for anything else."""
    match value:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), *_]}:
            return name
        case {"Fn::Sub": str(text)} if "${" in text:
            return text.partition("${")[2].partition("}")[0].partition(".")[0]
    return ""


def attribute(value: Any) -> str:
    """The attribute that a GetAtt asks for; '' for anything else."""
    match value:
        case {"Fn::GetAtt": [_, str(name)]}:
            return name
    return ""


def environment(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The environment of a translated function."""
    variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


def listed(value: Any) -> list[Any]:
    """What may stand alone or in a list, as a list."""
    return list(value) if isinstance(value, list) else [value]


def statements(found: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, statement) of every policy: of roles, queues and buckets."""
    for name, resource in found.items():
        properties = resource.get("Properties", {})
        documents = [each["PolicyDocument"] for each in properties.get("Policies", []) if "PolicyDocument" in each]
        if "PolicyDocument" in properties:
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in listed(document["Statement"]):
                yield name, statement
