"""What a model is fine-tuned on: batches with their losses, from a function that the model names. Imports no torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.errors import BadInput
from orchestrator.make.models.module import imported_function

_HERE = "orchestrator.make.models.reference"
# Reference model -> "module:function"; a model of one's own names it on the command line.
LESSONS = {
    "kws": f"{_HERE}.kws.lessons:lessons",
    "digits-quartznet": f"{_HERE}.digits_quartznet.lessons:lessons",
}


@dataclass(frozen=True)
class Lesson:
    """One batch. ``inputs``: the module's positional arguments (input, states, constants), the input and states of
    several streams from their start. ``loss``: from what the module returns to a scalar tensor."""

    inputs: tuple[Any, ...]
    loss: Callable[[tuple[Any, ...]], Any]


class Lessons(Protocol):
    """Draws batches without end; ``seed`` fixes them all."""

    def __call__(self, seed: int) -> Iterator[Lesson]: ...


def lessons_of(model: str, target: str | None) -> Lessons:
    """The function ``target``, by default that of reference model ``model``.

    Raises BadInput where there is none, BadModel where it cannot be imported, ExportFailed where its packages miss.
    """
    named = target or LESSONS.get(model)
    if named is None:
        raise BadInput(
            f"{model} names no function that gives training batches; those that do are {', '.join(LESSONS)}",
            hint="write one and name it: --lessons file.py:function (docs/how-to/quantization-aware-training.md)",
        )
    found: Lessons = imported_function(named)
    return found
