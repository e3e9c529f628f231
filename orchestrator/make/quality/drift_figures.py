"""From the raw series of a stream to figures and a verdict for each state and output."""

import numpy as np

from orchestrator.domain.state_drift import TensorDrift
from orchestrator.make.quality.drift_stream import (
    ERROR_POWER,
    MAX_ABS,
    OWN_POWER,
    PEAK,
    POWER,
    PRODUCT,
    DriftSeries,
    Float64,
)
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.loops import growth_per_loop, loop_means, outgrows_a_line, stays_above

# |d| must stay above the tolerance for so long: one loud chunk is no drift.
HOLD_S = 1.0
# Growth over the stream below this share of the error itself is not worth the name, whatever the interval says.
_LEAST_GROWTH = 0.01
# float32 holds 24 bits: what is smaller than this beside the tensor's peak is the rounding of its last bits.
_ROUNDING = 4 * 2.0**-24
_ERROR_RATE = 0.05


def figures(series: DriftSeries, chunk_s: float, per_loop: int, tolerance: float) -> tuple[TensorDrift, ...]:
    """Every way of every tensor. ``tolerance`` is a share of the reference tensor's peak, ``per_loop`` in chunks.

    The intervals of all tensors of one way hold together at 95 % (Bonferroni).
    """
    confidence = 1.0 - _ERROR_RATE / len(series.tensors)
    found = []
    for way, error in series.error.items():
        for i, (name, kind) in enumerate(series.tensors):
            columns = _Columns(error[:, i], series.reference[way][:, i], chunk_s, per_loop, confidence)
            found.append(columns.drift(name, kind, way, tolerance))
    return tuple(found)


class _Columns:
    """One tensor in one way: shapes (chunks, 4) and (chunks, 2)."""

    def __init__(self, error: Float64, reference: Float64, chunk_s: float, per_loop: int, confidence: float) -> None:
        self.error, self.reference, self.chunk_s, self.per_loop = error, reference, chunk_s, per_loop
        self.peak = float(reference[:, PEAK].max())
        bad = np.flatnonzero(~np.isfinite(error[:, ERROR_POWER]) | ~np.isfinite(error[:, OWN_POWER]))
        self.finite_until = int(bad[0]) if len(bad) else None
        with np.errstate(all="ignore"):
            self.means = loop_means(error[:, MAX_ABS], per_loop)
        self.slope = _per_minute(growth_per_loop(self.means, confidence), per_loop * chunk_s)

    def drift(self, name: str, kind: str, way: str, tolerance: float) -> TensorDrift:
        limit = tolerance * self.peak
        beyond = stays_above(self.error[:, MAX_ABS], limit, max(1, round(HOLD_S / self.chunk_s)))
        verdict, reason = self._verdict()
        finite = self.finite_until is None
        return TensorDrift(
            tensor=name,
            kind=kind,
            way=way,
            max_abs=float(self.error[:, MAX_ABS].max()) if finite else None,
            cosine=self._cosine() if finite else None,
            snr_db=self._snr_db(slice(None)) if finite else None,
            slope_per_minute=self.slope,
            tolerance=limit,
            # The difference is there when the chunk has been heard to its end.
            time_to_tolerance_s=None if beyond is None else (beyond + 1) * self.chunk_s,
            verdict=verdict,
            reason=reason,
            finite_until_s=None if self.finite_until is None else self.finite_until * self.chunk_s,
        )

    def _verdict(self) -> tuple[str, str]:
        if self.finite_until is not None:
            return "diverges", f"not finite after {self.finite_until * self.chunk_s:.1f} s"
        if not self.error[:, ERROR_POWER].any():
            return "bounded", "equal to fp32 in every bit that counts"
        minutes = len(self.means) * self.per_loop * self.chunk_s / 60
        level = float(self.means.mean()) if len(self.means) else 0.0
        if level > _ROUNDING * self.peak and outgrows_a_line(self.means):
            return "diverges", f"the error multiplies: {self.means[0]:.3g} in the second loop, {self.means[-1]:.3g} now"
        if self.slope.low is None:
            return "bounded", f"no growth was seen: {self.slope.reason}"
        if self.slope.low * minutes <= max(_LEAST_GROWTH * level, _ROUNDING * self.peak):
            return "bounded", f"the error keeps its level of {level:.3g}"
        last = self._snr_db(slice(-self.per_loop, None))
        if last is not None and last < 0:
            return "diverges", f"the error grows and is larger than the signal by now ({last:.1f} dB)"
        return "drifts", f"the error grows by at least {self.slope.low:.3g} a minute"

    def _cosine(self) -> float | None:
        own, reference = float(self.error[:, OWN_POWER].sum()), float(self.reference[:, POWER].sum())
        if own == 0 or reference == 0:
            return None
        return min(1.0, float(self.error[:, PRODUCT].sum()) / float(np.sqrt(own * reference)))

    def _snr_db(self, where: slice) -> float | None:
        noise = float(self.error[where, ERROR_POWER].sum())
        signal = float(self.reference[where, POWER].sum())
        return 10 * float(np.log10(max(signal, np.finfo(float).tiny) / noise)) if noise > 0 else None


def _per_minute(growth: Interval, loop_s: float) -> Interval:
    value, low, high = (None if x is None else x * 60 / loop_s for x in (growth.value, growth.low, growth.high))
    return Interval(value, low, high, growth.n, growth.confidence, growth.reason)
