"""What is committed of the QuartzNet beside its code. Needs torch: ``python -m ...digits_quartznet.contract``.

Writes contract.json and the manifest, whose audio is that of digits-lstm, and rounds the weights to float16.
"""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

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


def round_weights(path: Path) -> None:
    """Floats to float16; counters stay as they are."""
    weights = load_file(path)
    save_file({name: v.half() if v.is_floating_point() else v for name, v in weights.items()}, path)


if __name__ == "__main__":
    (FOLDER / "contract.json").write_text(json.dumps(to_json(contract()), indent=2) + "\n")
    round_weights(FOLDER / "weights.safetensors")
    (FOLDER / "manifest.jsonl").write_text(manifest())
