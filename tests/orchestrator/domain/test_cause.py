"""One change is one piece of news, however many figures it moved."""

from dataclasses import replace

from orchestrator.domain.cause import causes
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import (
    BY_RERUN,
    DEVICE_DRIFT,
    IMPROVEMENT,
    LEVEL,
    REGRESSION,
    SUSPECT,
    Blame,
    Since,
    Verdict,
)
from orchestrator.statistics.interval import Interval

NIGHT = "2026-11-02"
COMMIT = Blame("model_commit", NIGHT, "3f1a", "b4d0", 1.0)
KEY = SeriesKey("pi5", "digits", "onnxruntime", "CPUExecutionProvider", "onnx:fp32", "paced", "latency_p50_ms")


def verdict(
    device: str = "pi5", metric: str = "latency_p50_ms", ratio: float = 1.07, kind: str = REGRESSION
) -> Verdict:
    return Verdict(
        kind=kind,
        key=replace(KEY, device=device, metric=metric),
        at=NIGHT,
        aspect=LEVEL,
        effect=Interval(ratio, ratio - 0.01, ratio + 0.01, 8),
        relative=True,
        confirmed_by=BY_RERUN,
        since=Since(NIGHT, NIGHT, NIGHT, ((NIGHT, 1.0),)),
        blame=(COMMIT,),
        false_alarms_per_100=0.08,
        p_value=0.001,
        said=f"{metric} on {device}",
    )


def test_one_verdict_speaks_for_itself() -> None:
    (cause,) = causes([verdict()])
    assert (cause.said, cause.alert) == ("latency_p50_ms on pi5", True)


def test_a_commit_that_moves_everything_is_one_sentence() -> None:
    moved = [
        verdict(device, metric, 1.06 + n / 100) for n, device in enumerate("abcde") for metric in ("rtf", "load_ms")
    ]
    (cause,) = causes(moved)
    assert len(cause.verdicts) == 10
    assert cause.said == (
        "regression: digits is worse by 6 % to 10 % in 2 metrics (load_ms, rtf), on 5 devices (a, b, c, d, ...), "
        "onnx:fp32; since 2026-11-02; known by re-run; changed then: model commit 3f1a -> b4d0"
    )


def test_another_change_another_kind_and_another_model_are_other_news() -> None:
    other = replace(verdict(), blame=(replace(COMMIT, axis="runtime"),))
    better = verdict(kind=IMPROVEMENT, ratio=0.9)
    model = replace(verdict(), key=replace(KEY, model="kws"))
    found = causes([verdict("a"), other, better, model, verdict("b")])
    assert [len(cause.verdicts) for cause in found] == [2, 1, 1, 1]
    assert [cause.kind for cause in found] == [REGRESSION, REGRESSION, IMPROVEMENT, REGRESSION]


def test_a_drift_is_told_of_its_device() -> None:
    drift = [replace(verdict(d, m, kind=DEVICE_DRIFT), blame=()) for d in ("a", "b") for m in ("rtf", "load_ms")]
    first, second = causes(drift)
    assert first.said.startswith("a itself is off by +7 % in 2 metrics (load_ms, rtf)")
    assert first.said.endswith("nothing that is recorded changed then")
    assert second.said.startswith("b itself is off")


def test_a_gain_is_better_and_a_suspicion_only_off() -> None:
    better = causes([verdict(d, kind=IMPROVEMENT, ratio=0.9) for d in "ab"])[0]
    assert "digits is better by 10 % in latency_p50_ms" in better.said
    open_ = [replace(verdict(d, kind=SUSPECT, ratio=1.04), confirmed_by=None, blame=()) for d in "ab"]
    assert "digits is off by +4 % in latency_p50_ms, on 2 devices (a, b)" in causes(open_)[0].said
    assert "; not confirmed; nothing that is recorded changed then" in causes(open_)[0].said
