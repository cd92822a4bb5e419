"""Who knows an order's risk, made real when first asked for."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Final

from oms.entrypoints import wiring

if TYPE_CHECKING:
    from oms.adapters.outbound_http import OutboundHttp
    from oms.application.fraud import ScoreOrder


STEP_S: Final = 1.0
"""For connecting, and again for asking and reading: an order waits two seconds for its score, and no longer."""
MAX_ANSWER: Final = 8192


def way_out(allowed: str) -> OutboundHttp:
    """To the public internet alone, one address of the name, and IPv4 before IPv6: there is no time for a second."""
    from oms.adapters.outbound_http import OutboundHttp, resolve

    def first(host: str, port: int) -> list[str]:
        return sorted(resolve(host, port), key=lambda address: ":" in address)

    return OutboundHttp(allowed, resolver=first, total_s=STEP_S, addresses=1, reads=MAX_ANSWER)


@cache
def score_order() -> ScoreOrder:
    """Workflow step, of merchants who have their orders scored."""
    from oms.application.fraud import GuardedScorer, ScoreOrder
    from oms.application.fraud_contract import ContractScorer
    from oms.application.gates import Gates

    scorer = ContractScorer(way_out(os.environ["WEBHOOKS_LOCAL_HOST"]), wiring.connections(), wiring.now)
    guarded = GuardedScorer(scorer, Gates(wiring.outbox(), wiring.now))
    return ScoreOrder(wiring.orders(), wiring.reference(), wiring.contacts(), guarded, wiring.now)
