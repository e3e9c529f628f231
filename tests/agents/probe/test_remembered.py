"""The runtimes are tried once, and again as soon as something has changed that they depend on."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents import uptime
from agents.device_facts import ProviderProbe, RuntimeProbe
from agents.probe.remembered import Answers, remembered

GOOD = (
    RuntimeProbe("onnxruntime", True, "1.20", "release", (ProviderProbe("CPU", True), ProviderProbe("X", False, "no"))),
)


class Asked:
    """Counts how often the runtimes were tried."""

    def __init__(self, answers: Answers = GOOD) -> None:
        self.answers, self.count = answers, 0

    def __call__(self) -> Answers:
        self.count += 1
        return self.answers


def test_tried_once(tmp_path: Path) -> None:
    asked = Asked()
    assert remembered(str(tmp_path), asked) == remembered(str(tmp_path), asked) == GOOD
    assert asked.count == 1


def test_tried_again_when_something_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    asked = Asked()
    remembered(str(tmp_path), asked)
    (packages / "onnxruntime").mkdir()
    remembered(str(tmp_path), asked)
    assert asked.count == 2


def test_tried_again_in_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    remembered(str(tmp_path), asked)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/vendor")
    remembered(str(tmp_path), asked)
    assert asked.count == 2


@pytest.mark.parametrize(
    "later", [{"boot_id": "another"}, {"uptime_s": 1e9}], ids=["after a restart", "after a long time"]
)
def test_tried_again(tmp_path: Path, later: dict[str, object]) -> None:
    asked, moment = Asked(), uptime.now()
    remembered(str(tmp_path), asked, lambda: moment)
    remembered(str(tmp_path), asked, lambda: replace(moment, **later))  # type: ignore[arg-type]
    assert asked.count == 2


def test_a_runtime_that_cannot_be_used_is_tried_each_time(tmp_path: Path) -> None:
    asked = Asked((*GOOD, RuntimeProbe("tflite", False, reason="libGLES is missing")))
    remembered(str(tmp_path), asked)
    remembered(str(tmp_path), asked)
    assert asked.count == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key": 1, "asked": {}, "answers": []}'])
def test_a_damaged_note_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "probe-runtimes.json").write_text(text)
    asked = Asked()
    assert remembered(str(tmp_path), asked) == GOOD
    assert asked.count == 1


def test_a_runtime_that_is_not_installed_is_not_looked_for_again(tmp_path: Path) -> None:
    asked = Asked((*GOOD, RuntimeProbe("litert", False, reason="cannot import litert on this device (No module)")))
    assert remembered(str(tmp_path), asked) == remembered(str(tmp_path), asked)
    assert asked.count == 1
