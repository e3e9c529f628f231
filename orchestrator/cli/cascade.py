"""``earshot cascade``"""

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.site import SiteChoice, site_options
from orchestrator.workflows.reach import begin

if TYPE_CHECKING:
    from orchestrator.workflows.cascade import CascadeSettings

seconds_option = click.option(
    "--seconds", type=float, default=60.0, show_default=True, help="Audio of each run; it is looped."
)


@click.group()
def cascade() -> None:
    """Measure models in a row, as a voice assistant has them: speech gate, recognizer, language model."""


@cascade.command("run", short_help="Run one cascade and hold each stage to its budget.")
@click.argument("file", type=click.Path(path_type=Path))
@site_options
@seconds_option
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Fresh processes, pooled.")
@results_option
@json_option
def run(
    file: Path,
    site: SiteChoice,
    seconds: float,
    runs: int,
    results: Path,
    as_json: bool,
) -> None:
    """Run the cascade of FILE in one session and hold each stage to its budget.

    FILE is TOML with two or three [[stage]]: the first runs always and says where speech is, the second makes text, the
    third answers it. One thread serves them in turn on one clock; audio arrives whatever is being computed. Shown are
    each stage against its budget, what a listener waits from the end of the last word to the answer, and from each word
    to the first partial result that has it. Writes cascade-NAME.html; after an interruption the same command goes on.

    \b
    earshot cascade run cascade.toml
    earshot cascade run cascade.toml --device pixel-8 --lab lab.toml --seconds 120
    earshot cascade run cascade.toml --runs 5 --json
    """
    ahead = begin(site.lab, site.device, site.environment, results / "ledger.db")
    # These take half a second to import: meanwhile the device is reached.
    from orchestrator.cli.cascade_shown import show_one
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.cascade import run_cascades

    with closing(ahead) if ahead else nullcontext():
        settings = _settings((file,), site, results, seconds, runs)
        with TerminalProgress() as progress:
            (ran,) = run_cascades(settings, progress, ahead)
    show_one(ran, results, as_json)


@cascade.command("compare", short_help="Run two cascades in turn, and say what differs.")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@site_options
@seconds_option
@click.option("--runs", type=click.IntRange(min=2), default=4, show_default=True, help="Fresh processes of each.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order.")
@results_option
@json_option
def compare(
    a: Path,
    b: Path,
    site: SiteChoice,
    seconds: float,
    runs: int,
    seed: int,
    results: Path,
    as_json: bool,
) -> None:
    """Run the cascades of A and B in turn, interleaved, and say by what factor B's waits differ.

    For one cascade with other runtimes, recipes or orders in its stages: all of one runtime against a mixture, say.
    Each run is a fresh process; the order is seeded and mirrored, so that a device that drifts harms both alike. Writes
    one page with both budgets.

    \b
    earshot cascade compare all-onnxruntime.toml hybrid.toml --device pixel-8 --lab lab.toml --runs 6
    """
    ahead = begin(site.lab, site.device, site.environment, results / "ledger.db")
    from orchestrator.cli.cascade_shown import show_both
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.cascade import run_cascades

    with closing(ahead) if ahead else nullcontext():
        settings = _settings((a, b), site, results, seconds, runs, seed)
        with TerminalProgress() as progress:
            ran = run_cascades(settings, progress, ahead)
    show_both(ran, results, as_json)


@cascade.command("show", short_help="Show a cascade of the ledger again.")
@click.argument("study", required=False)
@results_option
@json_option
def show(study: str | None, results: Path, as_json: bool) -> None:
    """Show again what a cascade of the ledger took; the newest one by default.

    \b
    earshot cascade show
    earshot cascade show 20261121-101500-ab12 --json
    """
    from orchestrator.cli.cascade_shown import show_both, show_one
    from orchestrator.workflows.cascade_again import cascades_of

    ran = cascades_of(results, study)
    if len(ran) == 1:
        show_one(ran[0], results, as_json)
    else:
        show_both(ran, results, as_json)


def _settings(
    files: tuple[Path, ...], site: SiteChoice, results: Path, seconds: float, runs: int, seed: int = 0
) -> "CascadeSettings":
    from orchestrator.workflows.cascade import CascadeSettings
    from orchestrator.workflows.cascade_file import read_cascade

    wanted = tuple(read_cascade(file) for file in files)
    wish = site.wish(threads=max(stage.threads for each in wanted for stage in each.stages))
    return CascadeSettings(wanted, site.device, site.lab, results, seconds, runs, seed, site.wait_s, wish)
