"""What a study tries on a device, and the reason of each branch that it does not try."""

from dataclasses import replace

import pytest

from agents.device_facts import Core
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.workflows.option_axis import SessionOption
from orchestrator.workflows.prepare import Exported
from orchestrator.workflows.search_space import SearchSpace, search_space
from orchestrator.workflows.settings import TuneSettings
from tests.orchestrator.workflows.test_candidates import ABSENT, LITERT, ORT, device, tflite
from tests.sessions import ENVIRONMENT, artifact

REFUSED = ExportRefusal(Recipe.parse("onnx:int4-weight"), "parity: 3 dB, 30 are required")


def space(*runtimes: object, settings: TuneSettings | None = None, clusters: int = 1) -> SearchSpace:
    cores = tuple(Core(n, n % clusters, "synthetic", None) for n in range(4))
    probe = replace(device(*runtimes), cores=cores)  # type: ignore[arg-type]
    exported = Exported((artifact("onnx:fp32"), artifact("onnx:int8-dynamic"), tflite("litert:fp32")), (REFUSED,))
    return search_space(settings or TuneSettings("synthetic"), exported, replace(ENVIRONMENT, probe=probe), {})


def reasons(found: SearchSpace) -> dict[tuple[str, str], str]:
    return {(p.axis, p.what): p.reason for p in found.pruned}


def test_each_branch_that_is_not_tried_has_its_reason() -> None:
    found = space(ORT, ABSENT)
    assert [c.label for c in found.candidates] == ["onnx:fp32 CPU 1t", "onnx:fp32 CPU 2t", "onnx:int8-dynamic CPU 1t"]
    told = reasons(found)
    assert told["recipe", "onnx:int4-weight"] == REFUSED.reason
    assert "cannot import litert" in told["recipe", "litert:fp32"]
    assert "plain fp32 only" in told["threads", "2 and more"]
    assert ("cluster", "cores of one kind") not in told, "the device has one kind"


def test_a_provider_that_cannot_be_used_and_clusters_that_nobody_asked_for() -> None:
    told = reasons(space(ORT, LITERT, clusters=2))
    assert told["provider", "litert EdgeTPU"] == "not there"
    assert "--clusters all" in told["cluster", "cores of one kind"]


def test_threads_that_would_wait_for_each_other_are_no_candidate() -> None:
    found = space(ORT, settings=TuneSettings("synthetic", threads=(1, 3), clusters=("all",)), clusters=2)
    held = {(c.threads, c.cluster) for c in found.candidates if c.cluster}
    assert held == {(1, "little"), (1, "big")}
    assert "2 cores" in reasons(found)["cluster", "big (1,3) with 3 threads"]
    assert not [p for p in found.pruned if p.axis == "threads"], "asked for: nothing is left out"


def test_an_option_is_tried_where_it_fits_and_told_where_it_does_not() -> None:
    option = SessionOption.parse("allow_spinning=0")
    found = space(ORT, LITERT, settings=TuneSettings("synthetic", options=(option,)))
    assert {c.runtime for c in found.candidates if c.session_options} == {"onnxruntime"}
    assert reasons(found)["option", f"{option} on litert XNNPACK"] == "this provider does not take it"


@pytest.mark.parametrize(("name", "value"), [("rounds", -1), ("sustained_minutes", -2.0), ("finalists", 0)])
def test_settings_that_cannot_be_meant_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=name):
        TuneSettings("synthetic", **{name: value})  # type: ignore[arg-type]


def test_an_unknown_strategy_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="racing, exhaustive, random, optuna, nsga2, halving"):
        TuneSettings("synthetic", strategy="luck")


def test_another_strategy_is_another_question() -> None:
    assert TuneSettings("m").question() != TuneSettings("m", strategy="halving").question()
