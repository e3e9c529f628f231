"""Mode cascade: several models in one session and one process, on one clock (agents/cascade_loop.py)."""

from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from agents import audio, cascade_arrays, mapped, stream, wire
from agents.backends.base import check_finite
from agents.cascade_gate import Gate, speech_probability
from agents.cascade_lanes import Listener, Log, Now, Tape, Transcriber, Utterance
from agents.cascade_loop import Lane, serve
from agents.cascade_reply import Replier, prompt_of_bytes, text_of
from agents.failure import Failure
from agents.links import STARTED_NS
from agents.session import Session
from agents.stages import Stages, make_stages
from agents.state import CpuMark
from agents.timed import LoopCost, TimedRun, new_times, timed


class _Loaded(Session):
    """A stage, loaded as a session of its own would."""

    backend: Any
    stage: wire.StageLoaded

    def load(self, name: str) -> "_Loaded":
        """``backend`` and ``stages()`` are ready then. Raises Failure."""
        before = mapped.libraries()
        self.backend = self._load(self._open(self._spec.model, "model-load"))
        self.stage = wire.StageLoaded(
            name=name,
            runtime=self._spec.runtime,
            memory=self._memory.phases,
            libraries=mapped.brought(before, mapped.libraries()),
            **{key: self._facts[key] for key in _LOADED},
        )
        return self

    @property
    def rss_before_bytes(self) -> Optional[int]:
        return self._agent_rss_bytes

    def check(self, chunk: int) -> None:
        """Raises Failure "non-finite-output"."""
        try:
            check_finite(self.backend, tuple(output.name for output in self._spec.contract.outputs), chunk)
        except Failure as error:
            raise Failure(error.kind, f"stage {self.stage.name}: {error.reason}") from error

    def stages(self) -> Stages:
        return make_stages(self._spec, self.backend, self._links.progress, self._search)


_LOADED = ("import_ns", "load_ns", "first_inference_ns", "runtime_version", "runtime_build", "providers_registered")


def stage_spec(spec: wire.RunSpec, stage: wire.Stage) -> wire.RunSpec:
    """The session that the stage would be by itself."""
    return replace(
        spec,
        mode="paced",
        runtime=stage.runtime,
        provider=stage.provider,
        model=stage.model,
        contract=stage.contract,
        chunk_samples=stage.chunk_samples,
        threads=stage.threads,
        session_options=stage.session_options,
        parts=stage.parts,
        cascade=None,
    )


class _Named:
    """A lane whose runtime's errors name its stage."""

    def __init__(self, lane: Lane, loaded: _Loaded) -> None:
        self._run, self._loaded, self.since = lane.run, loaded, lane.since

    def run(self, now: Now, log: Log) -> None:
        try:
            self._run(now, log)
        except self._loaded.backend.errors as error:
            stage = self._loaded.stage
            raise Failure("inference", f"stage {stage.name}: {stage.runtime} failed: {error}") from error


class CascadeSession(Session):
    """``Session`` of mode cascade."""

    _loaded: List[_Loaded]
    _log: Log
    _utterances: List[Utterance]

    def _run_opened(self, model_path: str, recording: audio.Recording, mark: Optional[CpuMark]) -> None:
        first = self._load_stage(self._cascade.first, replace(self._spec, mode="paced", cascade=None))
        stages = self._cascade.stages
        self._loaded = [first, *(self._load_stage(each.name, stage_spec(self._spec, each)) for each in stages)]
        self._agent_rss_bytes = first.rss_before_bytes
        self._facts["stages"] = tuple(loaded.stage for loaded in self._loaded)
        self._facts.update({key: getattr(first.stage, key) for key in _LOADED})
        self._tell_loaded()
        self._run_loaded(first.backend, recording, mark)
        # Here, because the runtimes' threads end with the backends.
        self._facts["scheduling"] = self._scheduling()

    @property
    def _cascade(self) -> wire.Cascade:
        assert self._spec.cascade is not None
        return self._spec.cascade

    def _load_stage(self, name: str, spec: wire.RunSpec) -> _Loaded:
        try:
            return _Loaded(self._store, self._folder, spec, self._links, self._clock).load(name)
        except Failure as error:
            raise Failure(error.kind, f"stage {name}: {error.reason}") from error

    def _stream(self, run: Any, backend: Any, recording: audio.Recording) -> None:
        """``run`` is that of the base class, which times one model: the lanes take its place."""
        del run
        try:
            self._serve(recording)
        except ValueError as error:
            raise Failure("contract-mismatch", f"{error}: export the model and its contract again") from error

    def _serve(self, recording: audio.Recording) -> None:
        spec, starts_ns = self._spec, [0]

        def exists_at(samples: int) -> int:
            return starts_ns[0] + samples * 1_000_000_000 // spec.contract.sample_rate_hz

        def begin() -> List[int]:
            starts_ns[0] = self._links.progress[STARTED_NS] = self._clock.now_ns() + stream.LEAD_NS
            return starts_ns

        hearing = [loaded.stages() for loaded in self._loaded[:2]]
        tape = Tape(self._looped(recording), spec.chunk_count * spec.chunk_samples, exists_at)
        listener, lanes = self._lanes(hearing, tape)
        named = [_Named(lane, loaded) for lane, loaded in zip(lanes, self._loaded)]
        times, self._log, self._utterances = new_times(spec.chunk_count), Log(), listener.utterances

        def check() -> None:
            for loaded in self._loaded:
                loaded.check(self._links.progress[0])

        def served(_: Any) -> LoopCost:
            cost = serve(named, self._cascade.order, self._clock, self._log, check)
            times[:] = self._log.first_stage()
            return cost

        def measured() -> TimedRun:
            ran = timed(hearing, times[None], wire.ARRIVAL, self._clock, begin, served)
            return replace(ran, decoded=tuple(_heard(u) for u in listener.utterances if u.heard is not None))

        self._measure(measured, times[None])

    def _lanes(self, hearing: List[Stages], tape: Tape) -> Tuple[Listener, List[Lane]]:
        spec, cascade = self._spec, self._cascade
        gate = Gate(cascade, spec.chunk_samples, spec.contract.sample_rate_hz)
        listener = Listener(hearing[0], gate, speech_probability(spec.contract, self._loaded[0].backend), tape)
        text = cascade.stages[0]
        if text.contract.decoder.kind == "none":
            raise Failure("contract-mismatch", f"stage {text.name}: {text.contract.model} has no decoder, so no text")
        lookahead = text.contract.lookahead_samples
        transcriber = Transcriber(hearing[1], tape, text.chunk_samples, lookahead, text.when)
        listener.on_open = transcriber.open
        if len(cascade.stages) == 1:
            return listener, [listener, transcriber]
        backend = self._loaded[2].backend
        replier = Replier(backend, cascade.reply_tokens, prompt_of_bytes(backend.outputs[0].shape[-1]))
        transcriber.on_text = lambda utterance: replier.ask(utterance, text_of(utterance.heard))
        return listener, [listener, transcriber, replier]

    def _complete(self, arrays: Dict[str, Any]) -> None:
        arrays.update(self._log.arrays())
        rows = [utterance.row for utterance in self._utterances]
        arrays[cascade_arrays.UTTERANCES] = np.array(rows, dtype=np.int64).reshape(-1, 6)


def _heard(utterance: Utterance) -> Dict[str, Any]:
    return {**utterance.heard, "utterance": utterance.number, "reply": list(utterance.reply)}
