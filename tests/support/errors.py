"""The error tree as documents tell it: the table of docs/api.md and the codes of infra/openapi.yaml.

A test fails when they differ. To write both again:
`PYTHONPATH=layers/oms/python .venv/bin/python -m tests.support.errors`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import oms.domain.errors
from oms.domain.errors import OmsError
from oms.entrypoints.http import status_of
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

API_PAGE: Final = ROOT / "docs" / "api.md"
OPENAPI: Final = ROOT / "infra" / "openapi.yaml"
BEGIN: Final = "<!-- errors: written by tests.support.errors -->"
END: Final = "<!-- /errors -->"
INTERNAL: Final = "internal_error"


def error_classes() -> list[type[OmsError]]:
    """Every class of the tree, in the order of its definition."""
    module = vars(oms.domain.errors).values()
    return [each for each in module if isinstance(each, type) and issubclass(each, OmsError)]


def tree() -> Iterator[tuple[int, str, bool]]:
    """(depth, class name, said to be retryable) of every line of the tree in the module's docstring."""
    for line in (oms.domain.errors.__doc__ or "").splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+Error)\b(.*)$", line)
        if found:
            yield len(found[1]) // 4, found[2], "(retryable" in found[3]


def codes() -> list[str]:
    """Every code that a problem document may carry."""
    return sorted({each.code for each in error_classes()} | {INTERNAL})


def _raised() -> list[type[OmsError]]:
    """Those that are told by their own code: the base is not."""
    return sorted((each for each in error_classes() if each is not OmsError), key=lambda each: each.code)


def table() -> str:
    """The errors as a table."""
    rows = [
        f"| `{each.code}` | {status_of(each('')).value} | {'yes' if each.retryable else 'no'} | {_first(each)} |"
        for each in _raised()
    ]
    head = ["| code | status | retryable | meaning |", "|---|---|---|---|"]
    internal = f"| `{INTERNAL}` | 500 | yes | Something nobody expected; it is in the log. |"
    return "\n".join([*head, *rows, internal])


def _first(kind: type[OmsError]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def with_table(page: str) -> str:
    """The page with the table of today."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


def with_codes(openapi: str) -> str:
    """The API description with the codes of today."""
    lines = "".join(f"            - {code}\n" for code in codes())
    return re.sub(r"(          enum: # errors\n)(?:            - \w+\n)+", lambda found: found[1] + lines, openapi)


if __name__ == "__main__":
    API_PAGE.write_text(with_table(API_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    OPENAPI.write_text(with_codes(OPENAPI.read_text(encoding="utf-8")), encoding="utf-8")
