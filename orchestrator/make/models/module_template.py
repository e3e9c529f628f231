"""``earshot models init``: a folder with a model that runs as it is, to put one's own in its place."""

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadInput
from orchestrator.make.models.library import check_name
from orchestrator.make.quality.audio import write_wav

_TEMPLATE = Path(__file__).parent / "template"
_RATE_HZ = 16_000
_CLIP_S = 1.0
# Pitches in Hz by label. They are tones, not speech: the template's model tells low from high.
_TONES = {"low": (220.0, 300.0, 440.0, 600.0, 750.0, 880.0), "high": (2200.0, 2800.0, 3300.0, 3900.0, 4600.0, 5400.0)}
_CALIBRATING = 2


def write_template(name: str, folder: Path) -> tuple[Path, ...]:
    """The files written. Raises BadInput for a name that is taken or no plain file name, or a folder with files."""
    check_name(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is there already, and not empty", hint="give it another --folder")
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_TEMPLATE / "model.py", folder / "model.py")
    (folder / "model.toml").write_text((_TEMPLATE / "model.toml").read_text().replace("NAME", name))
    lines = []
    for label, tones in _TONES.items():
        for number, tone_hz in enumerate(tones):
            path = folder / "audio" / f"{label}-{tone_hz:.0f}.wav"
            write_wav(path, _clip(tone_hz, seed=number), _RATE_HZ)
            split = "calibration" if number < _CALIBRATING else "test"
            line = {"audio_filepath": f"audio/{path.name}", "duration": _CLIP_S, "text": label, "split": split}
            lines.append(json.dumps(line))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def _clip(tone_hz: float, seed: int) -> NDArray[np.int16]:
    """A tone of 0.4 s in a second of faint noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(_CLIP_S * _RATE_HZ)) / _RATE_HZ
    sounding = (t > 0.3) & (t < 0.7)
    signal = 0.2 * np.sin(2 * np.pi * tone_hz * t) * sounding + 2e-4 * rng.standard_normal(len(t))
    return np.asarray(np.round(signal * 32767), dtype=np.int16)
