"""Which artifacts become candidates on which device, and why the others do not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agents.device_facts import Core, DeviceProbe, ProviderProbe, RuntimeProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.cluster import Cluster
from orchestrator.errors import DeviceNotReady
from orchestrator.workflows.candidates import candidates_for, unfit
from tests.sessions import CHUNK_SAMPLES, PROBE, artifact

ORT = RuntimeProbe("onnxruntime", True, "1.31.1", None, (ProviderProbe("CPUExecutionProvider", True),))
LITERT = RuntimeProbe(
    "litert",
    True,
    "2.3.0",
    "ai-edge-litert",
    (ProviderProbe("XNNPACK", True), ProviderProbe("CPU", True), ProviderProbe("EdgeTPU", False, "not there")),
)
ABSENT = RuntimeProbe("litert", False, reason="cannot import litert on this device")


def device(*runtimes: RuntimeProbe) -> DeviceProbe:
    return replace(PROBE, runtimes=runtimes, cores=tuple(Core(n, 0, "synthetic", None) for n in range(2)))


def tflite(recipe: str) -> Artifact:
    return replace(artifact(recipe), path=Path(f"{recipe}.tflite"))


def shown(candidates: Sequence[Candidate]) -> list[tuple[str, str, str, int]]:
    return [(str(c.recipe), c.runtime, c.provider, c.threads) for c in candidates]


def test_each_file_goes_to_its_runtime() -> None:
    artifacts = [artifact("onnx:fp32"), artifact("onnx:fp16"), tflite("litert:fp32"), tflite("litert:int8-dynamic")]
    assert shown(candidates_for(artifacts, device(ORT, LITERT))) == [
        ("onnx:fp32", "onnxruntime", "CPUExecutionProvider", 1),
        ("onnx:fp32", "onnxruntime", "CPUExecutionProvider", 2),
        ("onnx:fp16", "onnxruntime", "CPUExecutionProvider", 1),
        ("litert:fp32", "litert", "XNNPACK", 1),
        ("litert:fp32", "litert", "XNNPACK", 2),
        ("litert:int8-dynamic", "litert", "XNNPACK", 1),
    ]


def test_kernels_for_what_is_left_are_tried_when_asked_for_or_alone() -> None:
    artifacts = [tflite("litert:fp16")]
    asked = candidates_for(artifacts, device(LITERT), spare=True)
    assert [c.provider for c in asked] == ["XNNPACK", "CPU", "EdgeTPU"], "its library may be named"
    alone = replace(LITERT, providers=(ProviderProbe("XNNPACK", False, "no"), ProviderProbe("CPU", True)))
    assert [c.provider for c in candidates_for(artifacts, device(alone))] == ["CPU"]


def test_a_device_without_a_runtime_runs_what_the_others_load() -> None:
    artifacts = [artifact("onnx:fp32"), tflite("litert:fp32")]
    probe = device(ORT, ABSENT)
    assert {c.runtime for c in candidates_for(artifacts, probe)} == {"onnxruntime"}
    reason = unfit(artifacts[1], probe, CHUNK_SAMPLES)
    assert reason == "litert cannot be used on the device (cannot import litert on this device)"
    assert unfit(artifacts[0], probe, CHUNK_SAMPLES) is None


def test_a_device_that_can_run_nothing_says_what_to_install() -> None:
    with pytest.raises(DeviceNotReady) as refused:
        candidates_for([tflite("litert:fp32")], device(ORT))
    assert refused.value.message == "litert cannot be used on the device (it was not found)"
    assert (refused.value.hint or "").endswith("python3 -m pip install ai-edge-litert")


def test_a_file_of_one_chunk_size_is_left_out_of_others() -> None:
    wide = artifact("onnx:fp32")
    wide = replace(wide, contract=replace(wide.contract, allowed_chunk_samples=(CHUNK_SAMPLES, 2 * CHUNK_SAMPLES)))
    found = candidates_for([wide, tflite("litert:fp32")], device(ORT, LITERT), chunk_samples=2 * CHUNK_SAMPLES)
    assert {c.runtime for c in found} == {"onnxruntime"}
    reason = unfit(tflite("litert:fp32"), device(ORT, LITERT), 2 * CHUNK_SAMPLES)
    assert (reason or "").startswith("a .tflite file of this model takes chunks of ")


@pytest.mark.parametrize(
    ("recipes", "default"),
    [
        (["litert:fp32", "onnx:fp32"], "onnx:fp32"),
        (["litert:int8-dynamic", "litert:fp32"], "litert:fp32"),
        (["litert:int8-dynamic", "onnx:fp16"], None),
    ],
)
def test_a_study_has_one_default(recipes: list[str], default: str | None) -> None:
    artifacts = [tflite(r) if r.startswith("litert") else artifact(r) for r in recipes]
    found = default_of(candidates_for(artifacts, device(ORT, LITERT), spare=True))
    assert (str(found.recipe) if found else None) == default


def test_each_is_tried_on_each_cluster_that_has_a_core_for_each_thread() -> None:
    clusters = [Cluster("big", (4, 5)), Cluster("prime", (8,))]
    found = candidates_for([artifact("onnx:fp32")], device(ORT), clusters=clusters)
    assert [(c.threads, c.cpus) for c in found] == [
        (1, ""),
        (1, "big (4-5)"),
        (1, "prime (8)"),
        (2, ""),
        (2, "big (4-5)"),
    ]
    default = default_of(found)
    assert default is not None
    assert default.affinity == ()


def test_what_was_never_run_is_no_candidate_and_says_why() -> None:
    kept = replace(artifact("onnx:fp16"), parity=None, unproven="Core ML predicts on macOS only")
    assert [c.recipe.precision for c in candidates_for([kept, artifact("onnx:int8-qdq")], device(ORT))] == ["int8-qdq"]
    with pytest.raises(DeviceNotReady, match="fp16 was never run: Core ML predicts on macOS only") as refused:
        candidates_for([kept], device(ORT))
    assert "onnx:fp32" in (refused.value.hint or "")


def test_an_artifact_is_proven_or_says_why_it_is_not() -> None:
    with pytest.raises(ValueError, match="its parity, or the reason why not"):
        replace(artifact(), parity=None)
