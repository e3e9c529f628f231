"""What a contract says of a streaming Conformer's states and of a transducer's step. Needs torch."""

from agents.contract import StatePair, StepContract, TensorSpec
from orchestrator.make.models.reference.rnnt import PredictionJoint


def encoder_states(shapes: list[tuple[int, ...]]) -> tuple[StatePair, ...]:
    """Past frames, then of each block what its attention and its convolution remember (``state_shapes``)."""
    of_blocks = [f"{kind}{i}" for i in range(len(shapes) // 2) for kind in ("attention", "convolution")]
    return tuple(
        StatePair(f"{name}_in", f"{name}_out", shape) for name, shape in zip(["past", *of_blocks], shapes, strict=True)
    )


def step_contract(step: PredictionJoint, frame: int, labels: int, batch: int) -> StepContract:
    """h and c are what the prediction net remembers; ``batch``: the most hypotheses in one call."""
    return StepContract(
        token=TensorSpec("token", (1,), "int32"),
        frame=TensorSpec("frame", (1, frame)),
        states=tuple(StatePair(f"{n}_in", f"{n}_out", s) for n, s in zip("hc", step.state_shapes(), strict=True)),
        logits=TensorSpec("logits", (1, labels)),
        batch=batch,
    )
