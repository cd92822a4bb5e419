"""What every console page is made with: who asks, and the headers that console pages carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.entrypoints import http, pages, sessions

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
    from aws_lambda_powertools.shared.cookies import Cookie

PAGE: Final = 25
"""Rows of a list."""
# With 'no-referrer', browsers hide the origin of forms too, and forms could not be told from forged ones.
_HEADERS: Final = {"referrer-policy": "same-origin"}


@frozen(kw_only=False)
class Visit:
    """A request whose sender is known."""

    app: APIGatewayHttpResolver
    session: sessions.Session

    @property
    def query(self) -> dict[str, str]:
        """Query parameters."""
        return http.query(self.app)

    def page(self, template: str, status: int = 200, *, nav: str, **context: Any) -> Response[str]:
        """A page with the navigation of this session."""
        return page(template, status, session=self.session, nav=nav, **context)


def page(template: str, status: int = 200, cookies: list[Cookie] | None = None, **context: Any) -> Response[str]:
    """A page of the console."""
    headers = {**_HEADERS, **context.pop("headers", {})}
    return pages.page(template, status, headers=headers, cookies=cookies, **context)


def see_other(path: str, cookies: list[Cookie] | None = None) -> Response[str]:
    """Go on with GET."""
    answer = pages.see_other(path, cookies)
    answer.headers.update(_HEADERS)
    return answer
