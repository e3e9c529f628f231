"""Words ranked from swipes, streamed through the module: ``python -m ...reference.gesture_rnnt.score --split test``.

Chunk by chunk, through agents.touch and agents.decode, as an agent does; on torch. ``--choice N`` draws N words of the
class that chooses the decoder's weights, ``--swipe WORD`` any word, by new users.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents import wire
from agents.contract import Decoder, StreamContract
from agents.decode import Decoded, make_decoder
from agents.decode.step_graph import Search
from agents.touch import Touch
from orchestrator.make.models.reference.gesture_rnnt.contract import contract
from orchestrator.make.models.reference.gesture_rnnt.corpus import LEXICON, in_chunks
from orchestrator.make.models.reference.gesture_rnnt.evaluation import FOLDER, MANIFEST_FILE, traces
from orchestrator.make.models.reference.gesture_rnnt.model import WEIGHTS, SwipeTransducer, load
from orchestrator.make.models.reference.gesture_rnnt.traces import draw_user, swipe
from orchestrator.make.models.torch_step import TorchStep
from orchestrator.make.quality.evaluation import load_evaluation
from orchestrator.make.quality.ranked_words import OFFERED, ranks

Swiped = tuple[str, NDArray[np.int16]]


class Typist:
    """The model with its decoder, as a device has it."""

    def __init__(
        self, model: SwipeTransducer, decoder: Decoder, lexicon: Path = LEXICON, user_words: Path | None = None
    ) -> None:
        self.contract: StreamContract = replace(contract(), decoder=decoder)
        assert self.contract.search is not None
        files = {wire.LEXICON: str(lexicon), **({wire.USER_LEXICON: str(user_words)} if user_words else {})}
        self._touch = Touch(self.contract.frontend)
        step = TorchStep(model.step, self.contract.search)
        search = Search(step, self.contract.search, files, lambda: self._touch.phase)
        self._encoder, self._decoder = model.encoder, make_decoder(decoder, search)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def decode(self, samples: NDArray[np.int16], chunk_samples: int | None = None) -> Decoded:
        """What a stream of its own gives."""
        size = chunk_samples or self.contract.chunk_samples
        chunk = np.zeros(self.contract.input_shape(size), dtype=np.float32)
        self._touch.reset()
        self._decoder.reset()
        states = self._encoder.fresh_state()
        for start in range(0, len(samples), size):
            self._touch.push_into(samples[start : start + size], chunk)
            frames, *states = self._encoder(torch.from_numpy(chunk), *states)
            self._decoder.push(frames.numpy())
            if self._decoder.ended:
                self._touch.reset()
                states = self._encoder.fresh_state()
        return self._decoder.finish()


def committed(split: str) -> list[Swiped]:
    """Words and traces of the evaluation set."""
    found = load_evaluation(FOLDER / MANIFEST_FILE, contract().sample_rate_hz)
    return [(u.text or "", found.samples(u)) for u in found.utterances_of(split)]


def report(name: str, swipes: Iterable[Swiped], typist: Typist, chunk_samples: int | None = None) -> None:
    """Print top-1 and top-3, and what went wrong."""
    places, wrong = [], []
    for word, samples in swipes:
        decoded = typist.decode(samples, chunk_samples)
        (place,) = ranks(word, decoded)
        places.append(place)
        if place is None or place > OFFERED:
            wrong.append(f"{word} as {', '.join(_offered(decoded))}")
    top: dict[int, int] = {most: sum(p is not None and p <= most for p in places) for most in (1, OFFERED)}
    rates = ", ".join(f"top-{most} {right / len(places):.4f} ({right} of {len(places)})" for most, right in top.items())
    print(f"{name}: {rates}")
    for line in wrong:
        print(f"  {line}")


def _offered(decoded: Decoded) -> Sequence[str]:
    events: Any = decoded["events"]
    return [ranked["word"] for event in events for ranked in event["words"][:OFFERED]]


def drawn(count: int) -> list[Swiped]:
    """Words that neither train nor test."""
    return [(t.word, t.samples) for t in traces(np.random.default_rng(99), "choice", "choice", count)]


def swiped(word: str) -> Swiped:
    """One swipe of ``word`` by somebody, another one each time."""
    rng = np.random.default_rng()
    return word, in_chunks(swipe(word, draw_user(rng), rng), 0)


def main() -> None:
    torch.set_num_threads(1)
    given = arguments()
    decoder = replace(contract().decoder, beam=given.beam, prior_weight=given.prior_weight)
    typist = Typist(load(given.weights), decoder, given.lexicon, given.user_words)
    for word, samples in map(swiped, given.swipe):
        print(f"{word}: {', '.join(_offered(typist.decode(samples)))}")
    if given.choice:
        report("choice", drawn(given.choice), typist, given.chunk)
    elif not given.swipe:
        report(given.split, committed(given.split), typist, given.chunk)


def arguments() -> argparse.Namespace:
    known = contract().decoder
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("test", "calibration"), default="test")
    parser.add_argument("--choice", type=int, metavar="N", help="so many words of the class that chooses instead")
    parser.add_argument("--swipe", action="append", default=[], metavar="WORD", help="what a swipe of this is read as")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--lexicon", type=Path, default=LEXICON, help="words and counts, CSV")
    parser.add_argument("--user-words", type=Path, help="a user's own, CSV")
    parser.add_argument("--prior-weight", type=float, default=known.prior_weight)
    parser.add_argument("--beam", type=int, default=known.beam)
    parser.add_argument("--chunk", type=int, help="samples of a chunk, another than the contract's")
    return parser.parse_args()


if __name__ == "__main__":
    main()
