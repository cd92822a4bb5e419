"""The layer, built as `sam build` builds it but for this machine, is all that the functions need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import functions
from tests.support.template import LAYER, ROOT

LIMIT = 250 * 1024 * 1024
"""Bytes that a function and its layers may take unzipped."""
ROOM = 0.5
"""The part of it that we allow ourselves: Lambda's libraries are larger than this machine's."""
ISOLATED = """
import json, sys
layer, function = sys.argv[1:]
outside = [each for each in sys.path if "site-packages" in each or "dist-packages" in each]
sys.path[:] = [function, layer, *(each for each in sys.path if each not in outside)]
import app
assert callable(app.handler)
files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
print(json.dumps(sorted({each for each in files if each})))
"""


def _registry_answers() -> bool:
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", os.devnull, "six==0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "No matching distribution" in answer.stderr and "from versions: none" not in answer.stderr


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer's `python` folder."""
    target = tmp_path_factory.mktemp("layer")
    command = ["make", "-C", str(LAYER), "build-OmsLayer", f"ARTIFACTS_DIR={target}", "TARGET=host"]
    built = subprocess.run([*command, f"PYTHON={sys.executable}"], capture_output=True, text=True, check=False)
    if built.returncode and not _registry_answers():
        pytest.skip("pip cannot reach a package registry")
    assert built.returncode == 0, built.stderr
    return target / "python"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_layer_fits(layer: Path, record_property: pytest.FixtureRequest) -> None:
    sizes = {path.name: _size(path) for path in layer.iterdir() if path.is_dir()}
    total = _size(layer)
    largest = ", ".join(f"{name} {sizes[name] >> 20} MB" for name in sorted(sizes, key=sizes.__getitem__)[:-5:-1])
    print(f"layer: {total >> 20} MB unzipped ({largest})")
    assert total < LIMIT * ROOM
    for function in functions.names():
        assert _size(functions.FOLDER / function) < 100_000


@pytest.mark.slow
def test_the_layer_holds_our_package_and_no_build_leftovers(layer: Path) -> None:
    ours = {path.relative_to(LAYER).as_posix() for path in (LAYER / "oms").rglob("*") if path.is_file()}
    shipped = {path.relative_to(layer).as_posix() for path in (layer / "oms").rglob("*") if path.is_file()}
    assert shipped == {name for name in ours if "__pycache__" not in name and "_cache/" not in name}
    assert not list(layer.rglob("__pycache__"))


@pytest.mark.slow
@pytest.mark.parametrize("function", functions.names())
def test_a_handler_runs_on_the_layer_alone(function: str, layer: Path) -> None:
    folder = ROOT / "functions" / function
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-S", "-c", ISOLATED, str(layer), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    files = [Path(each) for each in json.loads(done.stdout.splitlines()[-1])]
    assert any(layer in each.parents for each in files)
    assert not [each for each in files if "site-packages" in each.parts], "found outside the layer"
    assert not [each for each in files if ROOT in each.parents and folder not in each.parents], "found outside the layer"
