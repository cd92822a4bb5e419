"""Hold a payout to the orders that it is made of, and say what does not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.application.relay import KEEP_ALERT_DAYS
from oms.domain import ids
from oms.domain.frozen import frozen
from oms.domain.payouts import Verdict, movements, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.application.gateways import Documents
    from oms.application.orders import Orders
    from oms.application.ports import Views
    from oms.domain.payouts import Line, Payout, PayoutRow, Reconciled

KIND: Final = "payout"


@frozen(kw_only=False)
class ReconcilePayout:
    """The same report again writes the same: `reports/payouts/<year>/<month>/<provider>-<id>.json`, and its rows."""

    orders: Orders
    views: Views
    documents: Documents

    def __call__(self, payout: Payout) -> dict[str, Any]:
        """How many rows came to what, the fees and by how much the report does not sum; an alert unless all fits."""
        loaded = [self.orders.load(each) for each in self._orders_of(payout.rows)]
        ours = [
            each
            for known in loaded
            if known.order is not None
            for each in movements(known.order.order_id, known.history.commits)
            if each.provider == payout.provider
        ]
        done = reconcile(payout, ours)
        summary = _summary(done)
        day = f"{payout.paid_at:%Y-%m-%d}"
        name = f"{payout.provider}-{ids.derive('pay', payout.provider, payout.payout_id)}"
        key = f"reports/payouts/{day[:4]}/{day[5:7]}/{name}.json"
        report = {**summary, "rows": [_line(each) for each in done.lines]}
        self.documents.put(key, json.dumps(report, ensure_ascii=False, indent=1).encode(), "application/json")
        self.views.put_row(KIND, f"{day}#{name}", {**summary, "document": key}, replace=True)
        if not done.sound:
            alert = {"alert_id": f"payout:{name}", "kind": KIND, "raised_at": payout.paid_at.isoformat()}
            row = {**alert, **summary, "document": key}
            self.views.put_row("alert", f"{day}#payout#{name}", row, keep_days=KEEP_ALERT_DAYS, replace=True)
        return {**summary, "document": key}

    def _orders_of(self, rows: Iterable[PayoutRow]) -> list[str]:
        """Each order once: named by our own reference, or found by its payment."""
        found: dict[str, None] = {}
        asked: set[str] = set()
        for row in rows:
            if ids.is_order_id(row.order_ref):
                found[row.order_ref] = None
                continue
            for reference in (row.payment_ref, row.reference):
                if reference and reference not in asked:
                    asked.add(reference)
                    found.update(dict.fromkeys(self.views.orders_with("payment", reference)))
        return list(found)


def _summary(done: Reconciled) -> dict[str, Any]:
    payout = done.payout
    return {
        "provider": payout.provider,
        "payout_id": payout.payout_id,
        "paid_at": payout.paid_at.isoformat(),
        "currency": payout.currency,
        "amount": payout.amount,
        "fees": done.fees,
        "off": done.off,
        **{verdict.value: len(done.of(verdict)) for verdict in Verdict},
    }


def _line(line: Line) -> dict[str, Any]:
    row = line.row
    return {
        "kind": row.kind.value,
        "reference": row.reference,
        "gross": row.gross,
        "fee": row.fee,
        "currency": row.currency,
        "verdict": line.verdict.value,
        "order_id": line.order_id,
        "ours": line.ours,
    }
