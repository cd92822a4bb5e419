"""Returns: asked for by customers and staff, and found for goods that came without having been asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.exchange_prices import with_prices
from oms.application.stock import check_known
from oms.domain import ids
from oms.domain.errors import InvalidInputError, OrderNotFoundError, ReturnNotFoundError
from oms.domain.frozen import frozen
from oms.domain.order.return_commands import AskedLine, InspectReturn, ReceiveReturn, RequestReturn
from oms.domain.order.return_facts import Resolution, ReturnRequested
from oms.domain.order.return_state import returnable
from oms.domain.order.returns import NODE, candidates
from oms.domain.return_policy import POLICY, eligible, read_rules, rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.application.orders import Orders, Outcome
    from oms.application.ports import Clock, Reference, Views
    from oms.domain.commit import Cause
    from oms.domain.order.exchange_facts import WantedLine
    from oms.domain.order.return_facts import InspectedUnits
    from oms.domain.order.state import Order
    from oms.domain.return_policy import ReturnRules
    from oms.domain.serials import ByLine

UNMATCHED: Final = "unmatched_return"
KEEP_DAYS: Final = 365
"""How long goods that nobody could match are listed."""
FOUND_BY: Final = ("order_id", "order_number", "tracking_number", "serial")


@frozen
class Asked:
    """What somebody asks to return. `origin` and `node_id` as in `RequestReturn`."""

    lines: tuple[AskedLine, ...]
    resolution: Resolution = Resolution.REFUND
    origin: str = "staff"
    override: bool = False
    node_id: str = ""
    wanted: tuple[WantedLine, ...] = ()
    """What is wanted instead; prices are looked up."""


@frozen(kw_only=False)
class AskForReturn:
    """One return, on the terms of the policy that holds now."""

    orders: Orders
    reference: Reference
    now: Clock

    def __call__(self, order_id: str, command_id: str, asked: Asked, cause: Cause) -> tuple[Outcome, str]:
        """(what it did, the return's id). Raises OrderNotFoundError, NotExchangeableError and what `request` raises."""
        loaded = self.orders.load(order_id)
        if loaded.order is None:
            raise OrderNotFoundError("no such order")
        wanted = with_prices(self.reference, loaded.order, asked.wanted) if asked.wanted else ()
        command = RequestReturn(
            command_id=command_id,
            lines=asked.lines,
            at=self.now(),
            rules=read_rules(self.reference.policy(POLICY)),
            categories=self._categories(loaded.order, [each.line_id for each in asked.lines]),
            resolution=asked.resolution,
            origin=asked.origin,
            override=asked.override,
            node_id=asked.node_id,
            wanted=wanted,
        )
        outcome = self.orders.execute(order_id, command, cause, loaded=loaded)
        requested = next(each for each in outcome.events if isinstance(each, ReturnRequested))
        return outcome, requested.return_id

    def _categories(self, order: Order, lines: Sequence[str]) -> dict[str, str]:
        named = [order.lines[line_id].placed.sku for line_id in lines if line_id in order.lines]
        return dict(self.reference.categories(named))

    def may_be(self, order: Order, reason: str = "") -> tuple[ReturnRules, dict[str, dict[str, Any]]]:
        """The rules, and what of the order they let come back now: by line, units and the day until which.

        Which rule decides may depend on the reason; '' stands for any that no rule names.
        """
        rules = read_rules(self.reference.policy(POLICY))
        left = {line_id: units for line_id, units in returnable(order).items() if units > 0}
        categories = self._categories(order, list(left))
        country = order.placed.ship_to.country if order.placed.ship_to else ""
        found = {}
        for each in candidates(order, {line_id: (units, reason) for line_id, units in left.items()}, categories):
            rule = rule_for(rules, order.placed.channel, country, each)
            units = eligible(rule, each, self.now())
            found[each.line_id] = {"units": units, "rule": rule}
        return rules, found


@frozen(kw_only=False)
class TakeArrival:
    """Goods that are at a node: received, looked at, or matched with an order first."""

    orders: Orders
    views: Views
    reference: Reference
    ask: AskForReturn
    now: Clock

    def receive(self, return_id: str, node_id: str, command_id: str, cause: Cause) -> Outcome:
        """A return is there. Raises NoSuchNodeError, ReturnNotFoundError, InvalidTransitionError."""
        check_known(self.reference, [node_id], [])
        command = ReceiveReturn(command_id=command_id, return_id=return_id, node_id=node_id)
        return self._run(return_id, command, cause)

    def inspect(
        self,
        return_id: str,
        command_id: str,
        cause: Cause,
        *,
        node_id: str,
        lines: tuple[InspectedUnits, ...],
        serials: ByLine,
        last: bool,
    ) -> Outcome:
        """Units of it were looked at. Raises NoSuchNodeError and what `inspect` raises."""
        check_known(self.reference, [node_id], [])
        command = InspectReturn(
            command_id=command_id, return_id=return_id, node_id=node_id, lines=lines, serials=serials, last=last
        )
        return self._run(return_id, command, cause)

    def _run(self, return_id: str, command: ReceiveReturn | InspectReturn, cause: Cause) -> Outcome:
        try:
            return self.orders.execute(ids.order_of_return(return_id), command, cause)
        except OrderNotFoundError as error:
            raise ReturnNotFoundError("no such return", return_id=return_id) from error

    def find(self, by: str, value: str) -> list[str]:
        """Orders whose goods these may be, newest first: by id, number, tracking number (of either way), or serial."""
        if by == "order_id":
            return [value]
        if by == "order_number":
            bare = value.strip().removeprefix("#")
            found = [where.order_id for each in (bare, f"#{bare}") for where in self.views.contacts_of(each)]
        elif by == "tracking_number":
            found = [*self.views.orders_with("return", value), *self.views.orders_with("tracking", value)]
        elif by == "serial":
            found = self.views.orders_with("serial", value)
        else:
            raise InvalidInputError("goods are found by one of these", allowed=list(FOUND_BY))
        return list(dict.fromkeys(found))

    def arrived(
        self, order_id: str, lines: tuple[AskedLine, ...], node_id: str, command_id: str, cause: Cause
    ) -> tuple[Outcome, str]:
        """A return is made on the spot of what is there. Raises NoSuchNodeError and what asking for one raises."""
        check_known(self.reference, [node_id], [])
        return self.ask(order_id, command_id, Asked(lines=lines, origin=NODE, node_id=node_id), cause)

    def unmatched(self, node_id: str, seen: dict[str, Any], key: str) -> dict[str, Any]:
        """Nobody knows whose it is: it is listed, and told once, until somebody matches it."""
        check_known(self.reference, [node_id], [])
        unmatched_id = ids.derive("unm", node_id, key)
        row = {"unmatched_id": unmatched_id, "node_id": node_id, "received_at": self.now().isoformat(), **seen}
        if not self.views.put_row(UNMATCHED, unmatched_id, row, keep_days=KEEP_DAYS):
            row = dict(self.views.get_row(UNMATCHED, unmatched_id) or row)
        # Told whether the row is new or not: whoever wrote it may have died before this.
        at = row["received_at"]
        alert = {"alert_id": unmatched_id, "kind": "return_unmatched", "node_id": node_id, "raised_at": at}
        self.views.put_row("alert", f"{at[:10]}#{unmatched_id}", alert, keep_days=90)
        return row

    def match(
        self, unmatched_id: str, order_id: str, lines: tuple[AskedLine, ...], command_id: str, cause: Cause
    ) -> tuple[Outcome, str]:
        """Goods that waited are this order's. Raises ReturnNotFoundError when they do not wait (any more)."""
        row = self.views.get_row(UNMATCHED, unmatched_id)
        if row is None and self.orders.load(order_id).history.find(command_id):
            # Done before, up to its last step: the same answer again.
            return self.ask(order_id, command_id, Asked(lines=lines, origin=NODE), cause)
        if row is None:
            raise ReturnNotFoundError("nothing waits under this id", unmatched_id=unmatched_id)
        done = self.arrived(order_id, lines, row["node_id"], command_id, cause)
        # Dropped only when it is in the log: a crash between the two lists it once more, and a retry is a replay.
        self.views.delete_row(UNMATCHED, unmatched_id)
        return done
