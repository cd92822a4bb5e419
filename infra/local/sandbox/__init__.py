"""A loopback stand-in for the vendors: Stripe, TikTok Shop, Amazon. Independent of `oms`, so that it can judge it."""

from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox

__all__ = ["Sandbox", "Settings"]
