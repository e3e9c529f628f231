"""One session from its spec to its result, in the process that the watchdog made for it."""

import os
import platform
import signal
import time
from contextlib import closing
from dataclasses import replace
from typing import Any, Callable, Dict, Optional, Tuple, Type

from agents import audio, durable, scheduling, strict_json, wire
from agents.claim import SessionFolder
from agents.clock import Clock, MonotonicClock, die_with_parent, sharpen_timers
from agents.doctor.processes import Watch
from agents.failure import Failure, log_traceback
from agents.links import Links
from agents.memory import PhaseMemory, snapshot
from agents.providers import emulation
from agents.state import SHORT_WINDOW_S, CpuMark, background_share, cpu_mark, read_state
from agents.store import BlobMismatch, Store
from agents.throttle import throttle_count

# Of what else ran while it streamed.
_MOST_NAMED = 3


def main(store: Store, folder: SessionFolder, spec: wire.RunSpec, links: Links, refused: Dict[str, str]) -> None:
    """Run and write the last event, whatever happens. Raises only where even that cannot be written.

    ``refused``: what the kernel would not give (agents/scheduling.py).
    """
    die_with_parent(signal.SIGKILL)
    session = _kind(spec)(store, folder, spec, links, MonotonicClock(), refused=refused)
    failure: Optional[Failure] = None
    try:
        folder.journal.append("accepted", {"pid": os.getpid(), "mode": spec.mode})
        session.run()
    except Failure as error:
        failure = error
    except OSError as error:
        log_traceback()
        failure = _disk_failure(error, store.root)
    except Exception as error:
        log_traceback()
        failure = Failure("internal", f"{type(error).__name__}: {error}; the traceback is in {folder.log}")
    result = session.result(failure)
    links.progress[1] = 1
    folder.journal.append_last("failed" if failure else "finished", {"result": strict_json.to_json(result)})
    folder.journal.release()


def _kind(spec: wire.RunSpec) -> "Type[Session]":
    if spec.mode == wire.CASCADE:
        from agents.cascade_session import CascadeSession

        return CascadeSession
    if spec.mode != "multi":
        return Session
    from agents.multi import MultiSession

    return MultiSession


def _disk_failure(error: OSError, root: str) -> Failure:
    if durable.is_full_disk(error):
        return Failure("disk-full", f"no room below {root}: {error}; free some, for example with `agent clean`")
    return Failure("internal", f"{type(error).__name__}: {error}")


class Session:
    """Collects facts for the result as it goes, so that a failed session still says what it had learned."""

    def __init__(
        self,
        store: Store,
        folder: SessionFolder,
        spec: wire.RunSpec,
        links: Links,
        clock: Clock,
        wall_s: Callable[[], float] = time.time,
        refused: Optional[Dict[str, str]] = None,
    ) -> None:
        self._store, self._folder, self._spec, self._links = store, folder, spec, links
        self._clock, self._wall_s = clock, wall_s
        self._memory = PhaseMemory(now_ns=clock.now_ns)
        self._facts: Dict[str, Any] = {"audio_sha256": spec.audio.sha256}
        self._refused = refused or {}
        self._search: Any = None
        self._chunks = 0
        self._agent_rss_bytes: Optional[int] = None
        self._offset_s = self._wall_offset_s()

    def result(self, failure: Optional[Failure]) -> wire.RunResult:
        self._facts["memory"] = self._phases()
        self._facts["clock_step_s"] = self._wall_offset_s() - self._offset_s
        return wire.RunResult(
            session_id=self._spec.session_id,
            outcome="failed" if failure else "ok",
            chunk_count=self._chunks,
            failure=failure.kind if failure else None,
            reason=failure.reason if failure else None,
            **self._facts,
        )

    def _wall_offset_s(self) -> float:
        """Wall clock minus monotonic clock: constant unless someone sets the time of day."""
        return self._wall_s() - self._clock.now_ns() / 1e9

    def run(self) -> None:
        spec = self._spec
        mark = cpu_mark("/")
        model_path = self._open(spec.model, "model-load")
        audio_path = self._open(spec.audio, "audio")
        recording = audio.open_recording(audio_path, spec.contract.sample_rate_hz, spec.audio.file_name)
        with closing(recording):
            self._run_opened(model_path, recording, mark)

    def _run_opened(self, model_path: str, recording: audio.Recording, mark: Optional[CpuMark]) -> None:
        backend = self._load(model_path)
        self._tell_loaded()
        self._run_loaded(backend, recording, mark)
        # Here, because the runtime's threads end with the backend.
        self._facts["scheduling"] = self._scheduling()

    def _tell_loaded(self) -> None:
        self._folder.journal.append("loaded", {k: v for k, v in self._facts.items() if k.endswith("_ns")})

    def _run_loaded(self, backend: Any, recording: audio.Recording, mark: Optional[CpuMark]) -> None:
        """``mark``: CPU times at the session's start."""
        if self._spec.mode in ("evaluate", "placement"):
            self._facts["before"] = read_state("/", self._store.root, background_share(mark, cpu_mark("/")))
            self._stream(self._untimed, backend, recording)
            return
        # Loading takes a while anyway; what others use meanwhile is the background load before the stream.
        rest_s = SHORT_WINDOW_S - (time.monotonic_ns() - mark.monotonic_ns) / 1e9 if mark else 0.0
        time.sleep(max(0.0, rest_s))
        self._facts["before"] = read_state("/", self._store.root, background_share(mark, cpu_mark("/")))
        self._stream(self._timed, backend, recording)

    def _open(self, blob: wire.Blob, failure: str) -> str:
        try:
            return self._store.open_blob(blob.sha256, blob.suffix, blob.size_bytes)
        except BlobMismatch as error:
            raise Failure(failure, str(error)) from error

    def _load(self, model_path: str) -> Any:
        """Import the runtime, load the graph, run it cold: each timed, each with its own memory peak."""
        spec, now = self._spec, self._clock.now_ns
        files = {name: self._open(blob, "model-load") for name, blob in spec.parts.items()}
        profile = os.path.join(self._folder.path, "profile") if spec.mode == "placement" else None
        self._memory.begin()
        self._agent_rss_bytes = self._memory.rss_bytes
        started = now()
        backend_class = _import_backend(spec.runtime)
        self._facts["import_ns"] = now() - started
        self._memory.end("import")

        self._memory.begin()
        started = now()
        backend = backend_class(spec, model_path, profile)
        if spec.contract.search is not None:
            self._search = _open_search(spec, files)
        self._facts["load_ns"] = now() - started
        self._memory.end("load")
        self._facts["runtime_version"], self._facts["runtime_build"] = backend.runtime_version, backend.runtime_build
        self._facts["providers_registered"] = backend.providers
        self._facts["emulated"] = emulation(spec.provider, platform.machine())

        self._memory.begin()
        started = now()
        backend.first_run()
        if self._search is not None:
            self._search.step.run(1)
        self._facts["first_inference_ns"] = now() - started
        self._memory.end("first-run")
        backend.bind()
        return backend

    def _stream(self, run: Callable[[Any, Any, Any], None], backend: Any, audio: Any) -> None:
        """Raises Failure "contract-mismatch" for stages that cannot be made, "inference" for the runtime's errors."""
        from agents.stages import make_stages

        try:
            stages = make_stages(self._spec, backend, self._links.progress, self._search)
        except ValueError as error:
            raise Failure("contract-mismatch", f"{error}: export the model and its contract again") from error
        try:
            run(backend, stages, audio)
        except backend.errors as error:
            at = self._links.progress[0]
            raise Failure("inference", f"{self._spec.runtime} failed after {at} chunks: {error}") from error

    def _looped(self, recording: audio.Recording) -> Any:
        """As much of the recording as will be heard: memory is a figure of the model, not of its audio."""
        from agents.stages import LoopedAudio

        size = self._spec.chunk_samples
        samples = recording.read(0, size * self._spec.chunk_count)
        if len(samples) < size:
            have = f"the audio, which has {len(samples)}"
            raise Failure("audio", f"a chunk of {size} samples is longer than {have}: stream longer audio")
        return LoopedAudio(samples, size)

    def _untimed(self, backend: Any, stages: Any, recording: audio.Recording) -> None:
        from agents import stream

        spec = self._spec
        if spec.mode == "evaluate":
            decoded, self._chunks = stream.evaluate(stages, recording.read, spec.chunk_samples, spec.spans)
            self._facts["decoded"] = tuple(decoded)
            return
        from agents.placement import placed

        model_path = self._open(spec.model, "model-load")
        self._facts.update(placed(spec, backend, stages, self._looped(recording), model_path))
        self._chunks = spec.chunk_count

    def _timed(self, backend: Any, stages: Any, recording: audio.Recording) -> None:
        from agents import stream
        from agents.timed import new_times

        times, looped = new_times(self._spec.chunk_count), self._looped(recording)
        self._measure(lambda: stream.timed_run(stages, looped, times, self._spec, self._clock), times[None])

    def _measure(self, run: Callable[[], Any], times: Any) -> None:
        """``run`` gives a TimedRun and fills ``times``, shape (streams, chunks, 5). All that is told of it."""
        from agents import arrival
        from agents.recording import observer_cost, sampled_arrays, save_arrays

        spec = self._spec
        sharpen_timers()
        others = Watch("/")
        throttled_before, mark = throttle_count("/"), cpu_mark("/")
        watchdog = self._links.watchdog()
        self._memory.begin()
        ran = run()
        self._memory.end("steady")
        self._chunks = spec.chunk_count
        self._facts["decoded"] = ran.decoded
        if spec.mode != "flat-out":
            self._facts["overruns"] = sum(arrival.overruns(rows, spec.ring_chunks) for rows in times)
            self._facts["dropped"] = sum(int(arrival.dropped(rows).sum()) for rows in times)
            self._facts["policy"], self._facts["traced"] = spec.policy, bool(spec.arrival_offsets_ns)
        background = self._background(mark, ran)
        busiest = others.busiest(_MOST_NAMED)
        after = read_state("/", self._store.root, background, throttled_before)
        self._facts["after"] = replace(after, busiest=busiest)
        samples_path = self._folder.samples if self._links.stop_sampler() else None
        arrays, absent, sampler = sampled_arrays(samples_path, spec.sampler_hz)
        self._memory.sampled(arrays)
        self._facts["sensors_absent"] = absent
        self._facts["observer"] = observer_cost(ran, sampler, (watchdog, self._links.watchdog()), self._agent_rss_bytes)
        self._facts["pss"] = self._pss()
        arrays.update({"t_ns": times.reshape(-1, times.shape[-1]), "final_t_ns": ran.final_t_ns})
        self._complete(arrays)
        self._facts["arrays"] = save_arrays(self._folder.arrays, arrays)

    def _background(self, mark: Optional[CpuMark], ran: Any) -> Tuple[Optional[float], float]:
        """What others used since ``mark``."""
        return background_share(mark, cpu_mark("/"))

    def _pss(self) -> Optional[wire.MemorySnapshot]:
        return snapshot(now_ns=self._clock.now_ns)

    def _phases(self) -> Tuple[wire.PhaseMemory, ...]:
        return self._memory.phases

    def _scheduling(self) -> wire.Scheduling:
        return scheduling.seen(self._spec.affinity, self._spec.priority, self._refused)

    def _complete(self, arrays: Dict[str, Any]) -> None:
        """Add what only this mode has."""


def _open_search(spec: wire.RunSpec, files: Dict[str, str]) -> Any:
    from agents.backends import load_step
    from agents.decode.step_graph import Search

    assert spec.contract.search is not None
    return Search(load_step(spec.runtime)(spec, files[wire.STEP]), spec.contract.search, files)


def _import_backend(name: str) -> Any:
    from agents.backends import load_backend

    return load_backend(name)
