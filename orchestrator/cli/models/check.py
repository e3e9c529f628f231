"""``earshot models check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.domain.recipe import Recipe

if TYPE_CHECKING:
    from orchestrator.workflows.check_rows import CheckRow


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--all", "every", is_flag=True, help="Every model that `earshot models list` shows.")
@click.option("--recipe", "recipes", multiple=True, metavar="RECIPE", help="Only these; of every format by default.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes that export.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write the table to this file too.")
@click.option("--fresh", is_flag=True, help="Run and refuse anew what was run or refused before.")
@click.option("--device", default="local", show_default=True, help="A device of the lab; local is this machine.")
@lab_option
@results_option
@json_option
def check(
    models: tuple[str, ...],
    every: bool,
    recipes: tuple[str, ...],
    jobs: int,
    markdown: Path | None,
    fresh: bool,
    device: str,
    lab: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Export each MODEL by each recipe, prove it, run it once on the device and score it: a table.

    A "no" has the words of the tool that said so. What was done before is not done again, so an interrupted check goes
    on where it was.

    \b
    earshot models check kws
    earshot models check --all --json
    earshot models check digits-lstm --recipe litert:int8-static --recipe onnx:int8-qdq
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.make.models.library import model_names
    from orchestrator.workflows.check import CheckSettings
    from orchestrator.workflows.check import check as checked
    from orchestrator.workflows.check_rows import CheckTotals

    settings = CheckSettings(
        models=model_names(results / "models") if every else models,
        recipes=tuple(map(Recipe.parse, recipes)),
        device=device,
        lab=lab,
        results=results,
        jobs=jobs,
        fresh=fresh,
    )
    with TerminalProgress() as progress:
        rows = checked(settings, progress)
    totals = CheckTotals.of(rows)
    if markdown is not None:
        markdown.write_text(_page(rows, str(totals), device))
    if as_json:
        print_json({"rows": [{**row.cells(), "row": row} for row in rows], "totals": totals})
        return
    print_table([*rows[0].cells()], [[*row.cells().values()] for row in rows])
    click.echo(str(totals))


def _page(rows: "tuple[CheckRow, ...]", totals: str, device: str) -> str:
    columns = [*rows[0].cells()]
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row.cells().values()) for row in rows]
    table = [" | ".join(columns), " | ".join("---" for _ in columns), *lines]
    intro = (
        f"# Models, formats, recipes\n\nMade by `earshot models check` on {device}. {totals}.\n\n"
        "Parity: the greatest difference of an output from the source's, and how far it lies under the signal.\n"
    )
    return "\n".join([intro, *(f"| {line} |" for line in table)]) + "\n"
