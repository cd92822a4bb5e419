"""The use cases of returns, as `use_cases` makes the others."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import use_cases, wiring, wiring_returns

if TYPE_CHECKING:
    from oms.application.exchanges import PlaceReplacements
    from oms.application.policies import ManageReturnRules
    from oms.application.return_labels import LabelReturns
    from oms.application.return_report import ReportReturns
    from oms.application.returns import AskForReturn, TakeArrival


@cache
def manage_return_rules() -> ManageReturnRules:
    """Use case."""
    from oms.application.policies import ManageReturnRules

    return ManageReturnRules(wiring.policies(), wiring.reference(), wiring.now)


@cache
def ask_for_return() -> AskForReturn:
    """Use case."""
    from oms.application.returns import AskForReturn

    return AskForReturn(wiring.orders(), wiring.reference(), wiring.now)


@cache
def take_arrival() -> TakeArrival:
    """Use case."""
    from oms.application.returns import TakeArrival

    return TakeArrival(wiring.orders(), wiring.views(), wiring.reference(), ask_for_return(), wiring.now)


@cache
def label_returns() -> LabelReturns:
    """Workflow step."""
    from oms.application.return_labels import LabelReturns

    labels = {"easypost": wiring_returns.easypost()}
    return LabelReturns(wiring.orders(), wiring.contacts(), wiring.reference(), wiring.reference(), labels)


@cache
def place_replacements() -> PlaceReplacements:
    """Workflow step."""
    from oms.application.exchanges import PlaceReplacements

    return PlaceReplacements(wiring.orders(), wiring.contacts(), use_cases.sync_snapshot())


@cache
def report_returns() -> ReportReturns:
    """Use case."""
    from oms.application.return_report import ReportReturns

    zone = os.environ["MERCHANT_TIME_ZONE"]
    return ReportReturns(wiring.views(), wiring.orders(), wiring.reports(), zone, wiring.now)
