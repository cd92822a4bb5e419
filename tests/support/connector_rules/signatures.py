"""Rules of `verify`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from oms.channels.signatures import TOLERANCE_SECONDS
from oms.domain.errors import AuthenticationError, ReplayWindowError, SignatureError
from oms.domain.inbound import InboundRequest, NoticeKind
from tests.support.connector_rules.kit import ACCOUNT, NOW, Delivery
from tests.support.connector_rules.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tests.support.connector_rules.kit import Kit


def _verdict(kit: Kit, request: InboundRequest, secrets: Sequence[str] | None = None, at: datetime = NOW) -> str:
    try:
        kit.connector.verify(request, list(kit.secrets if secrets is None else secrets), at)
    except ReplayWindowError:
        return "outside"
    except SignatureError:
        return "refused"
    except AuthenticationError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {error}"
    return "taken"


def _names(kit: Kit, delivery: Delivery) -> list[str]:
    """The headers that sign it."""
    return list(kit.sign(delivery.body, int(NOW.timestamp())))


def _with_body(request: InboundRequest, body: bytes) -> InboundRequest:
    return InboundRequest(account=request.account, headers=request.headers, body=body)


@rule
def a_signed_delivery_is_taken(kit: Kit) -> Iterator[str]:
    """Every sample, signed as its sender signs, verifies; with a secret that is about to be rotated out too."""
    for delivery in kit.deliveries:
        request = kit.signed(delivery)
        for secrets in (kit.secrets, [*kit.strangers, *kit.secrets], [*kit.secrets, *kit.strangers]):
            if (verdict := _verdict(kit, request, secrets)) != "taken":
                yield f"{delivery.name}: {verdict}"


@rule
def one_changed_byte_is_refused(kit: Kit) -> Iterator[str]:
    """A body that differs in one bit, has a byte more or a byte less is refused."""
    for delivery in kit.deliveries if kit.sealed else ():
        request, body = kit.signed(delivery), delivery.body
        step = max(1, len(body) // 16)
        changed = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(0, len(body), step)]
        for each in (*changed, body[:-1], body + b"\x00", b""):
            if (verdict := _verdict(kit, _with_body(request, each))) != "refused":
                yield f"{delivery.name}: {verdict}"


@rule
def a_body_that_was_written_again_is_refused(kit: Kit) -> Iterator[str]:
    """The bytes are signed, not what they mean: the same JSON in another spelling is refused."""
    for delivery in kit.deliveries if kit.sealed and not kit.respelled else ():
        try:
            document = json.loads(delivery.body)
        except ValueError:
            continue
        again = json.dumps(document, indent=3).encode()
        if (verdict := _verdict(kit, _with_body(kit.signed(delivery), again))) != "refused":
            yield f"{delivery.name}: {verdict}"


@rule
def another_secret_is_refused(kit: Kit) -> Iterator[str]:
    """Nobody else's secret signs for this account: nor none, an empty one, or what cannot be one."""
    odd = [[], [""], ["\x00"], ["\ud800"], ["é:é"], [":"], ["x" * 5000], ["-----BEGIN PUBLIC KEY-----"]]
    for delivery in kit.deliveries[:2] if kit.strangers else ():
        for secrets in [kit.strangers, *odd]:
            if (verdict := _verdict(kit, kit.signed(delivery), secrets)) != "refused":
                yield f"{delivery.name}, {str(secrets)[:30]!r}: {verdict}"


@rule
def a_missing_signature_is_refused(kit: Kit) -> Iterator[str]:
    """Without a header that signs, or with another in its place, whatever that is made of."""
    for delivery in _acted_on(kit)[:2]:
        request = kit.signed(delivery)
        for name in _needed(kit, delivery):
            rest = {key: value for key, value in request.headers.items() if key != name}
            for value in (None, "", " ", "x", "=", "v1,", "sha256=", "t=1,v1=", "\x00", "\ud800", "é", "A" * 10_000):
                headers = rest if value is None else {**rest, name: value}
                verdict = _verdict(kit, InboundRequest(account=ACCOUNT, headers=headers, body=request.body))
                if verdict not in {"refused", "outside"}:
                    yield f"{delivery.name} with {name}={str(value)[:20]!r}: {verdict}"


def _acted_on(kit: Kit) -> list[Delivery]:
    """A ping has no effects, and may come unsigned."""
    return [each for each in kit.deliveries if kit.connector.identify(each.request()).kind is not NoticeKind.PING]


def _needed(kit: Kit, delivery: Delivery) -> list[str]:
    """The headers without which the sample is not signed; the name of a published key only says where that is."""
    return [name for name in _names(kit, delivery) if not name.endswith("-path")]


@rule
def an_old_signature_is_refused(kit: Kit) -> Iterator[str]:
    """Where the time is signed, a delivery is taken within 300 s of it and at no other time."""
    for delivery in kit.deliveries[:1]:
        then = int(NOW.timestamp())
        if not any(str(then) in value for value in kit.sign(delivery.body, then).values()):
            continue
        for seconds in (-301, -299, 299, 301, 9**9):
            wanted = "taken" if abs(seconds) <= TOLERANCE_SECONDS else "outside"
            verdict = _verdict(kit, kit.signed(delivery), at=NOW + timedelta(seconds=seconds))
            if verdict != wanted:
                yield f"{delivery.name} after {seconds} s: {verdict}"
