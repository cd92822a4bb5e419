"""Clients of AWS, made by botocore with what a function needs of it.

boto3 would add resources and transfers, which nothing here uses. Two things that botocore does for its first client
are half of what that client costs, and are left out: it looks into each of its 400 service folders to learn whether a
name is a service, and it parses 1 MB of end points that the rule sets of the services have since replaced.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=10,
    s3={"us_east_1_regional_endpoint": "regional"},
)
_HOSTS: Final = (
    ((), "dnsSuffix", "{service}.{region}.{dnsSuffix}"),
    (("fips",), "dnsSuffix", "{service}-fips.{region}.{dnsSuffix}"),
    (("dualstack",), "dualStackDnsSuffix", "{service}.{region}.{dnsSuffix}"),
    (("dualstack", "fips"), "dualStackDnsSuffix", "{service}-fips.{region}.{dnsSuffix}"),
)


class _Models(Loader):
    """botocore's loader of service models by a shorter way."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - each folder has each type
        return [each.name for each in Path(self.BUILTIN_DATA_PATH).iterdir()]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name != "endpoints":
            found: tuple[Any, str] = super().load_data_with_path(name)
            return found
        partitions = [_end_points(each) for each in self.load_data("partitions")["partitions"]]
        return {"version": 3, "partitions": partitions}, f"{self.BUILTIN_DATA_PATH}/{name}"


def _end_points(partition: Any) -> dict[str, Any]:
    """What botocore asks of the old list about a partition: its names of hosts, without exceptions."""
    hosts = [
        {"tags": list(tags), "dnsSuffix": partition["outputs"][suffix], "hostname": host}
        for tags, suffix, host in _HOSTS
    ]
    return {
        "partition": partition["id"],
        "regionRegex": partition["regionRegex"],
        "dnsSuffix": partition["outputs"]["dnsSuffix"],
        "regions": {each: {} for each in partition["regions"]},
        "defaults": {**hosts[0], "protocols": ["https"], "signatureVersions": ["v4"], "variants": hosts[1:]},
        "services": {"s3": {"defaults": {"signatureVersions": ["s3v4"]}, "endpoints": {}}},
    }


@cache
def _session() -> Session:
    session = Session()
    session.register_component("data_loader", _Models())
    return session


def make_client(service: str, caller: str = "oms") -> Any:
    """A client of the region and with the credentials that the environment names; errors are botocore's.

    AWS's own trails show the `caller`. botocore would put its description of itself together again for every call, at
    a tenth of what the call costs.
    """
    make: Any = _session().create_client  # its stubs list every service by name
    return make(service, config=CONFIG.merge(Config(user_agent=f"oms app/{caller}")))
