"""Serial numbers (I1): a unit is with one customer, and comes back from the one it went to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.order import events as ev
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.serials import Serial


def out_once(streams: Mapping[str, Sequence[StoredCommit]]) -> Iterator[Finding]:
    """Every unit that left and is not back is out with one order, and was not out with it already."""
    where: dict[Serial, str] = {}
    for stream, stored in streams.items():
        out: set[Serial] = set()
        for event in (event for each in stored for event in each.commit.events):
            for serial in _went(event):
                if serial in out:
                    yield Finding(invariant="I1", detail=f"{serial} left {stream} twice")
                out.add(serial)
            for serial in _came(event):
                if serial not in out:
                    yield Finding(invariant="I1", detail=f"{serial} came back to {stream}, and was not out")
                out.discard(serial)
        for serial in out:
            if serial in where:
                yield Finding(invariant="I1", detail=f"{serial} is out with {where[serial]} and {stream}")
            where[serial] = stream


def _went(event: object) -> Iterator[Serial]:
    if isinstance(event, ev.ShipmentShipped):
        yield from (serial for parcel in event.parcels for units in parcel.units for serial in units.serials)


def _came(event: object) -> Iterator[Serial]:
    if isinstance(event, ev.LinesReturned):
        yield from (serial for units in event.units for serial in units.serials)
    elif isinstance(event, ev.SerialsReturned):
        yield from (serial for serials in event.serials.values() for serial in serials)
