"""The transducer's second half: prediction net and joint as one step graph, its loss, greedy decoding. Needs torch.

RNN-T: arXiv:1211.3711. The step's cell is written as gates from one matrix product, because exporters and quantizers
know products and not every cell.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# The logarithm of a probability that cannot be: finite, because sums of infinities are not numbers.
IMPOSSIBLE = -1e30


class PredictionJoint(nn.Module):  # type: ignore[misc]
    """One step of B hypotheses: token (B,), encoder frame (B, frame), h and c (B, hidden) -> logits (B, labels), h, c.

    ``token`` is the last one that was emitted, the blank at the start; h and c are those before it.
    """

    def __init__(self, labels: int, frame: int, hidden: int = 128, embedding: int = 64) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(labels, embedding)
        self.gates = nn.Linear(embedding + hidden, 4 * hidden)
        self.prediction = nn.Linear(hidden, frame)
        self.logits = nn.Linear(frame, labels)

    def state_shapes(self, hypotheses: int = 1) -> list[tuple[int, ...]]:
        """h and c."""
        return [(hypotheses, self.hidden)] * 2

    def fresh_state(self, hypotheses: int = 1) -> list[Tensor]:
        """h and c before the first token: zeros."""
        return [torch.zeros(shape) for shape in self.state_shapes(hypotheses)]

    def forward(self, token: Tensor, frame: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        predicted, h, c = self.predict(token, h, c)
        return self.join(frame, predicted), h, c

    def predict(self, token: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The prediction (B, frame) after ``token``, and the new h and c."""
        gates = self.gates(torch.cat([self.embedding(token), h], dim=1))
        # Slices, not chunk: ExecuTorch 1.5 makes the parts of a split static, and fewer hypotheses than the most fail.
        enter, forget, candidate, leave = (gates[:, i * self.hidden : (i + 1) * self.hidden] for i in range(4))
        c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(candidate)
        h = torch.sigmoid(leave) * torch.tanh(c)
        return self.prediction(h), h, c

    def join(self, frame: Tensor, predicted: Tensor) -> Tensor:
        """Logits of two arrays (..., frame)."""
        return self.logits(torch.tanh(frame + predicted))

    def lattice(self, frames: Tensor, labels: Tensor, blank: int = 0) -> Tensor:
        """Frames (N, T, frame) and labels (N, U) -> logits (N, T, U + 1, labels): every frame after every prefix."""
        h, c = (state.to(frames.device) for state in self.fresh_state(len(labels)))
        tokens = functional.pad(labels, (1, 0), value=blank)
        after = []
        for position in range(tokens.shape[1]):
            predicted, h, c = self.predict(tokens[:, position], h, c)
            after.append(predicted)
        return self.join(frames.unsqueeze(2), torch.stack(after, dim=1).unsqueeze(1))


def rnnt_loss(logits: Tensor, labels: Tensor, frame_counts: Tensor, label_counts: Tensor, blank: int = 0) -> Tensor:
    """-log P(labels) of each item, in nats, shape (N,).

    Logits (N, T, U + 1, V), labels (N, U); an item has ``frame_counts`` >= 1 frames and ``label_counts`` labels. The
    forward variables of one anti-diagonal (frame + labels emitted = const) follow from those of the one before.
    """
    log_p = torch.log_softmax(logits, dim=-1)
    stay = log_p[..., blank]
    target = labels[:, None, :, None].expand(-1, log_p.shape[1], -1, -1)
    emit = functional.pad(log_p[:, :, :-1].gather(3, target).squeeze(3), (0, 1), value=IMPOSSIBLE)
    stay_by_diagonal, emit_by_diagonal = _diagonals(stay), _diagonals(emit)
    alpha = torch.full_like(stay[:, 0], IMPOSSIBLE)
    alpha[:, 0] = 0.0
    alphas = [alpha]
    for diagonal in range(stay_by_diagonal.shape[1] - 1):
        emitted = functional.pad((alpha + emit_by_diagonal[:, diagonal])[:, :-1], (1, 0), value=IMPOSSIBLE)
        alpha = torch.logaddexp(alpha + stay_by_diagonal[:, diagonal], emitted)
        alphas.append(alpha)
    item = torch.arange(len(labels), device=labels.device)
    last = frame_counts - 1 + label_counts
    whole = torch.stack(alphas, dim=1)[item, last, label_counts]
    return -(whole + stay_by_diagonal[item, last, label_counts])


def _diagonals(values: Tensor) -> Tensor:
    """(N, T, U) -> (N, T + U - 1, U): element n, u is that of frame n - u, or impossible where there is none."""
    count, prefixes = values.shape[1:]
    frame = torch.arange(count + prefixes - 1, device=values.device)[:, None] - torch.arange(
        prefixes, device=values.device
    )
    there = (frame >= 0) & (frame < count)
    index = frame.clamp(0, count - 1).expand(len(values), -1, -1)
    return torch.where(there, values.gather(1, index), IMPOSSIBLE)


@torch.no_grad()  # type: ignore[untyped-decorator]
def greedy(
    step: PredictionJoint, frames: Tensor, frame_counts: Tensor, max_symbols: int = 3, blank: int = 0
) -> list[list[int]]:
    """The best token of each step, for N items at once: at most ``max_symbols`` of them in one frame (N, T, frame)."""
    token = torch.full((len(frames),), blank)
    h, c = step.fresh_state(len(frames))
    told: list[list[int]] = [[] for _ in range(len(frames))]
    for at in range(frames.shape[1]):
        going = at < frame_counts
        for _ in range(max_symbols):
            logits, new_h, new_c = step(token, frames[:, at], h, c)
            best = logits.argmax(dim=1)
            going = going & (best != blank)
            if not going.any():
                break
            token = torch.where(going, best, token)
            h, c = (torch.where(going[:, None], new, old) for new, old in ((new_h, h), (new_c, c)))
            for item in going.nonzero().flatten().tolist():
                told[item].append(int(best[item]))
    return told
