"""Train the keyword spotter: ``python -m orchestrator.make.models.reference.kws.train``.

Every frame is taught: "silence" until a word ends, the word's label from then on for a quarter of a second, then
"silence" again. Frames around those borders teach nothing, and in running sentences anything but a keyword is right.
Needs the ``train`` extra and espeak-ng; about 0.9 s a batch on two cores. Writes its weights after every epoch.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from agents.contract import Frontend
from orchestrator.make.models.reference.augment import Conditions, Surroundings, another_voice
from orchestrator.make.models.reference.batch_mel import colour, matching_mel, normalization
from orchestrator.make.models.reference.kws import corpora, words
from orchestrator.make.models.reference.kws.model import KeywordSpotter
from orchestrator.make.models.reference.kws.prior import SECOND_WORD_SHARE, SHARES, UNKNOWN
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ, Corpus

WEIGHTS = Path(__file__).parent / "weights.safetensors"
HOP = 160
# A multiple of the largest dilation of the model, in frames.
SEGMENT = 152 * HOP
SILENCE = words.LABELS.index("silence")
NOTHING_TAUGHT, NO_KEYWORD = -1, -2
# In frames of 10 ms relative to the end of a word: when its label begins and ends, and the margin around both.
LABEL_FROM, LABEL_TO, MARGIN = -2, 24, 8
LABEL_WEIGHT = 4.0


@dataclass(frozen=True)
class Pools:
    """Indices into the corpus by what they teach."""

    keyword: dict[int, list[int]]
    other: list[int]
    sentence: list[int]

    @staticmethod
    def of(corpus: Corpus) -> "Pools":
        texts = [u.text for u in corpus.utterances]
        return Pools(
            keyword={k: [i for i, t in enumerate(texts) if t == w] for k, w in enumerate(words.KEYWORDS)},
            other=[i for i, t in enumerate(texts) if " " not in t and t not in words.KEYWORDS],
            sentence=[i for i, t in enumerate(texts) if " " in t],
        )


class Segments:
    """Random 1.5 s segments: sound in its surroundings, and a target for each frame."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self.corpus = corpus
        self.pools = Pools.of(corpus)
        self.rng = np.random.default_rng(seed)
        self.surroundings = Surroundings(self.rng, corpus)
        self.conditions = Conditions()

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Samples (size, SEGMENT) float32 and targets (size, frames) int64."""
        drawn = [self.segment() for _ in range(size)]
        return (
            torch.from_numpy(np.stack([s for s, _ in drawn])),
            torch.from_numpy(np.stack([t for _, t in drawn])),
        )

    def segment(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        sound = np.zeros(SEGMENT, dtype=np.float32)
        target = np.full(SEGMENT // HOP, SILENCE, dtype=np.int64)
        kind = str(self.rng.choice(list(SHARES), p=list(SHARES.values())))
        if kind == "sentence":
            self._crop_sentence(sound)
            target[:] = NO_KEYWORD
        elif kind != "nothing":
            self._say(sound, target, kind)
        return self.surroundings.place(self.rng, sound, self.conditions), target

    def _crop_sentence(self, sound: NDArray[np.float32]) -> None:
        speech = another_voice(self.rng, self.corpus.audio(int(self.rng.choice(self.pools.sentence))))
        at = int(self.rng.integers(0, max(1, len(speech) - SEGMENT)))
        piece = speech[at : at + SEGMENT]
        sound[: len(piece)] = piece

    def _say(self, sound: NDArray[np.float32], target: NDArray[np.int64], kind: str) -> None:
        """One word, and in a third of the segments another one after it, as far as there is room."""
        at = int(self.rng.integers(0, SEGMENT // 2))
        for kind_now in (kind, str(self.rng.choice(["keyword", "other"]))):
            label, index = self._pick(kind_now)
            speech = another_voice(self.rng, self.corpus.audio(index))
            end = at + len(speech)
            if end + LABEL_TO * HOP > SEGMENT:
                return
            sound[at:end] = speech * np.float32(self.rng.uniform(0.6, 1.0))
            _teach(target, end // HOP, label)
            if self.rng.random() > SECOND_WORD_SHARE:
                return
            at = end + int(self.rng.integers(SAMPLE_RATE_HZ // 10, SAMPLE_RATE_HZ // 2))

    def _pick(self, kind: str) -> tuple[int, int]:
        if kind == "other":
            return UNKNOWN, int(self.rng.choice(self.pools.other))
        label = int(self.rng.integers(len(words.KEYWORDS)))
        return label, int(self.rng.choice(self.pools.keyword[label]))


def _teach(target: NDArray[np.int64], end: int, label: int) -> None:
    begin, stop = end + LABEL_FROM, end + LABEL_TO
    target[max(0, begin - MARGIN) : stop + MARGIN] = NOTHING_TAUGHT
    target[max(0, begin) : stop] = label


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy over taught frames; frames of a label weigh more than the many of silence."""
    log_p = functional.log_softmax(logits, dim=-1)
    known = target >= 0
    of_target = log_p.gather(-1, target.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    not_keyword = torch.logsumexp(log_p[..., [UNKNOWN, SILENCE]], dim=-1)
    value = torch.where(target == NO_KEYWORD, not_keyword, of_target)
    weight = torch.where(known & (target != SILENCE), LABEL_WEIGHT, 1.0) * (target != NOTHING_TAUGHT)
    return -(value * weight).sum() / weight.sum()


def starting_point(weights: Path, resume: bool) -> KeywordSpotter:
    """A fresh model, or the one whose weights were written last."""
    model = KeywordSpotter()
    model.to(memory_format=torch.channels_last)
    if resume:
        model.load_state_dict(load_file(weights))
    return model


def train(
    epochs: int, steps: int, batch: int, seed: int, threads: int, rate: float, weights: Path, resume: bool
) -> None:
    """Train from scratch with one learning-rate cycle over ``epochs`` x ``steps`` batches."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    microphones = torch.Generator().manual_seed(seed)
    segments = Segments(corpora.training(), seed)
    mel = matching_mel(Frontend("log-mel"), SAMPLE_RATE_HZ, segments.batch(20)[0])
    model = starting_point(weights, resume)
    if not resume:
        mean, scale = normalization(mel(segments.batch(256)[0]))
        model.mean.copy_(mean)
        model.scale.copy_(scale)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * steps, pct_start=0.2)
    fresh = model.fresh_caches(batch)
    for epoch in range(epochs):
        began_s, total, hits, labelled = time.monotonic(), 0.0, 0, 0
        model.train()
        for _ in range(steps):
            samples, target = segments.batch(batch)
            logits = model(colour(mel(samples), microphones), *fresh)[0]
            loss = loss_of(logits, target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            said = (target >= 0) & (target != SILENCE)
            hits += int((logits.argmax(-1)[said] == target[said]).sum())
            labelled += int(said.sum())
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, weights)
        took_s = time.monotonic() - began_s
        print(
            f"epoch {epoch + 1}/{epochs} loss {total / steps:.4f} frames {hits / labelled:.4f} {took_s:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=120, help="batches in an epoch")
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate of the cycle")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from these weights with a new cycle")
    train(**vars(parser.parse_args()))
