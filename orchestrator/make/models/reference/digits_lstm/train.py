"""Train the digit recognizer: ``python -m orchestrator.make.models.reference.digits_lstm.train``.

Needs the ``train`` extra and espeak-ng; about 50 s an epoch on one core. Writes its weights after every epoch.
"""

from pathlib import Path

from orchestrator.make.models.reference.ctc_training import main
from orchestrator.make.models.reference.digits_lstm.model import DigitRecognizer

WEIGHTS = Path(__file__).parent / "weights.safetensors"

if __name__ == "__main__":
    main(DigitRecognizer, WEIGHTS, epochs=60, seed=2, rate=2e-3)
