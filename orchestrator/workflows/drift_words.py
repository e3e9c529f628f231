"""The answer of ``earshot drift`` in a sentence."""

from orchestrator.domain.state_drift import FREE_RUNNING, VERDICTS, WITH_RESETS, DriftReport, TensorDrift


def sentence(report: DriftReport) -> str:
    """The verdict and the tensor that it stands on."""
    worst = worst_of(report, FREE_RUNNING)
    over = f"over {report.seconds / 60:.3g} min"
    if report.verdict == "bounded":
        return f"Bounded: {over} no state and no output of {_who(report)} wanders further from fp32; {_most(worst)}."
    told = f"{report.verdict.capitalize()}: {over} {worst.kind} {worst.tensor} of {_who(report)} leaves fp32"
    return f"{told}: {worst.reason}; {_when(worst)}."


def further(report: DriftReport) -> tuple[str, ...]:
    """What resets in silence do about it, and what longer streams do to the task's errors."""
    return tuple(part for part in (_remedy(report), _task(report)) if part)


def worst_of(report: DriftReport, way: str) -> TensorDrift:
    """The tensor with the worst verdict; among equals the one with the largest difference for its tolerance."""

    def rank(drift: TensorDrift) -> tuple[int, float]:
        if drift.max_abs is None:
            return VERDICTS.index(drift.verdict), float("inf")
        return VERDICTS.index(drift.verdict), drift.max_abs / drift.tolerance if drift.tolerance else 0.0

    return max(report.of(way), key=rank)


def _who(report: DriftReport) -> str:
    return f"{report.model} {report.artifact}"


def _most(worst: TensorDrift) -> str:
    if not worst.max_abs:
        return "all are equal to it"
    slope = worst.slope_per_minute
    if slope.value is None or slope.low is None or slope.high is None:
        return f"the most is {worst.max_abs:.3g} in {worst.kind} {worst.tensor} ({slope.reason})"
    grows = f"{slope.value:.2g} [{slope.low:.2g}..{slope.high:.2g}] a minute"
    return f"the most is {worst.max_abs:.3g} in {worst.kind} {worst.tensor}, whose mean moves by {grows}"


def _when(worst: TensorDrift) -> str:
    if worst.time_to_tolerance_s is None:
        return f"still within its tolerance of {worst.tolerance:.3g}"
    return f"beyond its tolerance of {worst.tolerance:.3g} after {worst.time_to_tolerance_s:.1f} s"


def _remedy(report: DriftReport) -> str:
    if not report.of(WITH_RESETS):
        return f"Resets were not tried: {report.absent.get('resets', 'not asked for')}."
    worst = worst_of(report, WITH_RESETS)
    times = "once" if report.resets == 1 else f"{report.resets} times"
    return (
        f"With the state set anew in silence ({times}): {worst.verdict}, {worst.reason} ({worst.kind} {worst.tensor})."
    )


def _task(report: DriftReport) -> str:
    if len(report.lengths) < 2:
        return ""
    first, last = report.lengths[0], report.lengths[-1]
    return (
        f"Errors in streams of {first.seconds:.0f} s and of {last.seconds:.0f} s: {first.artifact:.1%} and "
        f"{last.artifact:.1%}, of fp32 {first.fp32:.1%} and {last.fp32:.1%}."
    )
