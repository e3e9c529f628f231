"""A candidate: artifact + runtime + execution provider + threads + session options + chunk size."""

import hashlib
import json
from dataclasses import dataclass, field

from orchestrator.domain.recipe import Recipe


@dataclass(frozen=True)
class Candidate:
    """What a session runs. ``key`` is the same for the same choice in every study; ``label`` is for people."""

    model: str
    artifact_sha256: str
    recipe: Recipe
    runtime: str
    provider: str
    threads: int
    chunk_samples: int
    session_options: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """16 hex digits over everything that makes this candidate another one."""
        parts = [
            self.model,
            self.artifact_sha256,
            self.runtime,
            self.provider,
            self.threads,
            self.chunk_samples,
            sorted(self.session_options.items()),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """For example ``onnx:int8-qdq(activation=u8) CPU 1t``."""
        provider = self.provider.removesuffix("ExecutionProvider")
        options = "".join(f" {k}={v}" for k, v in sorted(self.session_options.items()))
        return f"{self.recipe} {provider} {self.threads}t{options}"

    @property
    def is_default(self) -> bool:
        """The plain fp32 CPU default that every gain is stated against."""
        return (
            str(self.recipe) == "onnx:fp32"
            and self.provider == "CPUExecutionProvider"
            and self.threads == 1
            and not self.session_options
        )
