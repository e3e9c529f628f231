"""A candidate: artifact + runtime + execution provider + threads + CPUs + session options + chunk size."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.cpu_list import cpu_list
from orchestrator.domain.recipe import Recipe


@dataclass(frozen=True)
class Candidate:
    """What a session runs. ``key`` is the same for the same choice in every study; ``label`` is for people.

    ``environment``: the device's Python environment whose runtime it is; None: the one that the study is run from.
    ``affinity``: the CPUs that it is held to, in order; empty: where the scheduler puts it. ``cluster``: what they are
    called on the device where they were chosen, a name only.
    """

    model: str
    artifact_sha256: str
    recipe: Recipe
    runtime: str
    provider: str
    threads: int
    chunk_samples: int
    session_options: dict[str, str] = field(default_factory=dict)
    environment: str | None = None
    affinity: tuple[int, ...] = ()
    cluster: str = ""

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
            *([] if self.environment is None else [["environment", self.environment]]),
            # One that is not held to CPUs keeps the key that it had before there was a choice.
            *([cpu_list(self.affinity)] if self.affinity else []),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """For example ``onnx:int8-qdq(activation=u8) CPU 1t``, and ``on big (4-7)`` where it is held there."""
        provider = self.provider.removesuffix("ExecutionProvider")
        options = "".join(f" {k}={v}" for k, v in sorted(self.session_options.items()))
        within = "" if self.environment is None else f" in {self.environment}"
        held = f" on {self.cpus}" if self.affinity else ""
        return f"{self.recipe} {provider} {self.threads}t{options}{within}{held}"

    @property
    def cpus(self) -> str:
        """``big (4-7)``, ``CPUs 0-1``; empty where the scheduler is free."""
        if not self.affinity:
            return ""
        return f"{self.cluster} ({cpu_list(self.affinity)})" if self.cluster else f"CPUs {cpu_list(self.affinity)}"

    @property
    def is_plain(self) -> bool:
        """The fp32 graph as its runtime runs it on one thread when nobody asks for more."""
        return (
            self.recipe.precision == "fp32"
            and not self.recipe.options
            and self.provider == PLAIN_PROVIDERS.get(self.runtime)
            and self.threads == 1
            and not self.session_options
            and self.environment is None
            and not self.affinity
        )


# Runtime -> the provider that it takes by itself. In the order in which a study's default is looked for.
PLAIN_PROVIDERS = {
    "onnxruntime": "CPUExecutionProvider",
    "litert": "XNNPACK",
    "executorch": "XNNPACK",
    "torchscript": "CPU",
    "openvino": "CPU",
}
PLAIN_OF_FORMAT = {("onnx" if r == "onnxruntime" else r): p for r, p in PLAIN_PROVIDERS.items()}


def default_of(candidates: Iterable[Candidate]) -> Candidate | None:
    """The plain fp32 candidate that every gain is stated against, the first of them; None where there is none."""
    plain = [c for c in candidates if c.is_plain]
    return next((c for runtime in PLAIN_PROVIDERS for c in plain if c.runtime == runtime), None)
