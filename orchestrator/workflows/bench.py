"""What a comparison or a calibration is asked to measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.workflows.settings import deadline_ns, require_duration, require_results


@dataclass(frozen=True)
class Choice:
    """A candidate as it is typed: ``RECIPE`` or ``RECIPE@threads=2,ep=XNNPACK``. ``provider`` None: CPU."""

    recipe: Recipe
    provider: str | None = None
    threads: int = 1

    @classmethod
    def parse(cls, text: str) -> "Choice":
        """Raises BadRecipe for the recipe, BadInput for what follows it."""
        recipe, _, more = text.partition("@")
        options = dict(part.partition("=")[::2] for part in more.split(",") if part)
        unknown = options.keys() - {"ep", "threads"}
        threads = options.get("threads", "1")
        if unknown or not threads.isdecimal() or int(threads) < 1 or options.get("ep") == "":
            raise BadInput(
                f"cannot read {text!r}", hint="after the recipe: @threads=2, @ep=XNNPACK or both, with a comma"
            )
        return cls(Recipe.parse(recipe), options.get("ep"), int(threads))

    def among(self, candidates: Sequence[Candidate], device: str) -> Candidate:
        """Raises BadInput where the device cannot run it."""
        wanted = self.provider or "CPU"
        for candidate in candidates:
            provider = candidate.provider.removesuffix("ExecutionProvider")
            if (candidate.recipe, provider, candidate.threads) == (
                self.recipe,
                wanted.removesuffix("ExecutionProvider"),
                self.threads,
            ):
                return candidate
        usable = ", ".join(sorted({c.provider.removesuffix("ExecutionProvider") for c in candidates}))
        raise BadInput(f"execution provider {wanted} cannot be used on {device}", hint=f"usable there: {usable}")


@dataclass(frozen=True)
class BenchSettings:
    """``runs`` fresh processes of each choice, of ``seconds`` of audio. ``workflow``: what the study is called after.
    ``deadline_ms`` of a paced chunk; None: its duration.

    Raises BadInput for a number that nothing can be concluded from.
    """

    workflow: str
    model: str
    choices: tuple[Choice, ...]
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    mode: str = "paced"
    runs: int = 6
    seconds: float = 5.0
    seed: int = 0
    wait_s: float = 0.0
    quiet_device: bool = False
    environment: str | None = None
    duet: bool = False
    deadline_ms: float | None = None

    def __post_init__(self) -> None:
        if deadline_ns(self.deadline_ms) is not None and self.mode != "paced":
            raise BadInput(f"nothing arrives in mode {self.mode}, so that no chunk has a deadline")
        require_duration("seconds", self.seconds)
        if self.mode not in ("paced", "flat-out"):
            raise BadInput(f"mode must be paced or flat-out, got {self.mode!r}")
        if len(set(self.choices)) < len(self.choices):
            raise BadInput(
                f"both are {self.choices[0].recipe}", hint="earshot calibrate DEVICE compares a thing with itself"
            )
        if self.runs < 2:
            raise BadInput(
                f"runs must be >= 2, got {self.runs}",
                hint="one run of each has no spread, so nothing follows from it; --runs 6 is a start",
            )

    def question(self, device: str) -> dict[str, object]:
        return {
            "workflow": self.workflow,
            "model": self.model,
            "device": device,
            "lab": str(self.lab) if self.lab else None,
            "choices": [f"{c.recipe}@threads={c.threads},ep={c.provider or 'CPU'}" for c in self.choices],
            "mode": self.mode,
            "runs": self.runs,
            "seconds": self.seconds,
            "seed": self.seed,
            "quiet_device": self.quiet_device,
            "environment": self.environment,
            "duet": self.duet,
            "deadline_ms": self.deadline_ms,
        }

    def ledger_path(self) -> Path:
        """In a results folder that is made where it is not there. Raises BadInput where it cannot be."""
        require_results(self.results)
        self.results.mkdir(parents=True, exist_ok=True)
        return self.results / "ledger.db"
