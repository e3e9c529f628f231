"""Mode cascade with real graphs, as the agent runs it on a device."""

from typing import Any

import numpy as np
import pytest

from agents import cascade_arrays as at
from agents import wire
from tests import cascades
from tests.agents.device import Device, wav_bytes

CPU = "CPUExecutionProvider"


def spec_of(device: Device, words: list[list[str]], **changes: Any) -> wire.RunSpec:
    """A session over one utterance for each list of words."""
    audio = np.concatenate([cascades.tones(each)[0] for each in words])
    stages = (
        wire.Stage(
            "asr", wire.SPEECH, "onnxruntime", CPU, device.put(cascades.asr_graph(), ".onnx"),
            cascades.asr_contract(), cascades.ASR_CHUNK,
        ),
        wire.Stage(
            "lm", wire.FINAL, "onnxruntime", CPU, device.put(cascades.lm_graph(), ".onnx"), cascades.lm_contract(), 2
        ),
    )  # fmt: skip
    cascade = wire.Cascade(changes.pop("stages", stages), reply_tokens=4, **changes.pop("cascade", {}))
    return device.spec(
        mode="cascade",
        model=device.put(cascades.vad_graph(), ".onnx"),
        contract=cascades.vad_contract(),
        audio=device.put(wav_bytes(device.root / "tones.wav", audio), ".wav"),
        chunk_samples=cascades.VAD_CHUNK,
        chunk_count=len(audio) // cascades.VAD_CHUNK,
        cascade=cascade,
        **changes,
    )


def test_an_utterance_passes_through_all_stages(device: Device) -> None:
    run = device.run(spec_of(device, [["low", "high"], ["high"]]))

    assert run.code == 0, run
    first, second = run.result.decoded
    assert [first["text"], second["text"]] == ["low high", "high"]
    assert first["reply"] == cascades.reply_of([b % cascades.VOCABULARY for b in b"low high"], 4)
    assert [s.name for s in run.result.stages] == ["gate", "asr", "lm"]
    assert all(s.load_ns > 0 and s.runtime == "onnxruntime" for s in run.result.stages)
    arrays = device.arrays()
    times, whose = arrays[at.TIMES], arrays[at.WHOSE]
    assert (np.diff(times[:, at.READY :], axis=1) >= 0).all()
    assert (times[:, at.ARRIVAL] <= times[:, at.READY]).all()
    # One thread: what is served later begins when the run before it has ended.
    assert (times[1:, at.ISSUE] >= times[:-1, at.DONE]).all()
    gate = times[whose[:, at.STAGE] == 0]
    assert len(gate) == run.result.chunk_count
    assert set(np.diff(gate[:, at.ARRIVAL])) == {32_000_000}
    np.testing.assert_array_equal(arrays["t_ns"][:, wire.ARRIVAL], gate[:, at.ARRIVAL])
    tokens = whose[(whose[:, at.STAGE] == 2) & (whose[:, at.UTTERANCE] == 0)]
    assert list(tokens[:, at.KIND]) == [at.PROMPT] * len("low high") + [at.TOKEN] * 3
    # Seconds 1 to 1.8 are spoken; the gate hears it within a chunk, and 0.3 s after its end.
    utterances = arrays[at.UTTERANCES]
    begin_s, end_s = utterances[0, at.BEGIN] / 16000, utterances[0, at.END] / 16000
    assert 1.0 - 0.25 - 0.032 <= begin_s <= 1.0 - 0.25 + 0.032
    assert 1.7 + 0.3 <= end_s <= 1.7 + 0.3 + 0.064
    assert (np.diff(utterances[:, [at.OPENED, at.CLOSE_ARRIVAL, at.CLOSED, at.TEXT]], axis=1) > 0).all()


def test_a_stage_of_its_own_may_fail_and_is_named(device: Device) -> None:
    broken = wire.Stage(
        "asr", wire.SPEECH, "onnxruntime", CPU, device.put(b"no graph", ".onnx"), cascades.asr_contract(), 320
    )
    run = device.run(spec_of(device, [["low"]], stages=(broken,)))
    assert run.result.failure == "model-load"
    assert str(run.result.reason).startswith("stage asr: ")


def test_what_is_not_finite_is_told_with_its_stage(device: Device) -> None:
    graph = device.put(cascades.asr_graph(gain=float("nan")), ".onnx")
    broken = wire.Stage("asr", wire.SPEECH, "onnxruntime", CPU, graph, cascades.asr_contract(), 320)
    run = device.run(spec_of(device, [["low"]], stages=(broken,)))
    assert run.result.failure == "non-finite-output"
    assert str(run.result.reason).startswith("stage asr: logits holds NaN")


def test_a_text_stage_may_hear_an_utterance_once_it_has_ended(device: Device) -> None:
    whole = wire.Stage(
        "asr", wire.FINAL, "onnxruntime", CPU, device.put(cascades.asr_graph(), ".onnx"), cascades.asr_contract(), 320
    )
    run = device.run(spec_of(device, [["low", "low", "high"]], stages=(whole,)))
    assert run.result.decoded[0]["text"] == "low low high"
    assert run.result.decoded[0]["reply"] == []
    arrays = device.arrays()
    own = arrays[at.TIMES][arrays[at.WHOSE][:, at.STAGE] == 1]
    assert (own[:, at.READY] == arrays[at.UTTERANCES][0, at.CLOSED]).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cascade": {"threshold": 0.2}}, "release"),
        ({"cascade": {"order": "last"}}, "order"),
        ({"cascade": {"hangover_ns": 0}}, "hangover_ns"),
    ],
)
def test_what_cannot_be_is_refused(device: Device, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec_of(device, [["low"]], **changes)
