from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents import wire
from agents.device_facts import DeviceState
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence, gather
from orchestrator.decide.selection.gates import GATES, Rejection, Rules, rejection, shortfalls
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from tests.sessions import CPU, ENVIRONMENT, artifact, candidate, paced_times, race, score, screened, service, session

BASE, RIVAL = candidate(), candidate("onnx:int8-dynamic")
XNNPACK = candidate(provider="XnnpackExecutionProvider")
ARTIFACTS = [artifact(), artifact("onnx:int8-dynamic", 210_000)]
SCORES = [score(BASE, range(40)), score(RIVAL, range(40)), score(XNNPACK, range(40))]


def judged(
    sessions: list[Session],
    constraints: Constraints = Constraints(),  # noqa: B008
    scores: list[Score] | None = None,
) -> Rejection | None:
    """The rejection of whoever the sessions are of, beside a sound default."""
    everyone: list[Evidence] = gather(race(BASE) + sessions, ARTIFACTS, SCORES if scores is None else scores, Policy())
    return rejection(everyone[-1], Rules(constraints, Policy(), everyone[0]))


def gate_of(*args: object, **kwargs: object) -> str | None:
    found = judged(*args, **kwargs)  # type: ignore[arg-type]
    return found.gate if found else None


def test_a_sound_candidate_passes() -> None:
    assert judged(race(RIVAL)) is None


def test_order_is_that_of_cost() -> None:
    names = [name for name, _ in GATES]
    first = ["emulated", "failed", "placement", "parity", "affinity", "throttled", "environment"]
    assert names == [*first, "quality", "pacer", "suspect", "unstable"]


@pytest.mark.parametrize("mode", ["placement", "flat-out", "paced", "evaluate"])
def test_one_failed_session_is_enough(mode: str) -> None:
    found = judged([*race(RIVAL), session(RIVAL, mode, 7, failure="the runtime crashed")])
    assert found == Rejection("failed", f"its {mode} session of block 7 failed: the runtime crashed")


def test_a_failed_session_with_a_good_rerun_is_forgiven() -> None:
    again = [session(RIVAL, block=7, failure="killed"), session(RIVAL, block=7, attempt=1)]
    assert judged(race(RIVAL) + again) is None


def test_a_provider_that_ran_nothing_fell_back() -> None:
    nothing = (wire.ProviderShare(CPU, 12, 1.0),)
    found = judged([session(XNNPACK, "placement", placement=nothing), *race(XNNPACK)[1:]])
    assert found is not None
    assert found.gate == "placement"
    assert "ran no node, CPUExecutionProvider ran the model" in found.reason


def test_a_provider_with_a_sliver_fell_back_and_one_with_a_part_did_not() -> None:
    def with_share(share: float) -> str | None:
        parts = (wire.ProviderShare(XNNPACK.provider, 3, share), wire.ProviderShare(CPU, 9, 1 - share))
        return gate_of([session(XNNPACK, "placement", placement=parts), *race(XNNPACK)[1:]])

    assert with_share(0.05) == "placement"
    assert with_share(0.4) is None


def test_a_fallback_says_why_where_the_runtime_does() -> None:
    nothing = (wire.ProviderShare(CPU, 12, 1.0),)
    fallen = session(XNNPACK, "placement", placement=nothing, fallback="the CPU took 12 of 12 nodes (Conv x 12)")
    found = judged([fallen, *race(XNNPACK)[1:]])
    assert found is not None
    assert found.reason.endswith("ran the model (the CPU took 12 of 12 nodes (Conv x 12))")


def with_parity(of: Candidate, **figures: Any) -> Rejection | None:
    whole = (wire.ProviderShare(of.provider, 1, 1.0, ("compiled subgraph",), 47),)
    parity = wire.DeviceParity(CPU, 50, **figures)
    scores = [*SCORES, score(of, range(40))]
    return judged([session(of, "placement", placement=whole, parity=parity), *race(of)[1:]], scores=scores)


def test_a_provider_that_computes_something_else_is_refused() -> None:
    found = with_parity(XNNPACK, max_abs=7.0, snr_db=3.2)
    assert found == Rejection(
        "parity", "its outputs are not those of CPUExecutionProvider: 3.2 dB over 50 chunks, 30 dB is required"
    )
    assert with_parity(XNNPACK, max_abs=1e-5, snr_db=132.0) is None
    assert with_parity(XNNPACK, max_abs=0.0) is None, "bit for bit the same"


def test_quantized_graphs_are_rounded_elsewhere_by_each_provider() -> None:
    quantized = candidate("onnx:int8-dynamic", provider=XNNPACK.provider)
    assert with_parity(quantized, max_abs=0.5, snr_db=17.0) is None
    found = with_parity(quantized, max_abs=5.0, snr_db=1.0)
    assert found is not None
    assert found.gate == "parity"


def test_what_could_not_be_compared_is_not_equal() -> None:
    found = with_parity(XNNPACK, reason="its outputs have another shape, or hold NaN or infinity")
    assert found is not None
    assert (found.gate, "NaN" in found.reason) == ("parity", True)


def test_a_provider_that_was_emulated_never_ranks() -> None:
    emulated = "QNNExecutionProvider on x86_64: its library simulates the hardware that it is made for"
    found = judged([*race(XNNPACK), session(XNNPACK, block=9, emulated=emulated)])
    assert found == Rejection("emulated", f"emulated ({emulated}): its times say nothing about a device")


def test_another_build_of_the_runtime_is_another_thing_unless_it_is_of_another_environment() -> None:
    stock = [session(BASE, "flat-out", 20, runtime_version="1.31.1", runtime_build="onnxruntime 1.31.1: A")]

    def of_intel(of: Candidate) -> Rejection | None:
        intel = {"runtime_version": "1.31.1", "runtime_build": "onnxruntime-openvino 1.31.1: B"}
        sessions = [*race(BASE), *stock, *race(of), session(of, block=9, **intel)]
        everyone = gather(sessions, ARTIFACTS, [*SCORES, score(of, range(40))], Policy())
        return rejection(everyone[-1], Rules(Constraints(), Policy(), everyone[0]))

    found = of_intel(RIVAL)
    assert found is not None
    assert "build of the runtime is onnxruntime-openvino 1.31.1: B against onnxruntime 1.31.1: A" in found.reason
    assert of_intel(replace(RIVAL, environment="openvino")) is None


def test_who_was_not_held_to_its_cpus_does_not_rank_on_them() -> None:
    held = replace(RIVAL, affinity=(4, 5), cluster="big")

    def with_cpus(used: tuple[int, ...] | None, **refused: str) -> Rejection | None:
        given = None if used is None else wire.Scheduling((4, 5), used, "", "nice 0", 1, refused)
        sessions = [replace(s, result=replace(s.result, scheduling=given)) for s in race(held)]
        return judged(sessions, scores=[*SCORES, score(held, range(40))])

    assert with_cpus((4, 5)) is None
    refused = with_cpus((0, 1, 2, 3), cpus="CPUs 4-5: Invalid argument; it may use 0-3")
    assert refused is not None
    assert refused.gate == "affinity"
    assert refused.reason.startswith("big (4-5): asked for and not given: CPUs 4-5: Invalid argument; it may use 0-3")
    unknown = with_cpus(None)
    assert unknown is not None
    assert "the device does not tell" in unknown.reason


def test_unknown_placement_fails_closed_except_for_the_cpu() -> None:
    assert gate_of(race(XNNPACK)[1:]) == "placement"
    assert gate_of(race(RIVAL)[1:]) is None


def test_a_provider_that_was_not_registered_fell_back() -> None:
    sessions = race(XNNPACK)
    sessions[-1] = session(XNNPACK, block=3, registered=(CPU,))
    assert gate_of(sessions) == "placement"


@pytest.mark.parametrize("when", ["throttled_before", "throttled_after"])
def test_throttled_before_or_after(when: str) -> None:
    """Promise 13: a latched bit that was set before the run counts."""
    flags = {when: True}
    found = judged([*race(RIVAL), session(RIVAL, block=9, **flags)])  # type: ignore[arg-type]
    assert found is not None
    assert (found.gate, "synthetic flag" in found.reason) == ("throttled", True)
    assert gate_of([*race(RIVAL), session(RIVAL, block=9, throttled_before=False)]) is None


@pytest.mark.parametrize(
    "change", [{"device": "other"}, {"device_model": "Other Board"}, {"agent_sha256": "c" * 64}, {"transport": "ssh"}]
)
def test_measured_elsewhere_is_not_comparable(change: dict[str, str]) -> None:
    elsewhere = session(RIVAL, block=8, environment=replace(ENVIRONMENT, **change))  # type: ignore[arg-type]
    assert gate_of([*race(RIVAL), elsewhere]) == "environment"


EMULATED = replace(
    ENVIRONMENT, probe=replace(ENVIRONMENT.probe, virtual="qemu-user: aarch64 on a x86_64 kernel, container: docker")
)


def test_one_emulated_session_is_enough() -> None:
    found = judged([*race(RIVAL), session(RIVAL, block=9, environment=EMULATED)])
    assert found is not None
    assert found.gate == "emulated"
    assert found.reason.startswith("emulated (qemu-user: aarch64 on a x86_64 kernel): its times say nothing")


@pytest.mark.parametrize("virtual", [None, "hypervisor: KVM", "container: docker, hypervisor: cpu flag"])
def test_a_virtual_machine_is_no_emulator(virtual: str | None) -> None:
    machine = replace(ENVIRONMENT, probe=replace(ENVIRONMENT.probe, virtual=virtual))
    assert machine.emulated is None


def with_runtime(version: str | None, of: Session) -> Session:
    return replace(of, result=replace(of.result, runtime_version=version))


@pytest.mark.parametrize(("version", "gate"), [("1.20.1", None), ("1.19.2", "environment"), (None, None)])
def test_figures_are_compared_within_one_version_of_the_runtime(version: str | None, gate: str | None) -> None:
    base = [with_runtime("1.20.1", s) for s in race(BASE)]
    rival = [with_runtime(version, s) for s in race(RIVAL)]
    first, second = gather(base + rival, ARTIFACTS, SCORES, Policy())
    found = rejection(second, Rules(Constraints(), Policy(), first))
    assert (found.gate if found else None) == gate
    assert found is None or "version of the runtime is 1.19.2 against 1.20.1" in found.reason


def test_without_a_default_a_candidate_must_agree_with_itself() -> None:
    mixed = [with_runtime("1.19.2", race(RIVAL)[0]), *(with_runtime("1.20.1", s) for s in race(RIVAL)[1:])]
    (alone,) = gather(mixed, ARTIFACTS, SCORES, Policy())
    found = rejection(alone, Rules(Constraints(), Policy(), None))
    assert found == Rejection("environment", "not comparable with itself: measured with onnxruntime 1.19.2 and 1.20.1")


def test_another_python_is_another_environment() -> None:
    other = replace(ENVIRONMENT, probe=replace(ENVIRONMENT.probe, python="3.9.2"))
    assert gate_of([*race(RIVAL), session(RIVAL, block=9, environment=other)]) == "environment"


def test_quality_is_held_to_its_upper_bound() -> None:
    slightly = [SCORES[0], score(RIVAL, range(48))]
    found = judged(race(RIVAL), scores=slightly)
    assert found is not None
    assert found.gate == "quality"
    assert "+0.8 %" in found.reason
    assert "more evaluation items would settle it" in found.reason
    assert gate_of(race(RIVAL), Constraints(max_quality_loss=0.02), slightly) is None


def test_missing_quality_fails_closed_and_no_limit_is_no_gate() -> None:
    assert gate_of(race(RIVAL), scores=[SCORES[0]]) == "quality"
    assert gate_of(race(RIVAL), scores=[SCORES[1]]) == "quality"
    assert gate_of(race(RIVAL), Constraints(max_quality_loss=None), []) is None


def test_scores_of_other_items_do_not_pair() -> None:
    assert gate_of(race(RIVAL), scores=[SCORES[0], score(RIVAL, range(40), items=999)]) == "quality"


def test_a_pacer_that_was_late_measured_itself() -> None:
    late = session(RIVAL, block=8, t_ns=paced_times(service(2.0, 800, 1), lateness_ns=3_000_000))
    assert gate_of([*race(RIVAL), late]) == "pacer"


def test_a_backlog_that_grows_is_unstable() -> None:
    slow = [session(RIVAL, block=b, t_ns=paced_times(np.full(800, 20_500_000))) for b in range(4)]
    assert gate_of(slow) == "unstable"


def test_the_point_estimate_must_meet_the_limit_and_the_bound_is_told() -> None:
    found = judged(race(RIVAL, service_ms=3.0), Constraints(max_p99_ms=3.0))
    assert found is not None
    assert found.gate == "max_p99_ms"
    assert "upper bound" in found.reason
    assert gate_of(race(RIVAL, service_ms=2.0), Constraints(max_p99_ms=3.0)) is None


@pytest.mark.parametrize("limit", ["max_energy_mj", "max_p99_ms"])
def test_a_figure_that_is_needed_and_missing_fails_closed(limit: str) -> None:
    found = judged(race(RIVAL, chunks=60), Constraints(**{limit: 1000.0}))
    assert found is not None
    assert found.gate == limit
    assert "is missing" in found.reason


def test_shortfalls_are_worst_first() -> None:
    evidence = gather(race(BASE) + race(RIVAL), ARTIFACTS, SCORES, Policy())[1]
    limits = Constraints(max_size_mb=0.2, max_peak_mb=4.0, max_energy_mj=1.0, max_p50_ms=50.0)
    rules = Rules(limits, Policy(), None)
    assert [s.bound.name for s in shortfalls(evidence, rules)] == ["max_energy_mj", "max_peak_mb", "max_size_mb"]
    assert [s.bound.name for s in shortfalls(evidence, rules, only_known=True)] == ["max_peak_mb", "max_size_mb"]


def test_a_candidate_that_screening_left_behind_was_not_asked_for_its_quality() -> None:
    assert gate_of(screened(RIVAL), scores=[SCORES[0]]) is None
    assert gate_of(race(RIVAL), scores=[SCORES[0]]) == "quality"


def busy(of: Session) -> Session:
    """Something else used most of the device during it."""
    return replace(of, result=replace(of.result, after=DeviceState(background_cpu_share=0.8)))


def test_suspect_sessions_are_left_out_where_enough_are_valid() -> None:
    sessions = race(RIVAL)
    sessions[-2:] = [busy(s) for s in sessions[-2:]]
    found = gather(sessions, ARTIFACTS, SCORES, Policy())[0]
    assert sorted(run.block for run in found.runs if run.paced) == [0, 1]
    assert gate_of(sessions) is None


def test_mostly_suspect_sessions_never_rank_unless_they_are_let_in() -> None:
    sessions = race(RIVAL)
    sessions[-3:] = [busy(s) for s in sessions[-3:]]
    found = judged(sessions)
    assert found is not None
    assert found.gate == "suspect"
    assert "something else used 80 % of all cores" in found.reason
    policy = Policy(allow_suspect=True)
    everyone = gather(race(BASE) + sessions, ARTIFACTS, SCORES, policy)
    assert rejection(everyone[-1], Rules(Constraints(), policy, everyone[0])) is None
    assert sum(run.paced for run in everyone[-1].runs) == 4


def test_a_valid_attempt_stands_in_for_a_suspect_one() -> None:
    sessions = [s if s.planned.mode != "paced" else busy(s) for s in race(RIVAL)]
    again = [session(RIVAL, block=block, attempt=1) for block in range(4)]
    assert gate_of(sessions + again) is None


def test_a_schedule_that_was_moved_is_invalid() -> None:
    times = paced_times(service(2.0, 800, 1))
    times[300:] += 5_000_000
    found = judged([*race(RIVAL), session(RIVAL, block=9, t_ns=times)])
    assert found is not None
    assert found.gate == "suspect"
    assert "its arrivals are not one chunk apart" in found.reason
