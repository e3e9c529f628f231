"""The page in a real Chromium: every chart is drawn, nothing is said on the console, nothing is asked of a network."""

import re
import subprocess
from pathlib import Path

import pytest

from orchestrator.tell.report.page import write_report
from tests.hosts import require_program
from tests.orchestrator.tell import builders
from tests.orchestrator.tell.test_report_page import chart_specs

# docs of the switches: https://peter.sh/experiments/chromium-command-line-switches/
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=10000",
    "--enable-logging=stderr",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, builders.content(chunks=700, blocks=2))
    return path


def browse(report: Path, *switches: str) -> "subprocess.CompletedProcess[str]":
    chromium = require_program("chromium")
    profile = report.parent / "profile"
    argv = [chromium, *SWITCHES, f"--user-data-dir={profile}", *switches, report.as_uri()]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)


def test_every_chart_is_drawn(report: Path) -> None:
    ran = browse(report, "--window-size=390,844", "--dump-dom")
    charts = chart_specs(report.read_text(encoding="utf-8"))
    assert 'data-charts="drawn"' in ran.stdout
    drawings = re.findall(r'<div class="drawing[^"]*" id="chart-([^"]+)".*?<svg[^>]*class="marks"', ran.stdout, re.S)
    assert sorted(drawings) == sorted(charts)
    assert "could not be drawn" not in ran.stdout.split("<script", 1)[0]
    assert 'class="chart-error"' not in ran.stdout
    assert [line for line in ran.stderr.splitlines() if "CONSOLE" in line] == []


def test_it_prints(report: Path) -> None:
    printed = report.parent / "report.pdf"
    browse(report, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    assert printed.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) >= 3
