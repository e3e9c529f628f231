"""Mode multi: n streams at once on one device, each with its own state, ring and schedule.

They share the device as ``spec.sharing`` says. Threads of one process are no third way here: they would take turns at
the interpreter's lock, which switches every 5 ms (sys.getswitchinterval), and its waits would be taken for the model's.
"""

import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from agents import audio, stream, wire
from agents.clock import sharpen_timers
from agents.crew import Crew, Line
from agents.failure import Failure
from agents.links import STARTED_NS, STREAMS, Links
from agents.memory import snapshot
from agents.phases import phases_ns
from agents.scheduling import together
from agents.session import Session
from agents.stages import LoopedAudio, make_stages
from agents.state import SHORT_WINDOW_S, CpuMark, background_share, cpu_mark, read_state
from agents.strict_json import from_json, to_json
from agents.timed import LoopCost, TimedRun, new_times

# From the word to begin until t0: each process wakes up once, and none has anything else to do then.
_LEAD_NS, _LEAD_EACH_NS = 20_000_000, 1_000_000
# What each process says once it is loaded, of the first one: it had the device for itself.
_LOADED = ("import_ns", "load_ns", "first_inference_ns", "runtime_version", "runtime_build", "providers_registered")


class MultiSession(Session):
    """``Session`` of mode multi. With processes this one only starts them and listens."""

    _crew: Optional[Crew] = None
    _heard: Tuple[Any, ...] = ()

    def _run_opened(self, model_path: str, recording: audio.Recording, mark: Optional[CpuMark]) -> None:
        self._facts["streams"], self._facts["sharing"] = self._spec.streams, self._spec.sharing
        if self._spec.sharing == wire.ONE_SESSION:
            super()._run_opened(model_path, recording, mark)
            return
        self._memory.begin()
        self._agent_rss_bytes = self._memory.rss_bytes
        # Before the fork, so that the audio is in memory once.
        looped = self._looped(recording)
        work = partial(self._serve, model_path, looped)
        with Crew(self._spec.streams, self._spec.chunk_count, work) as crew:
            self._crew = crew
            crew.add(1)
            (loaded,) = crew.all_say("loaded")
            crew.add(self._spec.streams - 1)
            crew.all_say("loaded")
            self._facts.update({name: loaded[name] for name in _LOADED})
            self._facts["providers_registered"] = tuple(loaded["providers_registered"])
            self._tell_loaded()
            mark = cpu_mark("/")
            time.sleep(SHORT_WINDOW_S)
            self._facts["before"] = read_state("/", self._store.root, background_share(mark, cpu_mark("/")))
            self._measure(self._run_crew, crew.times)
            self._facts["scheduling"] = self._scheduling()

    def _starts_ns(self, lead_ns: int) -> List[int]:
        """When each stream begins."""
        begun_ns = self._clock.now_ns() + lead_ns
        self._links.progress[STARTED_NS] = begun_ns
        spec = self._spec
        chunk_ns = spec.chunk_samples * 1_000_000_000 // spec.contract.sample_rate_hz
        return [begun_ns + phase_ns for phase_ns in phases_ns(spec.streams, chunk_ns, spec.seed)]

    # One loaded model

    def _timed(self, backend: Any, stages: Any, recording: audio.Recording) -> None:
        spec = self._spec
        every = [stages]
        for _ in range(spec.streams - 1):
            every.append(self._more_stages(backend))
        times = new_times(spec.streams * spec.chunk_count).reshape(spec.streams, spec.chunk_count, -1)
        looped = self._looped(recording)
        begin = partial(self._starts_ns, stream.LEAD_NS)
        self._measure(lambda: stream.timed_streams(every, looped, times, spec, self._clock, begin), times)

    def _more_stages(self, backend: Any) -> Any:
        return make_stages(self._spec, self._another(backend), self._links.progress, self._search)

    def _another(self, backend: Any) -> Any:
        if not hasattr(backend, "another"):
            raise Failure(
                "contract-mismatch",
                f"{self._spec.runtime} keeps one state per loaded model here: let the streams be processes",
            )
        return backend.another()

    # A process for each stream

    def _serve(self, model_path: str, looped: LoopedAudio, number: int, line: Line) -> None:
        """The life of stream ``number``, in its own process: ``self`` is a copy that nobody else sees."""
        assert self._crew is not None
        self._links = Links(self._links.progress[STREAMS + number :])
        rows = self._crew.times[number : number + 1]
        rows.fill(0)
        backend = self._load(model_path)

        def run(backend: Any, stages: Any, looped: LoopedAudio) -> None:
            line.say("loaded", {name: to_json(self._facts[name]) for name in _LOADED})
            sharpen_timers()
            self._memory.begin()
            ran = stream.timed_streams([stages], looped, rows, self._spec, self._clock, lambda: [line.wait_for_word()])
            self._memory.end("steady")
            line.say("streamed", _to_json(ran))

        self._stream(run, backend, looped)
        line.wait_for_word()
        seen = to_json(super()._scheduling())
        line.say("memory", {"phases": to_json(self._memory.phases), "pss": to_json(snapshot()), "scheduling": seen})

    def _run_crew(self) -> TimedRun:
        crew = self._crew
        assert crew is not None
        starts_ns = self._starts_ns(_LEAD_NS + self._spec.streams * _LEAD_EACH_NS)
        crew.tell(starts_ns)
        ran = [_from_json(said) for said in crew.all_say("streamed")]
        crew.tell([0] * len(ran))
        self._heard = tuple(crew.all_say("memory"))
        return TimedRun(
            decoded=tuple(decoded for each in ran for decoded in each.decoded),
            final_t_ns=np.max([each.final_t_ns for each in ran], axis=0),
            cost=LoopCost(sum(each.cost.harness_ns for each in ran), None),
            process_cpu_s=sum(each.process_cpu_s for each in ran),
            wall_s=max(each.wall_s for each in ran),
        )

    def _background(self, mark: Optional[CpuMark], ran: TimedRun) -> Tuple[Optional[float], float]:
        now = cpu_mark("/")
        if now is not None and self._crew is not None:
            now = replace(now, own_s=now.own_s + ran.process_cpu_s)
        return background_share(mark, now)

    # What is told of it

    def _phases(self) -> Tuple[wire.PhaseMemory, ...]:
        """Of the first stream's process, where each has its own."""
        if not self._heard:
            return super()._phases() if self._crew is None else ()
        return tuple(from_json(wire.PhaseMemory, phase) for phase in self._heard[0]["phases"])

    def _pss(self) -> Optional[wire.MemorySnapshot]:
        """Of all streams' processes together."""
        if self._crew is None:
            return super()._pss()
        every = [from_json(wire.MemorySnapshot, said["pss"]) for said in self._heard if said["pss"] is not None]
        if len(every) < len(self._heard) or not every:
            return None
        return replace(every[0], pss_bytes=sum(each.pss_bytes for each in every))

    def _scheduling(self) -> wire.Scheduling:
        """Of all streams' processes together."""
        every = [from_json(wire.Scheduling, said["scheduling"]) for said in self._heard]
        return together(every) if every else super()._scheduling()

    def _complete(self, arrays: Dict[str, Any]) -> None:
        spec = self._spec
        arrays["stream"] = np.repeat(np.arange(spec.streams, dtype=np.int32), spec.chunk_count)
        if self._crew is not None:
            # The sampler saw the process that waits for the others.
            with suppress(KeyError):
                del arrays["sample_rss_bytes"]
                self._facts["sensors_absent"]["rss"] = (
                    "each stream has a process of its own; their PSS was read after it"
                )


def _to_json(ran: TimedRun) -> Dict[str, Any]:
    return {
        "decoded": to_json(ran.decoded),
        "final_t_ns": ran.final_t_ns.tolist(),
        "harness_ns": ran.cost.harness_ns,
        "process_cpu_s": ran.process_cpu_s,
        "wall_s": ran.wall_s,
    }


def _from_json(said: Dict[str, Any]) -> TimedRun:
    final_t_ns = np.array(said["final_t_ns"], dtype=np.int64)
    cost = LoopCost(said["harness_ns"], None)
    return TimedRun(tuple(said["decoded"]), final_t_ns, cost, said["process_cpu_s"], said["wall_s"])
