"""One deployed system for the whole session, on free ports, kept by nobody; audited when the last test ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from infra.local.connect import connect
from infra.local.deploy import deploy
from infra.local.engine import ROOT, Engine, free_port
from infra.local.sandbox import Sandbox, Settings
from infra.local.sandbox.accounts import URL_PARAMETERS
from infra.local.system import of_deployment
from tests.e2e import audit
from tests.e2e.recorder import recorded
from tests.e2e.support import EVENTS, ROLES, Oms
from tests.proof.invariants import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARAMETERS = {"DeletionProtection": "false", "CookieSecure": "false", "MerchantTimeZone": "America/New_York"}
HEADS: Final[dict[str, tuple[int, str]]] = {}
"""The newest commit of each order as it was seen after a test: it must still be there when the session ends."""
STRIPE_API = {"secret_key": Settings().stripe_key}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the deployed system needs the engine."""
    for item in items:
        if "oms" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")


def _start(state: Path, sandbox: Sandbox, engine: Engine) -> Oms:
    urls = dict.fromkeys(URL_PARAMETERS, sandbox.base_url)
    urls["WebhooksLocalHost"] = sandbox.base_url.removeprefix("http://")
    deployment = deploy(ROOT / "template.yaml", engine.endpoint, {**PARAMETERS, **urls}, api_url=engine.api_url)
    system = recorded(of_deployment(deployment, sandbox.base_url))
    system.make_keys()
    sandbox.webhooks.url = connect(system, "stripe", "main", sandbox.settings.webhook_secret, STRIPE_API)
    connect(system, "easypost", "main", "demo-easypost")
    connect(system, "shopify", "main", "demo-shopify")
    oms = Oms(system, engine, deployment, sandbox)
    audit.listen(oms)
    oms.import_demo()
    system.record.imported(EVENTS / "demo" / "stock.csv")
    scheduler = system.client("scheduler")
    for schedule in scheduler.list_schedules()["Schedules"]:
        # The watchdog acts when a test says so.
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
    for role in ROLES:
        system.token(role)  # before threads ask for it
    return oms


@pytest.fixture(scope="session")
def oms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oms]:
    """The system. When the session ends, its stores are audited: chains, stock, personal data."""
    state = tmp_path_factory.mktemp("e2e")
    started = time.monotonic()
    with (
        Sandbox(Settings(samples=EVENTS / "sandbox")) as sandbox,
        Engine(
            state=state,
            port=free_port(),
            api_port=free_port(),
            persist=False,
            environment={"SFN_WAIT_SCALE": "0.2", "STREAM_WINDOW_SCALE": "0.01"},
        ) as engine,
    ):
        running = _start(state, sandbox, engine)
        print(f"\n[e2e] deployed in {time.monotonic() - started:.1f} s")
        yield running
        running.quiet()
        audited = time.monotonic()
        problems = audit.audit(running, HEADS)
        print(f"\n[e2e] audited in {time.monotonic() - audited:.1f} s")
    require(problems)


@pytest.fixture(autouse=True)
def orders_stay_sound(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: the orders that it touched, and what it was answered, break no invariant."""
    if "oms" not in request.fixturenames:
        yield
        return
    running: Oms = request.getfixturevalue("oms")
    record = audit.record_of(running)
    touched, answered = len(record.touched), len(record.answers)
    yield
    problems, heads = audit.audit_orders(running, record.touched[touched:], answered)
    HEADS.update(heads)
    require(problems)
