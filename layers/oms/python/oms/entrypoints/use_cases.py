"""The use cases, each made of the ports that `wiring` makes real, when first asked for.

They are kept while the function is warm.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import wiring, wiring_invoices, wiring_taxes

if TYPE_CHECKING:
    from oms.application.availability import ShowAvailability
    from oms.application.decisions import ShowDecisions
    from oms.application.drafts import PlaceDraft, SaveDraft
    from oms.application.feed import TakeStockFeed
    from oms.application.feed_file import TakeFeedFile
    from oms.application.feed_report import FeedReports
    from oms.application.holds import ExpireHolds, ExtendHold, HoldStock, ReleaseHold
    from oms.application.intake import ReplayParked, SyncSnapshot, TakeDelivery
    from oms.application.payment_events import TakePaymentEvent
    from oms.application.planning import PlanOrder
    from oms.application.policies import ManageIntegrations, ManageSourcing
    from oms.application.poll import PollChannels
    from oms.application.promise import AuthorizePaymentStep, PromiseOrderStep, ScreenAndPromise
    from oms.application.quoting import QuotePromises
    from oms.application.reconcile import Reconcile
    from oms.application.relay import RelayCommit
    from oms.application.reoptimize import ReoptimizeOrders
    from oms.application.reports import ReportSales
    from oms.application.settle import SettlePaymentStep
    from oms.application.status import LookUpOrder
    from oms.application.stock import CountStock, MoveStock
    from oms.application.supply import TakeSupply
    from oms.application.telling import TellChannel
    from oms.application.telling_levels import TellLevels
    from oms.application.tracking import ShowOrder, TakeTracking
    from oms.application.watchdog import ListUnpromised, RedriveOverdue
    from oms.domain.order.dispute_evidence import Evidence


TOLD_WITHIN_S = 10.0
"""What a channel is told is not to keep other messages waiting for long."""


@cache
def sync_snapshot() -> SyncSnapshot:
    """Use case."""
    from oms.application.intake import SyncSnapshot

    return SyncSnapshot(wiring.orders(), wiring.contacts(), wiring.reference(), wiring.customers(), wiring.gazetteer())


@cache
def save_draft() -> SaveDraft:
    """Use case."""
    from oms.application.drafts import SaveDraft

    free_percent = int(os.environ["FREE_REDUCTION_PERCENT"])
    return SaveDraft(wiring.drafts(), wiring.claims(), wiring.reference(), free_percent, wiring_taxes.reckon_taxes())


@cache
def place_draft() -> PlaceDraft:
    """Use case."""
    from oms.application.drafts import PlaceDraft

    return PlaceDraft(wiring.drafts(), wiring.claims(), wiring.orders(), sync_snapshot(), wiring_taxes.reckon_taxes())


@cache
def take_tracking() -> TakeTracking:
    """Use case."""
    from oms.application.tracking import TakeTracking

    return TakeTracking(wiring.orders(), wiring.log(), wiring.views())


@cache
def show_order() -> ShowOrder:
    """Use case."""
    from oms.application.tracking import ShowOrder

    return ShowOrder(wiring.orders(), wiring.log())


@cache
def show_decisions() -> ShowDecisions:
    """Use case."""
    from oms.application.decisions import ShowDecisions

    return ShowDecisions(wiring.orders(), wiring.policies(), wiring.reference())


@cache
def take_payment_event() -> TakePaymentEvent:
    """Use case."""
    from oms.application.payment_events import TakePaymentEvent

    return TakePaymentEvent(wiring.orders(), wiring.views(), wiring.providers())


@cache
def take_delivery() -> TakeDelivery:
    """Use case."""
    from oms.application.intake import TakeDelivery

    return TakeDelivery(
        sync_snapshot(),
        wiring.orders(),
        take_tracking(),
        take_payment_event(),
        wiring.vendors(),
        wiring.quarantine(),
        wiring.now,
    )


@cache
def replay_parked() -> ReplayParked:
    """Use case."""
    from oms.application.intake import ReplayParked

    return ReplayParked(take_delivery(), wiring.quarantine(), wiring.relay_later, wiring.tell_later)


@cache
def authorize_payment() -> AuthorizePaymentStep:
    """Workflow step."""
    from oms.application.promise import AuthorizePaymentStep

    return AuthorizePaymentStep(wiring.orders(), wiring.providers(), wiring.now)


@cache
def plan_order() -> PlanOrder:
    """What promises orders and quotes carts."""
    from oms.application.planning import PlanOrder
    from oms.domain.sourcing.deciding import decide_sourcing

    return PlanOrder(wiring.stock(), wiring.reference(), wiring.open_work(), decide_sourcing)


@cache
def promise_order() -> PromiseOrderStep:
    """Workflow step."""
    from oms.application.promise import PromiseOrderStep

    return PromiseOrderStep(wiring.orders(), plan_order(), wiring.now, wiring.stock_holds())


@cache
def reoptimize_orders() -> ReoptimizeOrders:
    """Use case."""
    from oms.application.reoptimize import ReoptimizeOrders

    return ReoptimizeOrders(wiring.orders(), wiring.views(), plan_order(), wiring.now)


@cache
def screen_and_promise() -> ScreenAndPromise:
    """Workflow step."""
    from oms.application.promise import ScreenAndPromise, ScreenOrderStep

    return ScreenAndPromise(ScreenOrderStep(wiring.orders(), wiring.reference()), promise_order())


@cache
def quote_promises() -> QuotePromises:
    """Use case."""
    from oms.application.quoting import QuotePromises

    return QuotePromises(plan_order(), wiring.stock(), wiring.gazetteer(), wiring.now)


@cache
def manage_sourcing() -> ManageSourcing:
    """Use case."""
    from oms.application.policies import ManageSourcing

    return ManageSourcing(wiring.policies(), wiring.reference(), wiring.now)


@cache
def manage_integrations() -> ManageIntegrations:
    """Use case."""
    from oms.application.policies import ManageIntegrations

    return ManageIntegrations(wiring.policies(), wiring.reference(), wiring.now)


def _evidence_file(told: Evidence) -> bytes:
    """As a PDF: loaded by the first answer that needs one."""
    from oms.entrypoints.evidence_pages import render

    return render(told)


@cache
def settle_payment() -> SettlePaymentStep:
    """Workflow step."""
    from oms.application.settle import SettlePaymentStep

    return SettlePaymentStep(wiring.orders(), wiring.providers(), wiring.now, _evidence_file)


@cache
def relay_commit() -> RelayCommit:
    """Use case."""
    from oms.application.outbound_accounts import OutboundAccounts
    from oms.application.relay import RelayCommit
    from oms.application.relay_outbound import QueueOutbound

    outbound = QueueOutbound(OutboundAccounts(wiring.reference(), wiring.now), wiring.tell_later, wiring.now)
    return RelayCommit(wiring.views(), wiring.workflows(), wiring.bus(), outbound, wiring_invoices.issuer())


@cache
def redrive_overdue() -> RedriveOverdue:
    """Use case."""
    from oms.application.watchdog import RedriveOverdue

    return RedriveOverdue(
        wiring.orders(), wiring.views(), wiring.workflows(), wiring.quarantine(), wiring.requeue, wiring.now
    )


@cache
def list_unpromised() -> ListUnpromised:
    """Use case."""
    from oms.application.watchdog import ListUnpromised

    return ListUnpromised(wiring.views())


@cache
def report_sales() -> ReportSales:
    """Use case."""
    from oms.application.reports import ReportSales

    return ReportSales(wiring.views(), wiring.reports(), os.environ["MERCHANT_TIME_ZONE"], wiring.now)


@cache
def reconcile() -> Reconcile:
    """Use case."""
    from oms.application.reconcile import Reconcile

    reports, checkpoint, zone = wiring.reports(), wiring.checkpoint("reconcile"), os.environ["MERCHANT_TIME_ZONE"]
    return Reconcile(wiring.everything(), wiring.views(), reports, checkpoint, wiring.wait, zone, wiring.now)


@cache
def tell_channel() -> TellChannel:
    """Use case."""
    from oms.application.gates import Gates
    from oms.application.telling import TellChannel

    outbox = wiring.outbox()
    gates = Gates(outbox, wiring.now)
    return TellChannel(
        wiring.orders(),
        wiring.reference(),
        wiring.vendors(TOLD_WITHIN_S),
        outbox,
        gates,
        wiring.quarantine(),
        wiring.tell_later,
        wiring.now,
    )


@cache
def tell_levels() -> TellLevels:
    """Use case."""
    from oms.application.gates import Gates
    from oms.application.telling_levels import TellLevels

    outbox = wiring.outbox()
    gates = Gates(outbox, wiring.now)
    return TellLevels(
        wiring.reference(),
        show_availability(),
        wiring.vendors(TOLD_WITHIN_S),
        outbox,
        gates,
        wiring.quarantine(),
        wiring.tell_later,
        wiring.now,
    )


@cache
def poll_channels() -> PollChannels:
    """Use case."""
    from oms.application.compare_day import CompareDay
    from oms.application.poll import PollChannel, PollChannels
    from oms.channels.registry import CONNECTORS
    from oms.entrypoints.telemetry import logger

    def failed(source: str, account: str, error: Exception) -> None:
        what = {"source": source, "account": account, "error": type(error).__name__}
        logger.warning("poll broke off", extra=what)

    orders, vendors, views = wiring.orders(), wiring.vendors(), wiring.views()
    compare = CompareDay(orders, vendors, views, wiring.take_in, wiring.now)
    poll = PollChannel(orders, vendors, wiring.marks(), views, wiring.take_in, compare, wiring.now)
    return PollChannels(wiring.connections().accounts, poll, frozenset(CONNECTORS), failed, wiring.now)


@cache
def move_stock() -> MoveStock:
    """Use case."""
    from oms.application.stock import MoveStock

    return MoveStock(wiring.log(), wiring.reference(), wiring.now)


@cache
def count_stock() -> CountStock:
    """Use case."""
    from oms.application.stock import CountStock

    return CountStock(wiring.log(), wiring.stock(), wiring.reference(), wiring.now)


@cache
def take_stock_feed() -> TakeStockFeed:
    """Use case."""
    from oms.application.feed import TakeStockFeed

    return TakeStockFeed(wiring.log(), wiring.fed_stock(), wiring.reference(), wiring.now, wiring.abreast)


@cache
def feed_reports() -> FeedReports:
    """What becomes of feeds."""
    from oms.application.feed_report import FeedReports

    return FeedReports(wiring.views(), wiring.reports(), wiring.now)


@cache
def take_feed_file() -> TakeFeedFile:
    """Use case."""
    from oms.application.feed_file import TakeFeedFile

    return TakeFeedFile(
        take_stock_feed(), feed_reports(), lambda feed_id: wiring.checkpoint(f"stock-feeds/{feed_id}"), wiring.now
    )


@cache
def take_supply() -> TakeSupply:
    """Use case."""
    from oms.application.supply import TakeSupply

    return TakeSupply(wiring.log(), wiring.reference(), wiring.now)


@cache
def hold_stock() -> HoldStock:
    """Use case."""
    from oms.application.holds import HoldStock
    from oms.domain.sourcing.engine import source

    return HoldStock(wiring.stock_holds(), wiring.stock(), wiring.reference(), source, expire_holds())


@cache
def extend_hold() -> ExtendHold:
    """Use case."""
    from oms.application.holds import ExtendHold

    return ExtendHold(wiring.stock_holds())


@cache
def release_hold() -> ReleaseHold:
    """Use case."""
    from oms.application.holds import ReleaseHold

    return ReleaseHold(wiring.stock_holds())


@cache
def expire_holds() -> ExpireHolds:
    """Use case."""
    from oms.application.holds import ExpireHolds

    return ExpireHolds(wiring.stock_holds(), wiring.stock(), wiring.now)


@cache
def show_availability() -> ShowAvailability:
    """Use case."""
    from oms.application.availability import ShowAvailability

    return ShowAvailability(wiring.stock(), wiring.reference(), wiring.now)


@cache
def look_up_order() -> LookUpOrder:
    """Use case."""
    from oms.application.status import LookUpOrder

    return LookUpOrder(wiring.orders(), wiring.views(), wiring.contacts(), wiring.status_links(), wiring.now)
