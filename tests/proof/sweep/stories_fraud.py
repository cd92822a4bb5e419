"""A story of an order whose risk is asked for, that waits for the scorer's later word, and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.fraud import SECRET
from oms.entrypoints import wiring
from tests.proof.sweep.people import MAIN, place, ship, work

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

POLICY: Final[dict[str, Any]] = {
    "rules": [{"id": "any", "kind": "fraud", "fallback": True, "quantity_from": 1}],
    "scorer": {"review_from": 0, "contact": ["email_domain"]},
}
"""Every order is looked at, by the scorer or by a person."""


def scored_order(w: World) -> None:
    """Asked about under one key, held, approved by a webhook, shipped; while the scorer is away, by rule and person."""
    w.patch.setattr(w.vendors.sandbox.clock, "now", lambda: w.now.timestamp())  # noqa: PLW0108 - its time moves
    w.connect({"fraud": SECRET})
    w.cloud.enter("manage_stock", w.patch)
    wiring.reference().put("policy", "screening", POLICY)
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    w.settle()
    order_id = place(w, "s-1", {"MUG-01": 1})
    w.settle()
    scorer = w.vendors.sandbox.fraud
    if scorer.questions:
        headers, body = scorer.word(order_id, "approve")
        reply = w.http("POST", "/webhooks/fraud/main", headers=headers, body=body, role="")
        assert reply.status == 200, reply
        w.settle()
    for hold in w.get(f"/orders/{order_id}")["holds"]:
        if hold["active"]:
            w.post(f"/orders/{order_id}/holds/{hold['hold_id']}/release", {"reason": "known"}, key="release")
            w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    assert len(scorer.questions) <= 1, "one order was asked about under several keys"
    assert not scorer.conflicts, "one key was asked with two questions"
