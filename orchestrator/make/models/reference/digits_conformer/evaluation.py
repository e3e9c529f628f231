"""Write the manifest: ``python -m orchestrator.make.models.reference.digits_conformer.evaluation``.

The strings are those of digits-lstm, and so is the audio: the lines point to it, and both are scored on the same.
"""

import json
from pathlib import Path

from orchestrator.make.models import reference

FOLDER = Path(__file__).parent
NAME, SOURCE = "digits-conformer", "digits-lstm"


def manifest() -> str:
    """The lines of digits-lstm, from this folder."""
    source = reference.manifest_path(SOURCE)
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    there = f"../{source.parent.name}"
    return "".join(json.dumps({**row, "audio_filepath": f"{there}/{row['audio_filepath']}"}) + "\n" for row in rows)


if __name__ == "__main__":
    (FOLDER / "manifest.jsonl").write_text(manifest())
