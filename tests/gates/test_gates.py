"""Each gate finds nothing in the repository, and finds the defect that is planted in a copy of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.gates import gates
from tests.gates.gates import ROOT, RULES

MAX_EXEMPT = 6
BIN = Path(sys.executable).parent
pytestmark = pytest.mark.skipif(
    not gates.TOOLS.exists(), reason="the gates' environment is made by `make check`, not by `make test`"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the gates look at, to be changed."""
    for name in ("template.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("layers", "functions", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def write(file: Path, text: str) -> None:
    """A new file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


# ---- templates


def test_cfn_lint_sees_what_is_wrong_and_what_is_unwise(tree: Path) -> None:
    change(tree / "template.yaml", "BillingMode: PAY_PER_REQUEST", "BillingMode: FREE")
    change(tree / "template.yaml", "Tracing: Active", "Tracing: PassThrough")
    findings = "\n".join(gates.cfn_lint(tree))
    assert " E3030 " in findings
    assert " WS1000 " in findings, "the rules for serverless applications"


def test_checkov_sees_a_table_without_backups_and_every_exemption_is_needed(tree: Path) -> None:
    """In the template as written and as CloudFormation gets it."""
    exempt = yaml.safe_load(gates.CHECKOV.read_text(encoding="utf-8"))["skip-check"]
    change(tree / "template.yaml", "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")
    findings = gates.checkov(tree, exempt=False)
    assert {finding.split()[1] for finding in findings} == {*exempt, "CKV_AWS_28"}
    planted = [finding for finding in findings if " CKV_AWS_28 " in finding]
    assert {Path(finding.split(":")[0]).name for finding in planted} == {"template.yaml", "translated.json"}


def test_every_exemption_has_its_reason() -> None:
    text = gates.CHECKOV.read_text(encoding="utf-8")
    exempt = yaml.safe_load(text)["skip-check"]
    assert re.findall(r"^  - (CKV_AWS_\d+) +# \S.{20,}$", text, re.MULTILINE) == exempt
    assert len(exempt) <= MAX_EXEMPT


def test_the_template_is_not_closed_by_a_line_in_it() -> None:
    """Exemptions stand in one file."""
    for name in gates.TEMPLATES:
        assert not re.search(r"checkov:|cfn-lint:|cfn_nag", (ROOT / name).read_text(encoding="utf-8")), name


# ---- code


@pytest.mark.parametrize(
    ("folder", "defect", "rule"),
    [
        ("functions/x/app.py", "import subprocess\nsubprocess.call('ls ' + input(), shell=True)\n", "B602"),
        ("layers/oms/python/oms/x.py", "import hashlib\nhashlib.md5(b'x')\n", "B324"),
        ("infra/x.py", "import tarfile\ntarfile.open('x').extractall()\n", "B202"),
    ],
)
def test_bandit_sees_it(tmp_path: Path, folder: str, defect: str, rule: str) -> None:
    for each in gates.CODE:
        (tmp_path / each).mkdir(parents=True)
    write(tmp_path / folder, defect)
    assert any(f" {rule} " in finding for finding in gates.bandit(tmp_path))


def test_bandit_is_told_what_it_may_not_speak_of_and_why() -> None:
    lines = [
        line
        for folder in gates.CODE
        for file in (ROOT / folder).rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "nosec" in line
    ]
    assert lines
    for line in lines:
        assert re.search(r"# nosec B\d{3} # .*\w{3}", line), line


FIXTURES = sorted(RULES.glob("*.py"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, int]]]:
    """(rule, line) of what our rules find in their fixtures, by fixture; each put where it says it is."""
    tree = tmp_path_factory.mktemp("rules")
    places = {}
    for fixture in FIXTURES:
        text = fixture.read_text(encoding="utf-8")
        place = Path(text.partition("\n")[0].removeprefix("# in: ")).with_name(fixture.name.replace("-", "_"))
        places[str(place)] = fixture.stem
        write(tree / place, text)
    seen: dict[str, list[tuple[str, int]]] = {fixture.stem: [] for fixture in FIXTURES}
    for finding in gates.semgrep(tree):
        where, rule, *_ = finding.split()
        file, _, line = where.partition(":")
        seen[places[file]].append((rule, int(line)))
    return seen


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda each: each.stem)
def test_a_rule_finds_what_breaks_it_and_nothing_else(fixture: Path, found: dict[str, list[tuple[str, int]]]) -> None:
    lines = fixture.read_text(encoding="utf-8").splitlines()
    bad = [number for number, line in enumerate(lines, start=2) if line.strip() == f"# ruleid: {fixture.stem}"]
    good = [number for number, line in enumerate(lines, start=2) if line.strip() == f"# ok: {fixture.stem}"]
    assert bad
    assert good
    assert sorted(found[fixture.stem]) == [(fixture.stem, number) for number in bad]


def test_every_rule_has_its_fixture() -> None:
    for file in RULES.glob("*.yaml"):
        assert [rule["id"] for rule in yaml.safe_load(file.read_text(encoding="utf-8"))["rules"]] == [file.stem]
    assert {file.stem for file in RULES.glob("*.yaml")} == {file.stem for file in FIXTURES}


def test_semgrep_says_what_it_did_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A gate that looks at nothing finds nothing."""
    write(tmp_path / "functions/x/app.py", "1\n")
    write(tmp_path / ".semgrepignore", "functions/\n")
    assert gates.semgrep(tmp_path) == ["not read: functions/x/app.py"]


# ---- the other checks of `make check`


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A tool of the environment of development."""
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_ruff_sees_an_identity_that_differs_each_time(tree: Path) -> None:
    file = tree / "layers/oms/python/oms/domain/ids.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n\nimport uuid\n\nX = uuid.uuid4()\n", encoding="utf-8")
    done = run(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", file, cwd=tree)
    assert done.returncode == 1
    assert "TID251" in done.stdout


def test_ruff_sees_what_is_not_formatted(tree: Path) -> None:
    write(tree / "functions/x/app.py", "x = ( 1 )\n")
    assert run(BIN / "ruff", "format", "--no-cache", "--check", "functions", cwd=tree).returncode == 1


def test_mypy_sees_a_wrong_type(tree: Path) -> None:
    write(tree / "functions/x/app.py", "from oms.domain import ids\n\nX: int = ids.order_id('a', 'b', 'c')\n")
    (tree / "tests").mkdir()
    done = run(BIN / "mypy", "functions/x/app.py", "--follow-imports", "silent", cwd=tree)
    assert done.returncode == 1, done.stdout
    assert "[assignment]" in done.stdout


@pytest.mark.parametrize(
    ("file", "text", "contract"),
    [
        ("domain/money.py", "import boto3\n", "the core knows neither AWS nor frameworks"),
        ("domain/money.py", "import oms.application.orders\n", "entrypoints > application"),
        ("adapters/s3.py", "import oms.application.orders\n", "adapters know the domain only"),
        ("application/orders.py", "import oms.adapters.s3\n", "only the wiring names an adapter"),
    ],
)
def test_the_import_contracts_see_it(tree: Path, file: str, text: str, contract: str) -> None:
    path = tree / "layers/oms/python/oms" / file
    path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree / "layers/oms/python"), "PATH": str(BIN)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(re.escape(contract) + r".* BROKEN", done.stdout), done.stdout


def test_sam_sees_a_function_without_code(tree: Path) -> None:
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    change(tree / "template.yaml", "CodeUri: functions/receive_webhook/", "CodeUrl: functions/receive_webhook/")
    done = subprocess.run(
        [str(sam), "validate", "--lint", "--template", "template.yaml"],
        cwd=tree,
        env={"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "HOME": str(tree), "PATH": str(sam.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr


# ---- all of them together


def test_one_finding_closes_the_gate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.gates.__main__ import main

    made: dict[str, gates.Gate] = {"sound": lambda _tree: [], "broken": lambda _tree: ["file:1 X a defect"]}
    monkeypatch.setattr("tests.gates.__main__.GATES", made)
    assert main(["sound"]) == 0
    assert main([]) == 1
    assert "file:1 X a defect" in capsys.readouterr().out


def test_make_check_runs_all_of_them() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    for command in (
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports",
        "sam validate --lint",
        "-m tests.gates",
    ):
        assert command in done.stdout.replace("\\\n", ""), command
    assert set(gates.GATES) == {"cfn-lint", "checkov", "bandit", "semgrep"}
