"""How far two places are, without a map service."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oms.domain.canonical import ShipTo

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius R1 of the ellipsoid WGS 84 (IUGG): a great circle is off by half a percent at most."""

_CENTROIDS: Final = (
    "AE 23.9 54.3|AR -35.4 -65.2|AT 47.6 14.1|AU -25.7 134.5|BE 50.6 4.7|BG 42.8 25.2|BR -10.8 -53.1|CA 61.4 -98.3|"
    "CH 46.8 8.2|CL -37.7 -71.4|CN 36.6 103.8|CO 3.9 -73.1|CY 35.0 33.0|CZ 49.7 15.3|DE 51.1 10.4|DK 56.0 10.0|"
    "EE 58.7 25.5|EG 26.5 29.9|ES 40.2 -3.6|FI 64.5 26.3|FR 46.6 2.5|GB 54.1 -2.9|GR 39.1 23.0|HK 22.4 114.1|"
    "HR 45.1 16.4|HU 47.2 19.4|ID -2.2 117.2|IE 53.2 -8.1|IL 31.5 35.0|IN 22.9 79.6|IS 65.0 -18.6|IT 42.8 12.1|"
    "JP 37.6 138.0|KR 36.4 127.8|KW 29.3 47.6|LT 55.3 23.9|LU 49.8 6.1|LV 56.9 24.9|MA 29.9 -8.5|MT 35.9 14.4|"
    "MX 23.9 -102.5|MY 3.8 109.7|NG 9.6 8.1|NL 52.1 5.3|NO 68.8 15.3|NZ -41.8 171.5|PE -9.2 -74.4|PH 11.8 122.9|"
    "PL 52.1 19.4|PT 39.6 -8.5|RO 45.9 25.0|RS 44.2 20.8|SA 24.1 44.5|SE 62.8 16.7|SG 1.35 103.8|SI 46.1 14.8|"
    "SK 48.7 19.5|TH 15.1 101.0|TR 39.1 35.2|TW 23.8 121.0|UA 49.0 31.4|US 39.8 -98.6|VN 16.6 106.3|ZA -29.0 25.1"
)
CENTROIDS: Final[dict[str, Point]] = {
    code: (float(latitude), float(longitude))
    for code, latitude, longitude in (entry.split(" ") for entry in _CENTROIDS.split("|"))
}
"""Rough middle of each country, in degrees: the last resort when nothing nearer is known of a place."""


def locate(ship_to: ShipTo | None) -> tuple[Point | None, str]:
    """Coordinates of a destination and where they came from.

    'channel', what `places.find_place` found them by when the order came in, 'country' or 'unknown'.
    """
    if ship_to is None:
        return None, "unknown"
    if ship_to.latitude is not None and ship_to.longitude is not None:
        return (ship_to.latitude, ship_to.longitude), ship_to.located_by or "channel"
    centroid = CENTROIDS.get(ship_to.country)
    return (centroid, "country") if centroid else (None, "unknown")


def distance_km(one: Point, other: Point) -> float:
    """Great-circle distance by the haversine formula, in kilometres."""
    latitude, longitude = math.radians(one[0]), math.radians(one[1])
    to_latitude, to_longitude = math.radians(other[0]), math.radians(other[1])
    half = (
        math.sin((to_latitude - latitude) / 2) ** 2
        + math.cos(latitude) * math.cos(to_latitude) * math.sin((to_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))
