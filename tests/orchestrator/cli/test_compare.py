"""``earshot compare`` and ``earshot calibrate``: measured on this machine, from the ledger, and refused."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.main import main
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.cli.command import BAD_INPUT, DEVICE, LEDGER, assert_refused, assert_sound, earshot
from tests.orchestrator.workflows.mini import add_mini

INCOMPARABLE = 8
# A busy machine is late to issue paced chunks, which makes sessions invalid; flat out there is nothing to be late for.
QUICK = ("--runs", "2", "--seconds", "5", "--mode", "flat-out")
AT_ONCE = ("--runs", "2", "--seconds", "4", "--duet")
RECIPES = ("onnx:fp32", "onnx:int8-dynamic")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with a calibration, a comparison and a duet of ``mini``; what they said lies beside the ledger."""
    home = tmp_path_factory.mktemp("compare")
    results = home / "earshot-results"
    add_mini(results)
    commands = {
        "calibrated": ("calibrate", "local", "--model", "mini", *QUICK),
        "compared": ("compare", "mini", *RECIPES, *QUICK),
        "duet": ("compare", "mini", *RECIPES, *AT_ONCE),
    }
    for name, words in commands.items():
        done = earshot(*words, "--results", str(results), "--json", home=home)
        assert done.returncode == 0, done.stderr
        (results / f"{name}.json").write_text(done.stdout)
    return results


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> "subprocess.CompletedProcess[str]":
    """The command in this process: what is refused before anything is measured needs none of its own."""
    code = 0
    try:
        main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return subprocess.CompletedProcess(list(words), code, said.out, said.err)


def said(results: Path, name: str) -> Any:
    return json.loads((results / f"{name}.json").read_text())


def study_of(results: Path, workflow: str, duet: bool = False) -> str:
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        found = [s for s in ledger.studies() if s.settings["workflow"] == workflow and s.settings["duet"] is duet]
    return found[0].study_id


def test_a_calibration_is_kept_dated_and_shown(measured: Path, home: Path) -> None:
    (found,) = said(measured, "calibrated")
    noise = found["noise"]["service_p50_ms"]
    assert (found["device"], found["model"], noise["pairs"]) == ("local", "mini", 2)
    assert set(noise["detectable_by_runs"]) == {"3", "5", "6", "10", "20"}
    assert noise["runs_for_effect"]["effect"] == 0.03
    # Flat out there is no latency, so there is no noise of it either.
    assert "latency_p50_ms" not in found["noise"]
    shown = earshot("calibrate", "--show", "--results", str(measured), home=home)
    assert shown.returncode == 0, shown.stderr
    assert f"2 pairs of flat-out runs of 5 s of mini, onnx:fp32 CPU 1t, {found['at_utc']}" in shown.stdout
    assert earshot("calibrate", "pi5", "--show", "--results", str(measured), home=home).stdout.startswith("no device")


def test_both_are_measured_in_pairs_of_interleaved_sessions(measured: Path) -> None:
    found = said(measured, "compared")
    assert (found["device"], found["mode"], found["forced"], found["mark"]) == ("local", "flat-out", [], "")
    effects = {effect["metric"]: effect for effect in found["effects"]}
    assert effects["service_p50_ms"]["paired"]
    assert effects["service_p50_ms"]["ratio"]["n"] == 2
    assert effects["service_p50_ms"]["detectable"] > 0
    assert effects["latency_p99_ms"]["ratio"]["value"] is None
    with Ledger.open(measured / "ledger.db", create=False) as ledger:
        sessions = [s for s in ledger.sessions(study_of(measured, "compare")) if s.planned.attempt == 0]
    places = [(s.planned.block, s.planned.position, str(s.planned.candidate.recipe)) for s in sessions]
    first = [recipe for block, _, recipe in places if block == 0]
    assert sorted(first) == sorted(RECIPES)
    assert [recipe for block, _, recipe in places if block == 1] == first[::-1]
    assert sessions == sorted(sessions, key=lambda s: s.started_utc)
    assert_sound(measured)


def test_a_duet_runs_both_at_once_and_says_nothing_absolute(measured: Path) -> None:
    found = said(measured, "duet")
    assert found["relative_only"]
    assert all(effect["a"] is None and effect["b"] is None for effect in found["effects"])
    assert any("only their ratio" in note for note in found["notes"])
    with Ledger.open(measured / "ledger.db", create=False) as ledger:
        sessions = ledger.sessions(study_of(measured, "compare", duet=True))
    for block in (0, 1):
        spans = [s.arrays["t_ns"][[0, -1], [1, 4]] for s in sessions if s.planned.block == block and s.ok]
        assert max(start for start, _ in spans) < min(end for _, end in spans), "they streamed at the same time"


def test_the_ledger_gives_the_same_again(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = study_of(measured, "compare")
    sides = (f"{study}:default", f"{study}:onnx:int8-dynamic", "--results", str(measured))
    done = typed(capsys, "compare", *sides, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["effects"] == said(measured, "compared")["effects"]
    table = typed(capsys, "compare", *sides).stdout
    assert "B / A" in table
    assert "2 pairs" in table
    assert "the noise floor of local is of" in table


def test_alone_and_in_a_duet_is_refused_and_marked_where_forced(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = (f"{study_of(measured, 'compare')}:default", f"{study_of(measured, 'compare', True)}:onnx:int8-dynamic")
    where = ("--results", str(measured))
    done = typed(capsys, "compare", *sides, *where)
    assert_refused(done, INCOMPARABLE, "were not measured alike", "device to itself", then="or --force")
    assert "no, a duet" in done.stdout
    refused = json.loads(typed(capsys, "compare", *sides, *where, "--json").stdout)
    assert {"mode", "device to itself"} <= {each["name"] for each in refused["unlike"]}
    forced = typed(capsys, "compare", *sides, *where, "--force")
    assert forced.returncode == 0, forced.stderr
    # Each verdict and the sentence.
    assert forced.stdout.count("forced: compared across mode, ") == 7


def test_paced_is_not_compared_with_flat_out(measured: Path, home: Path) -> None:
    where = ("--results", str(measured))
    ran = earshot("run", "mini", "--once", "--seconds", "1", "--json", *where, home=measured.parent)
    assert ran.returncode == 0, ran.stderr
    paced = json.loads(ran.stdout)["session"]
    done = earshot("compare", f"{study_of(measured, 'compare')}:onnx:int8-dynamic", paced, *where, home=home)
    assert_refused(done, INCOMPARABLE, "mode", then="or --force")


@pytest.mark.parametrize(
    ("words", "parts", "then"),
    [
        (("{study}x:default", "b"), ("no study or session", "x:default"), "did you mean {study}?"),
        (("{study}:int9-dynamic", "b"), ("has no candidate",), "did you mean {study}:onnx:int8-dynamic?"),
        (("{study}", "b"), ("which candidate",), "onnx:fp32 CPU 1t"),
        (("{study}:default", "{study}:default"), ("share sessions",), "earshot calibrate"),
        (("mini", *RECIPES, "--runs", "1"), ("runs must be >= 2",), "--runs 6"),
        (("mini", "onnx:fp32", "onnx:fp32"), ("both are onnx:fp32",), "earshot calibrate"),
        (("mini", "onnx:fp32", "onnx:fp32@cores=2"), ("cannot read",), "@threads=2"),
        (("mini", "onnx:fp32", "onnx:fp33"), ("fp33",), ""),
        (("mini", *RECIPES, "--effect", "3"), ("--effect must be a share",), "0.05 is 5 %"),
        (("mini", *RECIPES, "--force"), ("--force goes with two sides",), "--help"),
        (("a", "b", "--runs", "3"), ("--runs goes with a model",), "--help"),
        (("mini",), ("got 1 arguments",), "--help"),
        (("mini", *RECIPES, "--device", "pi5"), ("pi5",), ""),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(
    words: tuple[str, ...], parts: tuple[str, ...], then: str, measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_of(measured, "compare")
    done = typed(capsys, "compare", *(w.replace("{study}", study) for w in words), "--results", str(measured))
    assert_refused(done, BAD_INPUT, *parts, then=then.replace("{study}", study))


@pytest.mark.parametrize(
    ("words", "parts", "then"),
    [
        (("local", "--runs", "1"), ("runs must be >= 2",), "--runs 6"),
        ((), ("which device?",), "--help"),
        (("local", "--effect", "0"), ("--effect must be",), "0.03 is 3 %"),
        (("local", "--seconds", "nan"), ("seconds must be > 0",), ""),
        (("nowhere",), ("nowhere",), ""),
        (("local", "--model", "knws"), ("knws",), ""),
    ],
)
def test_what_cannot_be_calibrated(
    words: tuple[str, ...], parts: tuple[str, ...], then: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = typed(capsys, "calibrate", *words, "--results", str(results))
    assert_refused(done, BAD_INPUT, *parts, then=then)


@pytest.mark.parametrize("words", [("compare", "a", "b"), ("calibrate", "--show")])
def test_without_a_ledger_there_is_nothing(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = typed(capsys, *words, "--results", str(tmp_path / "none"))
    assert_refused(done, LEDGER, "there is no ledger", then="earshot tune")


def test_a_device_that_somebody_else_has_is_not_calibrated(measured: Path, tmp_path: Path, home: Path) -> None:
    other = ("--results", str(tmp_path / "other"))
    held = earshot("devices", "lease", "local", "--purpose", "a new fan", *other, home=measured.parent)
    assert held.returncode == 0, held.stderr
    try:
        done = earshot(
            "calibrate", "local", "--model", "mini", *QUICK, "--results", str(measured), home=measured.parent
        )
        assert_refused(done, DEVICE, "a new fan", then="--wait")
    finally:
        earshot("devices", "release", "local", *other, home=measured.parent)
