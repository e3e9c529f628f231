"""``earshot models import``."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.errors import BadInput, NotAStream
from orchestrator.make.models.answers import Answers
from orchestrator.make.models.builders import Checkpoint, of_checkpoint
from orchestrator.make.models.checkpoint import CONFIG
from orchestrator.make.models.infer import Inference, infer_contract
from orchestrator.make.models.library import import_checkpoint, import_model


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name in the library; the file's own by default.")
@click.option("--chunk-samples", type=int, help="New samples per chunk.")
@click.option("--context-samples", type=int, help="Samples of the chunk before that come first (pcm frontend).")
@click.option("--sample-rate", type=int, help="Sample rate in Hz.")
@click.option("--frontend", type=click.Choice(["pcm", "log-mel"]), help="What the graph is fed with.")
@click.option("--input", "input_name", help="The audio input, where several could be it.")
@click.option("--state", "states", multiple=True, metavar="IN=OUT", help="A state pair that was not found.")
@click.option("--constant", "constants", multiple=True, metavar="NAME=VALUE", help="A scalar input's fixed value.")
@click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE", help="Size of a symbolic dimension.")
@click.option("--form", help="Of a Whisper checkpoint: hop (the last 5 s, each second) or batch (30 s at once).")
@click.option("--replace", is_flag=True, help="Replace a model of this name.")
@click.option("--dry-run", is_flag=True, help="Only show what is inferred.")
@results_option
@json_option
def import_(
    file: Path,
    name: str | None,
    chunk_samples: int | None,
    context_samples: int | None,
    sample_rate: int | None,
    frontend: str | None,
    input_name: str | None,
    states: tuple[str, ...],
    constants: tuple[str, ...],
    dims: tuple[str, ...],
    form: str | None,
    replace: bool,
    dry_run: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Import FILE, an .onnx, .tflite or .pte: find its state pairs, show the contract, ask for what is ambiguous. Or a
    folder with a Hugging Face checkpoint of Whisper or Qwen2: it is remembered, its weights stay where they are.

    A .tflite file of a model whose ONNX graph is in the library joins it under the same --name: their runtimes are
    compared then.

    \b
    earshot models import encoder.onnx --sample-rate 16000 --chunk-samples 640
    earshot models import silero_vad.onnx --chunk-samples 512 --context-samples 64 --constant sr=16000
    earshot models import encoder.tflite --sample-rate 16000
    earshot models import ~/checkpoints/whisper-base --form batch
    """
    from orchestrator.make.models.graph import read_model
    from orchestrator.workflows.settings import require_results

    require_results(results)
    if file.is_dir() and (file / CONFIG).is_file():
        _import_checkpoint(file, name, form or "", results, replace=replace, dry_run=dry_run, as_json=as_json)
        return
    if form is not None:
        raise BadInput(f"--form belongs to a folder with a checkpoint, and {file} is none", hint="leave --form out")
    answers = Answers(
        chunk_samples=chunk_samples,
        context_samples=context_samples,
        sample_rate_hz=sample_rate,
        frontend=frontend,
        input=input_name,
        states=dict(_pair(text, "--state") for text in states),
        constants={k: _number(v, "--constant") for k, v in (_pair(text, "--constant") for text in constants)},
        dims={k: int(_number(v, "--dim")) for k, v in (_pair(text, "--dim") for text in dims)},
    )
    inference = infer_contract(read_model(file), name or file.stem.lower(), answers)
    if as_json:
        print_json({"contract": inference.contract, "findings": inference.findings, "questions": inference.questions})
    else:
        _print_inference(inference)
    if inference.contract is None:
        flags = " ".join(q.flag for q in inference.questions)
        raise NotAStream(f"{file.name} leaves {len(inference.questions)} questions open", hint=f"answer with {flags}")
    if not dry_run:
        source = import_model(file, inference.contract, results / "models", replace=replace)
        click.echo(f"imported {source.name} to {source.graph_path.parent}", err=True)


def _import_checkpoint(
    folder: Path, name: str | None, form: str, results: Path, *, replace: bool, dry_run: bool, as_json: bool
) -> None:
    checkpoint, called = Checkpoint(str(folder.resolve()), form), name or folder.resolve().name.lower()
    if dry_run:
        source = of_checkpoint(called, checkpoint)
    else:
        source = import_checkpoint(called, checkpoint, results / "models", replace=replace)
    contract = source.contract
    if as_json:
        print_json({"contract": contract, "findings": [], "questions": []})
    else:
        shapes = " ".join(str(t.shape) for t in (contract.input, *contract.outputs))
        click.echo(f"{called}: {contract.frontend.kind}, {contract.chunk_s():g} s a chunk, input and outputs {shapes}")
    if not dry_run:
        click.echo(f"imported {called}; its weights stay in {folder}", err=True)


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found and value):
        raise BadInput(f"{flag} takes NAME=VALUE, got {text!r}")
    return name, value


def _number(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError as exc:
        raise BadInput(f"{flag} takes a number, got {text!r}") from exc


def _print_inference(inference: Inference) -> None:
    print_table(["inferred", "value", "because"], [[f.item, f.value, f.why] for f in inference.findings])
    if inference.questions:
        click.echo()
        print_table(["open", "answer with", "why"], [[q.item, q.flag, q.why] for q in inference.questions])
