"""Buy the labels that returns are due, each once.

A carrier is asked for the label of a return by the return's id before one is bought: whoever dies between buying and
the commit finds it again. The file of a label shows names and addresses: its address at the vendor is kept with the
order's contact and nowhere else, and what is committed is what is known of any parcel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from oms.domain import ids
from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.labels import ToLabel
from oms.domain.order.return_commands import LabelReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.application.orders import Orders
    from oms.application.ports import Reference
    from oms.domain.canonical import Contact, ContactKey
    from oms.domain.commit import Cause
    from oms.domain.labels import Label
    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Order


class ReturnLabels(Protocol):
    """A carrier's labels for the way back, by account."""

    def find(self, account: str, reference: str) -> Label | None:
        """The label that was bought under this reference. Raises UpstreamError, UpstreamRefusedError."""

    def buy(self, account: str, asked: ToLabel) -> Label:
        """The cheapest there is. Raises UpstreamError, UpstreamRefusedError when there is none."""


class LabelContacts(Protocol):
    """Where personal data is kept."""

    def get(self, where: ContactKey) -> Contact | None:
        """The contact, or None when there is none or it was erased."""

    def put_label(self, where: ContactKey, return_id: str, url: str) -> None:
        """Keep where the file of a label is, with the contact and as long as it."""

    def label(self, where: ContactKey, return_id: str) -> str:
        """Where the file is; '' when nobody knows (any more)."""


class NodeRows(Protocol):
    """Nodes as they were imported."""

    def node_rows(self) -> Sequence[Mapping[str, Any]]:
        """All of them."""


@frozen(kw_only=False)
class LabelReturns:
    """The workflow step."""

    orders: Orders
    contacts: LabelContacts
    reference: Reference
    nodes: NodeRows
    labels: Mapping[str, ReturnLabels]
    """By vendor."""

    def __call__(self, order_id: str, cause: Cause) -> dict[str, Any]:
        """{'labelled': how many were bought or found}.

        Raises UpstreamError when the vendor does not answer, UpstreamRefusedError when it will not, InvalidInputError
        when nobody knows (any more) where the parcel comes from or goes to.
        """
        order = self.orders.load(order_id).order
        if order is None:
            return {"labelled": 0}
        due = [known for known in order.returns.values() if known.label_due]
        for known in due:
            label = self._label(order, known)
            self.contacts.put_label(order.contact_key, known.return_id, label.url)
            command = LabelReturn(
                command_id=ids.command_id("label", known.return_id),
                return_id=known.return_id,
                carrier=label.carrier,
                tracking_number=label.tracking_number,
            )
            self.orders.execute(order_id, command, cause)
        return {"labelled": len(due)}

    def _label(self, order: Order, known: Return) -> Label:
        vendor, _, account = known.terms.label_account.partition("/")
        labels = self.labels[vendor]
        return labels.find(account, known.return_id) or labels.buy(account, self._asked(order, known))

    def _asked(self, order: Order, known: Return) -> ToLabel:
        contact = self.contacts.get(order.contact_key)
        node = next((row for row in self.nodes.node_rows() if row["node_id"] == known.terms.return_node), None)
        if contact is None or contact.shipping is None:
            raise InvalidInputError("nobody knows where the return comes from", return_id=known.return_id)
        if node is None or not node.get("street"):
            raise InvalidInputError("the node has no street", node=known.terms.return_node)
        skus = [order.lines[line_id].placed.sku for line_id in known.lines]
        products = self.reference.products(skus)
        grams = sum(
            products[order.lines[line_id].placed.sku].grams * line.quantity for line_id, line in known.lines.items()
        )
        return ToLabel(reference=known.return_id, sender=contact.shipping, node=node, grams=grams)
