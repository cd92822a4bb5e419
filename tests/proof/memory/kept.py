"""Personal data, master data, and files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.dynamodb_contacts import NO_REVISION
from oms.adapters.dynamodb_reference import KITS_OF
from oms.adapters.keys import contact_key
from oms.domain.canonical import Contact
from oms.domain.codec import from_plain, to_plain
from oms.domain.errors import VersionConflictError
from oms.domain.kits import read_components
from oms.domain.serials import read_serialized
from oms.domain.sourcing.network import PLAIN, network_id, read_network, read_nodes, read_product
from tests.proof.memory.store import Port, step, through_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.canonical import ContactKey
    from oms.domain.kits import Components
    from oms.domain.sourcing.network import Network, Product
    from oms.domain.sourcing.request import Candidate

_READ: Final[dict[tuple[int, ...], tuple[Network, object, object]]] = {}
"""Networks by the rows they were read from, which are kept with them: what is put is never changed."""
_MOST_READ: Final = 100
ERASED: Final = "erased"
"""The revision of a tombstone."""


class MemoryContacts(Port):
    """Contacts port."""

    __slots__ = ()

    @step("contacts.put")
    def put(self, where: ContactKey, revision: str, contact: Contact) -> None:
        """See the port."""
        pk, sk = contact_key(where)
        known = self._revision(pk, sk)
        if not self.store.checks_revision or known is None or (known != ERASED and known < revision):
            self.store.put_in(self.store.contacts, pk, sk, (revision, contact))

    @step("contacts.get")
    def get(self, where: ContactKey) -> Contact | None:
        """See the port."""
        pk, sk = contact_key(where)
        contact = self.store.contacts.get(pk, {}).get(sk, ("", None))[1]
        if contact is None or not self.faithful:
            return contact
        read: Contact = from_plain(Contact, through_json(to_plain(contact)))
        return read

    @step("contacts.take_back")
    def take_back(self, where: ContactKey, revision: str) -> None:
        """See the port."""
        pk, sk = contact_key(where)
        if self._revision(pk, sk) == revision:
            self.store.put_in(self.store.contacts, pk, sk, (NO_REVISION, None))

    @step("contacts.erase")
    def erase(self, where: ContactKey, at: datetime) -> None:
        """Leave a tombstone."""
        self.store.put_in(self.store.contacts, *contact_key(where), (ERASED, None))

    def _revision(self, pk: str, sk: str) -> str | None:
        known = self.store.contacts.get(pk, {}).get(sk)
        return known[0] if known else None


class MemoryReference(Port):
    """Reference port. What is put is seen at once."""

    __slots__ = ()

    @step("reference.made_of")
    def made_of(self, skus: Iterable[str]) -> dict[str, Components]:
        """See the port."""
        products = self.store.reference.get("product", {})
        return {sku: read_components(products[sku]) for sku in skus if sku and sku in products}

    @step("reference.kits_of")
    def kits_of(self, skus: Iterable[str]) -> frozenset[str]:
        """See the port."""
        known = self.store.reference.get(KITS_OF, {})
        return frozenset(kit for sku in skus for kit in known.get(sku, {}).get("kits", ()))

    @step("reference.list_prices")
    def list_prices(self, skus: Iterable[str], currency: str) -> dict[str, int]:
        """See the port."""
        products = self.store.reference.get("product", {})
        listed = {sku: products[sku].get("list_prices", {}).get(currency) for sku in skus if sku in products}
        return {sku: price for sku, price in listed.items() if price is not None}

    @step("reference.categories")
    def categories(self, skus: Iterable[str]) -> dict[str, str]:
        """See the port."""
        products = self.store.reference.get("product", {})
        return {sku: products[sku]["category"] for sku in skus if products.get(sku, {}).get("category")}

    @step("reference.tax_classes")
    def tax_classes(self, skus: Iterable[str]) -> dict[str, str]:
        """See the port."""
        products = self.store.reference.get("product", {})
        named = {sku: products[sku].get("tax_class", "") for sku in skus if sku in products}
        return {sku: tax_class for sku, tax_class in named.items() if tax_class}

    @step("reference.serialized")
    def serialized(self, skus: Iterable[str]) -> frozenset[str]:
        """See the port."""
        products = self.store.reference.get("product", {})
        return frozenset(sku for sku in skus if sku in products and read_serialized(products[sku]))

    @step("reference.nodes")
    def nodes(self, skus: Mapping[str, Mapping[str, int]]) -> tuple[Candidate, ...]:
        """See the port."""
        return tuple(each.having(skus.get(each.candidate.node_id, {})) for each in read_nodes(self.node_rows()))

    @step("reference.network")
    def network(self) -> Network:
        """See the port."""
        return self._network()

    def _network(self) -> Network:
        rows, tariff = self.node_rows(), self._tariff()
        key = tuple(id(each) for each in (*rows, tariff))
        known = _READ.get(key)
        if known is None:
            if len(_READ) >= _MOST_READ:
                _READ.clear()
            known = _READ[key] = (read_network(rows, tariff), rows, tariff)
        return known[0]

    def _tariff(self) -> Mapping[str, Any] | None:
        return self.store.reference.get("tariff", {}).get("main")

    @step("reference.keep_network")
    def keep_network(self) -> str:
        """Keep nodes and freight as they are now under the id of their content."""
        rows, tariff = self.node_rows(), self._tariff()
        name = network_id(rows, tariff)
        document = through_json({"nodes": rows, "tariff": tariff or {}})
        self.store.put_in(self.store.reference, "network", name, document)
        return name

    @step("reference.kept_network")
    def kept_network(self, name: str) -> Network | None:
        """See the port."""
        kept = self.store.reference.get("network", {}).get(name)
        return read_network(kept["nodes"], kept["tariff"]) if kept else None

    @step("reference.products")
    def products(self, skus: Iterable[str]) -> dict[str, Product]:
        """See the port."""
        known = self.store.reference.get("product", {})
        return {sku: read_product(known[sku]) if sku in known else PLAIN for sku in skus}

    def node_rows(self) -> list[Mapping[str, Any]]:
        """Nodes as imported."""
        kept = self.store.reference.get("node", {})
        return [kept[key] for key in sorted(kept)]

    @step("reference.policy")
    def policy(self, name: str) -> Mapping[str, Any]:
        """See the port."""
        return self.store.reference.get("policy", {}).get(name, {})

    @step("reference.account")
    def account(self, source: str, account: str) -> Mapping[str, Any] | None:
        """See the port."""
        return self.store.reference.get("account", {}).get(f"{source}#{account}")

    @step("reference.put")
    def put(self, kind: str, key: str, item: Mapping[str, Any]) -> bool:
        """See the port."""
        known = self.store.reference.get(kind, {}).get(key)
        if known is not None and _text(known) == _text(item):
            return False
        self.store.put_in(self.store.reference, kind, key, through_json(item))
        return True


class MemoryPolicies(Port):
    """Policies port; what is current is what `MemoryReference.policy` gives."""

    __slots__ = ()

    @step("policies.current")
    def current(self, name: str) -> Mapping[str, Any] | None:
        """See the port."""
        return self.store.reference.get("policy", {}).get(name)

    @step("policies.version")
    def version(self, name: str, number: int) -> Mapping[str, Any] | None:
        """See the port."""
        return self.store.reference.get(f"versions of {name}", {}).get(str(number))

    @step("policies.versions")
    def versions(self, name: str, limit: int, before: int | None = None) -> list[Mapping[str, Any]]:
        """See the port."""
        kept = self.store.reference.get(f"versions of {name}", {})
        numbers = sorted((int(each) for each in kept), reverse=True)
        return [kept[str(each)] for each in numbers if before is None or each < before][:limit]

    @step("policies.save")
    def save(self, name: str, saved: Mapping[str, Any]) -> None:
        """See the port."""
        current = self.store.reference.get("policy", {}).get(name)
        if saved["version"] != (current["version"] if current else 0) + 1:
            raise VersionConflictError("another version was saved meanwhile", version=saved["version"])
        document = through_json(saved)
        self.store.put_in(self.store.reference, "policy", name, document)
        self.store.put_in(self.store.reference, f"versions of {name}", str(saved["version"]), document)


class MemoryClaims(Port):
    """Claims port."""

    __slots__ = ()

    @step("claims.put")
    def put(self, key: str, body: bytes) -> None:
        """Keep a body; the same key again replaces it."""
        self.store.put(self.store.bodies, key, body)

    @step("claims.get")
    def get(self, key: str) -> bytes:
        """See the port."""
        return self.store.bodies[key]


class MemoryDocuments(Port):
    """Documents port."""

    __slots__ = ()

    @step("documents.put")
    def put(self, key: str, body: bytes, content_type: str) -> None:
        """See the port."""
        self.store.put(self.store.documents, key, (body, content_type))


def _text(item: Mapping[str, Any]) -> str:
    return json.dumps(item, sort_keys=True)
