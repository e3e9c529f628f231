"""How near an artifact must come to its fp32 source.

Parity says "not broken"; whether it is good enough for its task is the quality gate's to say, so the floors are low.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Exactly one of the two: the largest absolute difference, or the least signal-to-noise ratio over all outputs."""

    max_abs: float | None = None
    snr_db: float | None = None


# Measured on the reference models (onnxruntime 1.31.1, x86 with AVX2) and on Silero VAD:
# fp32: only the order of sums may differ. Chunks equal the whole recording exactly; Silero VAD is within 1e-5 of onnx's
#   reference evaluator.
# fp16: 67 dB (keyword spotter), 75 dB (digits), 46 dB (Silero).
# int8: 31..47 dB where nothing saturates; 13 dB (Silero, dynamic) and 18 dB (digits, static) at the lower end. 19 dB is
#   u8 x s8 per channel on a CPU without VNNI, whose 16-bit sums saturate: bad, but for the gate to judge. Static int8
#   breaks Silero: 0.3..2.4 dB, and that must not pass.
# int8-weight: 58 dB. int4-weight: 32 dB (digits).
# OpenVINO: 133 and 137 dB in fp32 (told not to compute in bfloat16), 69 and 78 dB with weights in fp16, 27 dB in static
#   int8 (keyword spotter). TorchScript: 132 and 133 dB in fp32, 42 dB in dynamic int8 (digits).
TOLERANCES = {
    "fp32": Tolerance(max_abs=1e-4),
    "fp16": Tolerance(snr_db=35.0),
    "int8-dynamic": Tolerance(snr_db=8.0),
    "int8-qdq": Tolerance(snr_db=8.0),
    "int8-qoperator": Tolerance(snr_db=8.0),
    "int8-static": Tolerance(snr_db=8.0),
    "int8-weight": Tolerance(snr_db=20.0),
    "int4-weight": Tolerance(snr_db=8.0),
}
