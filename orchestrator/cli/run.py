"""``earshot run``"""

from dataclasses import replace
from pathlib import Path

import click

from orchestrator.cli.fleet import print_outcomes
from orchestrator.cli.options import (
    device_option,
    environment_option,
    json_option,
    lab_option,
    quiet_device_option,
    results_option,
    wait_option,
)
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import DeviceError
from orchestrator.workflows.figures import session_figures
from orchestrator.workflows.fleet import failed_session, run_several
from orchestrator.workflows.single import RunSettings, run_one


@click.command()
@click.argument("model")
@click.option("--recipe", default="onnx:fp32", show_default=True, help="How the graph becomes an artifact.")
@click.option("--mode", type=click.Choice(["paced", "flat-out"]), default="paced", show_default=True)
@device_option
@click.option(
    "--devices",
    metavar="LIST",
    help="Several devices at once: names, tag:TAG, any:TAG or all, with commas; a row for each.",
)
@lab_option
@wait_option
@quiet_device_option
@environment_option
@click.option("--ep", "provider", help="Execution provider, such as CPU; CPU by default.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Audio to stream; it is looped.")
@click.option("--audio", type=click.Path(path_type=Path), help="Your own audio: mono, 16 bit, at the model's rate.")
@results_option
@json_option
@click.pass_context
def run(
    context: click.Context,
    model: str,
    recipe: str,
    mode: str,
    device: str,
    devices: str | None,
    lab: Path | None,
    wait_s: float,
    quiet_device: bool,
    environment: str | None,
    provider: str | None,
    threads: int,
    seconds: float,
    audio: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Run one streaming session of MODEL and show its figures, on one device or on several at once.

    Where the device has a power sensor, it also runs idle for as long (10 s at most) before and after: net energy is
    what the model draws above that.

    With --devices the exit code is 5 where any device failed; what the others measured is in the ledger. After an
    interruption the same command collects the sessions that went on.

    \b
    earshot run kws --seconds 15
    earshot run digits-lstm --recipe onnx:int8-dynamic --mode flat-out
    earshot run kws --lab lab.toml --devices pi5,tag:phone,any:cuda
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
        wait_s=wait_s,
        quiet_device=quiet_device,
        environment=environment,
    )
    if devices is None:
        _one(settings, as_json)
        return
    if context.get_parameter_source("device") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--device is for one device, --devices for several: give one of them")
    with TerminalProgress() as progress:
        outcomes = run_several(replace(settings, device=""), devices, progress)
    print_outcomes(outcomes, as_json)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    if failed:
        raise DeviceError(
            f"{len(failed)} of {len(outcomes)} devices failed: {', '.join(o.device for o in failed)}",
            hint="what the others measured is in the ledger; once they are well: "
            f"earshot run {model} --devices {','.join(o.device for o in failed)} ...",
        )


def _one(settings: RunSettings, as_json: bool) -> None:
    with TerminalProgress() as progress:
        ran = run_one(settings, progress)
    session = ran.session
    if not session.ok:
        raise failed_session(session, settings.results)
    figures = session_figures(session, ran.sample_rate_hz, ran.idle)
    if as_json:
        print_json({"session": session.session_id, "figures": figures, "result": session.result})
        return
    print_table(
        ["figure", "value>", "unit", "note"],
        [[f.name, _value(f.value), f.unit, f.note] for f in figures],
    )


def _value(value: float | str | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int | str) else number(value)
