"""What the rules are: functions that look at a kit and tell what they find. None is what a sound connector gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.connector_rules.kit import Kit

    Rule = Callable[[Kit], Iterator[str]]

RULES: Final[dict[str, Rule]] = {}


def rule(check: Rule) -> Rule:
    """Registers a rule under its name; its docstring says what a connector must do."""
    RULES[check.__name__] = check
    return check
