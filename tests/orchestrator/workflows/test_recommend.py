"""What teaches a prediction: real device models of the ledger, or a matrix; never an emulated device or a stand-in."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agents.device_facts import DeviceProbe
from orchestrator.domain.session import Environment
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.workflows.recommend import Asked, recommend
from orchestrator.workflows.recommend_devices import facts_of_probe, phone_named
from orchestrator.workflows.recommend_records import of_ledger
from tests import sessions
from tests.orchestrator.measure.lab.kinds import KINDS, probe_of

PROFILES = load_profiles()
RECIPES = ("onnx:fp32", "onnx:int8-dynamic")
# Times of fp32 and int8 in ms; nothing here was measured.
LEVELS = {
    "pixel-6": (2.0, 0.9),
    "pixel-8": (1.6, 0.6),
    "raspberry-pi-4": (6.0, 7.0),
    "raspberry-pi-5": (3.0, 1.3),
}


@pytest.fixture
def probes(tmp_path: Path) -> dict[str, DeviceProbe]:
    return {name: probe_of(KINDS[name], tmp_path / name) for name in (*LEVELS, "galaxy-a15")}


def add_study(
    results: Path, name: str, probe: DeviceProbe, levels: tuple[float, ...], model: str = "synthetic"
) -> None:
    environment = Environment(name, name, "a" * 64, "local", probe)
    with Ledger.open(results / "ledger.db") as ledger:
        study = Study(f"tune-{name}", model, name, "2026-01-01T00:00:00+00:00", {"workflow": "tune"})
        ledger.begin_study(study)
        for recipe, level in zip(RECIPES, levels, strict=True):
            artifact, candidate = sessions.artifact(recipe), sessions.candidate(recipe)
            ledger.record_artifact(artifact)
            made = [
                sessions.session(candidate, "flat-out", block, service_ms=level, chunks=60, environment=environment)
                for block in range(3)
            ]
            made.append(sessions.session(candidate, "evaluate", 0, environment=environment))
            for session in made:
                planned = replace(session.planned, study_id=study.study_id, device=name)
                result = replace(session.result, session_id=planned.session_id)
                ledger.record_session(replace(session, planned=planned, result=result))
            evaluated = next(s for s in ledger.sessions(study.study_id, "evaluate", candidate.key))
            ledger.record_score(replace(sessions.score(candidate, [0] * 400, 400), session_id=evaluated.session_id))


@pytest.fixture
def results(tmp_path: Path, probes: Mapping[str, DeviceProbe]) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    for name, levels in LEVELS.items():
        add_study(folder, name, probes[name], levels)
    return folder


def test_an_unmeasured_phone_from_the_ledger(results: Path) -> None:
    found = recommend(Asked(results, ("Galaxy A54",)))
    assert (found.model, found.basis) == ("synthetic", "predicted")
    assert len(found.measured_devices) == 4
    (prediction,) = found.predictions
    assert prediction.device == "galaxy-a54"
    # int8 wins where the cores have dot products, as on this phone; not on the Pi 4.
    assert prediction.winner == "onnx:int8-dynamic CPU 1t"
    assert prediction.gain is not None
    assert prediction.gain.value > 1.3
    assert prediction.untold == ("memory bandwidth",)
    assert {one.device for one in found.measure_next}.isdisjoint(LEVELS)
    assert len(found.held_out.devices) == 4
    assert any("4 device models are measured" in note for note in found.notes)
    old = recommend(Asked(results, ("Raspberry Pi 3 Model B",))).predictions[0]
    assert {c.configuration: c.best for c in old.configurations}["onnx:fp32 CPU 1t"] > (
        {c.configuration: c.best for c in prediction.configurations}["onnx:fp32 CPU 1t"]
    )


def test_stand_ins_and_emulated_devices_never_teach(results: Path, probes: Mapping[str, DeviceProbe]) -> None:
    before = recommend(Asked(results, ("Galaxy A54",))).predictions
    add_study(results, "there", replace(probes["galaxy-a15"], virtual="stand-in: phone"), (0.001, 900.0))
    add_study(
        results, "here", replace(probes["galaxy-a15"], virtual="qemu-user: aarch64 on a x86_64 kernel"), (9.0, 0.1)
    )
    after = recommend(Asked(results, ("Galaxy A54",)))
    assert after.predictions == before
    assert {why: n for why, n in after.left_out.items() if "there" in why or "here" in why} == {
        "there: a stand-in, whose times are another machine's": 1,
        "here: emulated (qemu-user: aarch64 on a x86_64 kernel)": 1,
    }


def test_a_device_without_a_profile_of_its_own_is_what_its_probe_says(probes: Mapping[str, DeviceProbe]) -> None:
    probe = replace(
        probes["raspberry-pi-5"], model="Some Board", compatible=("maker,board",), soc="chip", revision=None
    )
    facts = facts_of_probe(probe, PROFILES)
    assert (facts.name, facts.isa, facts.soc) == ("some-board", "aarch64", "chip")
    assert str(facts.groups[0].core) == "Cortex-A76"
    assert facts.groups[0].count == 4


@pytest.mark.parametrize(
    ("text", "name"),
    [("Galaxy A54", "galaxy-a54"), ("pixel 8", "pixel-8"), ("Pixel 8 Pro", "pixel-8-pro"), ("S23 Ultra", "galaxy-s23")],
)
def test_phones_by_their_name(text: str, name: str) -> None:
    assert phone_named(text, PROFILES).name == name


def test_phones_that_are_not_known_or_not_one() -> None:
    with pytest.raises(BadInput, match="'Galaxy S22' can be 2 devices"):
        phone_named("Galaxy S22", PROFILES)
    with pytest.raises(BadInput, match="no device profile for 'Galaxy A45'") as refused:
        phone_named("Galaxy A45", PROFILES)
    assert refused.value.hint is not None
    assert "did you mean galaxy-a54" in refused.value.hint
    assert "--cores" in refused.value.hint


def test_a_matrix_teaches_like_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    rows = ["device,candidate,run,outcome,duration_s,service_p50_ms,quality_loss"]
    for name, levels in LEVELS.items():
        device = "bench-2" if name == "pixel-8" else name
        for recipe, level in zip(RECIPES, levels, strict=True):
            rows += [f"{device},kws {recipe} CPU 1t,{run},ok,2,{level * (1 + 0.01 * run)},0.001" for run in range(3)]
    rows.append("pixel-6,kws onnx:int8-qdq CPU 1t,0,failed,2,,")
    rows.append("pixel-6,kws onnx:fp32 CPU 1t on CPUs 0-1,0,ok,2,1.0,")
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(BadInput, match="device of the matrix: no device profile for 'bench-2'") as refused:
        recommend(Asked(tmp_path, matrix=path))
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("--is bench-2=PROFILE")
    found = recommend(Asked(tmp_path, ("Galaxy A54",), matrix=path, named={"bench-2": "pixel-8"}))
    assert found.model == "kws"
    assert found.predictions[0].winner == "onnx:int8-dynamic CPU 1t"
    assert found.excluded == {"onnx:int8-qdq CPU 1t": "it failed on 1 of 1 device models: failed in 1 of 1 runs"}
    assert any("CPUs of one device" in why for why in found.left_out)


def test_by_hand(results: Path) -> None:
    asked = Asked(
        results, ("My Phone",), soc="A chip", cores="4xCortex-A55@2000,4xCortex-A78@2400", bandwidth_gb_s=17.0
    )
    (prediction,) = recommend(asked).predictions
    assert (prediction.device, prediction.title, prediction.untold) == ("my-phone", "My Phone", ())
    assert "My Phone" in {one.title for one in recommend(asked).measure_next}
    with pytest.raises(BadInput, match="which needs --cores too"):
        recommend(replace(asked, cores=None))
    with pytest.raises(BadInput, match="--bandwidth-gb-s must be > 0"):
        recommend(replace(asked, bandwidth_gb_s=0.0))


def test_what_is_not_there(results: Path, tmp_path: Path, probes: Mapping[str, DeviceProbe]) -> None:
    with pytest.raises(LedgerError):
        recommend(Asked(tmp_path / "none"))
    with pytest.raises(BadInput, match="nothing of the model 'kws'") as refused:
        recommend(Asked(results, model="kws"))
    assert refused.value.hint == "--model synthetic"
    few = tmp_path / "few"
    few.mkdir()
    add_study(few, "pixel-6", probes["pixel-6"], LEVELS["pixel-6"])
    with pytest.raises(BadInput, match=r"1 device model\(s\)"):
        recommend(Asked(few))
    assert len(of_ledger(few, None, PROFILES).records) == 2
