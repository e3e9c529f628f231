"""The thresholds of a decision in one place, each with its reason."""

from dataclasses import dataclass

from orchestrator.domain.placement import LEAST_SHARE
from orchestrator.domain.session_verdict import DEFAULT_LIMITS, SessionLimits


@dataclass(frozen=True)
class Policy:
    """``indifference``: two candidates whose objectives differ by less than this are alike; no listener and no battery
    notices 2 %, and the simpler one is easier to ship. A device's noise floor from A/A runs may be put here.

    ``confidence`` is of every interval shown, and 1 - confidence the chance that equal candidates end in a winner.

    ``least_placement_share``: an execution provider that did less of the nodes' time than this did not run the model
    (domain/placement.py).

    ``sessions``: when a session is suspect or invalid (domain/session_verdict.py). ``least_valid_share``: a candidate
    of whose sessions in a mode at least this share is valid stands on those, and the suspect ones are left out; half
    of them still pair with most blocks of the others. ``allow_suspect`` counts suspect sessions like valid ones, for a
    device that is never left alone.

    ``repeat_tolerance``: a verification within this of the race's figure repeats it, however narrow the interval over
    a few runs happens to be.
    """

    indifference: float = 0.02
    confidence: float = 0.95
    least_placement_share: float = LEAST_SHARE
    sessions: SessionLimits = DEFAULT_LIMITS
    least_valid_share: float = 0.5
    allow_suspect: bool = False
    repeat_tolerance: float = 0.05
    seed: int = 0

    def among(self, rivals: int) -> float:
        """The confidence of each of so many tests against the default at which all of them together, each to one side,
        err with 1 - ``confidence`` (Bonferroni).
        """
        return max(self.confidence, 1.0 - 2.0 * (1.0 - self.confidence) / max(1, rivals))

    def least_parity_db(self, precision: str) -> float:
        """Below this a provider's outputs are not those of the CPU from the same file; the task metric says the rest.

        Floats differ by the order of sums, or by half the bits where an accelerator has no more: fp16 leaves 60 dB,
        bfloat16 40. Quantized graphs are rounded elsewhere by each kernel: 17 to 49 dB measured (OpenVINO on a CPU,
        Qualcomm's HTP simulator), where garbage has 0.
        """
        return 30.0 if precision in ("fp32", "fp16") else 8.0
