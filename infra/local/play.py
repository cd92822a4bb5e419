"""`make play DIR=… [LEARN=1]`: send a folder of recorded bodies to the running system, and say how each ended.

The folder's name is the source. The topic comes from the recorded headers, else from the file's name. `LEARN=1` adds
products that the catalogue does not have.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local import recorded as rec
from infra.local.connect import SOURCES
from infra.local.system import System, SystemMissingError, find
from oms.adapters.dynamodb_reference import DynamoReference

if TYPE_CHECKING:
    from collections.abc import Iterator


def learn(system: System, skus: frozenset[str]) -> None:
    """Add products that are missing, with nothing known of them but their SKU."""
    reference = DynamoReference(system.client("dynamodb"), system.outputs["ReferenceTable"])
    for sku in skus - reference.made_of(skus).keys():
        reference.put("product", sku, {"sku": sku, "title": sku})


def play(system: System, source: str, files: list[Path], account: str, *, teach: bool = False) -> Iterator[str]:
    """One line per file."""
    entry = system.read_secret("ConnectionsSecret").get(f"{source}/{account}", {})
    for file in files:
        try:
            delivery = rec.read(source, file)
        except UnicodeDecodeError:
            yield f"{file.name}: not text"
            continue
        expected = rec.foresee(delivery, account)
        if teach:
            learn(system, expected.skus)
        status, outcome = rec.send(system, delivery, account, entry.get("current", ""))
        if outcome != "queued":
            yield f"{file.name}: {outcome or 'refused'} ({status})"
            continue
        ended = rec.follow(system, expected)
        detail = " ".join(str(ended[name]) for name in ("order_id", "stage", "code", "reason") if name in ended)
        yield f"{file.name}: {ended['outcome']} {detail}".rstrip()


def main(arguments: list[str]) -> int:
    """Play; 2 for a folder that is not named after a source."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no failure
    folder = Path(arguments[0]) if arguments else Path()
    source = os.environ.get("CHANNEL") or folder.resolve().name
    if not arguments or not folder.is_dir() or source not in SOURCES:
        print(f"usage: make play DIR=…/{{{','.join(SOURCES)}}} [LEARN=1] [ACCOUNT=main]", file=sys.stderr)
        return 2
    try:
        system = find()
    except SystemMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    files = sorted(each for each in folder.iterdir() if each.is_file())
    account = os.environ.get("ACCOUNT") or "main"
    for line in play(system, source, files, account, teach=bool(os.environ.get("LEARN"))):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
