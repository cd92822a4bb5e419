"""Pages name files, sources, codes and resources that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.local.connect import SOURCES
from tests.support import errors, pages, template

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(
    [*(template.ROOT / "docs").rglob("*.md"), template.ROOT / "README.md", template.ROOT / "CONTRIBUTING.md"]
)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)]*)?\)")
DEPENDENCIES = {
    "DynamoDB",
    "SQS",
    "Step Functions",
    "EventBridge",
    "S3",
    "Secrets Manager",
    "Cognito",
    "payment provider",
    "channel's API",
    "carrier",
    "scorer of fraud",
}
CODE = re.compile(r"^\| (`[a-z_-]+`(?:, `[a-z_-]+`)*)", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Links to files, or to headings of pages, that are not there."""
    findings = []
    for path, anchor in LINK.findall(text):
        if "://" in path:
            continue
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in _anchors(to)):
            findings.append(f"{path}{anchor}")
    return findings


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(template.ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_seen() -> None:
    page = template.ROOT / "docs" / "webhooks.md"
    assert broken_links(page, "[a](nowhere.md) [b](api.md#nothing) [c](api.md#errors)") == [
        "nowhere.md",
        "api.md#nothing",
    ]


def test_every_sender_and_code_of_the_webhook_page_exists() -> None:
    text = (template.ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    senders = text.partition("## Senders")[2].partition("## Quarantine")[0]
    assert {each.strip("`") for each in CODE.findall(senders)} == set(SOURCES)
    parked = text.partition("## Quarantine")[2].partition("## A new channel")[0]
    named = {code.strip("`") for row in CODE.findall(parked) for code in row.split(", ")}
    assert named
    assert named <= set(errors.codes())


def test_runbooks_look_into_resources_that_exist() -> None:
    found = template.resources()
    outputs = template.source()["Outputs"]
    for page in (template.ROOT / "docs" / "runbooks").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"--logical-resource-id (\w+)", text)) <= set(found), page
        assert set(re.findall(r"OutputKey=='(\w+)'", text)) <= set(outputs), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(template.ROOT).as_posix())
def test_tests_and_benches_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert pages.missing_tests(page, text) == []
    assert set(re.findall(r"make bench NAME=(\w+)", text)) <= pages.benches()


def test_a_test_that_does_not_exist_is_seen() -> None:
    page = template.ROOT / "docs" / "guarantees.md"
    here = "../tests/contract/test_docs.py"
    text = f"[test_links_lead_somewhere]({here}) [test_nothing]({here}) [test_links_lead_somewhere](nowhere.py)"
    assert pages.missing_tests(page, text) == ["test_nothing", "test_links_lead_somewhere"]


def test_every_fault_is_covered_or_said_to_be_not_yet_covered() -> None:
    text = (template.ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    covered, not_yet = (pages.rows(text, heading) for heading in ("### Covered", "### Not yet"))
    names = [row[0] for row in covered + not_yet]
    assert sorted(names) == [f"F{number:02d}" for number in range(1, 65)]
    assert [row[0] for row in covered if len(row) != 4 or not pages.named_tests(row[3])] == []
    assert [row[0] for row in not_yet if len(row) != 3 or not row[2]] == []
    invariants = {row[0] for row in pages.rows(text, "## Invariants")}
    assert invariants == {f"I{number}" for number in range(1, 14)}


def test_every_way_in_which_a_dependency_fails_has_its_test() -> None:
    text = (template.ROOT / "docs" / "slo.md").read_text(encoding="utf-8")
    rows = pages.rows(text, "## When a dependency fails")
    assert [row for row in rows if len(row) != 5 or not pages.named_tests(row[4])] == []
    assert {row[0] for row in rows} == DEPENDENCIES
    ways = {name: {row[1].partition(" ")[0].rstrip(":,") for row in rows if row[0] == name} for name in DEPENDENCIES}
    assert [name for name, told in ways.items() if not {"slow", "down", "wrong"} <= told] == []


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((template.ROOT / "docs" / "adr").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert len(text) < 4000
