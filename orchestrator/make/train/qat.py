"""Quantization-aware fine-tuning by PT2E: the module learns with the rounding of int8 in its graph.

Importing this needs torch, torchao and executorch.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
from torch import Tensor, nn
from torchao.quantization.pt2e import FakeQuantize, MinMaxObserver, disable_observer
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_qat_pt2e

from orchestrator.errors import BadInput, ExportFailed
from orchestrator.make.train.lessons import Lesson

# Of the steps: after this share, ranges stay as they are and only weights go on learning.
_RANGES_LEARN = 0.5
_WARM_UP = 0.1
_MOST_GRADIENT = 1.0
_MOST = 4096
# That of XNNPACK's own scheme.
_LEAST_SCALE = 2.0**-12
# Position of ``training`` among the arguments of aten.batch_norm.
_TRAINING = 5


@dataclass(frozen=True)
class Course:
    """``steps`` batches at learning rates that rise to ``rate`` and fall to zero."""

    steps: int
    rate: float
    seed: int
    threads: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rate <= 0 or self.threads < 1:
            raise ValueError(f"steps, rate and threads must be > 0, got {self}")


class Learner:
    """``module`` (in evaluation mode: its batch norms keep their statistics) as a graph that rounds like int8.

    ``stream_inputs``: its arguments for one chunk of one stream; where those of lesson ``first`` have another size, the
    graph takes any. The module's own parameters are what learns.
    """

    def __init__(self, module: nn.Module, stream_inputs: Sequence[Tensor], first: Lesson, course: Course) -> None:
        torch.set_num_threads(course.threads)
        torch.manual_seed(course.seed)
        self._course, self._first = course, first
        self._own = module.state_dict()
        self._prepared = _prepared(module, first, stream_inputs)
        self.losses: tuple[float, ...] = ()

    def learn(self, lessons: Iterator[Lesson]) -> Iterator[float]:
        """Take one step after the other, and give the loss of each; the ranges of activations stand still from the
        middle on."""
        course = self._course
        weights = [p for p in self._prepared.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=course.rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=course.rate, total_steps=course.steps + 1, pct_start=_WARM_UP
        )
        for step, lesson in enumerate(itertools.islice(itertools.chain([self._first], lessons), course.steps)):
            if step == int(course.steps * _RANGES_LEARN):
                self._prepared.apply(disable_observer)
            loss = lesson.loss(self._prepared(*lesson.inputs))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, _MOST_GRADIENT)
            optimizer.step()
            schedule.step()
            self.losses = (*self.losses, float(loss.detach()))
            yield self.losses[-1]

    def weights(self) -> dict[str, Tensor]:
        """What the module's own state became, in float: any recipe can be made of it."""
        learned = self._prepared.state_dict()
        return {n: learned.get(n, old).detach().clone().contiguous() for n, old in self._own.items()}

    def quantized(self) -> Any:
        """The graph with int8 weights and activations; nothing can be learned after it.

        Raises ExportFailed where nothing is quantized.
        """
        made = convert_pt2e(self._prepared)
        if not any("quantize" in str(node.target) for node in made.graph.nodes if node.op == "call_function"):
            raise ExportFailed(
                "XNNPACK's quantizer knows no operator of this module", hint="it knows convolutions and linear layers"
            )
        return made


def _prepared(module: nn.Module, lesson: Lesson, stream_inputs: Sequence[Tensor]) -> Any:
    if len(lesson.inputs) != len(stream_inputs):
        raise BadInput(
            f"a batch has {len(lesson.inputs)} inputs, the model takes {len(stream_inputs)}",
            hint="give its input, all states and all constants, in the contract's order",
        )
    shapes = tuple(_open_axes(mine, theirs) for mine, theirs in zip(lesson.inputs, stream_inputs, strict=True))
    # Arguments of *args are one parameter of forward, and its shapes are nested as it is.
    exported = torch.export.export(module, lesson.inputs, dynamic_shapes=_nested(module, shapes), strict=False)
    quantizer = xnnpack.XNNPACKQuantizer().set_global(_scheme())
    # Without the guards: for a stream's chunk, too, whose sizes may be 1.
    return _as_evaluated(prepare_qat_pt2e(exported.module(check_guards=False), quantizer))


def _scheme() -> Any:
    """XNNPACK's own for QAT, but for how the ranges of activations are found: by their extremes.

    Its moving average would take a concatenation with a fresh cache, which is all zeros, for half as wide as it is.
    """
    scheme = xnnpack.get_symmetric_quantization_config(is_per_channel=True, is_qat=True)
    constructor = FakeQuantize.with_args(observer=MinMaxObserver, eps=_LEAST_SCALE)
    activation = replace(scheme.input_activation, observer_or_fake_quant_ctr=constructor)
    return replace(scheme, input_activation=activation, output_activation=activation)


def _as_evaluated(prepared: Any) -> Any:
    """What prepares the graph writes batch norms that train into it: they get their fixed statistics again."""
    for node in prepared.graph.nodes:
        if node.target == torch.ops.aten.batch_norm.default:
            node.update_arg(_TRAINING, False)
    prepared.recompile()
    return prepared


def _open_axes(mine: Tensor, theirs: Tensor) -> dict[int, Any]:
    pairs = enumerate(zip(mine.shape, theirs.shape, strict=True))
    return {axis: torch.export.Dim.AUTO(min=1, max=_MOST) for axis, (one, other) in pairs if one != other}


def _nested(module: nn.Module, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    plain = module.forward.__code__.co_argcount - 1
    takes_rest = bool(module.forward.__code__.co_flags & 0x04)
    return (*shapes[:plain], shapes[plain:]) if takes_rest else shapes
