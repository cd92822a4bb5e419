"""Where is my order: for customers, as JSON or as a page, by signed link or by order number and e-mail address."""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from oms.application.status import customer_view
from oms.domain.errors import InvalidTokenError, NotFoundError, OmsError, RateLimitedError
from oms.entrypoints import http, pages, use_cases, wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.entrypoints.requests.status import LookUpBody

MAX_FORM: Final = 4_000
FORM: Final = "application/x-www-form-urlencoded"
_IPV6_SITE: Final = 64
"""Leading bits of an IPv6 address that one customer line is given: all of its addresses count as one sender."""

_NO_LINK: Final = "this link is not valid, or no longer"
STEPS: Final = ("Received", "Packed", "Shipped", "Delivered")


class Saying(NamedTuple):
    """What a customer reads: how many steps of the progress line are done, and which one the order is at."""

    heading: str
    more: str
    done: int
    at: int


SAYINGS: Final[Mapping[str, Saying]] = {
    "received": Saying("We have your order", "We are getting it ready.", 1, 1),
    "awaiting_payment": Saying("Waiting for your payment", "We start as soon as it arrives.", 1, 1),
    "being_checked": Saying("We are checking your order", "There is nothing you need to do.", 1, 1),
    "waiting_for_stock": Saying("Waiting for new stock", "We send it as soon as the items are back.", 1, 1),
    "being_prepared": Saying("We are preparing your order", "", 1, 2),
    "being_packed": Saying("We are packing your order", "", 1, 2),
    "partly_shipped": Saying("Part of your order is on its way", "The rest follows.", 2, 3),
    "on_its_way": Saying("Your order is on its way", "", 3, 3),
    "delivered": Saying("Your order has been delivered", "", 4, 4),
    "cancelled": Saying("Your order was cancelled", "", 0, 0),
}
"""By the words of `oms.application.status`."""
PROMISING: Final = frozenset({"being_prepared", "being_packed", "partly_shipped", "on_its_way"})
"""When the promised date holds for everything that has not arrived yet."""
PLACES: Final[Mapping[str, str]] = {
    "open": "being prepared",
    "backordered": "waiting for stock",
    "allocated": "being packed",
    "shipped": "on the way",
    "delivered": "delivered",
    "returned": "returned",
    "cancelled": "cancelled",
}
PARCELS: Final[Mapping[str, str]] = {
    "unknown": "Handed to the carrier",
    "pre_transit": "Handed to the carrier",
    "in_transit": "On its way",
    "out_for_delivery": "Out for delivery",
    "available_for_pickup": "Ready for you to pick up",
    "delivered": "Delivered",
    "exception": "Held up; the carrier is looking into it",
    "return_to_sender": "On its way back to us",
    "cancelled": "Cancelled",
}
REFUNDS: Final[Mapping[str, str]] = {"paid": "Paid back", "on_its_way": "On its way to you"}


def resolver() -> APIGatewayHttpResolver:
    """A resolver that shows refusals and failures as pages to browsers, and as problems to programs."""
    app = http.resolver()
    problem = app.exception_handler_manager.lookup_exception_handler(Exception) or _failed
    app.exception_handler(OmsError)(lambda error: _refused(app, error))
    app.exception_handler(Exception)(lambda error: _failed(error) if wants_html(app) else problem(error))
    app.not_found(lambda _: _refused(app, NotFoundError("no such page")))
    return app


def show(app: APIGatewayHttpResolver, token: str) -> Response[str]:
    """The order that the link was signed for."""
    view = view_of(token)
    if not wants_html(app):
        return http.answer(view)
    return pages.page("status.html", **_shown(view))


def view_of(token: str) -> dict[str, Any]:
    """What the holder of a signed link may see; raises InvalidTokenError."""
    try:
        order = use_cases.show_order()(wiring.status_links().verify(token, wiring.now())).order
    except NotFoundError as error:
        raise InvalidTokenError(_NO_LINK) from error
    if order is None:
        # Whether there is such an order is nobody's business: the same answer as for a link that was not signed.
        raise InvalidTokenError(_NO_LINK)
    return customer_view(order)


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {
            "title": line["title"],
            "quantity": line["quantity"],
            "where": [(line[place], says) for place, says in PLACES.items() if line.get(place)],
            "expected": line.get("expected_at"),
        }
        for line in view["lines"]
    ]
    return {
        "view": view,
        "saying": SAYINGS[view["status"]],
        "expected": view["promised_by"] if view["status"] in PROMISING else None,
        "steps": STEPS,
        "lines": lines,
        "parcel_words": PARCELS,
        "refund_words": REFUNDS,
    }


def form(app: APIGatewayHttpResolver) -> Response[str]:  # noqa: ARG001 - as every other page
    """The look-up form."""
    return _form()


def _form(message: str = "", status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    return pages.page("lookup.html", status, headers=headers, message=message)


def look_up(app: APIGatewayHttpResolver) -> Response[str]:
    """The path of the order's page. Unknown numbers and wrong addresses are answered alike."""
    if http.headers(app).get("content-type", "").partition(";")[0].strip().lower() == FORM:
        return _look_up_form(app)
    return http.answer({"path": f"/status/{_token(app, http.body(app, _contract()))}"})


def _contract() -> type[LookUpBody]:
    from oms.entrypoints.requests.status import LookUpBody  # not for those who only follow their link

    return LookUpBody


def _look_up_form(app: APIGatewayHttpResolver) -> Response[str]:
    try:
        fields = dict(parse_qsl(http.raw_body(app, MAX_FORM).decode(), max_num_fields=8))
        asked = _contract().model_validate({name: value.strip() for name, value in fields.items()})
    except ValueError:  # pydantic's ValidationError is one, and so is UnicodeDecodeError
        message = "Please enter the order number and the e-mail address."
        return _form(message, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        return pages.see_other(f"/status/{_token(app, asked)}")
    except RateLimitedError as error:
        message = "Too many tries. Please wait 15 minutes and try again."
        return _form(message, HTTPStatus.TOO_MANY_REQUESTS, pages.refusal_headers(error))
    except NotFoundError:
        message = "We found no order with this number and e-mail address. Please check both and try again."
        return _form(message, HTTPStatus.NOT_FOUND)


def _token(app: APIGatewayHttpResolver, asked: LookUpBody) -> str:
    return use_cases.look_up_order()(asked.number, asked.email, sender(app))


def sender(app: APIGatewayHttpResolver) -> str:
    """Where the call comes from, as far as tries are counted."""
    return counted(app.current_event.raw_event.get("requestContext", {}).get("http", {}).get("sourceIp", ""))


def counted(text: str) -> str:
    """The address under which tries from an IP address are counted."""
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> (128 - _IPV6_SITE) << (128 - _IPV6_SITE)))
    return str(address)


def wants_html(app: APIGatewayHttpResolver) -> bool:
    """The caller likes HTML better than JSON, and says so."""
    liked = {"text/html": 0.0, "application/json": 0.0}
    for part in http.headers(app).get("accept", "").split(","):
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        if kind in liked:
            quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
            liked[kind] = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
    return liked["text/html"] > liked["application/json"]


def _refused(app: APIGatewayHttpResolver, error: OmsError) -> Response[str]:
    return _refuse(error) if wants_html(app) else http.problem(error)


def _refuse(error: OmsError) -> Response[str]:
    unknown = isinstance(error, (InvalidTokenError, NotFoundError))
    return pages.page(
        "status_error.html",
        http.status_of(error),
        headers=pages.refusal_headers(error),
        heading="This link does not work" if unknown else "This did not work",
        message="It may have expired, or part of it is missing. You can look up your order with its number instead."
        if unknown
        else "Please try again in a little while.",
    )


def _failed(error: Exception) -> Response[str]:
    pages.failed(error)
    message = "It is our fault, not yours. Please try again in a little while."
    return pages.page("status_error.html", 500, heading="Something went wrong", message=message)
