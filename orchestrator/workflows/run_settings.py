"""What ``earshot run`` was asked for."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import MULTI
from orchestrator.errors import BadInput
from orchestrator.workflows.arriving import Arriving
from orchestrator.workflows.held import Wish
from orchestrator.workflows.option_axis import SessionOption
from orchestrator.workflows.settings import deadline_ns, require_duration
from orchestrator.workflows.streams_wanted import StreamsWanted


@dataclass(frozen=True)
class RunSettings:
    """``provider`` None: the runtime's own choice. ``audio`` None: the model's evaluation set. ``seconds`` of audio,
    looped. ``device``: a name, or any:TAG. ``wait_s``: how long to wait for a device that somebody else has.
    ``quiet_device``: make the changes that the doctor proposes, and undo them afterwards. ``environment``: the device's
    Python environment; None: its default. ``arriving``: how the chunks of a paced session come. ``deadline_ms`` of a
    chunk; None: its duration. ``split`` of the evaluation set. ``once``: also a session that something disturbed is not
    run again. ``streams``: of mode multi, see ``orchestrator.workflows.streams``; ``seconds`` are then those of each of
    its sessions. ``held``: the CPUs that it is held to; ``isolate``: steps of isolation, None: the lab file's.
    ``user_words``: a user's own, beside the model's lexicon.
    """

    model: str
    recipe: Recipe
    mode: str = "paced"
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    provider: str | None = None
    options: tuple[SessionOption, ...] = ()
    threads: int = 1
    seconds: float = 10.0
    audio: Path | None = None
    wait_s: float = 0.0
    quiet_device: bool = False
    environment: str | None = None
    arriving: Arriving = field(default_factory=Arriving)
    once: bool = False
    deadline_ms: float | None = None
    split: str = "test"
    streams: StreamsWanted | None = None
    held: Wish = field(default_factory=Wish)
    isolate: tuple[str, ...] | None = None
    user_words: Path | None = None

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if deadline_ns(self.deadline_ms) is not None and self.mode == "flat-out":
            raise BadInput("nothing arrives in mode flat-out, so that no chunk has a deadline")
        if self.audio is not None and self.split != "test":
            raise BadInput(f"--split {self.split} is of the evaluation set, --audio is your own: give one of them")
        if self.mode not in ("paced", "flat-out", "placement", MULTI):
            raise BadInput(f"mode must be paced, flat-out, placement or multi, got {self.mode!r}")
        if (self.mode == MULTI) != (self.streams is not None):
            raise BadInput(f"mode multi, and no other, searches for a number of streams, got mode {self.mode!r}")
        if self.mode in ("flat-out", "placement") and self.arriving != Arriving():
            raise BadInput(f"nothing arrives in mode {self.mode}: policy, ring and arrival trace belong to mode paced")

    def question(self) -> dict[str, object]:
        """All that makes this another question, as plain JSON: the same question collects what was interrupted."""
        return {
            "workflow": "run",
            "model": self.model,
            "device": self.device,
            "lab": str(self.lab) if self.lab else None,
            "mode": self.mode,
            "recipe": str(self.recipe),
            "provider": self.provider,
            **({"options": [str(o) for o in self.options]} if self.options else {}),
            "threads": self.threads,
            "seconds": self.seconds,
            "audio": str(self.audio) if self.audio else None,
            "quiet_device": self.quiet_device,
            "environment": self.environment,
            "arriving": asdict(self.arriving),
            "deadline_ms": self.deadline_ms,
            "split": self.split,
            "held": asdict(self.held),
            "isolate": self.isolate,
            **({"user_words": str(self.user_words)} if self.user_words else {}),
            "streams": asdict(self.streams) if self.streams else None,
        }
