"""Who sends what to one world: every sample of every channel, site orders, carriers' and payments' events.

A world has accounts, order numbers, payments and parcels of its own; the samples are otherwise the same in each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from infra.local import recorded as rec
from infra.local.engine import ROOT
from infra.local.sandbox import adobe, etsy
from infra.local.sandbox.mercadolibre import SELLER as MERCADOLIBRE_SELLER
from oms.channels.registry import CONNECTORS
from oms.domain import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

EVENTS: Final = ROOT / "events"
SELLER: Final = "A2NORTHWHARF00"
SAMPLE_AMOUNT: Final = 12480
"""Of the payment that the payment samples tell of; in dollars."""
REFUNDED: Final = 2500
"""What they give back."""
WHOLE, FAILING, VOIDED = "S-1001-whole", "S-1001-failing", "S-1001-voided"
"""Copies of the first site order: captured at once and given back in part; given back, which fails; voided before."""
SHIPPED: Final = ("S-1001", "S-1002", WHOLE)
PAYMENT_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "S-1001": ("01", "02", "04", "05"),
    "S-1004": ("03",),
    WHOLE: ("04", "06", "07", "08", "09", "10"),
    FAILING: ("11",),
    VOIDED: ("12",),
}
"""Samples by the order whose payment's course they fit. Disputes are not among them: one that comes before an order has
left stops it, and one that comes after does not."""
SCANS: Final[Mapping[str, tuple[str, ...]]] = {"S-1001": ("01", "02", "03", "04"), "S-1002": ("01", "02", "05")}
"""Samples by the order whose first parcel they tell of."""
COLLECTED: Final = ROOT.parent / "shared" / "payloads"
WHOLE_ORDERS: Final = ("shopify", "woocommerce")
CARD: Final = {"payment_method_options[card][request_multicapture]": "if_available", "confirm": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing that is sent: a signed body from outside, or an order of the site with its key."""

    name: str
    recorded: rec.Recorded | None = None
    account: str = ""
    secret: str = ""
    document: Mapping[str, Any] | None = None
    key: str = ""


@dataclass(slots=True)
class World:
    """One world by its name; `post` calls the payment provider's API: (path, form) to its answer."""

    name: str
    post: Callable[[str, Mapping[str, str]], dict[str, Any]]
    intents: dict[str, str] = field(default_factory=dict)
    refunds: dict[str, str] = field(default_factory=dict)
    collected: bool = False
    """Send collected bodies too, where they are at hand."""

    def account(self, source: str) -> str:
        """Whose deliveries these are."""
        if source in ("easypost", "stripe"):
            return "main"
        return f"SELLER{self.name.upper()}" if source == "amazon" else self.name

    # ---- site orders

    def site_orders(self) -> dict[str, dict[str, Any]]:
        """Bodies of `POST /orders` by the number that stands for them in every world."""
        found = {}
        for number, document in _site_documents().items():
            payment = dict(document["payment"])
            if number in self.intents:
                payment["reference"] = self.intents[number]
            found[number] = {**document, "number": f"{number}-{self.name}", "payment": payment}
        return found

    def key(self, number: str) -> str:
        """The Idempotency-Key of a site order."""
        return f"chaos-{self.name}-{number}"

    def site_id(self, number: str) -> str:
        """Its order id."""
        return ids.order_id("site", "main", self.key(number))

    def tracking(self, number: str, ordinal: int) -> str:
        """The tracking number of its parcel out of a fulfillment order."""
        return f"TRK-{self.name}-{number}-{ordinal}"

    # ---- the provider's truth

    def pay(self) -> None:
        """What shoppers do at the provider before they order."""
        for number, document in _site_documents().items():
            if document["payment"]["provider"] != "stripe":
                continue
            whole = number in (WHOLE, FAILING)
            method = "pm_card_refundFail" if number == FAILING else document["payment"]["reference"]
            form = {
                **CARD,
                "amount": str(document["total"]),
                "currency": document["currency"].lower(),
                "payment_method": method,
                "capture_method": "automatic" if whole else "manual",
            }
            if "eclined" in method:
                form.pop("confirm")  # its refusal would tell no id: it is confirmed by whoever needs the money
            self.intents[number] = str(self.post("/v1/payment_intents", form)["id"])
        self.post(f"/v1/payment_intents/{self.intents[VOIDED]}/cancel", {})

    def give_back(self) -> None:
        """What a person does at the provider: a refund that succeeds, and one that fails later."""
        for number in (WHOLE, FAILING):
            form = {"payment_intent": self.intents[number], "amount": str(REFUNDED)}
            self.refunds[number] = str(self.post("/v1/refunds", form)["id"])
        self.post("/_sandbox/settle", {})

    # ---- deliveries

    def channels(self) -> list[Delivery]:
        """Every sample of every channel, in the order in which they happened."""
        found = []
        for source in CONNECTORS:
            for file in sorted((EVENTS / "channels" / source).glob("*.json")):
                sample = _sample(source, file)
                body = sample.body.replace(SELLER.encode(), self.account("amazon").encode())
                found.append(self._signed(file.stem, replace(sample, body=body)))
        return [*found, *self._collected()] if self.collected else found

    def _collected(self) -> list[Delivery]:
        """Collected bodies of channels that carry whole orders: one of each order, since they are no one's history."""
        found: dict[str, Delivery] = {}
        for source in WHOLE_ORDERS:
            for file in sorted(COLLECTED.glob(f"{source}/*.json")):
                each = self._signed(f"collected {file.stem}", _sample(source, file))
                assert each.recorded is not None
                expected = rec.foresee(each.recorded, each.account)
                # A refund that stands alone waits for an order that nobody sends.
                if not expected.ignored and "refund" not in file.stem:
                    found.setdefault(expected.order_id or expected.parked_id, each)
        return list(found.values())

    def placings(self) -> list[Delivery]:
        """Every site order."""
        return [
            Delivery(name=number, document=document, key=self.key(number))
            for number, document in self.site_orders().items()
        ]

    def payments(self) -> list[Delivery]:
        """Payment events, each for an order whose payment went that way."""
        return [self._payment(number, each) for number, samples in PAYMENT_EVENTS.items() for each in samples]

    def scans(self) -> list[Delivery]:
        """Carriers' scans."""
        found = []
        for number, samples in SCANS.items():
            for each in samples:
                (file,) = (EVENTS / "carriers/easypost").glob(f"{each}-*.json")
                text = {"tracking_number": self.tracking(number, 1)}
                found.append(self._signed(f"{file.stem} {number}", rec.read("easypost", file, text)))
        return found

    def _payment(self, number: str, sample: str) -> Delivery:
        (file,) = (EVENTS / "payments/stripe").glob(f"{sample}-*.json")
        document = _site_documents()[number]
        fill = {"payment_intent": self.intents[number], "order_id": self.site_id(number), "refund_id": ""}
        read = rec.read("stripe", file, fill)
        text = read.body.decode().replace(str(SAMPLE_AMOUNT), str(document["total"]))
        text = text.replace('"usd"', json.dumps(document["currency"].lower()))
        for made_up in ("re_demo_1", "re_demo_2"):
            text = text.replace(made_up, self.refunds.get(number, made_up))
        return self._signed(f"{file.stem} {number}", replace(read, body=text.encode()))

    def _signed(self, name: str, recorded: rec.Recorded) -> Delivery:
        return Delivery(
            name=f"{recorded.source} {name}",
            recorded=recorded,
            account=self.account(recorded.source),
            secret=secret(recorded.source),
        )

    # ---- what it may lead to

    def orders(self) -> dict[str, str]:
        """Order id by name (of the first delivery that tells of it), of every order that these deliveries can make."""
        names = {self.site_id(number): f"site {number}" for number in _site_documents()}
        for each in self.channels():
            if each.recorded is not None and (order_id := rec.foresee(each.recorded, each.account).order_id):
                names.setdefault(order_id, each.name)
        return {name: order_id for order_id, name in names.items()}

    def parked(self) -> dict[str, str]:
        """Name of each delivery by the id under which it would be in quarantine."""
        found = {}
        for each in self.everything():
            if each.recorded is not None:
                expected = rec.foresee(each.recorded, each.account)
                if expected.parked_id:
                    found[expected.parked_id] = each.name
        return found

    def everything(self) -> list[Delivery]:
        """All deliveries, in the order of a clean run."""
        return [*self.channels(), *self.placings(), *self.payments(), *self.scans()]


def secret(source: str) -> str:
    """What the senders of a source sign with, in every world."""
    fixed = {
        "tiktok-shop": "sandbox_app:chaos-tiktok",
        "stripe": "whsec_sandbox",
        "magento": adobe.CLIENT_ID,
        "etsy": etsy.SIGNING_SECRET,
        "mercadolibre": f"{MERCADOLIBRE_SELLER}:chaos-token",
    }
    return fixed.get(source, f"chaos-{source}")


@cache
def _site_documents() -> dict[str, dict[str, Any]]:
    files = sorted((EVENTS / "channels/site").glob("*.json"))
    read = (json.loads(file.read_text()) for file in files)
    documents = {each["number"]: each for each in read if each["payment"]["provider"] in ("stripe", "in_channel")}
    first = documents["S-1001"]
    return documents | {number: {**first, "number": number} for number in (WHOLE, FAILING, VOIDED)}


@cache
def _sample(source: str, file: Path) -> rec.Recorded:
    return rec.read(source, file)
