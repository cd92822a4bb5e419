"""`make run`: the whole system on this machine, from the same template as on AWS.

Starts the vendor sandbox and the engine on loopback, deploys `template.yaml`, plays the demo through real HTTP and SQS,
shows what happened, and serves until Ctrl-C. With `--once` it ends after the demo, non-zero if an order did not end as
it should.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from infra.local.demo import EVENTS, Demo, DemoError
from infra.local.deploy import DeployError, deploy
from infra.local.engine import DEFAULT_API_PORT, DEFAULT_PORT, ROOT, Engine, EngineError
from infra.local.kept import prepare
from infra.local.outbound import Erp, OutboundError
from infra.local.sandbox.accounts import URL_PARAMETERS
from infra.local.sandbox.core import Settings
from infra.local.sandbox.server import Sandbox
from infra.local.scored import ScoringError, decide_later, start_scoring
from infra.local.system import RUNNING, STATE, System, of_deployment
from infra.local.told import open_shops, tracking_came_back
from oms.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Sequence

SANDBOX_PORT: Final = 8099
FASTER: Final = 10.0
"""Vendors' limits are theirs, but that their seconds are a tenth: the demo does in a minute what a shop does in ten."""
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def say(topic: str, text: str) -> None:
    """One line of the account of what happens."""
    console.print(f"[dim]{topic:>10}[/dim]  {text}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make run", description="The whole system on this machine.")
    parser.add_argument("--once", action="store_true", help="end after the demo (ONCE=1)")
    parser.add_argument("--fresh", action="store_true", help="forget the state of earlier runs")
    parser.add_argument("--port", type=int, default=int(os.environ.get("ENGINE_PORT") or DEFAULT_PORT))
    parser.add_argument("--api-port", type=int, default=int(os.environ.get("API_PORT") or DEFAULT_API_PORT))
    parser.add_argument("--sandbox-port", type=int, default=int(os.environ.get("SANDBOX_PORT") or SANDBOX_PORT))
    return parser.parse_args(arguments)


def start(engine: Engine, sandbox: Sandbox) -> System:
    """Deploy to a running engine."""
    parameters = {
        **dict.fromkeys(URL_PARAMETERS, sandbox.base_url),
        "DeletionProtection": "false",
        "CookieSecure": "false",
        "WebhooksLocalHost": sandbox.base_url.removeprefix("http://"),
        # The issuer of a local pool's tokens is not on this machine; its public keys are.
        "JwksBaseUrl": engine.endpoint,
    }
    deployment = deploy(ROOT / "template.yaml", engine.endpoint, parameters, api_url=engine.api_url)
    for left_out in deployment.left_out:
        say("engine", f"not on one machine: {left_out}")
    system = of_deployment(deployment, sandbox.base_url)
    system.make_keys()
    return system


def play(system: System) -> tuple[Demo, Erp, str]:
    """The demo, step by step."""
    demo, erp = Demo(system, say), Erp(system, say)
    open_shops(system)  # before anything moves: who relays remembers for a minute who is to be told
    demo.load_shop()
    start_scoring(system)
    erp.subscribe()
    demo.place()
    decide_later(system, demo.orders["site S-1002"], say)
    demo.deliver()
    demo.find_untold()
    demo.work()
    demo.receive_stock()
    demo.release_unknown()
    demo.work()
    demo.refund()
    demo.work(to_the_end=True)
    erp.tell_again(f"{time.time():.0f}")
    return demo, erp, demo.look_up()


def report(demo: Demo, erp: Erp) -> bool:
    """What became of each order, and what other systems were told; whether all ended as they should."""
    table = Table(title="Orders", title_justify="left")
    for column in ("order", "number", "total", "stage", "payment", "as it should"):
        table.add_column(column)
    endings = demo.endings()
    for name, row in endings.items():
        total = format_minor(row["total"], row["currency"]) + " " + row["currency"] if row["currency"] else "?"
        verdict = "[green]yes[/green]" if row["ok"] else f"[red]no: wanted {row['wanted']}[/red]"
        table.add_row(name, str(row["number"]), total, str(row["stage"]), str(row["payment_status"]), verdict)
    console.print(table)
    parked = demo.quarantined()
    for row in parked:
        say("quarantine", f"{row['source']} {row['topic']}: {row['code']} - {row['reason']}")
    say("sum", f"{demo.sent} deliveries, {len(endings)} orders, {len(parked)} in quarantine")
    told = erp.check(demo.orders[name] for name in endings)
    went_back = tracking_came_back(demo.system, demo.documents(), demo.handed_over, say)
    return told and went_back and all(row["ok"] for row in endings.values())


def serve(system: System, engine: Engine, status_path: str) -> None:
    """Say where things are, and wait for Ctrl-C."""
    name = "admin-demo"
    password, _ = system.sign_in("admin", name)
    console.print()
    say("console", f"{system.api_url}/console   user {name}   password {password}")
    say("customer", f"{system.api_url}{status_path}")
    say("look-up", f"{system.api_url}/status   S-1001 and mara.lind@example.com")
    say("assistant", f"{system.api_url}/mcp   Model Context Protocol, docs/assistants.md")
    say("api", f"{system.api_url}   token: make token ROLE=admin")
    say("sandbox", f"{system.sandbox_url}/_sandbox/record")
    say("log", str(engine.log.relative_to(ROOT)))
    console.print("Ctrl-C stops it and keeps its state; the next `make run` goes on from there.")
    with contextlib.suppress(KeyboardInterrupt):
        while engine.running():
            time.sleep(0.5)
    console.print("\nstopping, and writing the state down …")


def main(arguments: Sequence[str]) -> int:
    """Run."""
    asked = parse(arguments)
    # However it is told to stop, it stops cleanly: the state is written down on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    state = STATE / "state"
    if not RUNNING.exists() and prepare(state, ROOT / "template.yaml", fresh=asked.fresh) and not asked.fresh:
        say("engine", "tables have other keys or indexes than what was kept: begun anew")
    settings = Settings(
        samples=EVENTS / "sandbox",
        webhook_url=f"http://127.0.0.1:{asked.api_port}/webhooks/stripe/main",
        adyen_webhook_url=f"http://127.0.0.1:{asked.api_port}/webhooks/adyen/main",
        paypal_webhook_url=f"http://127.0.0.1:{asked.api_port}/webhooks/paypal/main",
        early_every=3,
        twice_every=2,
        limits=FASTER,
    )
    try:
        with (
            Sandbox(settings, port=asked.sandbox_port) as sandbox,
            Engine(state=state, port=asked.port, api_port=asked.api_port) as engine,
        ):
            sandbox.faults.clear()
            system = start(engine, sandbox)
            system.save()
            say("engine", f"deployed in {time.monotonic() - began:.1f} s")
            demo, erp, status_path = play(system)
            good = report(demo, erp)
            say("sum", f"{time.monotonic() - began:.0f} s since the start")
            if not asked.once:
                serve(system, engine, status_path)
            return 0 if good else 1
    except (EngineError, DeployError, DemoError, OutboundError, ScoringError, OSError) as problem:
        console.print(f"[red]{problem}[/red]")
        if isinstance(problem, (EngineError, OSError)):
            console.print("Ports of your choice: make run ENGINE_PORT=4567 API_PORT=8081 SANDBOX_PORT=8098")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        RUNNING.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
