"""Training of a reference model by the script in its folder, as a process of its own that says how it goes."""

import importlib
import subprocess
import sys
from pathlib import Path

from orchestrator.errors import BadInput, ExportFailed
from orchestrator.make.models import reference
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.reference import speech

WEIGHTS_FILE = "weights.safetensors"


def train_from_scratch(
    model: str, folder: Path, *, epochs: int | None, rate: float | None, threads: int | None
) -> Path:
    """The weights of ``model`` after its training script, in ``folder``, written anew after each epoch.

    None: the script's own setting. What it says goes to standard error.

    Raises BadInput for a model without a script, ExportFailed where packages or espeak-ng are missing or it fails.
    """
    script = _script(model)
    _require_packages()
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    argv = [sys.executable, "-m", script, "--weights", str(weights)]
    argv += ["--epochs", str(epochs)] if epochs else []
    argv += ["--rate", str(rate)] if rate else []
    argv += ["--threads", str(threads)] if threads else []
    done = subprocess.run(argv, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ExportFailed(
            f"the training of {model} ended with exit code {done.returncode}", hint="what it said stands above"
        )
    return weights


def _script(model: str) -> str:
    folder = reference.REFERENCE_MODELS.get(model)
    if folder is None or not (folder / "train.py").is_file():
        trained = [n for n, f in reference.REFERENCE_MODELS.items() if (f / "train.py").is_file()]
        raise BadInput(
            f"{model} has no training script; those that have one are {', '.join(trained)}",
            hint="train it where it comes from, and import it: earshot models import",
        )
    return f"{reference.__name__}.{folder.name}.train"


def _require_packages() -> None:
    for package in ("torch", "safetensors"):
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as exc:
            raise ExportFailed(f"training needs {exc.name}", hint=TORCH_HINT) from exc
    speech.require_espeak()
