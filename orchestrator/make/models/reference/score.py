"""Stream the evaluation set of a reference model through its graph: ``python -m ...reference.score kws --split test``.

Chunk by chunk, through agents.features and agents.decode, as an agent does; in float32 on ONNX Runtime's CPU provider.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.decode import Decoded, make_decoder
from agents.features import make_frontend
from orchestrator.make.models import reference
from orchestrator.make.quality import metrics

TRACK_THRESHOLD = 0.05
TOLERANCE_S = 0.5


@dataclass(frozen=True)
class Item:
    """A clip of the evaluation set: its manifest row and its sound, int16."""

    row: dict[str, Any]
    samples: NDArray[np.int16]


def items(manifest: Path, split: str) -> list[Item]:
    """Clips of one split, decoded from the committed audio."""
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    sound: dict[str, NDArray[np.int16]] = {}
    found = []
    for row in (r for r in rows if r["split"] == split):
        name = row["audio_filepath"]
        if name not in sound:
            sound[name] = soundfile.read(manifest.parent / name, dtype="int16")[0]
        begin, count = round(row["offset"] * 16_000), round(row["duration"] * 16_000)
        found.append(Item(row, sound[name][begin : begin + count]))
    return found


class Streamer:
    """One graph, fed chunk by chunk with its state carried."""

    def __init__(self, path: Path, contract: StreamContract, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.contract = contract
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._names = [o.name for o in contract.outputs[:1]] + [s.output for s in contract.states]

    def outputs(self, samples: NDArray[np.int16], chunk_samples: int) -> Iterator[NDArray[np.float32]]:
        """The graph's first output for each whole chunk of ``samples``."""
        contract = self.contract
        frontend = make_frontend(contract)
        chunk = np.zeros(contract.input_shape(chunk_samples), dtype=np.float32)
        state = {s.input: np.full(s.shape, s.initial, dtype=s.dtype) for s in contract.states}
        for at in range(0, len(samples) - chunk_samples + 1, chunk_samples):
            frontend.push_into(samples[at : at + chunk_samples], chunk)
            first, *new = self._session.run(self._names, {contract.input.name: chunk, **state})
            state = {s.input: value for s, value in zip(contract.states, new, strict=True)}
            yield first

    def decode(self, samples: NDArray[np.int16], chunk_samples: int | None = None) -> Decoded:
        """What the contract's decoder hears in ``samples``."""
        decoder = make_decoder(self.contract.decoder)
        for output in self.outputs(samples, chunk_samples or self.contract.chunk_samples):
            decoder.push(output)
        return decoder.finish()


def accuracy(streamer: Streamer, clips: list[Item]) -> tuple[metrics.Accuracy, list[str]]:
    """Keyword accuracy over one-second clips, and what was heard in each."""
    heard = [streamer.decode(c.samples)["label"] or "" for c in clips]
    return metrics.accuracy([c.row["text"] for c in clips], heard), heard


def wer(streamer: Streamer, clips: list[Item]) -> tuple[metrics.WordErrors, list[str]]:
    """Word errors over digit strings, and what was heard in each."""
    heard = [streamer.decode(c.samples)["text"] or "" for c in clips]
    return metrics.wer([c.row["text"] for c in clips], heard), heard


def false_rejects(streamer: Streamer, clips: list[Item], false_accepts_per_hour: float) -> metrics.FalseRejects:
    """Misses in the continuous track at a budget of false accepts."""
    contract = streamer.contract
    sensitive = replace(contract, decoder=replace(contract.decoder, threshold=TRACK_THRESHOLD))
    frame_s = contract.frontend.hop_samples / contract.sample_rate_hz
    tracks = []
    for clip in clips:
        decoder = make_decoder(sensitive.decoder)
        for output in streamer.outputs(clip.samples, contract.chunk_samples):
            decoder.push(output)
        spoken = tuple(metrics.Spoken(**event) for event in clip.row["events"])
        tracks.append(metrics.Track(clip.row["duration"], spoken, tuple(decoder.finish()["events"]), frame_s))
    return metrics.false_rejects_at_false_accepts(tracks, false_accepts_per_hour, TOLERANCE_S)


def main(name: str, split: str, graph: Path | None) -> None:
    """Print the figures of one model on one split."""
    streamer = Streamer(graph or reference.onnx_path(name), reference.load_contract(name))
    clips = items(reference.manifest_path(name), split)
    if split == "track":
        for budget in (0.0, 7.5, 15.0, 30.0):
            got = false_rejects(streamer, clips, budget)
            print(
                f"{name} at {budget:g} false accepts/h: {got.rejected.sum()} of {got.rejected.size} rejected"
                f" ({got.rate:.4f}), threshold {got.threshold:.3f}, {got.false_accepts} false accepts"
            )
        return
    result, heard = (accuracy if name == "kws" else wer)(streamer, clips)
    print(f"{name} {split}: {'accuracy' if name == 'kws' else 'WER'} {result.rate:.4f} on {len(clips)} clips")
    for (said, got_instead), count in metrics.error_breakdown([c.row["text"] for c in clips], heard).items():
        print(f"  {count} x {said!r} heard as {got_instead!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=list(reference.REFERENCE_MODELS))
    parser.add_argument("--split", choices=("test", "calibration", "track"), default="test")
    parser.add_argument("--graph", type=Path, help="another graph with the same contract, such as a quantized one")
    main(**vars(parser.parse_args()))
