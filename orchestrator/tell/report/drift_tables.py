"""State drift in tables: each tensor run in each way, and the task's errors by the length of a stream."""

from orchestrator.domain.state_drift import DriftReport, LengthScore, TensorDrift
from orchestrator.statistics.interval import Interval
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, number, text


def tensor_table(report: DriftReport) -> Table:
    notes = Footnotes()
    rows = tuple(Row(_tensor_cells(report, drift, notes)) for drift in report.tensors)
    headings = (
        Heading("Tensor"),
        Heading("Run"),
        Heading("Verdict"),
        Heading("Max |d|", number=True),
        Heading("Cosine", number=True),
        Heading("SNR", "dB", number=True),
        Heading("Slope", "per minute", number=True),
        Heading("Tolerance", number=True),
        Heading("Beyond it after", "s", number=True),
    )
    caption = "Difference d from the fp32 source, in each tensor's own unit; the slope is of a chunk's greatest |d|."
    return Table("drift-tensors", caption, headings, rows, tuple(notes.reasons))


def _tensor_cells(report: DriftReport, drift: TensorDrift, notes: Footnotes) -> tuple[Cell, ...]:
    beyond = drift.time_to_tolerance_s
    return (
        text(drift.tensor, drift.kind),
        text(drift.way),
        text(drift.verdict, drift.reason),
        _number(drift.max_abs, ".3g", "not finite", drift.reason, notes),
        _number(drift.cosine, ".6f", "-", "no cosine where one of the two is zero or not finite", notes),
        _number(drift.snr_db, ".1f", "-", "no noise, or not finite", notes),
        _slope(drift.slope_per_minute, notes),
        number(f"{drift.tolerance:.3g}"),
        text(f"not within {report.seconds / 60:.3g} min") if beyond is None else number(f"{beyond:.1f}"),
    )


def _slope(slope: Interval, notes: Footnotes) -> Cell:
    if slope.value is None or slope.low is None or slope.high is None:
        return absent("not estimable", slope.reason or "", notes)
    return number(f"{slope.value:.3g}", f"{slope.low:.3g} to {slope.high:.3g}")


def _number(value: float | None, form: str, words: str, reason: str, notes: Footnotes) -> Cell:
    return absent(words, reason, notes) if value is None else number(format(value, form))


def length_table(report: DriftReport) -> Table:
    notes = Footnotes()
    headings = (
        Heading("Utterances a stream", number=True),
        Heading("Length", "s", number=True),
        Heading("Errors of fp32", "%", number=True),
        Heading("of the artifact", "%", number=True),
        Heading("with resets", "%", number=True),
        Heading("Loss", "points", number=True),
    )
    rows = tuple(Row(_length_cells(report, score, notes)) for score in report.lengths)
    caption = f"Metric: {report.metric}. The loss is the artifact's errors minus those of fp32, with its 95 % interval."
    if report.metric is None:
        caption = f"Not measured: {report.absent.get('lengths', 'no reason was given')}."
    return Table("drift-lengths", caption, headings, rows, tuple(notes.reasons))


def _length_cells(report: DriftReport, score: LengthScore, notes: Footnotes) -> tuple[Cell, ...]:
    reset = None if score.with_resets is None else 100 * score.with_resets
    return (
        number(str(score.utterances)),
        number(f"{score.seconds:.1f}"),
        number(f"{100 * score.fp32:.2f}"),
        number(f"{100 * score.artifact:.2f}"),
        _number(reset, ".2f", "not measured", report.absent.get("resets", "not asked for"), notes),
        _loss(score.loss, notes),
    )


def _loss(loss: Interval, notes: Footnotes) -> Cell:
    if loss.value is None:
        return absent("not measured", loss.reason or "", notes)
    if loss.low is None or loss.high is None:
        return Cell(f"{100 * loss.value:+.2f}", note=notes.number(loss.reason or ""), kind="number")
    return number(f"{100 * loss.value:+.2f}", f"{100 * loss.low:+.2f} to {100 * loss.high:+.2f}")
