"""The people of our samples: every name, address and number that may stand in `contacts` and nowhere else."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from infra.local import recorded as rec
from oms.channels.registry import CONNECTORS, connector
from oms.domain.canonical import Contact, Normalized, PostalAddress
from oms.domain.errors import OmsError
from oms.domain.inbound import NoticeKind
from tests.e2e.support import EVENTS, PERSON, sample_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.channels.base import Connector
    from oms.domain.inbound import Notice

SHORTEST = 6
"""Shorter texts stand anywhere by chance."""
PERSONAL = ("name", "email", "phone", "note", "company", "lines")


@cache
def canaries() -> tuple[str, ...]:
    """Texts that name or reach a person."""
    found = {text for contact in _contacts() for text in _texts(contact)}
    found |= set(_plain(PERSON))
    return tuple(sorted(text for text in found if len(text) >= SHORTEST))


def _contacts() -> Iterator[Contact]:
    for source in CONNECTORS:
        for file in sample_files(source):
            try:
                read = _read(source, rec.read(source, file))
            except OmsError:
                continue
            if isinstance(read, Normalized):
                yield read.contact


def _read(source: str, recorded: rec.Recorded) -> object:
    who: Connector = connector(source)
    request = recorded.request("demo")
    notice = who.identify(request)
    if notice.kind is NoticeKind.FETCH:
        return who.assemble("demo", notice, _documents(source, who, notice))
    return who.normalize(request, notice) if notice.kind in (NoticeKind.ORDER, NoticeKind.REFUND) else None


def _documents(source: str, who: Connector, notice: Notice) -> dict[str, list[dict[str, Any]]]:
    folder = EVENTS / "sandbox" / source
    documents: dict[str, list[dict[str, Any]]] = {}
    for request in who.fetches(notice):
        file = folder / f"{notice.external_id}.json"
        if source == "amazon":
            file = folder / str(notice.external_id) / f"{request.name}.json"
        documents[request.name] = [json.loads(file.read_text("utf-8"))]
    return documents


def _texts(contact: Contact) -> Iterator[str]:
    for person in (contact, contact.shipping, contact.billing):
        if person is not None:
            yield from _plain({each.name: getattr(person, each.name) for each in fields(person)})


def _plain(person: dict[str, Any]) -> Iterator[str]:
    for name in PERSONAL:
        value = person.get(name)
        yield from value if isinstance(value, (list, tuple)) else [value or ""]
    for inner in person.values():
        if isinstance(inner, dict):
            yield from _plain(inner)
        elif isinstance(inner, PostalAddress):
            continue
