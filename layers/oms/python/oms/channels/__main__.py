"""`python -m oms.channels`: what this system makes of a channel's documents, without an account, a network or AWS.

    normalize SOURCE FILE            print the canonical order (infra/schemas/canonical_order.v1.json), one a line
    verify SOURCE --secret S FILE    is the delivery signed by the secret? `--header "name: value"` as often as needed,
                                     `--key PEM` where the sender publishes keys, `--at` for an instant in the past
    list                             every channel

FILE is a body, {"headers": ..., "body": ...}, or what the vendor's API answered; `-` is the standard input. Ends with
0, or with 2 after {"code", "detail"} when the answer is no.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oms.channels.document import document_of
from oms.channels.files import ACCOUNT, NoOrderError, orders_in, read_saved, supports
from oms.channels.payload import parse_moment
from oms.channels.registry import SOURCES, connector
from oms.domain.errors import InvalidInputError, MalformedPayloadError, OmsError, SignatureError
from oms.domain.inbound import InboundRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


def normalize(source: str, raw: bytes) -> list[dict[str, Any]]:
    """The orders of a file; raises OmsError."""
    return [document_of(order) for order in orders_in(source, raw)]


def verify(source: str, raw: bytes, secrets: Sequence[str], headers: Sequence[str], at: str) -> None:
    """Raises OmsError unless the delivery is signed by one of the secrets, or keys."""
    who = connector(source)
    try:
        saved = read_saved(raw)
        told, body = dict(saved.headers), saved.body
    except MalformedPayloadError:
        told, body = {}, raw  # a signature is over any bytes
    for each in headers:
        name, _, value = each.partition(":")
        told[name.strip().lower()] = value.strip()
    now = parse_moment(at) if at else datetime.now(UTC)  # noqa: TID251 - somebody asks now
    if now is None:
        raise InvalidInputError("--at is an instant with its zone, as ISO 8601 writes it")
    try:
        who.verify(InboundRequest(account=ACCOUNT, headers=told, body=body), list(secrets), now)
    except SignatureError:
        if not body.endswith(b"\n"):
            raise
        # Whoever saved it may have given it a last line feed, as editors do.
        unended = body.removesuffix(b"\n").removesuffix(b"\r")
        who.verify(InboundRequest(account=ACCOUNT, headers=told, body=unended), list(secrets), now)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m oms.channels", description=(__doc__ or "").partition("\n")[0])
    does = parser.add_subparsers(dest="does", required=True)
    normalizing = does.add_parser("normalize", help="print the canonical order")
    verifying = does.add_parser("verify", help="check a signature")
    for each in (normalizing, verifying):
        each.add_argument("source", metavar="SOURCE")
        each.add_argument("file", metavar="FILE")
    verifying.add_argument("--secret", action="append", required=True, help="as the account is connected with it")
    verifying.add_argument("--key", action="append", default=[], help="file of a key that the sender publishes")
    verifying.add_argument("--header", action="append", default=[], help='"name: value"')
    verifying.add_argument("--at", default="", help="when it came; now, if it is not said")
    does.add_parser("list", help="every channel")
    return parser


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _told(asked: argparse.Namespace) -> list[dict[str, Any]]:
    if asked.does == "list":
        return [supports(source) for source in SOURCES]
    if asked.does == "normalize":
        return normalize(asked.source, _read(asked.file))
    keys = [_read(file).decode() for file in asked.key]
    verify(asked.source, _read(asked.file), [*asked.secret, *keys], asked.header, asked.at)
    return [{"verified": True}]


def main(arguments: Sequence[str]) -> int:
    """Run a command; what it answers is one JSON object a line."""
    asked = _parser().parse_args(arguments)
    try:
        told, status = _told(asked), 0
    except (OmsError, NoOrderError) as error:
        told, status = [{"code": error.code, "detail": str(error), **error.context}], 2
    except (OSError, ValueError) as error:  # UnicodeDecodeError is one, and what a path with a NUL byte is
        told, status = [{"code": "no_file", "detail": str(error)}], 2
    sys.stdout.writelines(_printed(each) + "\n" for each in told)
    return status


def _printed(document: dict[str, Any]) -> str:
    """As JSON; what no output can spell (a lone surrogate, a letter that the terminal has none of) is escaped."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, default=str)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
