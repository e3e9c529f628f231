"""Quantization-aware fine-tuning by PT2E: the module learns with the rounding of int8 in its graph.

Importing this needs torch, torchao and executorch.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
from torch import Tensor, nn
from torchao.quantization.pt2e import FakeQuantize, MinMaxObserver, disable_observer
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_qat_pt2e

from orchestrator.errors import ExportFailed
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


@dataclass(frozen=True)
class Tuned:
    """``weights``: what the module's own state became, in float. ``quantized``: the graph with int8 weights and
    activations, to be exported for any shapes. ``losses``: one a step."""

    weights: dict[str, Tensor]
    quantized: Any
    losses: tuple[float, ...]


def fine_tuned(
    module: nn.Module,
    stream_inputs: Sequence[Tensor],
    lessons: Iterator[Lesson],
    course: Course,
    on_step: Callable[[int, float], None],
) -> Tuned:
    """``module`` (in evaluation mode: its batch norms keep their statistics) after ``course``.

    ``stream_inputs``: its arguments for one chunk of one stream; where a lesson's have another size, the graph is made
    for any. ``on_step`` gets the step's number, from 1, and its loss. Raises ExportFailed where nothing is quantized.
    """
    torch.set_num_threads(course.threads)
    torch.manual_seed(course.seed)
    first = next(lessons)
    prepared = _prepared(module, first, stream_inputs)
    weights = [p for p in prepared.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=course.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=course.rate, total_steps=course.steps + 1, pct_start=_WARM_UP
    )
    losses = []
    for step, lesson in enumerate(itertools.islice(itertools.chain([first], lessons), course.steps), start=1):
        if step == int(course.steps * _RANGES_LEARN) + 1:
            prepared.apply(disable_observer)
        loss = lesson.loss(prepared(*lesson.inputs))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, _MOST_GRADIENT)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        on_step(step, losses[-1])
    return Tuned(_own_weights(module, prepared), _converted(prepared), tuple(losses))


def _prepared(module: nn.Module, lesson: Lesson, stream_inputs: Sequence[Tensor]) -> Any:
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


def _own_weights(module: nn.Module, prepared: Any) -> dict[str, Tensor]:
    learned = prepared.state_dict()
    own = module.state_dict()
    return {name: learned.get(name, value).detach().clone() for name, value in own.items()}


def _converted(prepared: Any) -> Any:
    made = convert_pt2e(prepared)
    if not any("quantize" in str(node.target) for node in made.graph.nodes if node.op == "call_function"):
        raise ExportFailed(
            "XNNPACK's quantizer knows no operator of this module", hint="it knows convolutions and linear layers"
        )
    return made
