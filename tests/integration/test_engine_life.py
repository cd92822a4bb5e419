"""Starting, stopping and starting again: what is kept, what changed code does, what is refused."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from infra.local.deploy import DeployError, Deployment, deploy
from infra.local.engine import ROOT, Engine, EngineError, free_port
from infra.local.kept import prepare
from tests.integration.conftest import SAMPLE, eventually
from tests.integration.test_engine_sample import Table, call

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine


def new_engine(state: Path) -> Engine:
    return Engine(state=state, port=free_port(), api_port=free_port())


def test_a_restart_keeps_data_skips_no_commit_and_takes_changed_code(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SAMPLE.parent, source)
    template = source / "template.yaml"

    def deployed(engine: Engine) -> Deployment:
        return deploy(template, engine.endpoint, {"Greeting": "hi"}, api_url=engine.api_url)

    with new_engine(tmp_path / "state") as engine:
        first = deployed(engine)
        table = Table(engine, first)
        table.put("one", "two", "three")
        eventually(lambda: table.mark("stream", "three"))

    web = source / "functions" / "web" / "app.py"
    web.write_text(web.read_text().replace('"statusCode": 200', '"statusCode": 202'))

    with new_engine(tmp_path / "state") as engine:
        second = deployed(engine)
        table = Table(engine, second)
        assert second.resources["Table"] == first.resources["Table"]
        assert table.mark("stream", "three")
        assert call(f"{engine.api_url}/open/x").status == 202
        table.put("four")
        eventually(lambda: table.mark("stream", "four"))
        assert [table.times("stream", name) for name in ("one", "two", "three", "four")] == [1, 1, 1, 1]


def test_changed_code_of_the_layer_is_taken(tmp_path: Path, sample_engine: Engine, sample: Deployment) -> None:
    source = tmp_path / "source"
    shutil.copytree(SAMPLE.parent, source)
    store = source / "layer" / "sample" / "store.py"
    store.write_text(store.read_text().replace('f"mark#{kind}"', 'f"mark#new-{kind}"'))
    parameters = {"Greeting": "hi"}

    changed = deploy(source / "template.yaml", sample_engine.endpoint, parameters, api_url=sample_engine.api_url)

    table = Table(sample_engine, changed)
    table.put("layered")
    eventually(lambda: table.mark("new-stream", "layered"))
    deploy(SAMPLE, sample_engine.endpoint, parameters, api_url=sample_engine.api_url)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port}, for the engine, is taken"):
            Engine(state=tmp_path, port=port, api_port=free_port()).start()


def test_two_engines_cannot_share_a_state(tmp_path: Path) -> None:
    with new_engine(tmp_path), pytest.raises(EngineError, match="another engine is running"):
        new_engine(tmp_path).start()


def test_a_template_that_cannot_be_made_says_why(tmp_path: Path, engine: Engine) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Odd: {Type: AWS::Odd::Thing, Properties: {}}\n"
    )

    with pytest.raises(DeployError, match="AWS::Odd::Thing"):
        deploy(template, engine.endpoint, stack="odd")


def test_what_was_kept_of_other_tables_is_forgotten(tmp_path: Path) -> None:
    state, template = tmp_path / "state", tmp_path / "template.yaml"
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    template.write_text(text, encoding="utf-8")
    assert not prepare(state, template, fresh=False)
    state.mkdir()
    (state / "db").write_text("kept", encoding="utf-8")
    assert not prepare(state, template, fresh=False)
    template.write_text(text.replace("IndexName: by_list", "IndexName: by_line"), encoding="utf-8")
    assert prepare(state, template, fresh=False)
    assert not state.exists()
    state.mkdir()
    (state / "db").write_text("kept", encoding="utf-8")
    assert not prepare(state, template, fresh=False)
    assert prepare(state, template, fresh=True)
