"""HTML out: templates, the headers that every page carries, and how amounts and instants are written.

Nothing on a page comes from elsewhere and nothing runs in the browser: the one stylesheet stands in the page and its
hash in the Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.event_handler import Response

from oms.domain.errors import UnknownCurrencyError
from oms.domain.money import format_minor
from oms.entrypoints.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.shared.cookies import Cookie
    from jinja2 import Environment
    from markupsafe import Markup

    from oms.domain.errors import OmsError

HTML: Final = "text/html; charset=utf-8"
TEMPLATES: Final = Path(__file__).parent / "templates"
CSS: Final = (TEMPLATES / "oms.css").read_text(encoding="utf-8")
_CSS_HASH: Final = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
CSP: Final = (
    f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
GUARDED: Final[Mapping[str, str]] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "strict-transport-security": "max-age=31536000",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""On every answer of the functions that serve pages."""
SEPARATOR: Final = "\u00a0"
"""A space that does not break, between an amount and its currency."""


def page(
    template: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    cookies: list[Cookie] | None = None,
    **context: Any,
) -> Response[str]:
    """A page made of a template."""
    text = environment().get_template(template).render(context)
    # Half of a surrogate pair, which JSON can carry and UTF-8 cannot, becomes a question mark.
    body = text.encode("utf-8", "replace").decode()
    return Response(status_code=int(status), content_type=HTML, body=body, headers={**(headers or {})}, cookies=cookies)


def see_other(path: str, cookies: list[Cookie] | None = None) -> Response[str]:
    """Go on with GET."""
    return Response(
        status_code=HTTPStatus.SEE_OTHER.value,
        content_type=HTML,
        body="",
        headers={"location": path},
        cookies=cookies,
    )


def guard(answer: dict[str, Any]) -> dict[str, Any]:
    """What a resolver answered, with the headers of pages."""
    return {**answer, "headers": {**GUARDED, **answer.get("headers", {})}}


def refusal_headers(error: OmsError) -> dict[str, str]:
    """Headers that a refusal brings besides."""
    return {"retry-after": str(error.context["retry_after"])} if "retry_after" in error.context else {}


def failed(error: Exception) -> None:
    """Log what nobody expected; the page tells nothing of it."""
    logger.error("unexpected failure", extra={"error": type(error).__name__}, exc_info=error)


@cache
def environment() -> Environment:
    """The templates. Everything is escaped; an unknown name is an error."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(money=money, instant=instant, day=day, words=words)
    made.globals["css"] = _verbatim(CSS)
    return made


def _verbatim(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)  # nosec B704 # noqa: S704 - our own stylesheet, from the package


def money(minor: int, currency: str) -> str:
    """An amount in minor units with its currency: 123456 EUR as '1,234.56 EUR'."""
    try:
        text = format_minor(minor, currency)
    except UnknownCurrencyError:
        return f"{minor} minor units of {currency}"
    whole, point, rest = text.removeprefix("-").partition(".")
    sign = "\u2212" if minor < 0 else ""
    return f"{sign}{int(whole):,}{point}{rest}{SEPARATOR}{currency}"


def instant(value: datetime | str, form: str = "%b %Y, %H:%M UTC") -> str | Markup:
    """An instant in UTC: '22 Nov 2026, 14:05 UTC', exactly for machines and on hovering. `form` follows the day."""
    from markupsafe import Markup

    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    at = at.astimezone(UTC)
    exact = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{exact}" title="{exact}">{text}</time>').format(
        exact=exact, text=f"{at.day} {at.strftime(form)}"
    )


def day(value: datetime | str) -> str | Markup:
    """A day: 'Tuesday 24 November 2026'."""
    from markupsafe import Markup

    try:
        on = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return Markup('<time datetime="{on:%Y-%m-%d}">{on:%A} {day} {on:%B %Y}</time>').format(on=on, day=on.day)


def words(value: str) -> str:
    """A code as words: 'awaiting_payment' as 'awaiting payment'."""
    return value.replace("_", " ")
