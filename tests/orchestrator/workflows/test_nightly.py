"""Whole nights on this machine and on one reached over SSH: judged, decided by re-runs, a drifting device put aside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.decide.bisection.search import Care
from orchestrator.decide.regression.tuning import Tuning
from orchestrator.domain.night import NightTold
from orchestrator.domain.regression import BY_RERUN, REGRESSION, Verdict
from orchestrator.errors import BadInput
from orchestrator.ledger.health import health_of
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import last_success, nights
from orchestrator.workflows.bisect import BisectSettings, bisect
from orchestrator.workflows.night_series import CONFIRM
from orchestrator.workflows.night_settings import NightSettings
from orchestrator.workflows.nightly import PAGE, nightly
from orchestrator.workflows.progress import Silent
from tests.orchestrator.workflows.night_past import Measured, before_noon, measured_night
from tests.orchestrator.workflows.slow_graph import slow_down

# As few pairs as decide anything: what the right number is, the tests of decide/regression say.
QUICK = Tuning(most_pairs=6)
FEW = Care(ends=4, most_ends=12)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    folder = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        yield measured_night(folder, seconds=0.5, reference="mini")


def night(results: Path, measured: Measured, reference: bool = False) -> NightTold:
    before_noon()
    plan = results.parent / "plan.toml"
    text = measured.plan.read_text()
    plan.write_text(text if reference else text.replace('reference = "mini"\n', ""))
    return nightly(NightSettings(plan, measured.lab, results), Silent(), QUICK)


def slower_commits(verdict: Verdict) -> tuple[str, str]:
    (blame,) = verdict.blame
    return blame.before, blame.after


def test_a_slower_commit_is_confirmed_in_the_same_night(tmp_path: Path, measured: Measured) -> None:
    results = measured.past(tmp_path / "r", [1.0] * 9)
    slow_down(results / "models" / "mini" / "model.onnx")
    told = night(results, measured)
    assert told.record.complete, told.record
    (slower,) = [v for v in told.alerts if (v.key.metric, v.aspect) == ("service_p50_ms", "level")]
    assert (slower.kind, slower.confirmed_by) == (REGRESSION, BY_RERUN)
    assert slower.effect.low is not None
    assert slower.effect.low > 1.3
    assert [blame.axis for blame in slower.blame] == ["model_commit"]
    (rerun,) = told.reruns
    assert (rerun.pairs, rerun.reason) == (rerun.wanted, None)
    with Ledger.open(results / "ledger.db") as ledger:
        (confirming,) = [study for study in ledger.studies() if study.settings["workflow"] == CONFIRM]
        made = ledger.sessions(confirming.study_id, with_arrays=False)
        ran = {(s.planned.block, s.planned.candidate.artifact_sha256) for s in made}
        both = (rerun.old_artifact, rerun.new_artifact)
        assert ran == {(block, artifact) for block in range(rerun.pairs) for artifact in both}
        assert last_success(ledger, "test") == told.record
    page = (results / PAGE).read_text()
    assert slower.said.partition(",")[0] in page
    # Among the nights the search names the axis; the model's commit is the hash of its graph here.
    searched = bisect(
        BisectSettings(metric="service_p50_ms", lab=measured.lab, results=results, seconds=0.5, care=FEW), Silent()
    )
    assert (searched.axis, searched.before, searched.after) == ("model_commit", *slower_commits(slower))
    assert searched.nights is not None
    assert FEW.ends <= searched.nights.pairs <= FEW.most_ends
    # The same night once more: nothing is measured again, and the same is said.
    again = night(results, measured)
    assert again.verdicts == told.verdicts
    with Ledger.open(results / "ledger.db") as ledger:
        assert len(ledger.sessions(confirming.study_id, with_arrays=False)) == len(made)


def test_what_cannot_be_re_run_is_said(tmp_path: Path, measured: Measured) -> None:
    results = measured.past(tmp_path / "r", [1.0] * 9)
    with Ledger.open(results / "ledger.db") as ledger:
        (old,) = ledger.artifacts("mini")
    slow_down(results / "models" / "mini" / "model.onnx")
    old.path.unlink()
    told = night(results, measured)
    (rerun,) = told.reruns
    assert rerun.pairs == 0
    assert rerun.reason is not None
    assert f"{old.sha256[:12]}" in rerun.reason
    assert "no longer in the store" in rerun.reason
    assert {v.confirmed_by for v in told.alerts} <= {"exact value"}


def test_a_device_whose_reference_moved_is_put_into_quarantine(tmp_path: Path, measured: Measured) -> None:
    # The fifth night in a row on which this device is slower, and nothing else changed.
    results = measured.past(tmp_path / "r", [1 / 1.6] * 14 + [1.0] * 4)
    told = night(results, measured, reference=True)
    assert told.record.quarantined == ("bench",)
    with Ledger.open(results / "ledger.db") as ledger:
        health = health_of(ledger, "bench")
        assert health.quarantined
        assert "bench itself drifted" in str(health.reason)
    # The same night once more has nobody to measure on, and says why.
    with pytest.raises(BadInput, match="in quarantine") as refused:
        night(results, measured, reference=True)
    assert "nothing can be measured" in refused.value.message
    with Ledger.open(results / "ledger.db") as ledger:
        assert len(nights(ledger)) == 1
