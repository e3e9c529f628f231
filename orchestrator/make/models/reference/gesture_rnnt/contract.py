"""Write the swipe-typing model's contract: ``python -m orchestrator.make.models.reference.gesture_rnnt.contract``."""

import json
from pathlib import Path

from agents.contract import Decoder, StreamContract, TensorSpec
from agents.strict_json import to_json
from agents.touch import SAMPLES_PER_POINT
from orchestrator.make.models.reference.gesture_rnnt.corpus import CHUNK_POINTS
from orchestrator.make.models.reference.gesture_rnnt.layout import BLANK, FRONTEND, LABELS, SAMPLE_RATE_HZ
from orchestrator.make.models.reference.gesture_rnnt.model import FEATURES, FRAME, STACK, SwipeTransducer
from orchestrator.make.models.reference.transducer_contract import encoder_states, step_contract

PATH = Path(__file__).parent / "contract.json"
CHUNK_SAMPLES = CHUNK_POINTS * SAMPLES_PER_POINT
BEAM, PRUNE, LONGEST_WORD = 16, 6, 20
# Chosen on words that neither train nor test, see ../README.md.
PRIOR_WEIGHT = 0.3


def contract() -> StreamContract:
    """A frame of the encoder every 40 ms; it is causal, so any number of them may be a chunk."""
    model = SwipeTransducer()
    return StreamContract(
        model="gesture-rnnt",
        sample_rate_hz=SAMPLE_RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(CHUNK_SAMPLES // 2, CHUNK_SAMPLES),
        frontend=FRONTEND,
        input=TensorSpec("touches", (1, CHUNK_POINTS, FEATURES)),
        states=encoder_states(model.encoder.state_shapes()),
        outputs=(TensorSpec("encoded", (1, CHUNK_POINTS // STACK, FRAME)),),
        decoder=Decoder(
            "trie",
            labels=LABELS,
            blank=BLANK,
            beam=BEAM,
            prune=PRUNE,
            max_symbols=LONGEST_WORD,
            prior_weight=PRIOR_WEIGHT,
        ),
        search=step_contract(model.step, FRAME, len(LABELS), batch=BEAM),
    )


if __name__ == "__main__":
    PATH.write_text(json.dumps(to_json(contract()), indent=2) + "\n")
