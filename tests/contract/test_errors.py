"""The error tree: what its docstring draws, what the pages tell, and what HTTP answers, are what the classes say."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import oms
from oms.domain.errors import OmsError
from oms.entrypoints import http
from tests.support import errors

CLASSES = errors.error_classes()


def _everywhere() -> set[type[OmsError]]:
    for found in pkgutil.walk_packages(oms.__path__, "oms."):
        import_module(found.name)
    seen: set[type[OmsError]] = set()
    waiting = [OmsError]
    while waiting:
        kind = waiting.pop()
        seen.add(kind)
        waiting += [each for each in kind.__subclasses__() if each.__module__.startswith("oms.")]
    return seen


def test_every_error_of_the_system_stands_in_the_one_module() -> None:
    assert _everywhere() == set(CLASSES)


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    path: list[str] = []
    drawn = {}
    for depth, name, retryable in errors.tree():
        path[depth:] = [name]
        drawn[name] = (path[depth - 1] if depth else "Exception", retryable)
    assert drawn == {each.__name__: (each.__bases__[0].__name__, each.retryable) for each in CLASSES}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [each.code for each in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all("code" in vars(each) for each in CLASSES), "a code is said, never inherited"
    assert errors.INTERNAL not in codes


def test_every_error_says_what_it_means() -> None:
    for each in CLASSES:
        assert each.__doc__, each
        assert each.__name__.endswith("Error"), each


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_refusal_is_a_problem_document(kind: type[OmsError]) -> None:
    answer = http.problem(kind("no", limit=3, retry_after=5))
    assert answer.content_type == "application/problem+json"
    assert 400 <= answer.status_code < 600
    assert answer.status_code == http.status_of(kind("no"))
    assert answer.headers["retry-after"] == "5"
    assert f'"code": "{kind.code}"' in str(answer.body)


def test_context_cannot_speak_for_the_error() -> None:
    answer = http.problem(OmsError("no", code="other", status=200, type="x"))
    assert '"code": "oms_error"' in str(answer.body)
    assert '"status": 422' in str(answer.body)


def test_statuses_are_given_to_errors_of_the_tree() -> None:
    assert set(http.STATUS) <= set(CLASSES)


def test_the_page_lists_every_code() -> None:
    page = errors.API_PAGE.read_text(encoding="utf-8")
    assert errors.with_table(page) == page, "run: python -m tests.support.errors"


def test_the_api_description_lists_every_code() -> None:
    text = errors.OPENAPI.read_text(encoding="utf-8")
    assert errors.with_codes(text) == text, "run: python -m tests.support.errors"


def test_the_generator_sees_a_code_that_is_missing() -> None:
    page = errors.API_PAGE.read_text(encoding="utf-8")
    assert errors.with_table(page.replace("`contention`", "`strife`")) != page.replace("`contention`", "`strife`")
    text = errors.OPENAPI.read_text(encoding="utf-8").replace("            - contention\n", "")
    assert errors.with_codes(text) != text
