"""How near an artifact must come to its fp32 source.

Parity says "not broken"; whether it is good enough for its task is the quality gate's to say, so the floors are low.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Exactly one of the two: the largest absolute difference, or the least signal-to-noise ratio over all outputs."""

    max_abs: float | None = None
    snr_db: float | None = None


# fp32: only the order of sums may differ: the reference models differ by less than 2e-5 at logits of up to 20.
# fp16: 60 dB (keyword spotter) and 85 dB (digits) were measured; a graph that overflows or loses its state has < 30 dB.
# int8: 22..49 dB were measured where nothing saturates. 11 dB is u8 x s8 on a CPU without VNNI, whose 16-bit sums
#   saturate: bad, but for the gate to judge. A wrong scale, a lost state or a wrong layout gives < 5 dB.
# int4: 27 dB (LSTM) and 20 dB (Conformer) are usual for blocks of 32.
TOLERANCES = {
    "fp32": Tolerance(max_abs=1e-4),
    "fp16": Tolerance(snr_db=35.0),
    "int8-dynamic": Tolerance(snr_db=8.0),
    "int8-qdq": Tolerance(snr_db=8.0),
    "int8-qoperator": Tolerance(snr_db=8.0),
    "int8-weight": Tolerance(snr_db=20.0),
    "int4-weight": Tolerance(snr_db=8.0),
}
