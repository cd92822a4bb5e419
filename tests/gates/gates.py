"""The gates as commands over a tree: the repository, or one in which a test has planted a defect.

Each gives its findings, one line each; none means that it is open. All work without a network. checkov, semgrep and
bandit have an environment of their own, .venv-gates.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.support import template

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
RULES: Final = HERE / "rules"
CHECKOV: Final = HERE / "checkov.yaml"
CFN_LINT: Final = HERE / "cfnlint.yaml"
TOOLS: Final = ROOT / ".venv-gates" / "bin"
"""Where the tools are that the environment of development does not have."""
TEMPLATES: Final = ("template.yaml", "infra/dashboards.yaml")
CODE: Final = ("layers/oms/python/oms", "functions", "infra")
RULED: Final = ("layers/oms/python/oms", "functions")
"""Where our own rules apply."""
ALONE: Final = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0", "BC_SKIP_MAPPING": "TRUE"}

Gate = Callable[[Path], list[str]]


def _run(tree: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=tree,
        env={**os.environ, **ALONE},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _document(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that a tool wrote; raises RuntimeError when it wrote something else."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"{done.args[0]} ended with {done.returncode}: {done.stdout}{done.stderr}") from None


def cfn_lint(tree: Path) -> list[str]:
    """CloudFormation's own rules and those for serverless applications, over every template."""
    tool = Path(sys.executable).with_name("cfn-lint")
    done = _run(tree, tool, "--config-file", CFN_LINT, "--format", "json", "--template", *TEMPLATES)
    return [
        f"{found['Filename']}:{found['Location']['Start']['LineNumber']} {found['Rule']['Id']} {found['Message']}"
        for found in _document(done)
    ]


def checkov(tree: Path, *, exempt: bool = True) -> list[str]:
    """Checkov over the templates as written and as CloudFormation gets them; without the exemptions when told so."""
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "translated.json"
        translated.write_text(template.translated(tree / "template.yaml"), encoding="utf-8")
        files = [part for each in (*TEMPLATES, translated) for part in ("--file", each)]
        config = Path(folder) / "checkov.yaml"
        lines = CHECKOV.read_text(encoding="utf-8").splitlines(keepends=True)
        config.write_text("".join(lines if exempt else lines[: lines.index("skip-check:\n")]), encoding="utf-8")
        done = _run(tree, TOOLS / "checkov", "--config-file", config, "--output", "json", *files)
        report = _document(done)
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise RuntimeError(f"checkov could not read a template: {report['summary']}")
    return [
        f"{found['file_path']}:{found['file_line_range'][0]} {found['check_id']} {found['resource']}"
        for found in report["results"]["failed_checks"]
    ]


def bandit(tree: Path) -> list[str]:
    """Bandit over all that runs; a line that it may not speak of says `nosec`, with the rule and the reason."""
    done = _run(tree, TOOLS / "bandit", "--quiet", "--format", "json", "--recursive", *CODE)
    report = _document(done)
    findings = [
        f"{found['filename']}:{found['line_number']} {found['test_id']} {found['issue_text']}"
        for found in report["results"]
    ]
    return findings + [f"{each['filename']}: {each['reason']}" for each in report["errors"]]


def semgrep(tree: Path) -> list[str]:
    """Our own rules over the code that runs on AWS."""
    options = ("--metrics", "off", "--disable-version-check", "--quiet", "--strict", "--json")
    done = _run(tree, TOOLS / "semgrep", "scan", *options, "--config", RULES, ".")
    report = _document(done)
    scanned = {Path(each) for each in report["paths"]["scanned"]}
    meant = {path.relative_to(tree) for folder in RULED for path in (tree / folder).rglob("*.py")}
    return [
        *(
            f"{found['path']}:{found['start']['line']} {found['check_id'].rpartition('.')[2]}"
            for found in report["results"]
        ),
        *(f"not read: {each}" for each in sorted(meant - scanned)),
        *(f"{each['type']}: {each.get('message') or each.get('long_msg')}" for each in report["errors"]),
    ]


GATES: Final[dict[str, Gate]] = {"cfn-lint": cfn_lint, "checkov": checkov, "bandit": bandit, "semgrep": semgrep}
