"""python -m infra.local.sandbox --port 8099 --samples events/sandbox --record .local/sandbox.jsonl"""

from __future__ import annotations

import argparse
from pathlib import Path

from infra.local.sandbox.core import Settings
from infra.local.sandbox.faults import FaultSpecError, parse_rule
from infra.local.sandbox.server import Sandbox


def main() -> None:
    """Start the sandbox in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandbox", description="The vendors, on this machine.")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--samples", type=Path, default=Path("events/sandbox"), help="folder of the vendors' orders")
    parser.add_argument("--record", type=Path, help="append calls, money movements and webhooks to this file")
    parser.add_argument("--webhook-url", default="", help="where Stripe's webhooks go")
    parser.add_argument("--webhook-secret", default=Settings().webhook_secret)
    parser.add_argument("--early-every", type=int, default=3, help="every n-th webhook overtakes its API answer")
    parser.add_argument("--twice-every", type=int, default=5, help="every n-th webhook is delivered twice")
    parser.add_argument("--settle-after", type=float, default=2.0, help="seconds until pending refunds are decided")
    parser.add_argument("--limits", type=float, default=1.0, help="vendors' limits, so many times faster; 0: none")
    parser.add_argument(
        "--faults",
        action="append",
        default=[],
        metavar="VENDOR:every=N,outage=A-B",
        help="429 every N, 503 from A to B s",
    )
    options = parser.parse_args()
    try:
        rules = [parse_rule(text) for text in options.faults]
    except FaultSpecError as error:
        parser.error(str(error))
    if options.record:
        options.record.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        samples=options.samples,
        record_file=options.record,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        early_every=options.early_every,
        twice_every=options.twice_every,
        settle_after=options.settle_after,
        limits=options.limits,
    )
    sandbox = Sandbox(settings, port=options.port, rules=rules)
    print(f"vendor sandbox on {sandbox.base_url}", flush=True)
    try:
        sandbox.serve()
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
