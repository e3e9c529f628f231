"""Alike or refused; the effect with its interval; what may be said with so many runs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agents import wire
from agents.device_facts import DeviceState
from orchestrator.decide.comparison.compare import Comparison, compare
from orchestrator.decide.comparison.effect import LESS, LEVEL, MORE, UNSURE, Effect
from orchestrator.decide.comparison.noise import detectable_by_runs, noise_of, recommended_runs
from orchestrator.decide.comparison.runs import Side, runs_of
from orchestrator.decide.comparison.stale import stale
from orchestrator.domain.calibration import Calibration
from orchestrator.domain.isolation import IsolationStep
from orchestrator.domain.session import Session
from orchestrator.errors import BadInput, Incomparable
from tests.orchestrator.decide.comparison.sides import FAST, side
from tests.sessions import ENVIRONMENT


def effect(found: Comparison, metric: str = "service_p50_ms") -> Effect:
    return next(each for each in found.effects if each.metric == metric)


def changed(of: Side, change: Callable[[Session], Session]) -> Side:
    return replace(of, sessions=tuple(change(s) for s in of.sessions))


def in_state(of: Side, **state: object) -> Side:
    before = DeviceState(**{"throttled_source": "synthetic flag", **state})  # type: ignore[arg-type]
    return changed(of, lambda s: replace(s, result=replace(s.result, before=before)))


def calibration(pairs: int = 6, **changes: object) -> Calibration:
    runs = runs_of(side(blocks=2 * pairs)).good
    ordered = [runs[key] for key in sorted(runs)]
    noise = noise_of(list(zip(ordered[::2], ordered[1::2], strict=True)))
    values = {
        "calibration_id": "c1", "device": "bench", "at_utc": "2026-01-01T00:00:00+00:00", "model": "synthetic",
        "candidate": "onnx:fp32 CPU 1t", "mode": "paced", "seconds": 16.0, "environment": ENVIRONMENT,
        "state": DeviceState(), "runtime": "onnxruntime", "runtime_version": None, "noise": noise,
    }  # fmt: skip
    return Calibration(**{**values, **changes})  # type: ignore[arg-type]


def test_a_faster_candidate_is_said_to_be_so_with_its_interval() -> None:
    found = effect(compare(side(), side("B", FAST, service_ms=1.0)))
    assert (found.verdict, found.paired, found.ratio.n) == (LESS, True, 6)
    assert found.ratio.low is not None
    assert found.ratio.high is not None
    # Service is measured from s_k, so the pacer's lateness of 0.05 ms is in it.
    assert found.ratio.low < 1.05 / 2.05 < found.ratio.high
    assert found.a == pytest.approx(2.05, rel=0.05)
    assert found.said == "B is faster"


def test_a_slower_one_too_and_the_sentence_is_on_latency() -> None:
    found = compare(side(), side("B", FAST, service_ms=3.0))
    assert effect(found).verdict == MORE
    assert found.sentence.startswith("median latency on bench: B is slower; 1.4")


def test_two_that_are_level_are_said_to_be_so_where_the_runs_show_it() -> None:
    found = effect(compare(side(noise=0.01), side("B", FAST, noise=0.01)))
    assert found.verdict == LEVEL
    assert found.said == "no difference beyond the noise: less than 5 % either way"


def test_too_few_noisy_runs_cannot_say_and_how_many_more_would() -> None:
    found = effect(compare(side(blocks=3, noise=0.3), side("B", FAST, blocks=3, noise=0.3)))
    assert found.verdict == UNSURE
    assert found.more_runs is not None
    assert found.said == f"cannot say with 3 runs: about {found.more_runs} more would"


def test_one_run_says_nothing() -> None:
    found = effect(compare(side(blocks=1), side("B", FAST, blocks=1, service_ms=1.0)))
    assert (found.verdict, found.ratio.low) == (UNSURE, None)
    assert found.said.startswith("cannot say with 1 run")


def test_a_p99_is_compared_only_where_each_run_has_one() -> None:
    found = effect(compare(side(chunks=661), side("B", FAST, chunks=661)), "latency_p99_ms")
    assert (found.a, found.ratio.value) == (None, None)
    assert found.said == "cannot say: not estimable: a run's p99 needs 662 chunks, one has 661"
    assert effect(compare(side(), side("B", FAST)), "latency_p99_ms").a is not None


def test_blocks_of_other_studies_do_not_pair() -> None:
    assert not effect(compare(side(), side("B", FAST, study="study-2"))).paired


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ({"governor": "powersave"}, "governor"),
        ({"charging": True}, "charging"),
        ({"max_frequency_hz": (1_500_000_000,)}, "highest clock allowed"),
        ({"temperature_c": {"soc": 48.0}}, "temperature before"),
        ({"background_cpu_share": 0.5}, "load of everything else"),
    ],
)
def test_another_state_is_refused(state: dict[str, object], name: str) -> None:
    quiet = in_state(side(), temperature_c={"soc": 40.0}, background_cpu_share=0.02)
    later = {"temperature_c": {"soc": 41.0}, "background_cpu_share": 0.04, **state}
    other = in_state(side("B", FAST, study="study-2"), **later)
    with pytest.raises(Incomparable, match=name) as refused:
        compare(quiet, other)
    assert [each[0] for each in refused.value.fields] == [name]


def test_another_deadline_is_refused_and_the_share_that_missed_it_is_told() -> None:
    def due(of: Side, deadline_ns: int) -> Side:
        made = tuple(replace(s, planned=replace(s.planned, deadline_ns=deadline_ns)) for s in of.sessions)
        return replace(of, sessions=made)

    with pytest.raises(Incomparable, match="deadline") as refused:
        compare(side(), due(side("B", FAST), 1_000_000))
    assert refused.value.fields == (("deadline", "one chunk", "1 ms"),)
    both = compare(due(side(), 1_000_000), due(side("B", FAST, service_ms=0.5), 1_000_000))
    assert both.notes[0].startswith("missed deadlines: A 100.00 % (")
    assert ", B 0.00 % (" in both.notes[0]


def test_who_took_turns_met_the_same_load_and_heat() -> None:
    quiet = in_state(side(), temperature_c={"soc": 40.0}, background_cpu_share=0.02)
    loaded = in_state(side("B", FAST), temperature_c={"soc": 48.0}, background_cpu_share=0.5)
    assert compare(quiet, loaded).forced == ()


def test_what_only_wanders_is_not_refused() -> None:
    quiet = in_state(side(), temperature_c={"soc": 40.0}, background_cpu_share=0.02, frequency_hz=(1, 2))
    other = in_state(side("B", FAST), temperature_c={"soc": 44.0}, background_cpu_share=0.1, frequency_hz=(2, 2))
    assert compare(quiet, other).forced == ()


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("device", "other", "device"),
        ("device_model", "Other Board", "device model"),
        ("agent_sha256", "c" * 64, "agent"),
        ("transport", "adb", "reached by"),
        ("python_environment", "gpu", "Python environment"),
    ],
)
def test_another_place_is_refused_with_both_values_and_marked_where_forced(field: str, value: Any, name: str) -> None:
    other = changed(
        side("B", FAST),
        lambda s: replace(s, environment=replace(s.environment, **{field: value})),
    )
    with pytest.raises(Incomparable) as refused:
        compare(side(), other)
    ((found, mine, theirs),) = refused.value.fields
    assert found == name
    assert theirs in value
    assert mine != theirs
    forced = compare(side(), other, force=True)
    assert forced.mark == f"forced: compared across {name}"
    assert forced.mark in forced.sentence


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("kernel", "7.0", "kernel"),
        ("os", "BSD", "OS"),
        ("build", "x", "OS build"),
        ("unit", "0f3a", "device unit"),
        ("drivers", {"nvidia": "550.54.14"}, "drivers"),
        ("context", "termux", "execution context"),
    ],
)
def test_another_probe_is_refused(field: str, value: Any, name: str) -> None:
    change: dict[str, Any] = {field: value}
    probe = replace(ENVIRONMENT.probe, **change)
    other = changed(side("B", FAST), lambda s: replace(s, environment=replace(s.environment, probe=probe)))
    with pytest.raises(Incomparable, match=name):
        compare(side(), other)


def test_another_runtime_version_and_another_audio_are_refused() -> None:
    newer = changed(side("B", FAST), lambda s: replace(s, result=replace(s.result, runtime_version="9")))
    with pytest.raises(Incomparable, match="onnxruntime version"):
        compare(side(), newer)
    with pytest.raises(Incomparable, match="audio"):
        compare(side(), side("B", FAST, audio="other.wav"))


def scheduled(of: Side, used: tuple[int, ...], asked: tuple[int, ...] = (), priority: str = "nice 0") -> Side:
    """The side on these CPUs, as its candidate asked for or as the device gave them."""
    given = wire.Scheduling(asked, used, "", priority, 1)

    def change(s: Session) -> Session:
        planned = replace(s.planned, candidate=replace(s.planned.candidate, affinity=asked))
        result = replace(s.result, scheduling=given, session_id=planned.session_id)
        return replace(s, planned=planned, result=result)

    return changed(of, change)


def test_other_cpus_are_refused_with_both_shown_unless_they_are_what_is_compared() -> None:
    mine = scheduled(side(), (4, 5, 6, 7), (4, 5, 6, 7))
    elsewhere = scheduled(side("B", FAST, study="study-2"), (0, 1, 2, 3), (0, 1, 2, 3))
    with pytest.raises(Incomparable) as refused:
        compare(mine, elsewhere)
    assert refused.value.fields == (("CPU affinity", "4-7", "0-3"),)
    assert compare(mine, scheduled(side("B", FAST), (0, 1, 2, 3), (0, 1, 2, 3))).forced == ()
    # Nobody asked for it: a cpuset has changed in between.
    with pytest.raises(Incomparable, match="CPU affinity"):
        compare(scheduled(side(), (0, 1, 2, 3)), scheduled(side("B", FAST), (0,)))


def test_another_priority_and_another_isolation_are_refused() -> None:
    with pytest.raises(Incomparable, match="priority"):
        compare(scheduled(side(), (0,)), scheduled(side("B", FAST), (0,), priority="fifo 1"))
    moved, kept = IsolationStep("irq", True, "3 of 3"), IsolationStep("irq", False, "needs root")
    sides = [
        changed(of, lambda s, step=step: replace(s, environment=replace(s.environment, isolation=(step,))))  # type: ignore[misc]
        for of, step in ((side(), moved), (side("B", FAST), kept))
    ]
    with pytest.raises(Incomparable) as refused:
        compare(*sides)
    assert refused.value.fields == (("isolation", "irq", "none"),)


def test_audio_is_told_apart_by_its_bytes() -> None:
    def of(side_: Side, digit: str | None) -> Side:
        audio = None if digit is None else digit * 64
        return changed(side_, lambda s: replace(s, result=replace(s.result, audio_sha256=audio)))

    assert compare(of(side(), "a"), of(side("B", FAST), "a")).forced == ()
    for other in ("b", None):
        with pytest.raises(Incomparable) as refused:
            compare(of(side(), "a"), of(side("B", FAST), other))
        assert [name for name, _, _ in refused.value.fields] == ["audio"]
        assert refused.value.fields[0][1] == "sha256 aaaaaaaaaaaaaaaa"


def test_paced_and_flat_out_are_refused() -> None:
    with pytest.raises(Incomparable, match="mode"):
        compare(side(), side("B", FAST, mode="flat-out"))


def test_what_throttled_failed_or_fell_back_counts_for_nothing_and_is_told() -> None:
    hot = changed(side("B", FAST, service_ms=1.0), lambda s: s)
    bad = [
        replace(s, result=replace(s.result, **change))  # type: ignore[arg-type]
        for s, change in zip(
            hot.sessions,
            (
                {"after": DeviceState(throttled=True)},
                {"outcome": "failed", "failure": "inference", "reason": "no memory"},
                {"providers_registered": ("OtherExecutionProvider",)},
            ),
            strict=False,
        )
    ]
    found = compare(side(), replace(hot, sessions=(*bad, *hot.sessions[3:])))
    assert effect(found).ratio.n == 3
    text = " ".join(found.notes)
    for word in ("throttled after it", "it failed: no memory", "CPUExecutionProvider was asked for"):
        assert word in text


def busy(of: Side, blocks: int) -> Side:
    """Its first sessions had something else on all cores."""
    after = DeviceState(background_cpu_share=0.9)
    made = [replace(s, result=replace(s.result, after=after)) if i < blocks else s for i, s in enumerate(of.sessions)]
    return replace(of, sessions=tuple(made))


def test_suspect_runs_count_only_where_the_others_are_too_few() -> None:
    some = compare(side(), busy(side("B", FAST), 4))
    assert effect(some).ratio.n == 2
    assert sum("suspect" in note and "does not count" in note for note in some.notes) == 4
    all_of_them = compare(side(), busy(side("B", FAST), 6))
    assert effect(all_of_them).ratio.n == 6
    assert sum("suspect" in note and "does not count" not in note for note in all_of_them.notes) == 6


def test_a_valid_attempt_counts_in_a_suspect_ones_place() -> None:
    first = busy(side("B", FAST), 6)
    again = side("B", FAST, attempt=1)
    found = compare(side(), replace(first, sessions=(*first.sessions, *again.sessions)))
    assert effect(found).ratio.n == 6
    assert not any("suspect" in note for note in found.notes)


def test_what_was_emulated_never_counts() -> None:
    probe = replace(ENVIRONMENT.probe, virtual="qemu-user 7.2")
    sides = [
        changed(x, lambda s: replace(s, environment=replace(s.environment, probe=probe)))
        for x in (side(), side("B", FAST))
    ]
    found = compare(*sides)
    assert all(each.ratio.value is None for each in found.effects)
    assert sum("emulated" in note for note in found.notes) == 12


def test_the_same_sessions_are_not_compared() -> None:
    with pytest.raises(BadInput, match="share sessions"):
        compare(side(), side("B"))


@pytest.mark.parametrize("wanted", [0.0, 1.0, float("nan")])
def test_a_wanted_effect_is_a_share(wanted: float) -> None:
    with pytest.raises(BadInput, match="effect must be"):
        compare(side(), side("B", FAST), wanted=wanted)


def test_the_devices_noise_floor_stands_beside_the_effect() -> None:
    without = compare(side(), side("B", FAST))
    assert effect(without).detectable is None
    assert any("not calibrated" in note and "earshot calibrate bench" in note for note in without.notes)
    known = compare(side(), side("B", FAST), calibration=calibration(at_utc=datetime.now(UTC).isoformat()))
    share = effect(known).detectable
    assert share is not None
    # Runs wander by 1 %, pairs by 1.4 %: six of them find 2 % or so, at the bound of a deviation known from six.
    assert 0.01 < share < 0.05


def test_a_calibration_grows_stale_with_age_and_with_the_device() -> None:
    session = side().sessions[0]
    at = datetime(2026, 1, 20, tzinfo=UTC)
    assert stale(calibration(), session, at) == ()
    assert stale(calibration(), session, datetime(2026, 3, 1, tzinfo=UTC)) == ("it is 59 days old",)
    other = replace(ENVIRONMENT, agent_sha256="d" * 64, probe=replace(ENVIRONMENT.probe, kernel="5.10"))
    reasons = stale(
        calibration(environment=other, state=DeviceState(governor="schedutil"), runtime_version="1"), session, at
    )
    assert [reason.split(" was ")[0] for reason in reasons] == ["agent", "kernel", "governor", "onnxruntime"]
    alone = replace(ENVIRONMENT, isolation=(IsolationStep("irq", True, "3 of 3"),))
    assert stale(calibration(environment=alone), session, at) == ("isolation was irq, is none",)
    old = calibration(at_utc="2020-01-01T00:00:00+00:00")
    assert any("is stale" in note for note in compare(side(), side("B", FAST), calibration=old).notes)


def test_more_runs_detect_less_and_the_recommended_number_is_enough() -> None:
    noise = calibration().noise["service_p50_ms"]
    by_runs = detectable_by_runs(noise)
    assert list(by_runs.values()) == sorted(by_runs.values(), reverse=True)
    runs = recommended_runs(noise, by_runs[6])
    assert runs in (6, 7)
    assert noise.same
    with pytest.raises(BadInput, match="effect must be"):
        recommended_runs(noise, 0.0)


def test_a_noise_floor_needs_two_pairs() -> None:
    with pytest.raises(BadInput, match="at least 2 pairs"):
        noise_of([])


def test_of_a_duet_only_the_ratio_is_said() -> None:
    found = compare(side(), side("B", FAST, service_ms=1.0), duet=True)
    assert all(each.a is None and each.b is None for each in found.effects)
    assert effect(found).verdict == LESS
    assert any("only their ratio" in note for note in found.notes)


def test_a_duet_counts_only_while_both_ran() -> None:
    late = changed(side("B", FAST), lambda s: replace(s, arrays={"t_ns": s.arrays["t_ns"] + 8_000_000_000}))
    found = compare(side(), late, duet=True)
    assert effect(found).ratio.n == 6
    # 800 chunks of 20 ms each, the second half of one with the first half of the other: too few for a p99.
    assert effect(found, "latency_p99_ms").ratio.value is None
    apart = changed(side("B", FAST), lambda s: replace(s, arrays={"t_ns": s.arrays["t_ns"] + 90_000_000_000}))
    lost = compare(side(), apart, duet=True)
    assert effect(lost).ratio.value is None
    assert any("did not stream at the same time" in note for note in lost.notes)
