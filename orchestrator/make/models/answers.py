"""What a person says about a foreign graph where its file does not."""

from dataclasses import dataclass, field

from orchestrator.errors import BadInput
from orchestrator.make.models.graph import Port


@dataclass(frozen=True)
class Answers:
    """One field per flag of ``earshot models import``; None or empty is "not said".

    ``states`` maps input to output, ``dims`` a symbolic dimension (or ``TENSOR.AXIS``) to its size, ``constants`` a
    scalar input to its value. Raises BadInput for numbers out of range.
    """

    chunk_samples: int | None = None
    context_samples: int | None = None
    sample_rate_hz: int | None = None
    frontend: str | None = None
    input: str | None = None
    states: dict[str, str] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    dims: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for flag, value, least in (
            ("--chunk-samples", self.chunk_samples, 1),
            ("--context-samples", self.context_samples, 0),
            ("--sample-rate", self.sample_rate_hz, 1),
        ):
            if value is not None and value < least:
                raise BadInput(f"{flag} must be >= {least}, got {value}")
        for name, size in self.dims.items():
            if size < 1:
                raise BadInput(f"--dim {name}={size}: a size must be > 0")
        if self.frontend not in (None, "pcm", "log-mel"):
            raise BadInput(f"--frontend must be pcm or log-mel, got {self.frontend!r}")


@dataclass(frozen=True)
class Finding:
    """One thing that was inferred: ``item`` is ``value`` because of ``why``."""

    item: str
    value: str
    why: str


@dataclass(frozen=True)
class Question:
    """One thing that could not be inferred, and the flag that answers it."""

    item: str
    flag: str
    why: str


@dataclass
class Notes:
    """What one inference found and asks, collected on the way."""

    findings: list[Finding] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def found(self, item: str, value: object, why: str) -> None:
        self.findings.append(Finding(item, str(value), why))

    def ask(self, item: str, flag: str, why: str) -> None:
        self.questions.append(Question(item, flag, why))


def known_size(port: Port, axis: int, answers: Answers) -> int | None:
    """Size of one axis: the graph's number, else what ``--dim`` says, else None."""
    if port.shape is None:
        return None
    dim = port.shape[axis]
    if isinstance(dim, int):
        return dim
    told = answers.dims.get(f"{port.name}.{axis}")
    return told if told is not None or dim is None else answers.dims.get(dim)


def known_sizes(port: Port, answers: Answers) -> tuple[int, ...]:
    """Size of every axis, 1 where nobody said."""
    return tuple(known_size(port, axis, answers) or 1 for axis in range(len(port.shape or ())))
