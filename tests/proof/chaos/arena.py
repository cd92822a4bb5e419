"""A deployed system on an engine whose function workers fail as told."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import urllib3

from infra.local.connect import connect
from infra.local.deploy import deploy
from infra.local.engine import ROOT, Engine, free_port
from infra.local.import_ import import_file
from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.accounts import URL_PARAMETERS, credentials
from infra.local.sandbox.channels import of_account
from infra.local.system import of_deployment
from infra.local.told import newest
from oms.adapters.secrets_manager import LOOK_AGAIN_S
from oms.channels.outward import sources
from oms.channels.registry import CONNECTORS
from tests.e2e.support import DEAD, QUEUES, Oms
from tests.proof.chaos.cast import EVENTS, World, secret
from tests.proof.chaos.told import MODES, SKU_OF, tell
from tests.proof.invariants.dynamodb import positions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oms.domain.stock import StockDelta
    from tests.proof.chaos.told import Levels

HOOKS: Final = Path(__file__).parent / "worker"
RATES: Final[Mapping[str, float]] = {
    "throttled": 0.01,
    "failed_before": 0.006,
    "lost_after": 0.01,
    "one_try_failed": 0.02,
    "repeated_by_sdk": 0.03,
    "killed_before": 0.003,
    "killed_after": 0.003,
}
"""How often each fault happens, per call that a function makes to AWS."""
WEATHER: Final[Sequence[tuple[Mapping[str, Any], float]]] = (
    ({"retry_after": 1}, 0.02),
    ({"status": 429}, 0.01),
    ({"status": 503}, 0.02),
    ({"status": 500, "when": "after"}, 0.01),
    ({"drop": "before"}, 0.01),
    ({"drop": "after"}, 0.02),
    ({"delay": 0.3}, 0.02),
)
"""What happens to calls to channels, and how often: limited, down, failed when it was done, lost either way, slow."""
CHANNELS: Final = f"^({'|'.join(sources())}) "
ALL_QUEUES: Final = (*QUEUES, "OutboundQueue")
ALL_DEAD: Final = (*DEAD, "OutboundQueueDeadLetters")
DEAD_AFTER: Final = timedelta(seconds=20)
"""Longer than a worker here takes for what it holds."""
SHUT: Final = timedelta(seconds=2)
"""So long is a channel left alone here that did not answer; half a minute and more on AWS."""
LOOK_S: Final = 2.0
FASTER: Final = 10.0
"""So many times faster the vendors' limits are restored, as our own are (`worker/`)."""
KNOWN_S: Final = 6.5
"""Until everybody has read a changed policy again."""
PARAMETERS: Final = {"DeletionProtection": "false", "CookieSecure": "false", "MerchantTimeZone": "America/New_York"}
IMPATIENCE_S: Final = 2
"""Seconds after which a message whose consumer died comes again; minutes on AWS."""
AMPLE: Final = 100_000
BATCH: Final = 90
WAITS: Final = "0.05"
"""Pauses of workflows, against those on AWS."""


@dataclass(slots=True)
class Arena:
    """The system, and the plan of what fails."""

    oms: Oms
    plan: Path
    collected: bool = False
    """Collected bodies are sent too."""
    names: list[str] = field(default_factory=list)
    """Of the worlds that are connected."""
    aged_at: float = 0.0

    def calm(self, defect: str = "") -> None:
        """Nothing fails from now on."""
        self._write({"seed": 0, "rates": {}, "defect": defect})

    def rage(self, seed: int, defect: str = "", factor: float = 1.0) -> None:
        """Calls fail from now on."""
        self._write({"seed": seed, "rates": {name: rate * factor for name, rate in RATES.items()}, "defect": defect})

    def _write(self, document: Mapping[str, Any]) -> None:
        fresh = self.plan.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.replace(self.plan)

    def faults(self) -> Counter[str]:
        """How many faults of each kind have happened."""
        log = Path(f"{self.plan}.log")
        return Counter(each.split(" ", 1)[0] for each in log.read_text().splitlines()) if log.exists() else Counter()

    def world(self, name: str) -> World:
        """A world that nothing was sent to."""
        return World(name=name, post=self.post, collected=self.collected)

    def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Somebody else than the system calls the payment provider."""
        url, headers = self.oms.sandbox.base_url + path, {"authorization": f"Bearer {Settings().stripe_key}"}
        if path.startswith("/_sandbox/"):
            answer = urllib3.request("POST", url, json=dict(form), timeout=30.0)
        else:
            headers["content-type"] = "application/x-www-form-urlencoded"
            answer = urllib3.request("POST", url, body=urlencode(form), headers=headers, timeout=30.0)
        document: dict[str, Any] = answer.json()
        if answer.status >= 400:
            raise RuntimeError(f"{path} was answered {answer.status}: {document}")
        return document

    def connect(self, names: list[str]) -> None:
        """Accounts of worlds to come, with credentials for the vendors' APIs."""
        document = self.oms.system.read_secret("ConnectionsSecret")
        self.names = names
        for name in names:
            world, api = self.world(name), self._credentials(name)
            for source in CONNECTORS:
                entry = {"current": secret(source), "previous": "", "api": api.get(source, {})}
                document[f"{source}/{world.account(source)}"] = entry
            self._open_shops(name)
        tell(self.oms.system, map(self.world, names))
        self.oms.system.write_secret("ConnectionsSecret", document)
        time.sleep(LOOK_AGAIN_S)

    def _credentials(self, name: str) -> dict[str, dict[str, str]]:
        """What a world's accounts need to be called."""
        settings, url = of_account(self.oms.sandbox.settings, name), self.oms.sandbox.base_url
        return {
            "tiktok-shop": {
                "app_key": settings.tiktok_app_key,
                "app_secret": settings.tiktok_app_secret,
                "access_token": settings.tiktok_access_token,
            },
            "amazon": {
                "client_id": settings.amazon_client_id,
                "client_secret": settings.amazon_client_secret,
                "refresh_token": settings.amazon_refresh_token,
                "marketplace_ids": "ATVPDKIKX0DER",
            },
            "shopify": {"url": url, "access_token": settings.shopify_access_token},
            "woocommerce": {
                "url": url,
                "consumer_key": settings.woocommerce_key,
                "consumer_secret": settings.woocommerce_secret,
            },
            **credentials(settings, url),
        }

    def _open_shops(self, name: str) -> None:
        """Shops have the orders that they are going to deliver; the other channels have them as samples."""
        channels = self.oms.sandbox.account(name)
        for source in ("shopify", "woocommerce"):
            for order_id, order in newest(source).items():
                channels.named(source).shelf.put(order_id, order)
        theirs = channels.mercadolibre
        theirs.told.listings |= {listing: {} for listing in SKU_OF}
        for order_id, mode in MODES.items():
            order = theirs.shelf.get(order_id) or {}
            shipment = {**order["shipment"], "logistic": {**order["shipment"]["logistic"], "mode": mode}}
            theirs.shelf.put(order_id, {**order, "shipment": shipment})

    def tell_stock(self, levels: Levels) -> None:
        """This account is told its stock from now on, and no other."""
        tell(self.oms.system, map(self.world, self.names), levels)
        time.sleep(KNOWN_S)

    def storm(self, factor: float = 1.0) -> None:
        """Calls to channels fail from now on; none with a factor of 0."""
        self.oms.sandbox.faults.clear()
        if factor:
            self.oms.sandbox.faults.add(
                {**fault, "match": CHANNELS, "times": 0, "chance": chance * factor} for fault, chance in WEATHER
            )

    def waiting(self, queues: Sequence[str]) -> int:
        """Messages in queues, those in flight and those that come later included."""
        sqs, names = self.oms.system.client("sqs"), ["ApproximateNumberOfMessagesDelayed"]
        urls = [self.oms.deployment.resources[name] for name in queues]
        later = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls]
        return self.oms.waiting_messages(queues) + sum(int(each[names[0]]) for each in later)

    def age_holds(self) -> None:
        """What a worker held that must be dead it has held for longer than any lives; gates are shut for seconds."""
        dynamodb, table, now = self.oms.system.client("dynamodb"), self.oms.system.outputs, datetime.now(UTC)
        if time.monotonic() - self.aged_at < LOOK_S:
            return
        self.aged_at = time.monotonic()
        for item in self.oms.scan_table("OutboundTable", ConsistentRead=True):
            row = aged(item["pk"]["S"], json.loads(item["row"]["S"]), now)
            if row is None:
                continue
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.put_item(
                    TableName=table["OutboundTable"],
                    Item={**item, "row": {"S": json.dumps(row, sort_keys=True, ensure_ascii=False)}},
                    ConditionExpression="#row = :seen",
                    ExpressionAttributeNames={"#row": "row"},
                    ExpressionAttributeValues={":seen": item["row"]},
                )

    def positions(self) -> dict[tuple[str, str], StockDelta]:
        """Every position."""
        return positions_of(self.oms.scan_table("StockTable", ConsistentRead=True))

    def fill(self) -> None:
        """Stock for all worlds, wherever there is some."""
        moves = [
            {"sku": sku, "node_id": node, "kind": "receipt", "quantity": AMPLE}
            for (sku, node), at in self.positions().items()
            if at.available > 0
        ]
        for start in range(0, len(moves), BATCH):
            reply = self.oms.post("/stock/movements", {"movements": moves[start : start + BATCH]}, "warehouse")
            if reply.status != 201:
                raise RuntimeError(f"stock was not received: {reply}")


def aged(name: str, row: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """A row of the outbox, older than it is; None when its age is right."""
    if name.startswith("gate#"):
        soon = int((now + SHUT).timestamp() * 1000)
        return {**row, "shut_until": soon} if row["shut_until"] > soon else None
    held = row.get("state") == "sending" or (name.startswith("levels#") and row["by"])
    if not held or now - datetime.fromisoformat(row["at"]) < DEAD_AFTER:
        return None
    return {**row, "at": (now - timedelta(hours=1)).isoformat()}


@contextmanager
def arena(state: Path, *, collected: bool = False) -> Iterator[Arena]:
    """A fresh engine with the demo catalogue and more stock than anybody will order; calm."""
    plan = state / "plan.json"
    environment = {"OMS_CHAOS_PLAN": str(plan), "PYTHONPATH": str(HOOKS)}
    environment |= {"SFN_WAIT_SCALE": WAITS, "STREAM_WINDOW_SCALE": WINDOWS}
    with (
        Sandbox(Settings(samples=EVENTS / "sandbox", early_every=5, twice_every=4, limits=FASTER)) as sandbox,
        Engine(state=state, port=free_port(), api_port=free_port(), persist=False, environment=environment) as engine,
    ):
        urls = dict.fromkeys(URL_PARAMETERS, sandbox.base_url)
        deployment = deploy(ROOT / "template.yaml", engine.endpoint, {**PARAMETERS, **urls}, api_url=engine.api_url)
        system = of_deployment(deployment, sandbox.base_url)
        system.make_keys()
        stripe = {"secret_key": sandbox.settings.stripe_key}
        sandbox.webhooks.url = connect(system, "stripe", "main", secret("stripe"), stripe)
        connect(system, "easypost", "main", secret("easypost"))
        made = Arena(oms=Oms(system, engine, deployment, sandbox), plan=plan, collected=collected)
        made.calm()
        for kind in ("products", "nodes", "stock"):
            _, problems = import_file(system, kind, EVENTS / "demo" / f"{kind}.csv")
            if problems:
                raise RuntimeError("; ".join(problems))
        _hurry(made)
        for role in ("admin", "shop", "warehouse"):
            system.token(role)  # before threads ask for it
        made.fill()
        made.oms.quiet(seconds=60)
        yield made


def _hurry(made: Arena) -> None:
    """Queues bring again soon what nobody finished; schedules run when the driver says so."""
    sqs, scheduler = made.oms.system.client("sqs"), made.oms.system.client("scheduler")
    for name in (*ALL_QUEUES, *ALL_DEAD):
        url = made.oms.deployment.resources[name]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(IMPATIENCE_S)})
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])


WINDOWS: Final = "0.01"
"""So long are the windows in which streams gather records: three seconds instead of five minutes."""
