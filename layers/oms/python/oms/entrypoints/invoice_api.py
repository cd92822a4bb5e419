"""Invoices and credit notes: issued, listed, shown as JSON and as PDF."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.event_handler import Response

from oms.domain.codec import to_plain
from oms.domain.errors import OrderNotFoundError
from oms.entrypoints import http, queues, wiring, wiring_invoices
from oms.entrypoints.order_api import known_form
from oms.entrypoints.telemetry import correlate, count

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    from oms.domain.invoices import DocumentIssued, DocumentNumbered

READERS: Final = ("finance", "service")
PDF: Final = "application/pdf"


def take(received: queues.Message) -> None:
    """A message of the queue: issue what the order needs."""
    order_id = json.loads(received.body)["invoice"]
    correlate(order_id)
    count("InvoicesIssued", wiring_invoices.issue_invoices()(order_id))


def issue(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Issue what the order needs and does not have; 201 when that was something."""
    http.require(app, "finance")
    http.no_body(app)
    correlate(known_form(order_id))
    issued = wiring_invoices.issue_invoices()(order_id)
    count("InvoicesIssued", issued)
    return http.answer(_listed(order_id), 201 if issued else 200)


def list_of_order(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """The order's documents, oldest first."""
    http.require(app, *READERS)
    listed = _listed(known_form(order_id))
    if not listed["invoices"] and wiring.orders().load(order_id).order is None:
        raise OrderNotFoundError("no such order", order_id=order_id)
    return http.answer(listed)


def show(app: APIGatewayHttpResolver, number: str) -> Response[Any]:
    """One document with its buyer; as PDF for whoever accepts that."""
    http.require(app, *READERS)
    told = wiring_invoices.show_invoices().document(number)
    contact = wiring.contacts().get(told.contact_key)
    from oms.entrypoints import invoice_pages

    if PDF in http.headers(app).get("accept", ""):
        named: dict[str, str | list[str]] = {"content-disposition": f'inline; filename="{told.number}.pdf"'}
        return Response(status_code=200, content_type=PDF, body=invoice_pages.render(told, contact), headers=named)
    return http.answer({**_document(told), "buyer": invoice_pages.buyer_of(contact)})


def _listed(order_id: str) -> dict[str, Any]:
    found = wiring_invoices.show_invoices().of_order(order_id)
    return {"order_id": order_id, "invoices": [_row(each) for each in found]}


def _row(each: DocumentNumbered) -> dict[str, Any]:
    return {
        "number": each.number,
        "kind": each.kind.value,
        "of": each.of,
        "entity": each.entity_id,
        "currency": each.currency,
        "gross": each.gross,
        "issued_at": each.issued_at.isoformat(),
    }


def _document(told: DocumentIssued) -> dict[str, Any]:
    seller = told.seller
    return {
        **_row_of(told),
        "order_id": told.order_id,
        "order_number": told.order_number,
        "supplied_at": told.supplied_at.isoformat(),
        "country": told.country,
        "amends": list(told.corrects),
        "seller": {
            "name": seller.name,
            "address": list(seller.address),
            "country": seller.country,
            "tax_ids": list(seller.tax_ids),
        },
        "lines": [to_plain(each) for each in told.lines],
        "rates": [to_plain(each) for each in told.rates],
        "net": told.net,
        "tax": told.tax,
        "notes": list(told.notes),
    }


def _row_of(told: DocumentIssued) -> dict[str, Any]:
    return {
        "number": told.number,
        "kind": told.kind.value,
        "of": told.of,
        "entity": told.seller.entity_id,
        "currency": told.currency,
        "gross": told.gross,
        "issued_at": told.issued_at.isoformat(),
    }
