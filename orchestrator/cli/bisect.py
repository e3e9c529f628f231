"""``earshot bisect``"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, lab_option, results_option, wait_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.domain.recipe import Recipe

if TYPE_CHECKING:
    from orchestrator.statistics.interval import Interval
    from orchestrator.workflows.bisect import Bisected
    from orchestrator.workflows.bisect_device import Searched


@click.command()
@click.option("--device", help="Where to measure; with --good and --bad: local by default.")
@click.option("--model", help="Of several changes: that of this model.")
@click.option("--recipe", help="Of several changes: that of this recipe; with --good and --bad: onnx:fp32 by default.")
@click.option("--metric", help="Of several changes: that of this metric; with --good and --bad: service_p50_ms.")
@click.option("--old", metavar="NIGHT", help="The last good night (YYYY-MM-DD), where no change is confirmed.")
@click.option("--new", metavar="NIGHT", help="The first bad night.")
@click.option("--repo", type=click.Path(path_type=Path, file_okay=False), help="Git work tree of the model.")
@click.option("--path", "model_path", default=".", show_default=True, help="The model in it: its folder or its graph.")
@click.option(
    "--build", default="", metavar="COMMAND", help="Run in each commit's work tree before; no shell reads it."
)
@click.option(
    "--good", metavar="COMMIT", help="The last good commit: commits alone are searched, no nights are needed."
)
@click.option("--bad", metavar="COMMIT", help="The first bad commit.")
@click.option("--mode", type=click.Choice(["flat-out", "paced"]), default="flat-out", show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Audio of each session.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="With --good and --bad.")
@click.option(
    "--certain",
    type=click.FloatRange(min=0.5, max=1.0, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="How sure the version that is named must be.",
)
@click.option("--most-pairs", type=click.IntRange(min=32), default=400, show_default=True, help="Give up after these.")
@lab_option
@wait_option
@results_option
@json_option
def bisect(
    device: str | None,
    model: str | None,
    recipe: str | None,
    metric: str | None,
    old: str | None,
    new: str | None,
    repo: Path | None,
    model_path: str,
    build: str,
    good: str | None,
    bad: str | None,
    mode: str,
    seconds: float,
    threads: int,
    certain: float,
    most_pairs: int,
    lab: Path | None,
    wait_s: float,
    results: Path,
    as_json: bool,
) -> None:
    """Find what a confirmed regression came with: which commit, exporter, runtime, OS build or device.

    What was pushed from night to night is run in turns with the oldest of it, on the device where it was seen; the
    search halves what is left, and measures each half until it is sure. With --repo it goes on among the commits
    between the two nights; with --good and --bad it needs no nights at all. An OS build and a device cannot be pushed:
    they are compared over the nights of all devices in the ledger, which is said.

    After Ctrl-C or a kill the same command goes on.

    \b
    earshot bisect --results earshot-results
    earshot bisect --model kws --device pi5 --metric service_p50_ms --old 2026-11-12 --new 2026-11-20
    earshot bisect --repo ../spotter --path model --good v1.2 --bad main --device pi5 --lab lab.toml
    earshot bisect --repo ../spotter --path out/model.onnx --build "python export.py out" --good v1.2 --bad main
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.decide.bisection.search import Care
    from orchestrator.workflows.bisect import BisectSettings
    from orchestrator.workflows.bisect import bisect as search
    from orchestrator.workflows.bisect_commits import Repository

    settings = BisectSettings(
        device=device,
        model=model,
        recipe=Recipe.parse(recipe) if recipe else None,
        metric=metric,
        old=old,
        new=new,
        repository=Repository(repo, model_path, tuple(shlex.split(build))) if repo else None,
        good=good,
        bad=bad,
        mode=mode,
        seconds=seconds,
        threads=threads,
        lab=lab,
        results=results,
        wait_s=wait_s,
        care=Care(certain=certain, most_pairs=most_pairs),
    )
    with TerminalProgress() as progress:
        found = search(settings, progress)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: "Bisected") -> None:
    click.echo(found.what)
    for sentence in found.said:
        click.secho(sentence, bold=True)
    for name, searched in (("nights", found.nights), ("commits", found.commits)):
        if searched is not None:
            click.echo()
            _print_search(name, searched)
    if found.places:
        click.echo("\nwhat cannot be pushed, over the nights of all devices:")
        rows = [[e.device, e.axis, f"{e.before} -> {e.after}", e.at, _interval(e.ratio)] for e in found.places]
        print_table(["device", "axis", "changed", "night", "after / before>"], rows)


def _print_search(name: str, searched: "Searched") -> None:
    from orchestrator.decide.bisection.search import Found

    step = searched.step
    click.echo(f"{name}: {len(searched.names)} versions, {searched.pairs} pairs, study {searched.study_id}")
    click.echo(f"newest / oldest: {_interval(step.effect)}")
    if isinstance(step, Found):
        click.echo(f"certainty: {100 * step.probability:.1f} %; this step alone: {_interval(step.step)}")
        if step.partial:
            click.echo("it is less than two thirds of the whole: search again on either side of it")
    for version, reason in searched.unfit.items():
        click.echo(f"not measured: {version}: {reason}")


def _interval(interval: "Interval") -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return interval.reason or "-"
    return f"{number(interval.value)} [{number(interval.low)}..{number(interval.high)}]"
