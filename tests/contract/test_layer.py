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
UNREACHABLE = "after connection broken by"
"""How pip says that there is no way to the registry."""
ISOLATED = """
import json, sys
layer, *folders = sys.argv[1:]
sys.path[:] = [layer, *(each for each in sys.path if "site-packages" not in each and "dist-packages" not in each)]
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
    target = tmp_path_factory.mktemp("layer")
    command = ["make", "-C", str(LAYER), "build-OmsLayer", f"ARTIFACTS_DIR={target}", "TARGET=host"]
    built = subprocess.run([*command, f"PYTHON={sys.executable}"], capture_output=True, text=True, check=False)
    if built.returncode and UNREACHABLE in built.stderr:
        pytest.skip("pip cannot reach a package registry")
    assert built.returncode == 0, built.stderr
    return target / "python"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_layer_fits(layer: Path) -> None:
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
def test_every_handler_runs_on_the_layer_alone(layer: Path) -> None:
    folders = [str(functions.FOLDER / name) for name in functions.names()]
    assert len(folders) >= 20
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-S", "-c", ISOLATED, str(layer), *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    files = [Path(each) for each in json.loads(done.stdout.splitlines()[-1])]
    assert any(layer in each.parents for each in files)
    assert not [each for each in files if "site-packages" in each.parts], "found outside the layer"
    assert not [each for each in files if ROOT in each.parents], "found outside the layer"
