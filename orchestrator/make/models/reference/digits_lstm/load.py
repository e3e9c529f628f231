"""The digit recognizer as it is shipped. Needs torch."""

from orchestrator.make.models.reference.digits_lstm.model import DigitRecognizer
from orchestrator.make.models.reference.weights import committed


def load() -> DigitRecognizer:
    """With the committed weights."""
    return committed(DigitRecognizer(), "digits-lstm")
