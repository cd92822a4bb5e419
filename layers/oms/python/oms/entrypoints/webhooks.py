"""Deliveries from outside: proved genuine, put on a queue, and only then acknowledged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.application.messages import to_message
from oms.application.senders import sender
from oms.domain.errors import AuthenticationError, InvalidInputError, NotFoundError, SignatureError
from oms.domain.inbound import (
    TOKEN_HEADER,
    ChallengedSender,
    InboundRequest,
    KeyedSender,
    NoticeKind,
    ProvingSender,
    SubscribedSender,
)
from oms.entrypoints import http, wiring
from oms.entrypoints.telemetry import count, flush, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.inbound import Sender

MAX_BODY: Final = 5_000_000
"""Lambda takes 6 MB as text, base64 included; no vendor sends near it."""
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_BY_QUEUE: Final = frozenset({"amazon"})
"""Sources that prove who they are by a queue's policy, not by a signature: nobody may claim to be them here."""


def receive(app: APIGatewayHttpResolver, source: str, account: str) -> dict[str, Any]:
    """Queue a genuine delivery.

    Raises SignatureError or ReplayWindowError (counted), NotFoundError, PayloadTooLargeError; UpstreamError when a
    sender's published keys cannot be read now.
    """
    if source in _BY_QUEUE or not _ACCOUNT.fullmatch(account):
        raise NotFoundError("nobody is connected under this name")
    who = sender(source)
    request = InboundRequest(account=account, headers=_headers(app), body=http.raw_body(app, MAX_BODY))
    try:
        _verify(who, source, request)
    except AuthenticationError as error:
        count("WebhooksRefused")
        logger.warning("webhook refused", extra={"source": source, "code": error.code})
        raise
    count("WebhooksAccepted")
    try:
        notice = who.identify(request)
    except InvalidInputError:
        topic = "unreadable"  # genuine, so it is kept: intake puts it into quarantine with the reason
    else:
        topic = notice.topic
        if notice.kind in (NoticeKind.PING, NoticeKind.IGNORED):
            return {"outcome": "ignored", "topic": topic}
    wiring.requeue(to_message(source, request, wiring.now()))
    return {"outcome": "queued", "topic": topic}


def _headers(app: APIGatewayHttpResolver) -> dict[str, str]:
    """The headers, and the token of a URL that was registered with one."""
    token = http.query(app).get("token")
    return http.headers(app) | ({TOKEN_HEADER: token} if token else {})


def challenge(app: APIGatewayHttpResolver, source: str, account: str) -> Response[str]:
    """Answer a sender that asks whether this URL wants its deliveries; raises NotFoundError."""
    if source in _BY_QUEUE or not _ACCOUNT.fullmatch(account):
        raise NotFoundError("nobody is connected under this name")
    who = sender(source)
    if isinstance(who, ProvingSender):
        secrets = wiring.connections().signing_secrets(source, account, look_again=True)
        return http.answer(dict(who.prove(http.query(app), http.url(app), secrets)))
    if isinstance(who, SubscribedSender):
        return http.plain(_confirmed(who, source, account, http.query(app)))
    if not isinstance(who, ChallengedSender):
        raise NotFoundError("no such route")
    return http.answer({"challenge": who.challenge(http.query(app))})


def _confirmed(who: SubscribedSender, source: str, account: str, query: dict[str, str]) -> str:
    connections = wiring.connections()
    try:
        return who.confirm(query, connections.signing_secrets(source, account))
    except NotFoundError:  # connected since we last looked
        return who.confirm(query, connections.signing_secrets(source, account, look_again=True))


def _verify(who: Sender, source: str, request: InboundRequest) -> None:
    connections = wiring.connections()
    secrets = connections.signing_secrets(source, request.account)
    try:
        who.verify(request, [*secrets, *_keys(who, request, secrets)], wiring.now())
    except SignatureError:
        # The account may have been connected, or its secret rotated, since we last looked.
        secrets = connections.signing_secrets(source, request.account, look_again=True)
        who.verify(request, [*secrets, *_keys(who, request, secrets)], wiring.now())


def _keys(who: Sender, request: InboundRequest, secrets: list[str]) -> list[str]:
    """Published keys that the delivery names; none are fetched for an account that nobody connected."""
    if not secrets or not isinstance(who, KeyedSender):
        return []
    found = [wiring.published_keys(who.source, request.account).get(path) for path in who.key_paths(request)]
    return [key for key in found if key]


def flushed(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, after the metrics of this invocation are out."""
    flush()
    return answer
