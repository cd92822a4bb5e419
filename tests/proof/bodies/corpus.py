"""What is damaged: the samples of every sender, as deliveries and as files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from infra.local.signing import signed
from oms.carriers.registry import sources as carriers
from oms.payments.registry import sources as providers
from tests.support.connector_rules.kit import NOW
from tests.support.connector_rules.kits import deliveries, kit, names
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRET = "s3cret"


class Way(StrEnum):
    """What a body is read as."""

    DELIVERY = "delivery"
    FILE = "file"
    """A saved delivery, or what is fetched of an order."""
    TRACKING = "tracking"
    PAYMENT = "payment"


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A body that is whole. `headers` are signed."""

    source: str
    way: Way
    name: str
    headers: Mapping[str, str]
    body: bytes


@cache
def seeds() -> tuple[Seed, ...]:
    """Those of every channel, carrier and payment provider."""
    return tuple(_all())


def _all() -> Iterator[Seed]:
    for name in names():
        of = kit(name)
        for each in of.deliveries:
            request = of.signed(each)
            yield Seed(source=name, way=Way.DELIVERY, name=each.name, headers=request.headers, body=each.body)
        for file, raw in of.orders:
            yield Seed(source=name, way=Way.FILE, name=file, headers={}, body=raw)
    for way, folder, sources in (
        (Way.TRACKING, "carriers", carriers()),
        (Way.PAYMENT, "payments", providers()),
    ):
        for source in sources:
            for each in deliveries(source, ROOT / "events" / folder / source):
                headers = {**each.headers, **signed(source, each.body, SECRET, int(NOW.timestamp()))}
                yield Seed(source=source, way=way, name=each.name, headers=headers, body=each.body)


@cache
def values_by_name() -> Mapping[str, tuple[Any, ...]]:
    """What fields are in all samples, by their name."""
    found: dict[str, list[Any]] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                found.setdefault(name, []).append(value)
                walk(value)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    for seed in seeds():
        try:
            walk(json.loads(seed.body))
        except ValueError:
            continue
    return {name: tuple(values) for name, values in found.items()}
