"""``earshot run``"""

from contextlib import closing, nullcontext
from pathlib import Path

import click

from agents.wire import POLICIES, SHARINGS
from orchestrator.cli.isolation import cluster_option, cpus_option, isolate_option
from orchestrator.cli.options import (
    Share,
    deadline_option,
    device_option,
    environment_option,
    json_option,
    lab_option,
    quiet_device_option,
    results_option,
    session_option,
    user_words_option,
    wait_option,
)
from orchestrator.domain.recipe import Recipe
from orchestrator.workflows.arriving import Arriving, read_trace
from orchestrator.workflows.held import Wish
from orchestrator.workflows.reach import begin

MULTI, PLACEMENT = "multi", "placement"


@click.command()
@click.argument("model")
@click.option("--recipe", default="onnx:fp32", show_default=True, help="How the graph becomes an artifact.")
@click.option(
    "--mode",
    type=click.Choice(["paced", "flat-out", "sustained", "multi", "placement"]),
    default="paced",
    show_default=True,
    help="paced: chunks come on the clock; flat-out: at once; sustained: paced for --minutes, shown minute by minute; "
    "multi: as many streams at once as the device holds, found by a search; placement: a second of audio under the "
    "runtime's profiler, to see which provider runs which node.",
)
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
@session_option
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@cluster_option
@cpus_option
@isolate_option
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Audio to stream; it is looped.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=3),
    default=15.0,
    show_default=True,
    help="Of mode sustained. Less than 15 tell little of heat.",
)
@click.option(
    "--policy",
    type=click.Choice(POLICIES),
    default="catch-up",
    show_default=True,
    help="What becomes of chunks that the ring has no room for, in paced sessions.",
)
@click.option(
    "--ring",
    "ring_chunks",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Chunks that the ring holds beside the one in service.",
)
@click.option(
    "--arrivals",
    type=click.Path(path_type=Path),
    help="Recorded trace: a line a chunk, by how many ms it came later than it was full.",
)
@click.option(
    "--miss-budget",
    type=Share(),
    default="1%",
    show_default=True,
    help="Of mode multi: the share of chunks that may be late.",
)
@click.option(
    "--max-streams",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Of mode multi: more are never tried.",
)
@click.option(
    "--sharing",
    type=click.Choice(SHARINGS),
    default="processes",
    show_default=True,
    help="Of mode multi: a process for each stream, or one loaded model that serves all in turn.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Never run a session again that something disturbed; in mode sustained that is so anyway.",
)
@deadline_option
@click.option("--audio", type=click.Path(path_type=Path), help="Your own audio: mono, 16 bit, at the model's rate.")
@user_words_option
@click.option(
    "--split",
    type=click.Choice(["test", "track"]),
    default="test",
    show_default=True,
    help="Part of the evaluation set to stream: its utterances one after another, or its continuous track.",
)
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
    options: tuple[str, ...],
    threads: int,
    cluster: str | None,
    cpus: tuple[int, ...] | None,
    isolate: tuple[str, ...] | None,
    seconds: float,
    minutes: float,
    policy: str,
    ring_chunks: int,
    arrivals: Path | None,
    miss_budget: float,
    max_streams: int,
    sharing: str,
    once: bool,
    deadline_ms: float | None,
    audio: Path | None,
    user_words: Path | None,
    split: str,
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
    earshot run kws --split track --seconds 480 --deadline-ms 10
    earshot run digits-lstm --recipe onnx:int8-dynamic --mode flat-out
    earshot run kws --mode sustained --minutes 20
    earshot run kws --mode placement --environment openvino --ep OpenVINO
    earshot run kws --cluster big --isolate governor,irq,priority --device pixel-8 --lab lab.toml
    earshot run kws --policy drop-oldest --ring 4 --arrivals microphone.txt
    earshot run kws --mode multi --miss-budget 1% --max-streams 64
    earshot run kws --lab lab.toml --devices pi5,tag:phone,any:cuda
    """
    if devices is not None and context.get_parameter_source("device") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--device is for one device, --devices for several: give one of them")
    if devices is not None and mode in (MULTI, PLACEMENT):
        raise click.UsageError(f"--mode {mode} is for one device: give --device")
    held = Wish(cluster, cpus or ())
    arriving = Arriving(policy, ring_chunks, read_trace(arrivals) if arrivals else ())
    ahead = begin(lab, device, environment, results / "ledger.db") if devices is None else None
    # These take half a second to import: meanwhile the device is reached.
    from orchestrator.cli.run_settled import run_on_one, run_on_several
    from orchestrator.workflows.option_axis import SessionOption
    from orchestrator.workflows.run_settings import RunSettings
    from orchestrator.workflows.streams_wanted import StreamsWanted

    with closing(ahead) if ahead else nullcontext():
        settings = RunSettings(
            model=model,
            recipe=Recipe.parse(recipe),
            mode="paced" if mode == "sustained" else mode,
            device="" if devices else device,
            lab=lab,
            results=results,
            provider=provider,
            options=tuple(SessionOption.parse(text) for text in options),
            threads=threads,
            seconds=minutes * 60 if mode == "sustained" else seconds,
            audio=audio,
            user_words=user_words,
            wait_s=wait_s,
            quiet_device=quiet_device,
            environment=environment,
            arriving=arriving,
            once=once or mode == "sustained",
            deadline_ms=deadline_ms,
            split=split,
            streams=StreamsWanted(miss_budget, max_streams, sharing=sharing) if mode == MULTI else None,
            held=held,
            isolate=isolate,
        )
        if mode == MULTI:
            from orchestrator.cli.run_streams import run_streams

            run_streams(settings, as_json, ahead)
        elif mode == PLACEMENT and devices is None:
            from orchestrator.cli.run_placement import run_placement

            run_placement(settings, as_json, ahead)
        elif devices is None:
            run_on_one(settings, as_json, ahead)
        else:
            run_on_several(settings, devices, as_json)
