"""Standings and heard variants as they might be. Nothing here was measured."""

from orchestrator.decide.rounds.seed import MEND, Seed
from orchestrator.decide.rounds.standing import Standing
from orchestrator.domain.decision import Estimate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Heard, LayerError, Sensitivity, Suspect

QDQ = Recipe.parse("onnx:int8-qdq")
# Six layers of equal work, the third ruined by what the second writes.
LAYERS = tuple(
    LayerError(f"layer_{i}", "MatMul", 40.0, 2.5 if i == 2 else 42.0, 1.0 if i >= 2 else 39.0, 1 / 6) for i in range(6)
)
RUINED = Suspect(("layer_1", "layer_2"), "the activations x_2 that layer_2 reads", 2.5)
NOISY = Suspect(("layer_5",), "the weights of layer_5", 29.0)
SENSITIVITY = Sensitivity(str(QDQ), 24, LAYERS, (RUINED, NOISY))


def standing(text: str, state: str, speed: float | None = None) -> Standing:
    told = Estimate(None, reason="never timed") if speed is None else Estimate(speed, speed, speed, 3)
    return Standing(Recipe.parse(text), state, f"{state} because", told)


def seed(text: str = "onnx:int8-qdq", aim: str = MEND, speed: float | None = 3.0) -> Seed:
    return Seed(Recipe.parse(text), aim, "error rate +80 %", speed)


def heard(text: str, loss: float | None, snr_db: float | None = 30.0, share: float | None = 0.0) -> Heard:
    return Heard("an idea", text, loss, snr_db, share, refused="no artifact" if loss is None else None)
