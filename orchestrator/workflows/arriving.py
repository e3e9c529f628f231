"""How chunks come in a paced session, and what the ring does with those that wait."""

from dataclasses import dataclass, replace
from pathlib import Path

from agents import wire
from orchestrator.errors import BadInput


@dataclass(frozen=True)
class Arriving:
    """See ``agents.wire.RunSpec``. Raises BadInput for a policy that there is not and for a ring without room."""

    policy: str = "catch-up"
    ring_chunks: int = 50
    offsets_ns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.policy not in wire.POLICIES:
            raise BadInput(f"policy must be one of {', '.join(wire.POLICIES)}, got {self.policy!r}")
        if self.ring_chunks < 1:
            raise BadInput(f"the ring must hold 1 chunk or more, got {self.ring_chunks}")

    def applied(self, spec: wire.RunSpec) -> wire.RunSpec:
        """Raises BadInput for a trace that cannot be of this stream."""
        try:
            return replace(spec, policy=self.policy, ring_chunks=self.ring_chunks, arrival_offsets_ns=self.offsets_ns)
        except ValueError as exc:
            raise BadInput(str(exc), hint="a trace has one offset a chunk, in ms, from when the chunk is full") from exc


def read_trace(path: Path) -> tuple[int, ...]:
    """One number a line: by how many ms a chunk came later than it was full. Raises BadInput."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        return tuple(round(float(line) * 1e6) for line in lines if line and not line.startswith("#"))
    except OSError as exc:
        raise BadInput(f"cannot read the trace {path}: {exc.strerror}") from exc
    except (ValueError, OverflowError) as exc:
        hint = "one number a line, in ms; # begins a comment"
        raise BadInput(f"{path} is no trace of arrivals: {exc}", hint=hint) from exc
