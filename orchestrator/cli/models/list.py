"""``earshot models list``."""

import importlib.util
from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.make.models.library import list_models
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.source import ModelSource


@click.command("list")
@results_option
@json_option
def list_(results: Path, as_json: bool) -> None:
    """Show the reference models and those imported before."""
    found = list_models(results / "models")
    if as_json:
        print_json([summary(m) for m in found])
        return
    print_table(
        ["model", "made of", "frontend", "chunk ms>", "states>", "decoder", "metric", "evaluation set"],
        [
            [
                m.name,
                _made_of(m),
                m.contract.frontend.kind,
                number(m.contract.chunk_s() * 1e3),
                str(len(m.contract.states)),
                m.contract.decoder.kind,
                m.metric or "-",
                "yes" if m.manifest_path else "no",
            ]
            for m in found
        ],
    )
    for m in found:
        if m.note:
            click.echo(f"{m.name}: {m.note}")
    missing = [m.name for m in found if not m.has_graph]
    if missing and importlib.util.find_spec("torch") is None:
        click.echo(f"{', '.join(missing)}: graphs are made by torch, which is not installed: {TORCH_HINT}")


def _made_of(source: ModelSource) -> str:
    forms = {"onnx": source.onnx_path, "tflite": source.tflite_path, "module": source.module}
    return ", ".join(name for name, form in forms.items() if form)


def summary(source: ModelSource) -> dict[str, object]:
    return {
        "name": source.name,
        "sha256": source.sha256,
        "onnx": str(source.onnx_path) if source.onnx_path else None,
        "tflite": str(source.tflite_path) if source.tflite_path else None,
        "module": source.module.target if source.module else None,
        "metric": source.metric,
        "note": source.note,
        "manifest": str(source.manifest_path) if source.manifest_path else None,
        "contract": source.contract,
    }
