"""The steps of the promise: screen, verify the payment, source, and bind stock with the promise in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.orders import Along, loaded_after
from oms.application.share import Share
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import ContentionError, InsufficientStockError, InvalidTransitionError
from oms.domain.fraud import read_scoring
from oms.domain.frozen import frozen
from oms.domain.kits import kits_of, stock_skus
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.commands import CancelRest, PromiseOrder, RecordAuthorization, ScreenOrder
from oms.domain.order.promising import needed, wanted_units
from oms.domain.order.status import NextStep, next_step, payment_cleared
from oms.domain.payments import AuthorizationResult, AuthorizationState, authorization_end
from oms.domain.screening import POLICY, credit_holds, in_force, match_rules
from oms.domain.serials import serialized_of
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.application.claim import Claim
    from oms.application.fraud import ScoreOrder
    from oms.application.gateways import PaymentProvider
    from oms.application.holds import StockHolds
    from oms.application.orders import Loaded, Orders
    from oms.application.planning import PlanOrder
    from oms.application.ports import Clock, Reference
    from oms.domain.order.commands import Command
    from oms.domain.order.events import NodeUnits, OrderEvent
    from oms.domain.order.state import Order
    from oms.domain.order.tenders import Tendered

GOES_ON: Final = frozenset({NextStep.PROMISE, NextStep.CANCEL})
BUDGET: Final = timedelta(seconds=15)
"""After so long a run ends where it is, and says that there is more: the function may live for thirty seconds."""
REPLANS: Final = 6
"""Plans made anew because stock that a plan counted on was taken meanwhile."""


def _step_id(step: str, loaded: Loaded) -> str:
    """A step's command id: the step at this point of the log. Run again after it committed, it finds nothing to do."""
    return ids.command_id(step, loaded.history.stream, str(loaded.history.number))


@frozen
class Screened:
    """What the screening left."""

    proceed: bool
    """Some line may go on."""
    cleared: bool
    """The money is held or not needed, so nobody has to be asked."""
    score: bool
    """Its risk is to be asked for first."""
    loaded: Loaded | None


@frozen(kw_only=False)
class ScreenOrderStep:
    """Ask the screening rules, and let go of lines whose SKU has become known."""

    orders: Orders
    reference: Reference

    def __call__(self, order_id: str, cause: Cause) -> Screened:
        """Whether the order may go on, and as it is now."""
        policy = in_force(self.reference.policy(POLICY))

        def command(loaded: Loaded) -> Command:
            order = loaded.order
            unknown = self._unknown_skus(order) if order else set()
            made_of = self.reference.made_of(unknown) if unknown else {}
            return ScreenOrder(
                command_id=_step_id("screen", loaded),
                holds=(
                    (*match_rules(order, policy, self.orders.now()), *credit_holds(order, policy, self.orders.now()))
                    if order
                    else ()
                ),
                known_skus=frozenset(made_of),
                kits=kits_of(made_of),
                serialized=serialized_of(made_of, self.reference.serialized(stock_skus(made_of))) if made_of else (),
            )

        outcome = self.orders.execute(order_id, command, cause)
        order = outcome.order
        proceed = next_step(order) is NextStep.PROMISE or bool(wanted_units(order))
        scoring = read_scoring(policy)
        return Screened(
            proceed=proceed,
            cleared=payment_cleared(order),
            score=proceed and scoring is not None and scoring.wants(order),
            loaded=loaded_after(outcome),
        )

    @staticmethod
    def _unknown_skus(order: Order) -> set[str]:
        held = [hold for hold in order.active_holds if hold.kind == UNKNOWN_SKU]
        return {order.lines[line_id].placed.sku for hold in held for line_id in hold.lines}


@frozen(kw_only=False)
class AuthorizePaymentStep:
    """Ask the provider that holds the money.

    What it says travels with the workflow and is committed with the promise; a refusal is committed here.
    """

    orders: Orders
    providers: Mapping[str, PaymentProvider]
    now: Clock

    def __call__(self, order_id: str, cause: Cause, score: ScoreOrder | None = None) -> dict[str, Any]:
        """{'state': authorized | captured | pending | declined, 'amount': minor units, 'expires_at': if it is known}.

        Of several tenders what each provider says is committed here, and the state is that of all together. With
        `score` its risk is asked for before: what may not go on for that is 'pending', and no money is asked for.
        """
        order = score(order_id, cause) if score else self.orders.get(order_id)
        if score and not wanted_units(order):
            return {"state": AuthorizationState.PENDING.value, "amount": 0}
        if payment_cleared(order):
            # What is told is taken for the first tender's: what others hold must not be counted as its own.
            first = next(iter(order.payment.tenders), None)
            held = first.authorized if first else order.payment.authorized
            return {"state": AuthorizationState.AUTHORIZED.value, "amount": held}
        if order.placed.payment.in_channel or order.payment.voided:
            return {"state": AuthorizationState.PENDING.value, "amount": 0}
        if len(order.payment.tenders) > 1 or order.payment.tenders[0].lapsed or order.payment.tenders[0].exchange:
            return self._several(order, cause)
        (tender,) = order.payment.tenders
        if tender.on_invoice:
            return {"state": AuthorizationState.PENDING.value, "amount": 0}
        result = self._asked(order, tender)
        if result.state is AuthorizationState.DECLINED:
            self._record(order_id, result, tender.number, cause)
        ends = {"expires_at": result.expires_at.isoformat()} if result.expires_at else {}
        return {"state": result.state.value, "amount": result.amount, **ends}

    def _several(self, order: Order, cause: Cause) -> dict[str, Any]:
        for tender in order.payment.tenders:
            settled = tender.voided or tender.lapsed or tender.declined or tender.authorized >= tender.amount
            if not settled and not tender.on_invoice:
                self._record(order.order_id, self._asked(order, tender), tender.number, cause)
        after = self.orders.get(order.order_id)
        if payment_cleared(after):
            first = after.payment.tenders[0]
            return {"state": AuthorizationState.AUTHORIZED.value, "amount": first.authorized}
        state = AuthorizationState.DECLINED if after.payment.declined else AuthorizationState.PENDING
        return {"state": state.value, "amount": 0}

    def _asked(self, order: Order, tender: Tendered) -> AuthorizationResult:
        """What the provider says of it, with the end that is usual for it where it does not say one."""
        provider, number = self.providers[tender.provider], tender.number
        key = f"authorize:{order.order_id}" + (f":{number}" if number > 1 else "")
        result = provider.verify_authorization(tender.reference, needed(order, tender), order.placed.currency, key)
        if result.state is not AuthorizationState.AUTHORIZED or result.expires_at:
            return result
        return replace(result, expires_at=authorization_end(tender.provider, self.now()))

    def _record(self, order_id: str, result: AuthorizationResult, tender: int, cause: Cause) -> None:
        step = "authorize" if tender == 1 else f"authorize:{tender}"
        self.orders.execute(
            order_id,
            lambda loaded: RecordAuthorization(command_id=_step_id(step, loaded), authorization=result, tender=tender),
            cause,
        )


@frozen(kw_only=False)
class PromiseOrderStep:
    """Choose nodes over the stock as it is now, and bind it together with the promise made on it.

    What was held for the buyer is taken over first, from where it is held.
    """

    orders: Orders
    plan: PlanOrder
    now: Clock
    holds: StockHolds

    def __call__(
        self, order_id: str, cause: Cause, authorization: AuthorizationResult | None, loaded: Loaded | None = None
    ) -> dict[str, Any]:
        """{'promised': units bound, 'short': units that wait, 'more': there is more to do than time}.

        Large orders are planned and bound in several transactions, each whole in itself, and one that is being
        cancelled is freed in several. `loaded` is the order as it was just read. Raises ContentionError when stock was
        taken from under every plan.
        """
        replans, until = REPLANS, self.now() + BUDGET
        share = Share(self.plan.stock, self.now())
        while replans:
            attempt = _Attempt(self, authorization, share)
            try:
                outcome = self.orders.execute(order_id, attempt.plan, cause, loaded=loaded, along=attempt.along)
            except (InsufficientStockError, InvalidTransitionError):
                replans, loaded = replans - 1, None
                continue
            share.planned()
            order, replans = outcome.order, REPLANS if outcome.events else replans
            more = bool(outcome.events) and next_step(order) in GOES_ON
            if (not more and not share.left(order)) or self.now() >= until:
                bound = sum(line.ledger.allocated + line.ledger.gone for line in order.lines.values())
                short = sum(line.ledger.backordered for line in order.lines.values())
                return {"promised": bound, "short": short, "more": more}
            loaded = loaded_after(outcome)
        raise ContentionError("stock was taken from under every plan", order_id=order_id)

    def claim(self, order: Order, wanted: Mapping[str, int], now: datetime) -> Claim | None:
        """What the order takes over of the hold that it names, if it can be claimed."""
        if not order.placed.stock_hold:
            return None
        from oms.application.claim import find_claim  # most orders name none

        return find_claim(order, wanted, self.holds, self.plan.reference, now)


@frozen(kw_only=False)
class ScreenAndPromise:
    """The usual way of an order in one step: screened, and promised at once if nobody has to be asked for its money."""

    screen: ScreenOrderStep
    promise: PromiseOrderStep

    def __call__(self, order_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What the promise tells; 'authorize': somebody has to be asked first, and nothing was promised.

        'score': so is the order's risk.
        """
        screened = self.screen(order_id, workflow_cause(payload, "screen"))
        if screened.score or not screened.proceed or not screened.cleared:
            asked = {"score": True} if screened.score else {}
            return {"authorize": screened.proceed, "promised": 0, "short": 0, "more": False, **asked}
        told = self.promise(order_id, workflow_cause(payload, "promise"), None, screened.loaded)
        return {"authorize": False, **told}


class _Attempt:
    """One command of the step: planned anew whenever its order, or the hold that it takes over, moved on."""

    def __init__(self, step: PromiseOrderStep, authorization: AuthorizationResult | None, share: Share) -> None:
        self._step = step
        self._share = share
        self._authorization = authorization
        self._claim: Claim | None = None
        self._channel = ""

    def plan(self, loaded: Loaded) -> Command:
        """The command, over what is there now."""
        step, order = self._step, loaded.order
        self._claim = None
        if order and order.cancelling:
            return CancelRest(command_id=_step_id("cancel", loaded))
        self._channel = order.placed.channel if order else ""
        wanted, now = wanted_units(order) if order else {}, step.now()
        claim = self._claim = step.claim(order, wanted, now) if order and wanted else None
        share = self._share.of(order, wanted) if order else {}
        left = claim.left(share) if claim else share
        offer = step.plan.offer(order, wanted, now) if order and claim and claim.units else None
        held = offer.draw(claim.units, pools=False) if offer and claim else ()
        planned = step.plan(order, left, now, offer) if order and left else None
        made = planned.made if planned else None
        units = (*held, *(made.units if made else ()))
        fitting = _first_positions(units, MAX_POSITIONS - (claim.positions if claim else 0))
        promised = [each.promised_by for each in (claim, made) if each and each.units]
        return PromiseOrder(
            command_id=_step_id("promise", loaded),
            units=fitting,
            # What does not fit into this transaction is open still, and planned again in the next.
            short=made.short if made and len(fitting) == len(units) else (),
            promised_by=max(promised, default=now),
            authorization=self._authorization,
            decision={**(made.decision if made else {}), **(claim.decision if claim else {})},
            taken_over=claim.units if claim else (),
            at=now,
            hold=planned.hold if planned else None,
            retry_at=made.retry_at if made else None,
            cancel_at=made.cancel_at if made else None,
            expected=planned.expected if planned else None,
            # What was held for the buyer is where it is: there is nothing to wait for.
            release_at=made.release_at if made and not claim else None,
        )

    def along(self, events: Sequence[OrderEvent]) -> Along:
        """The claim, if what was decided makes it; stock moves as far as the channel's buffers allow."""
        beside = self._claim.beside(events) if self._claim else None
        return Along(beside=beside, on=lambda deltas: self._step.plan.buffers().kept(deltas, self._channel))


def _first_positions(units: tuple[NodeUnits, ...], most: int) -> tuple[NodeUnits, ...]:
    """As many units as touch so many positions; a kit touches those of its components."""
    positions: set[tuple[str, str]] = set()
    kept = []
    for part in units:
        positions |= part.places
        if len(positions) > most:
            break
        kept.append(part)
    return tuple(kept)


def workflow_cause(payload: Mapping[str, Any], step: str) -> Cause:
    """The cause of what a workflow step commits."""
    return Cause(kind="workflow", ref=str(payload.get("cause", "")), actor=step)


def authorization_of(told: Mapping[str, Any] | None) -> AuthorizationResult | None:
    """What `AuthorizePaymentStep` said, as the workflow carries it."""
    if not told:
        return None
    ends = datetime.fromisoformat(told["expires_at"]) if told.get("expires_at") else None
    return AuthorizationResult(state=AuthorizationState(told["state"]), amount=told["amount"], expires_at=ends)
