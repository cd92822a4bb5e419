"""A loopback stand-in for the vendors, payment providers and channels. Independent of `oms`: it judges it."""

from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox

__all__ = ["Sandbox", "Settings"]
