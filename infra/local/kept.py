"""What a run keeps for the next one, and when it cannot be gone on with: once a table has other keys or indexes.

Items that were written before would stand in no index that was added since; on AWS, DynamoDB fills it, and items that
need a new attribute are written again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Final

from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from pathlib import Path

LAYOUT: Final = "layout"
_SAYS: Final = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def layout(template: Path) -> str:
    """Keys and indexes of all tables, as a hash."""
    resources = yaml_parse(template.read_text(encoding="utf-8"))["Resources"]
    tables = {
        name: [each["Properties"].get(part) for part in _SAYS]
        for name, each in resources.items()
        if each["Type"] == "AWS::DynamoDB::Table"
    }
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def prepare(state: Path, template: Path, *, fresh: bool) -> bool:
    """Forget what was kept if that is asked for, or if it has another layout; whether it was."""
    marked = state.with_name(LAYOUT)
    wanted = layout(template)
    kept = state.is_dir() and any(state.iterdir())
    forget = kept and (fresh or not marked.is_file() or marked.read_text(encoding="utf-8") != wanted)
    if forget:
        shutil.rmtree(state, ignore_errors=True)
    marked.parent.mkdir(parents=True, exist_ok=True)
    marked.write_text(wanted, encoding="utf-8")
    return forget
