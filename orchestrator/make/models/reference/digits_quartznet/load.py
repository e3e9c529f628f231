"""The QuartzNet as it is shipped. Needs torch."""

from orchestrator.make.models.reference.digits_quartznet.model import QuartzNet
from orchestrator.make.models.reference.weights import committed


def load() -> QuartzNet:
    """With the committed weights."""
    return committed(QuartzNet(), "digits-quartznet")
