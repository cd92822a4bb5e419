"""The layers, built as `sam build` builds them but for this machine, are all that the functions need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import functions, template
from tests.support.template import LAYER, ROOT

ASSISTANTS = ROOT / "layers" / "assistants" / "python"
"""The layer of one function."""
ALONE = "answer_assistants"

LIMIT = 250 * 1024 * 1024
"""Bytes that a function and its layers may take unzipped."""
ROOM = 0.5
"""The part of it that we allow ourselves: Lambda's libraries are larger than this machine's."""
UNREACHABLE = "after connection broken by"
"""How pip says that there is no way to the registry."""
ISOLATED = """
import json, sys
layers, *folders = sys.argv[1:]
plain = [each for each in sys.path if "site-packages" not in each and "dist-packages" not in each]
sys.path[:] = [*layers.split(":"), *plain]
for folder in folders:
    sys.path.insert(0, folder)
    import app
    assert callable(app.handler) and app.__file__.startswith(folder)
    del sys.modules["app"], sys.path[0]
print(json.dumps(sorted(filter(None, (getattr(each, "__file__", None) for each in list(sys.modules.values()))))))
"""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer's `python` folder."""
    return _built(LAYER, "OmsLayer", tmp_path_factory.mktemp("layer"))


@pytest.fixture(scope="module")
def assistants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `python` folder of the layer that one function has besides."""
    return _built(ASSISTANTS, "AssistantsLayer", tmp_path_factory.mktemp("assistants"))


def _built(folder: Path, name: str, target: Path) -> Path:
    command = ["make", "-C", str(folder), f"build-{name}", f"ARTIFACTS_DIR={target}", "TARGET=host"]
    built = subprocess.run([*command, f"PYTHON={sys.executable}"], capture_output=True, text=True, check=False)
    if built.returncode and UNREACHABLE in built.stderr:
        pytest.skip("pip cannot reach a package registry")
    assert built.returncode == 0, built.stderr
    return target / "python"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_layer_fits(layer: Path, assistants: Path) -> None:
    sizes = {path.name: _size(path) for path in layer.iterdir() if path.is_dir()}
    total = _size(layer)
    largest = ", ".join(f"{name} {sizes[name] >> 20} MB" for name in sorted(sizes, key=sizes.__getitem__)[:-5:-1])
    print(f"layer: {total >> 20} MB unzipped ({largest})")
    assert total + _size(assistants) < LIMIT * ROOM
    for function in functions.names():
        assert _size(functions.FOLDER / function) < 100_000


@pytest.mark.slow
def test_the_layer_holds_our_package_and_no_build_leftovers(layer: Path) -> None:
    ours = {path.relative_to(LAYER).as_posix() for path in (LAYER / "oms").rglob("*") if path.is_file()}
    shipped = {path.relative_to(layer).as_posix() for path in (layer / "oms").rglob("*") if path.is_file()}
    assert shipped == {name for name in ours if "__pycache__" not in name and "_cache/" not in name}
    assert not list(layer.rglob("__pycache__"))


@pytest.mark.slow
def test_every_handler_runs_on_the_layer_alone(layer: Path) -> None:
    folders = [str(functions.FOLDER / name) for name in functions.names() if name != ALONE]
    assert len(folders) >= 20
    _runs(folders, layer)


@pytest.mark.slow
def test_the_function_of_assistants_runs_on_both_layers_and_they_share_nothing(layer: Path, assistants: Path) -> None:
    _runs([str(functions.FOLDER / ALONE)], layer, assistants)
    ours, theirs = ({path.name for path in each.glob("*.dist-info")} for each in (layer, assistants))
    assert not ours & theirs
    assert [name for name in theirs if name.startswith("mcp-")]


def test_the_other_functions_have_the_one_layer() -> None:
    for name, properties in template.of_type(template.resources(), "AWS::Lambda::Function"):
        of_its_own = [template.target(each) for each in properties["Layers"]][1:]
        assert template.target(properties["Layers"][0]).startswith("OmsLayer")
        assert bool(of_its_own) == (name == "AnswerAssistants"), name


def _runs(folders: list[str], *layers: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-S", "-c", ISOLATED, ":".join(map(str, layers)), *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    files = [Path(each) for each in json.loads(done.stdout.splitlines()[-1])]
    for layer in layers:
        assert any(layer in each.parents for each in files)
    assert not [each for each in files if "site-packages" in each.parts], "found outside the layer"
    assert not [each for each in files if ROOT in each.parents], "found outside the layer"
