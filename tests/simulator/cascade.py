"""A cascade on a simulated device: the agent's own lanes and loop, with stages that cost what the test says."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import cascade_arrays as at
from agents import wire
from agents.cascade_gate import Gate
from agents.cascade_lanes import Listener, Log, Tape, Transcriber
from agents.cascade_loop import Lane, serve
from agents.cascade_reply import Replier, prompt_of_bytes, text_of
from agents.contract import Decoder, TensorSpec
from agents.stages import LoopedAudio, Stages
from orchestrator.domain.cascade import CASCADE, Cascade, CascadeStage
from orchestrator.domain.cascade_path import CascadeTimes
from orchestrator.domain.perceived import WORDS
from orchestrator.domain.session import PlannedSession, Session
from tests import sessions
from tests.simulator.device import SimulatedDevice

RATE_HZ = 16_000
GATE_CHUNK, TEXT_CHUNK = 512, 320
_BLOB = wire.Blob("a" * 64, 1)
_TEXT = "hi"
# Of each utterance: the chunk whose one frame has the event.
EVENT_CHUNK = 45
_LOADED = tuple(
    wire.StageLoaded(name, runtime, 1_000_000, 2_000_000, 3_000_000, "1.0", libraries=libraries)
    for name, runtime, libraries in (
        ("vad", "onnxruntime", {"/lib/libonnxruntime.so": 21_000_000}),
        ("asr", "litert", {"/lib/libtflite.so": 5_000_000}),
        ("lm", "onnxruntime", {}),
    )
)
TEXT_CONTRACT = replace(
    sessions.CONTRACT,
    decoder=Decoder("ctc", ("-", _TEXT)),
    outputs=(TensorSpec("logits", (1, 1, 2)),),
)


@dataclass(frozen=True)
class Costs:
    """Of one run each, ns; ``last_ns`` of the run that ends an utterance."""

    gate_ns: int
    text_ns: int
    last_ns: int
    token_ns: int


class _Model:
    """Costs its time and says what the test wants: a backend as far as lanes know one."""

    def __init__(self, device: SimulatedDevice, cost_ns: int) -> None:
        self.input = np.zeros((1, 1), dtype=np.int64)
        self.outputs = (np.zeros((1, 1, 8), dtype=np.float32),)
        self.step = lambda: device.compute(cost_ns)

    def reset(self) -> None:
        pass


def cascade_of(order: str = wire.AUDIO_FIRST, reply_tokens: int = 4, when: str = wire.SPEECH) -> Cascade:
    candidate = sessions.candidate()
    stages = (
        CascadeStage("vad", "always", replace(candidate, chunk_samples=GATE_CHUNK), 10.0),
        CascadeStage("asr", when, replace(candidate, chunk_samples=TEXT_CHUNK), 150.0),
        CascadeStage("lm", "final", replace(candidate, chunk_samples=2), 450.0),
    )
    return Cascade("simulated", stages, 0.5, 0.35, 320.0, 256.0, reply_tokens, order)


def run_cascade(
    device: SimulatedDevice, costs: Costs, speech: list[tuple[int, int]], chunks: int, cascade: Cascade | None = None
) -> CascadeTimes:
    """``speech``: (first, one past the last) chunks of the gate in which somebody speaks; a word ends with each."""
    cascade = cascade or cascade_of()
    loud = [any(begin <= number < end for begin, end in speech) for number in range(chunks)]
    tape = Tape(_audio(chunks), chunks * GATE_CHUNK, lambda n: device.start_ns + n * 1_000_000_000 // RATE_HZ)
    log, heard = Log(), _Heard(loud)
    wanted = wire.Cascade(
        _wire_stages(cascade), hangover_ns=320_000_000, pre_roll_ns=256_000_000, order=cascade.order
    )  # fmt: skip
    listener = Listener(
        _stages(lambda: device.compute(costs.gate_ns)), Gate(wanted, GATE_CHUNK, RATE_HZ), heard.next, tape
    )
    text = _stages(lambda: device.compute(costs.text_ns), lambda: device.compute(costs.last_ns))
    transcriber = Transcriber(text, tape, TEXT_CHUNK, 0, cascade.stages[1].when)
    replier = Replier(_Model(device, costs.token_ns), cascade.reply_tokens, prompt_of_bytes(8))  # type: ignore[arg-type]
    listener.on_open = transcriber.open
    transcriber.on_text = lambda utterance: replier.ask(utterance, text_of(utterance.heard))
    lanes: list[Lane] = [listener, transcriber, replier]
    serve(lanes, cascade.order, device, log, lambda: None)
    utterances = np.array([u.row for u in listener.utterances], dtype=np.int64).reshape(-1, 6)
    words = [(0, 1, _ns(begin), _ns(end)) for begin, end in speech]
    arrays: dict[str, NDArray[Any]] = {
        **log.arrays(),
        "t_ns": log.first_stage(),
        at.UTTERANCES: utterances,
        WORDS: np.array(words, dtype=np.int64).reshape(-1, 4),
    }
    candidate = cascade.stages[0].candidate
    planned = PlannedSession("study-1", "bench", candidate, CASCADE, 0, 0, chunks, cascade=cascade)
    decoded = tuple({**u.heard, "utterance": u.number, "reply": list(u.reply)} for u in listener.utterances if u.heard)
    result = wire.RunResult(planned.session_id, "ok", chunks, decoded=decoded, stages=_LOADED)
    session = Session(planned, sessions.ENVIRONMENT, "2026-01-01T00:00:00+00:00", 1.0, result, arrays)
    return CascadeTimes(session, RATE_HZ)


def _ns(chunk: int) -> int:
    return chunk * GATE_CHUNK * 1_000_000_000 // RATE_HZ


def _audio(chunks: int) -> LoopedAudio:
    return LoopedAudio(np.zeros(chunks * GATE_CHUNK, dtype=np.int16), GATE_CHUNK)


class _Heard:
    """What the gate's model would say."""

    def __init__(self, loud: list[bool]) -> None:
        self._left = iter(loud)

    def next(self) -> float:
        return 0.9 if next(self._left) else 0.1


def _stages(step: Any, finish: Any = None) -> Stages:
    def end() -> dict[str, object]:
        if finish is not None:
            finish()
        event = {"label": _TEXT, "frame": EVENT_CHUNK, "score": 0.9, "heard_frame": EVENT_CHUNK}
        return {"kind": "ctc", "events": [event], "label": None, "text": _TEXT, "posteriors": None}

    return Stages(
        push=lambda samples, target: None,
        target=np.zeros((1, 1), np.float32),
        step=step,
        decode=None,
        check=lambda chunk: None,
        reset=lambda: None,
        finish=end,
        progress=[0],
    )


def _wire_stages(cascade: Cascade) -> tuple[wire.Stage, ...]:
    tokens = replace(
        sessions.CONTRACT, frontend=replace(sessions.CONTRACT.frontend, kind="tokens", hop_samples=2, window_samples=2)
    )
    contracts = (sessions.CONTRACT, tokens)
    return tuple(
        wire.Stage(
            stage.name, stage.when, "simulated", "simulated", _BLOB, contract, contract.chunk_samples
        )
        for stage, contract in zip(cascade.stages[1:], contracts, strict=True)
    )  # fmt: skip
