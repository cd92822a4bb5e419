"""`make import KIND=tax_rates FILE=…`: the rates of taxes by which orders are reckoned, all of them, a row each.

A row that is of a whole country leaves `region` and `postal_prefix` empty. What the columns mean is in
`oms.domain.tax_rates`; `events/demo/tax_rates.csv` has rates to try things with (docs/money.md says of which day).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from oms.domain.errors import OmsError
from oms.domain.tax_rates import POLICY, by_place, plain_postal_code, plain_region, policy_of, read_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND: Final = "tax_rates"
COLUMNS: Final = ("country", "tax", "rate")
OTHERS: Final = (
    *("kind", "region", "postal_prefix", "tax_class", "jurisdiction"),
    *("valid_from", "valid_to", "shipping", "when"),
)


class Table(Protocol):
    """Where master data is kept."""

    def policy(self, name: str) -> Mapping[str, Any]:
        """A document; empty when there is none."""

    def put(self, kind: str, key: str, item: Mapping[str, Any]) -> bool:
        """Keep one; False when the same is there."""


def read_tax_rate(row: Mapping[str, str]) -> dict[str, Any]:
    """A rate as it is kept; raises OmsError, which says what is wrong with the row."""
    told = {name: row[name].strip() for name in (*COLUMNS, *OTHERS) if (row.get(name) or "").strip()}
    told |= {name: told[name].upper() for name in ("country", "region") if name in told}
    if "region" in told:
        told["region"] = plain_region(told.get("country", ""), told["region"])
    if "postal_prefix" in told:
        told["postal_prefix"] = plain_postal_code(told["postal_prefix"])
    read_rate(told)
    return told


def problems_of(rows: list[dict[str, Any]]) -> list[str]:
    """What is wrong with rows beside each other."""
    try:
        by_place(rows)
    except OmsError as error:
        context = ", ".join(f"{name} {value}" for name, value in error.context.items())
        return [f"{error}: {context}"]
    return []


def put_rates(table: Table, rows: list[dict[str, Any]]) -> dict[str, int]:
    """{'written', 'unchanged'}, in rows. Places come before the list of them; those that are gone are emptied last."""
    before = table.policy(POLICY).get("places", {})
    documents = by_place(rows)
    done = {"written": 0, "unchanged": 0}
    for name, document in documents.items():
        done["written" if table.put("policy", name, document) else "unchanged"] += len(document.get("rates", ()))
    gone = {policy_of(place) for country, regions in before.items() for place in _places(country, regions)}
    for name in sorted(gone - documents.keys()):
        table.put("policy", name, {"rates": []})
    return done


def _places(country: str, regions: list[str]) -> list[str]:
    return [country, *(f"{country}-{region}" for region in regions)]
