"""What a comparison or a calibration is asked to measure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.cpu_list import cpu_list
from orchestrator.domain.candidate import PLAIN_OF_FORMAT, Candidate
from orchestrator.domain.cluster import Cluster, parse_cpus
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.workflows.held import Wish
from orchestrator.workflows.settings import deadline_ns, require_duration, require_results


@dataclass(frozen=True)
class Choice:
    """A candidate as it is typed: ``RECIPE`` or ``RECIPE@threads=2,ep=XNNPACK,cluster=big`` (or ``cpus=4-5``, with a +
    between those that do not follow each other). ``provider`` None: the runtime's own choice.
    """

    recipe: Recipe
    provider: str | None = None
    threads: int = 1
    held: Wish = field(default_factory=Wish)

    @classmethod
    def parse(cls, text: str) -> "Choice":
        """Raises BadRecipe for the recipe, BadInput for what follows it."""
        recipe, _, more = text.partition("@")
        options = dict(part.partition("=")[::2] for part in more.split(",") if part)
        unknown = options.keys() - {"ep", "threads", "cluster", "cpus"}
        threads = options.get("threads", "1")
        if unknown or not threads.isdecimal() or int(threads) < 1 or options.get("ep") == "":
            raise BadInput(
                f"cannot read {text!r}",
                hint="after the recipe: @threads=2, @ep=XNNPACK, @cluster=big or @cpus=4-5, several with commas",
            )
        cpus = parse_cpus(options["cpus"].replace("+", ",")) if "cpus" in options else ()
        return cls(Recipe.parse(recipe), options.get("ep"), int(threads), Wish(options.get("cluster"), cpus))

    def __str__(self) -> str:
        held = f",cluster={self.held.cluster}" if self.held.cluster else ""
        held += f",cpus={cpu_list(self.held.cpus).replace(',', '+')}" if self.held.cpus else ""
        return f"{self.recipe}@threads={self.threads},ep={self._provider}{held}"

    @property
    def _provider(self) -> str:
        return (self.provider or PLAIN_OF_FORMAT.get(self.recipe.format, "none")).removesuffix("ExecutionProvider")

    def among(self, candidates: Sequence[Candidate], device: str, cluster: Cluster | None) -> Candidate:
        """The one that is held to ``cluster``. Raises BadInput where the device cannot run it."""
        affinity = cluster.cpus if cluster else ()
        for candidate in candidates:
            provider = candidate.provider.removesuffix("ExecutionProvider")
            if (candidate.recipe, provider, candidate.threads, candidate.affinity) == (
                self.recipe,
                self._provider,
                self.threads,
                affinity,
            ):
                return candidate
        usable = ", ".join(sorted({c.provider.removesuffix("ExecutionProvider") for c in candidates}))
        raise BadInput(
            f"execution provider {self._provider} cannot be used on {device}", hint=f"usable there: {usable}"
        )


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
    isolate: tuple[str, ...] | None = None

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
            "choices": [str(choice) for choice in self.choices],
            "mode": self.mode,
            "runs": self.runs,
            "seconds": self.seconds,
            "seed": self.seed,
            "quiet_device": self.quiet_device,
            "environment": self.environment,
            "duet": self.duet,
            "deadline_ms": self.deadline_ms,
            "isolate": self.isolate,
        }

    def ledger_path(self) -> Path:
        """In a results folder that is made where it is not there. Raises BadInput where it cannot be."""
        require_results(self.results)
        self.results.mkdir(parents=True, exist_ok=True)
        return self.results / "ledger.db"
