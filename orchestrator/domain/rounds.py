"""Rounds of the inner loop: what ruins a recipe, what was tried instead, and what came of it on the device."""

from dataclasses import dataclass, replace

from orchestrator.domain.decision import Estimate

# planned: not on the device yet; passed: it may win; failed: a gate or limit keeps it from winning; refused: there is
# no artifact to measure.
OUTCOMES = ("planned", "passed", "failed", "refused")


@dataclass(frozen=True)
class LayerError:
    """What rounding does to one layer by itself, as the signal-to-noise ratio of its own output in dB.

    ``weight_snr_db``: with its weights rounded; ``activation_snr_db``: with its inputs rounded; None where that is not
    rounded, or costs nothing. ``whole_snr_db``: of the same output in
    the whole quantized graph, with all that went wrong before it; None where the graph no longer has it.
    ``work_share``: of all multiplications of the graph those that it does in integers, in 0..1.
    """

    node: str
    operator: str
    weight_snr_db: float | None
    activation_snr_db: float | None
    whole_snr_db: float | None
    work_share: float

    @property
    def worst_db(self) -> float:
        """The lower of the two that are its own; infinite where neither costs anything."""
        return min(
            (snr for snr in (self.weight_snr_db, self.activation_snr_db) if snr is not None), default=float("inf")
        )


@dataclass(frozen=True)
class Suspect:
    """Layers that must stay in float together: a tensor is in float only where whoever writes and reads it is.

    ``cause`` in words; ``snr_db``: of the layer that it was found at.
    """

    nodes: tuple[str, ...]
    cause: str
    snr_db: float


@dataclass(frozen=True)
class Sensitivity:
    """Where a recipe goes wrong. ``layers`` in the graph's order, of those that it quantizes, over ``chunk_count``
    chunks of the calibration streams; ``suspects`` the worst first. ``reason``: why there are none."""

    recipe: str
    chunk_count: int = 0
    layers: tuple[LayerError, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Heard:
    """One recipe on the controller's CPU: no figure of the device, and never a reason to win.

    ``loss``: error rate above fp32's on the same utterances; None where it is ``refused`` (why there is no artifact) or
    ``unheard`` (why it cannot be scored here). ``snr_db`` of its outputs against the source. ``float_share``: of all
    multiplications, those that stay in float beyond the seed's; None where it is not known.
    """

    idea: str
    recipe: str
    loss: float | None
    snr_db: float | None
    float_share: float | None
    refused: str | None = None
    unheard: str | None = None

    def __post_init__(self) -> None:
        if (self.loss is None) == (self.refused is None and self.unheard is None):
            raise ValueError(f"{self.recipe} has a loss, or the reason why not: {self.loss}")


@dataclass(frozen=True)
class Prediction:
    """Of a trial, before the device was asked. ``speed``: default / it; None where nothing says it. ``basis``: in
    words."""

    loss: float | None
    speed: float | None
    basis: str


@dataclass(frozen=True)
class Trial:
    """A recipe on the device. ``speed``: how many times less of ``metric`` than the fp32 default it has;
    ``against_best``: than what was best before the round. ``label`` of the candidate that the figures are of."""

    recipe: str
    prediction: Prediction
    outcome: str = "planned"
    reason: str = ""
    label: str | None = None
    metric: str | None = None
    quality_loss: Estimate | None = None
    speed: Estimate | None = None
    against_best: Estimate | None = None

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome of a trial must be one of {OUTCOMES}, got {self.outcome!r}")


@dataclass(frozen=True)
class Round:
    """``seed``: the recipe that it starts from; ``aim``: mend or bolder; ``hypothesis``: a sentence. ``heard`` on the
    controller, on ``utterance_count`` of the ``utterances_of`` that the test split has. ``verdict``: what came of it;
    None until it ended."""

    number: int
    seed: str
    aim: str
    hypothesis: str
    trials: tuple[Trial, ...]
    sensitivity: Sensitivity
    heard: tuple[Heard, ...] = ()
    utterance_count: int = 0
    utterances_of: int = 0
    verdict: str | None = None
    gain: Estimate | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"rounds are numbered from 1, got {self.number}")
        if self.verdict is not None and any(t.outcome == "planned" for t in self.trials):
            raise ValueError(f"round {self.number} ended before all of its trials were measured")


@dataclass(frozen=True)
class Rounds:
    """All rounds of a study. ``ended``: why there is no further one; None while there may be."""

    study_id: str
    rounds: tuple[Round, ...] = ()
    ended: str | None = None

    def __post_init__(self) -> None:
        numbers = [r.number for r in self.rounds]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"rounds must be numbered 1, 2, ..., got {numbers}")

    @property
    def tried(self) -> frozenset[str]:
        """Texts of all recipes that were on the device or heard on the controller."""
        return frozenset(
            text for r in self.rounds for text in (*(t.recipe for t in r.trials), *(h.recipe for h in r.heard))
        )

    def with_round(self, new: Round) -> "Rounds":
        """In place of the one of its number, or as the next one."""
        return replace(self, rounds=(*(r for r in self.rounds if r.number < new.number), new))
