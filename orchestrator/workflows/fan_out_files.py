"""What is brought to many devices at once: files as they are, or what a run of a model would push."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from agents import wire
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.workflows.progress import Progress

Files = list[tuple[Path, wire.Blob]]


def files_for(
    wanted: Sequence[str], recipes: Sequence[Recipe], results: Path, scratch: Path, progress: Progress
) -> Files:
    """Each of ``wanted`` is a file, or a model's name: then its artifacts of the ``recipes`` (none: its fp32 default)
    and the audio that it is measured with, so that a run on those devices finds all of it there.

    Raises BadInput for what is neither, and what ``exported_one`` raises.
    """
    files: Files = []
    for what in wanted:
        files += [_file(Path(what))] if Path(what).exists() else _of_model(what, recipes, results, scratch, progress)
    return list({blob.file_name: (path, blob) for path, blob in files}.values())


def _file(path: Path) -> tuple[Path, wire.Blob]:
    if not path.is_file():
        raise BadInput(f"{path} is no file", hint="a folder goes there as an archive: tar -cf, and -- tar -xf {files}")
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise BadInput(f"cannot read {path}: {exc.strerror or exc}") from exc
    # The name of a blob is lower case; any other ending would only be lost.
    suffix = path.suffix if path.suffix[1:].isalnum() and path.suffix == path.suffix.lower() else ""
    return path, wire.Blob(sha256, path.stat().st_size, suffix if path.suffix.isascii() else "")


def _of_model(name: str, recipes: Sequence[Recipe], results: Path, scratch: Path, progress: Progress) -> Files:
    # Reading and exporting graphs takes time to import, which who brings a file does not wait for.
    from orchestrator.workflows.artifact_files import files_of
    from orchestrator.workflows.prepare import default_recipe, prepare_model
    from orchestrator.workflows.run_work import exported_one

    try:
        prepared = prepare_model(name, results / "models")
    except BadInput as exc:
        raise BadInput(f"{name} is neither a file here nor a model: {exc.message}", hint=exc.hint) from exc
    files: Files = []
    for recipe in recipes or [default_recipe(prepared.source)]:
        files += files_of(exported_one(prepared, recipe, results, progress))
    if prepared.evaluation is not None:
        for split in ("test", "track"):
            if prepared.evaluation.utterances_of(split):
                files.append(prepared.evaluation.wav(split, scratch)[:2])
    return files
