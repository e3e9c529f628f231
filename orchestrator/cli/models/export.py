"""``earshot models export``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe

if TYPE_CHECKING:
    from orchestrator.make.export.outcome import ExportRefusal


@click.command()
@click.argument("model")
@click.option("--recipe", "recipes", multiple=True, metavar="RECIPE", help="Only these; Earshot's choice by default.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@results_option
@json_option
def export(model: str, recipes: tuple[str, ...], jobs: int, results: Path, as_json: bool) -> None:
    """Export MODEL by each recipe and check each artifact's parity against its source."""
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.prepare import export_candidates, prepare_model
    from orchestrator.workflows.settings import require_results

    require_results(results)
    prepared = prepare_model(model, results / "models")
    with TerminalProgress() as progress:
        exported = export_candidates(
            prepared, [Recipe.parse(r) for r in recipes], results / "artifacts", jobs=jobs, progress=progress
        )
    if as_json:
        print_json({"artifacts": exported.artifacts, "refusals": exported.refusals})
        return
    print_table(
        ["recipe", "size kB>", "SNR dB>", "max abs>", "file"],
        [_artifact_row(a) for a in exported.artifacts] + [_refusal_row(r) for r in exported.refusals],
    )


def _artifact_row(artifact: Artifact) -> list[str]:
    return [str(artifact.recipe), f"{artifact.size_bytes / 1e3:.0f}", *_parity_cells(artifact), str(artifact.path)]


def _parity_cells(artifact: Artifact) -> list[str]:
    """SNR and the largest difference."""
    if artifact.parity is None:
        return ["not run here", "-"]
    snr = "exact" if artifact.parity.snr_db is None else f"{artifact.parity.snr_db:.1f}"
    return [snr, f"{artifact.parity.max_abs:.2g}"]


def _refusal_row(refusal: "ExportRefusal") -> list[str]:
    return [str(refusal.recipe), "-", "-", "-", f"refused: {refusal.reason}"]
