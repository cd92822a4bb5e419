"""Pages name files, sources, codes and resources that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.local.connect import SOURCES
from tests.support import errors, template

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(
    [*(template.ROOT / "docs").rglob("*.md"), template.ROOT / "README.md", template.ROOT / "CONTRIBUTING.md"]
)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)]*)?\)")
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


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((template.ROOT / "docs" / "adr").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert len(text) < 4000
