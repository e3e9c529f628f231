"""Word errors of the digit transducer, streamed through its modules: ``python -m ...digits_conformer.score``.

Chunk by chunk, through agents.features and agents.decode, as an agent does; on torch, in float32.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agents.decode import make_decoder
from agents.decode.step_graph import Search
from agents.features import make_frontend
from orchestrator.make.models import reference
from orchestrator.make.models.reference.digits_conformer.contract import contract
from orchestrator.make.models.reference.digits_conformer.evaluation import NAME
from orchestrator.make.models.reference.digits_conformer.model import WEIGHTS, load
from orchestrator.make.models.reference.score import items
from orchestrator.make.models.torch_step import TorchStep
from orchestrator.make.quality import metrics


class Listener:
    """The model with its decoder, as a device has it. Greedy where ``beam`` is 1."""

    def __init__(self, weights: Path, beam: int, chunk_samples: int | None) -> None:
        model, known = load(weights), contract()
        assert known.search is not None
        self.chunk_samples = chunk_samples or known.chunk_samples
        self._encoder = model.encoder
        self._chunk = np.zeros(known.input_shape(self.chunk_samples), dtype=np.float32)
        self._frontend = make_frontend(known)
        search = Search(TorchStep(model.step, known.search), known.search)
        self._decoder = make_decoder(replace(known.decoder, beam=beam), search)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def hear(self, samples: NDArray[np.int16]) -> str:
        """The words of a stream of its own. What is left over of the last chunk is not heard."""
        self._frontend.reset()
        self._decoder.reset()
        states = self._encoder.fresh_state()
        for at in range(0, len(samples) - self.chunk_samples + 1, self.chunk_samples):
            self._frontend.push_into(samples[at : at + self.chunk_samples], self._chunk)
            frames, *states = self._encoder(torch.from_numpy(self._chunk), *states)
            self._decoder.push(frames.numpy())
        return self._decoder.finish()["text"] or ""


def main(split: str, weights: Path, beam: int, chunk: int | None) -> None:
    """Print the word error rate, and which words were heard as which."""
    torch.set_num_threads(1)
    listener = Listener(weights, beam, chunk)
    clips = items(reference.manifest_path(NAME), split)
    said, heard = [c.row["text"] for c in clips], [listener.hear(c.samples) for c in clips]
    print(f"{NAME} {split}: WER {metrics.wer(said, heard).rate:.4f} on {len(clips)} strings, beam {beam}")
    for (word, instead), count in metrics.error_breakdown(said, heard).items():
        print(f"  {count} x {word!r} heard as {instead!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("test", "calibration"), default="test")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--chunk", type=int, help="samples of a chunk, another than the contract's")
    main(**vars(parser.parse_args()))
