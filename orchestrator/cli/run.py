"""``earshot run``"""

from pathlib import Path

import click

from orchestrator.cli.options import device_option, json_option, lab_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Session
from orchestrator.errors import SessionFailed
from orchestrator.workflows.figures import session_figures
from orchestrator.workflows.single import RunSettings, run_one


@click.command()
@click.argument("model")
@click.option("--recipe", default="onnx:fp32", show_default=True, help="How the graph becomes an artifact.")
@click.option("--mode", type=click.Choice(["paced", "flat-out"]), default="paced", show_default=True)
@device_option
@lab_option
@click.option("--ep", "provider", help="Execution provider, such as CPU; CPU by default.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Audio to stream; it is looped.")
@click.option("--audio", type=click.Path(path_type=Path), help="Your own audio: mono, 16 bit, at the model's rate.")
@results_option
@json_option
def run(
    model: str,
    recipe: str,
    mode: str,
    device: str,
    lab: Path | None,
    provider: str | None,
    threads: int,
    seconds: float,
    audio: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Run one streaming session of MODEL and show its figures.

    \b
    earshot run kws --seconds 15
    earshot run digits-lstm --recipe onnx:int8-dynamic --mode flat-out
    """
    settings = RunSettings(
        model=model,
        recipe=Recipe.parse(recipe),
        mode=mode,
        device=device,
        lab=lab,
        results=results,
        provider=provider,
        threads=threads,
        seconds=seconds,
        audio=audio,
    )
    with TerminalProgress() as progress:
        session, sample_rate_hz = run_one(settings, progress)
    if not session.ok:
        raise SessionFailed(
            f"the session failed on {session.environment.device}: {session.result.reason}",
            failure=session.result.failure or "internal",
            hint=f"its record is session {session.session_id} in {results / 'ledger.db'}",
        )
    _print(session, sample_rate_hz, as_json)


def _print(session: Session, sample_rate_hz: int, as_json: bool) -> None:
    figures = session_figures(session, sample_rate_hz)
    if as_json:
        print_json({"session": session.session_id, "figures": figures, "result": session.result})
        return
    print_table(
        ["figure", "value>", "unit", "note"],
        [[f.name, _value(f.value), f.unit, f.note] for f in figures],
    )


def _value(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else number(value)
