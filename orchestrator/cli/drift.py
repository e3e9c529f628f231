"""``earshot drift``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.state_drift import DriftReport, LengthScore, TensorDrift
from orchestrator.errors import BadInput
from orchestrator.workflows.drift import DriftSettings, measure_state_drift


@click.command()
@click.argument("artifact")
@click.option("--recipe", default="onnx:int8-dynamic", show_default=True, help="Of a model: which artifact of it.")
@click.option("--against", metavar="MODEL", help="The model that a file was made of; its contract's by default.")
@click.option("--minutes", type=float, default=10.0, show_default=True, help="Audio to stream; a piece is looped.")
@click.option("--audio", type=click.Path(path_type=Path), help="Your own audio: mono, 16 bit, at the model's rate.")
@click.option(
    "--tolerance", type=float, default=0.1, show_default=True, help="A share of the peak of each state and output."
)
@click.option(
    "--silence-ms", type=float, default=300.0, show_default=True, help="Silence after which the state is set anew."
)
@click.option(
    "--lengths", metavar="LIST", help="Utterances to a stream, such as 1,2,4,8; four times as many by default."
)
@results_option
@json_option
def drift(
    artifact: str,
    recipe: str,
    against: str | None,
    minutes: float,
    audio: Path | None,
    tolerance: float,
    silence_ms: float,
    lengths: str | None,
    results: Path,
    as_json: bool,
) -> None:
    """How far do the states of ARTIFACT wander from those of its fp32 source in a long stream?

    ARTIFACT is a model (then --recipe makes the artifact), the SHA-256 of one in the results folder (its first 8 digits
    or more), or a file with contract.json beside it. Audio is streamed on this machine in three ways: each chunk from
    the fp32 state, from the artifact's own, and from its own with the state set anew in silence. The evaluation set is
    scored too, joined to longer and longer streams. Writes drift-MODEL-ARTIFACT.html and the raw series.

    \b
    earshot drift kws --recipe onnx:int8-dynamic
    earshot drift digits-lstm --recipe onnx:fp16 --minutes 30
    earshot drift mine.onnx --against kws --lengths 1,2,4,8,16
    """
    settings = DriftSettings(
        what=artifact,
        recipe=Recipe.parse(recipe),
        against=against,
        minutes=minutes,
        audio=audio,
        tolerance=tolerance,
        silence_ms=silence_ms,
        lengths=_lengths(lengths),
        results=results,
    )
    with TerminalProgress() as progress:
        done = measure_state_drift(settings, progress)
    if as_json:
        print_json({"report": done.report, "page": str(done.page)})
    else:
        _print(done.report, done.page)


def _lengths(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise BadInput(f"--lengths must be whole numbers with commas, got {text!r}", hint="such as 1,2,4,8") from None


def _print(report: DriftReport, page: Path) -> None:
    print_table(
        ["tensor", "run", "verdict", "max |d|>", "cosine>", "SNR dB>", "slope/min>", "tolerance>", "beyond it after>"],
        [_row(tensor, report) for tensor in report.tensors],
    )
    click.echo()
    if report.lengths:
        print_table(
            ["utterances>", "stream s>", "fp32 errors>", "artifact>", "with resets>", "loss, points>"],
            [_length_row(score) for score in report.lengths],
        )
    else:
        click.echo(f"no errors by length: {report.absent['lengths']}")
    click.echo("\n" + "\n".join([report.sentence, *report.further, str(page)]))


def _row(drift: TensorDrift, report: DriftReport) -> list[str]:
    slope, beyond = drift.slope_per_minute, drift.time_to_tolerance_s
    shown = "-"
    if slope.value is not None and slope.low is not None and slope.high is not None:
        shown = f"{_short(slope.value)} [{_short(slope.low)}..{_short(slope.high)}]"
    return [
        f"{drift.kind} {drift.tensor}",
        drift.way,
        drift.verdict,
        "not finite" if drift.max_abs is None else number(drift.max_abs),
        "-" if drift.cosine is None else f"{drift.cosine:.6f}",
        "-" if drift.snr_db is None else f"{drift.snr_db:.1f}",
        shown,
        number(drift.tolerance),
        f"not in {report.seconds / 60:.3g} min" if beyond is None else f"{beyond:.1f} s",
    ]


def _short(value: float) -> str:
    return f"{value:.2g}"


def _length_row(score: LengthScore) -> list[str]:
    loss, shown = score.loss, "-"
    if loss.value is not None:
        shown = f"{100 * loss.value:+.2f}"
    if loss.low is not None and loss.high is not None:
        shown += f" [{100 * loss.low:+.2f}..{100 * loss.high:+.2f}]"
    return [
        str(score.utterances),
        f"{score.seconds:.1f}",
        f"{score.fp32:.2%}",
        f"{score.artifact:.2%}",
        "-" if score.with_resets is None else f"{score.with_resets:.2%}",
        shown,
    ]
