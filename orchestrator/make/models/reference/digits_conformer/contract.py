"""Write the digit transducer's contract: ``python -m orchestrator.make.models.reference.digits_conformer.contract``."""

import json
from pathlib import Path

from agents.contract import Decoder, StreamContract, TensorSpec
from agents.strict_json import to_json
from orchestrator.make.models.reference.digits_conformer.corpora import FRONTEND
from orchestrator.make.models.reference.digits_conformer.model import (
    BLANK,
    FRAME,
    LABELS,
    STACK,
    DigitTransducer,
)
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ
from orchestrator.make.models.reference.transducer_contract import encoder_states, step_contract

PATH = Path(__file__).parent / "contract.json"
CHUNK_SAMPLES = 1280
CHUNK_FRAMES = CHUNK_SAMPLES // FRONTEND.hop_samples
# What a beam search may ask in one call.
MOST_HYPOTHESES = 8
# No voice says more than two digits in 40 ms.
MAX_SYMBOLS = 2


def contract() -> StreamContract:
    """A frame of the encoder every 40 ms; it is causal, so any number of them may be a chunk."""
    model = DigitTransducer()
    return StreamContract(
        model="digits-conformer",
        sample_rate_hz=SAMPLE_RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(640, 1280, 2560),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, CHUNK_FRAMES, FRONTEND.mel_count)),
        states=encoder_states(model.encoder.state_shapes()),
        outputs=(TensorSpec("encoded", (1, CHUNK_FRAMES // STACK, FRAME)),),
        decoder=Decoder("rnnt", labels=LABELS, blank=BLANK, max_symbols=MAX_SYMBOLS),
        search=step_contract(model.step, FRAME, len(LABELS), MOST_HYPOTHESES),
    )


if __name__ == "__main__":
    PATH.write_text(json.dumps(to_json(contract()), indent=2) + "\n")
