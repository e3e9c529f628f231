"""Write the QuartzNet's contract.json and manifest: ``python -m ...reference.digits_quartznet.contract``. Needs torch.

Its evaluation set is that of digits-lstm, whose audio the manifest points to.
"""

import json
from pathlib import Path

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.strict_json import to_json
from orchestrator.make.models.reference.digits_lstm.model import BLANK, LABELS
from orchestrator.make.models.reference.digits_quartznet.model import STRIDE, QuartzNet
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ

FOLDER = Path(__file__).parent
AUDIO_OF = FOLDER.parent / "digits_lstm"
FRONTEND = Frontend("log-mel")
CHUNK_SAMPLES = 320
CHUNK_FRAMES = CHUNK_SAMPLES // FRONTEND.hop_samples


def contract() -> StreamContract:
    """Logits of blank and ten digits every 20 ms; the caches of the convolutions are the state."""
    shapes = QuartzNet().cache_shapes()
    return StreamContract(
        model="digits-quartznet",
        sample_rate_hz=SAMPLE_RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(320, 640, 1280),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, CHUNK_FRAMES, FRONTEND.mel_count)),
        states=tuple(StatePair(f"cache{i}_in", f"cache{i}_out", shape) for i, shape in enumerate(shapes)),
        outputs=(TensorSpec("logits", (1, CHUNK_FRAMES // STRIDE, len(LABELS))),),
        decoder=Decoder("ctc", labels=LABELS, blank=BLANK),
    )


def manifest() -> str:
    """The rows of digits-lstm, with the way to its audio from here."""
    lines = []
    for line in (AUDIO_OF / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        lines.append(json.dumps({**row, "audio_filepath": f"../{AUDIO_OF.name}/{row['audio_filepath']}"}))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (FOLDER / "contract.json").write_text(json.dumps(to_json(contract()), indent=2) + "\n")
    (FOLDER / "manifest.jsonl").write_text(manifest())
