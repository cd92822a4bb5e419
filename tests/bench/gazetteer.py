"""What it costs to find a place without a map service.

`make bench NAME=gazetteer`: the size of the table; the first look-up of a fresh process, its module imported before,
with the table opened (`first_ms`, the median of `--rounds`; the pages are in the machine's memory, a cold disk adds its
own); and CPU per address, by what it is found by (`us`). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Final

from oms.adapters.gazetteer import FILE, PackagedGazetteer
from oms.domain.geo import distance_km
from oms.domain.places import find_place

FIRST: Final = """
import time
from oms.adapters.gazetteer import PackagedGazetteer
from oms.domain.places import find_place
begun = time.perf_counter()
found = find_place("US", region="MA", postal_code="02134", city="Boston", look=PackagedGazetteer())
print(time.perf_counter() - begun)
assert found and found[1] == "postal_code"
"""
ADDRESSES: Final = {
    "postal_code": ("US", {"region": "MA", "postal_code": "02134", "city": "Boston"}),
    "city": ("DE", {"region": "BY", "postal_code": "80331", "city": "München"}),
    "postal_area": ("US", {"region": "MA", "postal_code": "02198-0001", "city": "Nowhereville"}),
    "country": ("FR", {"postal_code": "00000", "city": "Nulle Part"}),
}


def first_ms() -> float:
    """The first look-up of a fresh process."""
    done = subprocess.run([sys.executable, "-c", FIRST], check=True, capture_output=True, text=True)
    return float(done.stdout) * 1000


def each_us(country: str, address: dict[str, str], times: int) -> tuple[str, float]:
    """(what it is found by, CPU per address)."""
    look = PackagedGazetteer()
    found = find_place(country, **address, look=look)
    begun = time.process_time()
    for _ in range(times):
        find_place(country, **address, look=look)
    return found[1] if found else "", (time.process_time() - begun) / times * 1e6


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--times", type=int, default=20_000)
    asked = options.parse_args()
    first = sorted(first_ms() for _ in range(asked.rounds))
    us = dict(each_us(country, address, asked.times) for country, address in ADDRESSES.values())
    assert list(us) == list(ADDRESSES)
    begun = time.process_time()
    for _ in range(asked.times):
        distance_km((42.35, -71.13), (37.79, -122.39))
    distance = (time.process_time() - begun) / asked.times * 1e6
    print(f"table {FILE.stat().st_size / 1e6:.1f} MB; first look-up {first[0]:.2f} to {first[-1]:.2f} ms")
    for by, cost in us.items():
        print(f"{by:12} {cost:6.1f} us an address")
    result = {
        "bytes": FILE.stat().st_size,
        "first_ms": round(statistics.median(first), 2),
        "us": {by: round(cost, 1) for by, cost in us.items()},
        "distance_us": round(distance, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
