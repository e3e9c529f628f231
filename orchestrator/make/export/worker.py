"""One exporting process: a job on the first line of stdin, a recipe on each further one, an answer line for each.

A process of its own, because a native exporter or runtime can end it. Answers go to the real stdout; whatever else
prints goes to stderr.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.contract import StreamContract
from agents.strict_json import from_json, to_json
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import EarshotError
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.child import end_with_parent
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

if TYPE_CHECKING:
    from orchestrator.make.export.exporter import Exporter


@dataclass(frozen=True)
class ModuleJob:
    """A ``ModuleRef`` on its way to another process."""

    target: str
    args: tuple[str, ...]
    files: tuple[str, ...]

    @classmethod
    def of(cls, ref: ModuleRef | None) -> "ModuleJob | None":
        return cls(ref.target, ref.args, tuple(str(path.resolve()) for path in ref.files)) if ref else None

    def ref(self) -> ModuleRef:
        return ModuleRef(self.target, self.args, tuple(map(Path, self.files)))


@dataclass(frozen=True)
class Job:
    """What all recipes have in common. ``utterances`` names an .npz of int16 arrays; None: no calibration."""

    name: str
    contract: StreamContract
    onnx_path: str | None
    tflite_path: str | None
    sha256: str
    out_dir: str
    utterances: str | None
    module: ModuleJob | None = None
    step_module: ModuleJob | None = None
    lexicon_path: str | None = None
    pte_path: str | None = None
    tuned: dict[str, str] = field(default_factory=dict)
    max_feeds: int = 1
    seed: int = 0

    def exporter(self) -> "Exporter":
        # Not for those who only put the question: the exporters take 0.2 s to import.
        from orchestrator.make.export.exporter import Exporter

        source = ModelSource(
            name=self.name,
            contract=self.contract,
            onnx_path=_path(self.onnx_path),
            sha256=self.sha256,
            manifest_path=None,
            tflite_path=_path(self.tflite_path),
            module=self.module.ref() if self.module else None,
            step_module=self.step_module.ref() if self.step_module else None,
            lexicon_path=_path(self.lexicon_path),
            pte_path=_path(self.pte_path),
            tuned={name: Path(path) for name, path in self.tuned.items()},
        )
        return Exporter(source, Path(self.out_dir), self._calibration())

    def _calibration(self) -> CalibrationStream | None:
        if self.utterances is None:
            return None
        with np.load(self.utterances, allow_pickle=False) as arrays:
            return CalibrationStream(tuple(arrays[n] for n in arrays.files), self.max_feeds, self.seed)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


@dataclass(frozen=True)
class Answer:
    """``reason`` is None where the artifact now is in the store."""

    recipe: str
    reason: str | None
    hint: str | None = None


def answer(exporter: "Exporter", text: str) -> Answer:
    try:
        exporter.export(Recipe.parse(text))
    except EarshotError as exc:
        return Answer(text, exc.message, exc.hint)
    except Exception as exc:  # a fault of ours in one recipe must not take the others with it
        return Answer(text, f"internal error: {type(exc).__name__}: {exc}", "please report it with the recipe")
    return Answer(text, None)


def main() -> None:
    end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        exporter = from_json(Job, _line(sys.stdin.readline())).exporter()
        for line in sys.stdin:
            answers.write(json.dumps(to_json(answer(exporter, _line(line)))) + "\n")
            answers.flush()


def _line(text: str) -> Any:
    return json.loads(text)


if __name__ == "__main__":
    main()
