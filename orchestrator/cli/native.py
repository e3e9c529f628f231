"""``earshot native``: vendors' benchmark tools on devices without Python."""

from pathlib import Path

import click

from orchestrator.cli.options import device_option, json_option, lab_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.native import TOOLS, ClosedLoop, NativeSession
from orchestrator.errors import SessionFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.native import native_sessions
from orchestrator.measure.native.run import NativeRun
from orchestrator.workflows.native import NativeSettings, run_on_device

_NOTE = (
    "closed loop: the next input waits for the last output, on made-up input. Not a latency, and not ranked with "
    "streaming sessions."
)
_TIMES = ("mean", "min", "p50", "p90", "p95", "p99", "max", "std", "load", "first", "warmup_mean")


@click.group()
def native() -> None:
    """Run a vendor's benchmark tool on a device without Python, and read what it says."""


@native.command("run")
@click.argument("tool", type=click.Choice(TOOLS))
@click.option("--binary", type=click.Path(path_type=Path), required=True, help="The tool, built for the device.")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="The model's file, as the tool takes it.")
@click.option(
    "--library", "libraries", type=click.Path(path_type=Path), multiple=True, help="A .so that the tool needs; again."
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--runs", type=int, default=200, show_default=True, help="Timed inferences.")
@click.option("--timeout", "timeout_s", type=float, default=600.0, show_default=True, help="Seconds for the tool.")
@device_option
@lab_option
@results_option
@json_option
@click.argument("extra", nargs=-1)
def run_tool(
    tool: str,
    binary: Path,
    model: Path,
    libraries: tuple[Path, ...],
    threads: int,
    runs: int,
    timeout_s: float,
    device: str,
    lab: Path | None,
    results: Path,
    as_json: bool,
    extra: tuple[str, ...],
) -> None:
    """Run TOOL once on a device; EXTRA arguments after -- go to the tool as they are.

    The tool and the model are yours: both are pushed by content hash, below /data/local/tmp where the device is reached
    over ADB. What it prints is read into the ledger as a closed-loop session, which is never ranked with streaming
    sessions: it has no arrivals, so it cannot say what a listener waits.

    \b
    earshot native run benchmark_model --binary ./benchmark_model --model kws.tflite --device pixel-8 --lab lab.toml
    earshot native run benchmark_model --binary ./benchmark_model --model kws.tflite -- --use_gpu=true
    """
    settings = NativeSettings(
        NativeRun(tool, binary, model, threads, runs, libraries, extra, timeout_s), device, lab, results
    )
    with TerminalProgress() as progress:
        session = run_on_device(settings, progress)
    if session.times is None:
        raise SessionFailed(
            f"{tool} failed on {session.device}: {session.reason}",
            failure="inference",
            hint=f"its output is session {session.session_id} in {results / 'ledger.db'}",
        )
    if as_json:
        print_json(session)
    else:
        print_table(["figure", "value>", "unit"], _figures(session.times))
        click.echo(f"\n{_NOTE}")


@native.command("list")
@click.option("--device", help="Only of this device.")
@results_option
@json_option
def list_runs(device: str | None, results: Path, as_json: bool) -> None:
    """Show the closed-loop sessions of the ledger, oldest first."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        found = native_sessions(ledger, device)
    if as_json:
        print_json(found)
        return
    columns = ["started", "device", "model of device", "tool", "model", "threads>", "mode", "mean ms>", "runs>"]
    print_table(columns, [_row(session) for session in found])
    click.echo(f"\n{_NOTE}")


def _figures(times: ClosedLoop) -> list[list[str]]:
    rows = [["runs", str(times.runs), ""]]
    for name in _TIMES:
        value = getattr(times, f"{name}_ns")
        rows.append([f"closed loop, {name.replace('_', ' ')}", "-" if value is None else number(value / 1e6), "ms"])
    memory = times.peak_memory_bytes
    return [*rows, ["peak memory", "-" if memory is None else number(memory / 1e6), "MB"]]


def _row(session: NativeSession) -> list[str]:
    times = session.times
    figures = [number(times.mean_ns / 1e6), str(times.runs)] if times else ["-", session.reason or ""]
    return [
        session.started_utc,
        session.device,
        session.device_model,
        session.tool,
        session.model,
        str(session.threads),
        session.mode,
        *figures,
    ]
