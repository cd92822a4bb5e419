"""Who sends us deliveries: channels, carriers, payment providers, scorers; by the name their webhooks come under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.carriers.registry import carrier
from oms.carriers.registry import sources as carriers
from oms.channels.registry import SOURCES, connector
from oms.domain.errors import NotFoundError
from oms.domain.fraud import SOURCE as FRAUD
from oms.payments.fraud import Fraud
from oms.payments.registry import provider
from oms.payments.registry import sources as providers

if TYPE_CHECKING:
    from oms.domain.inbound import Sender


def sender(source: str) -> Sender:
    """Who signs as `source`; raises NotFoundError for a name that nobody has."""
    if source in SOURCES:
        return connector(source)
    if source in carriers():
        return carrier(source)
    if source in providers():
        return provider(source)
    if source == FRAUD:
        return Fraud()
    raise NotFoundError("nobody is connected under this name", source=source[:40])
