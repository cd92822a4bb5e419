"""Turns the SAM template into one that the engine can run: code uploaded, workflows inlined, what it lacks left out."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import zipfile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET: Final = "oms-local-artifacts"
NOT_SHIPPED: Final = ("__pycache__", "requirements.in", "requirements.txt", "Makefile", ".mypy_cache", ".ruff_cache")
EPOCH: Final = (1980, 1, 1, 0, 0, 0)

DROPPED_TYPES: Final = {
    "AWS::ApiGatewayV2::ApiGatewayManagedOverrides": "the engine has no quick-create APIs",
    "AWS::Budgets::Budget": "nothing is billed here",
    "AWS::CE::AnomalyMonitor": "nothing is billed here",
    "AWS::CE::AnomalySubscription": "nothing is billed here",
    "AWS::CloudFormation::Stack": "nested stacks hold dashboards, which belong to the AWS console",
    "AWS::CloudWatch::AnomalyDetector": "the engine keeps no baseline of metrics",
    "AWS::CloudWatch::CompositeAlarm": "the engine has simple alarms only",
    "AWS::CloudWatch::InsightRule": "the engine has no Contributor Insights",
    "AWS::Logs::QueryDefinition": "saved queries belong to the AWS console",
    "AWS::ResourceGroups::Group": "groups belong to the AWS console",
    "AWS::XRay::SamplingRule": "the engine records no traces",
    "AWS::XRay::Group": "the engine records no traces",
}
"""Resource types that the engine cannot make, and why nobody misses them on one machine."""

DROPPED_PROPERTIES: Final = {
    ("AWS::Serverless::Function", "DeploymentPreference"): "no CodeDeploy: a new version serves at once",
    ("AWS::Serverless::Function", "VpcConfig"): "no networks",
}
"""Properties that the engine would stumble over."""


class Package(NamedTuple):
    """A template for the engine, what it left out, and the files it refers to by their key in `BUCKET`."""

    template: dict[str, Any]
    left_out: tuple[str, ...]
    files: dict[str, bytes]


def package(path: Path) -> Package:
    """Read the SAM template at `path` and make it ready for the engine."""
    template: dict[str, Any] = yaml_parse(path.read_text())
    files: dict[str, bytes] = {}
    left_out = list(_leave_out(template))
    shared = template.get("Globals", {}).get("Function", {})
    for resource in template["Resources"].values():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties:
            folder = properties.get("CodeUri", shared.get("CodeUri"))
            if isinstance(folder, str):
                properties["CodeUri"] = _upload(files, _zip(path.parent / folder))
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = _upload(files, zip_layer(path.parent / properties["ContentUri"]))
        elif resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            properties["Definition"] = json.loads((path.parent / properties.pop("DefinitionUri")).read_text())
        resource.pop("Metadata", None)
    shared.pop("CodeUri", None)
    return Package(template, tuple(left_out), files)


def zip_layer(folder: Path) -> bytes:
    """A layer's own code, compiled so that no cold start has to; its dependencies are those of the engine's Python."""
    compiled = {
        importlib.util.cache_from_source(f"python/{name}"): _compile(folder / name)
        for name in _names(folder)
        if name.endswith(".py")
    }
    return _zip(folder, prefix="python/", more=compiled)


def _compile(source: Path) -> bytes:
    """Bytecode used without a look at its source (PEP 552, unchecked hash), naming the real file in tracebacks."""
    text = source.read_bytes()
    header = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little") + importlib.util.source_hash(text)
    return header + marshal.dumps(compile(text, str(source), "exec", dont_inherit=True))


def _zip(folder: Path, prefix: str = "", more: dict[str, bytes] | None = None) -> bytes:
    """A zip that depends on nothing but names and contents."""
    contents = {prefix + name: (folder / name).read_bytes() for name in _names(folder)} | (more or {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), contents[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"the template names a code folder that is not there: {folder}")
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(file.as_posix() for file in files if not set(file.parts) & set(NOT_SHIPPED))


def _upload(files: dict[str, bytes], content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    files[key] = content
    return f"s3://{BUCKET}/{key}"


def _leave_out(template: dict[str, Any]) -> Iterator[str]:
    for name, resource in list(template["Resources"].items()):
        reason = DROPPED_TYPES.get(resource["Type"])
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource.get("Properties", {}):
            reason = "the engine's alarms watch one metric, without arithmetic"
        if reason:
            del template["Resources"][name]
            yield f"{name} ({resource['Type']}): {reason}"
        for (type_, property_), why in DROPPED_PROPERTIES.items():
            if resource["Type"] == type_ and resource.get("Properties", {}).pop(property_, None) is not None:
                yield f"{name}.{property_}: {why}"
    for name, output in list(template.get("Outputs", {}).items()):
        if _names_missing(output.get("Value"), template):
            del template["Outputs"][name]
            yield f"output {name}: names what is left out"


def _names_missing(value: object, template: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    target = value.get("Ref") or value.get("Fn::GetAtt", [""])
    target = target.partition(".")[0] if isinstance(target, str) else target[0]
    known = template["Resources"].keys() | template.get("Parameters", {}).keys()
    implicit = ("AWS::", "ServerlessHttpApi")  # SAM makes the latter
    return bool(target) and target not in known and not target.startswith(implicit)
