"""Engines for the integration tests: each starts its own, on free ports, on a state that nobody keeps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from infra.local.deploy import Deployment, deploy
from infra.local.engine import Engine, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
SAMPLE = Path(__file__).parent / "engine_sample" / "template.yaml"


def eventually(look: Callable[[], T], seconds: float = 15.0) -> T:
    """What `look` returns, once that is true; fail when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {seconds:.0f} s")
        time.sleep(0.05)
    return seen


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running engine with nothing deployed, for the whole session."""
    state = tmp_path_factory.mktemp("engine")
    with Engine(state=state, port=free_port(), api_port=free_port(), persist=False) as running:
        yield running


@pytest.fixture(scope="session")
def sample_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine that the sample runs on: its own, since an engine's root address serves one API."""
    state = tmp_path_factory.mktemp("sample-engine")
    with Engine(state=state, port=free_port(), api_port=free_port(), persist=False) as running:
        yield running


@pytest.fixture(scope="session")
def sample(sample_engine: Engine) -> Deployment:
    """The sample template, deployed."""
    return deploy(SAMPLE, sample_engine.endpoint, {"Greeting": "hi"}, api_url=sample_engine.api_url)
