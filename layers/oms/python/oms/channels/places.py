"""Addresses: what sourcing may know of them, apart from what names a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from oms.domain.canonical import PostalAddress, ShipTo

if TYPE_CHECKING:
    from oms.channels.payload import Fields

_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_POSTAL_CODE: Final = 20
_REGION: Final = 60
_STREET: Final = 500


def read_country(address: Fields, key: str) -> str:
    """An ISO 3166-1 alpha-2 code in upper case, empty when absent; raises MalformedPayloadError."""
    code = address.text(key).upper()
    if code and not _COUNTRY.fullmatch(code):
        raise address.refuse(key, "a country must be an ISO 3166-1 alpha-2 code")
    return code


def read_ship_to(
    address: Fields,
    *,
    country: str,
    region: str,
    postal_code: str,
    latitude: float | None = None,
    longitude: float | None = None,
) -> ShipTo | None:
    """The destination, its fields named by the keys given; None when the address names no country."""
    code = read_country(address, country)
    if not code:
        return None
    located = latitude is not None and longitude is not None
    return ShipTo(
        country=code,
        region=address.text(region, _REGION),
        postal_code=address.text(postal_code, _POSTAL_CODE).upper(),
        latitude=latitude if located else None,
        longitude=longitude if located else None,
    )


def read_postal(  # noqa: PLR0913 - one key per part of an address
    address: Fields,
    *,
    name: str,
    lines: tuple[str, ...],
    city: str,
    region: str,
    postal_code: str,
    country: str,
    phone: str,
    company: str = "",
) -> PostalAddress | None:
    """The street address; None when there is none. `name` is the name itself, the others are keys."""
    if not address.values:
        return None
    return PostalAddress(
        name=name,
        company=address.text(company) if company else "",
        lines=tuple(line for line in (address.text(key, _STREET) for key in lines) if line),
        city=address.text(city),
        region=address.text(region),
        postal_code=address.text(postal_code, _POSTAL_CODE),
        country=address.text(country),
        phone=address.text(phone),
    )


def join_name(*parts: str) -> str:
    """The parts of a name that there are, in order."""
    return " ".join(part for part in parts if part)
