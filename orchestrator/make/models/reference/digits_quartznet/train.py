"""Train the QuartzNet: ``python -m orchestrator.make.models.reference.digits_quartznet.train``.

Needs the ``train`` extra and espeak-ng; about 45 s an epoch on one core. Writes its weights after every epoch.
"""

from pathlib import Path

import torch

from orchestrator.make.models.reference.ctc_training import main
from orchestrator.make.models.reference.digits_quartznet.model import QuartzNet

WEIGHTS = Path(__file__).parent / "weights.safetensors"


def fresh() -> QuartzNet:
    """A model with random weights, in the layout in which a CPU's convolutions are fast."""
    model = QuartzNet()
    model.to(memory_format=torch.channels_last)
    return model


if __name__ == "__main__":
    main(fresh, WEIGHTS, epochs=56, seed=3, rate=3e-3)
