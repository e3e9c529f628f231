"""Which candidates a device can try: artifacts x usable execution providers x threads x clusters."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.contract import StreamContract
from agents.device_facts import DeviceProbe, RuntimeProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cluster import Cluster
from orchestrator.errors import BadInput, DeviceNotReady

# The runtime that loads a file, by its ending.
_RUNTIMES = {".onnx": "onnxruntime", ".ort": "onnxruntime"}


def allowed_chunk(contract: StreamContract, chunk_ms: float | None) -> int | None:
    """Samples of a chunk of ``chunk_ms``; None stays None. Raises BadInput for one that the contract does not allow."""
    if chunk_ms is None:
        return None
    samples = round(chunk_ms * contract.sample_rate_hz / 1e3)
    if samples not in contract.allowed_chunk_samples:
        allowed = ", ".join(f"{contract.chunk_s(count) * 1e3:g}" for count in contract.allowed_chunk_samples)
        raise BadInput(
            f"{contract.model} cannot be fed in chunks of {chunk_ms:g} ms", hint=f"--chunk-ms can be {allowed} for it"
        )
    return samples


def candidates_for(
    artifacts: Iterable[Artifact],
    probe: DeviceProbe,
    *,
    threads: Sequence[int] = (),
    chunk_samples: int | None = None,
    clusters: Sequence[Cluster] = (),
) -> list[Candidate]:
    """Every artifact with every usable provider on 1 thread, and the fp32 ones on two where the device has two cores:
    a second thread rarely pays for a model of a few hundred us, and one pair shows whether it does here.

    ``threads`` overrides that for all; the fp32 default stays. ``chunk_samples`` None: the contract's own. Each of them
    once more on each of ``clusters`` that has a core for each thread. Raises DeviceNotReady where no runtime can load
    any artifact.
    """
    found = []
    for artifact in artifacts:
        size = artifact.contract.chunk_samples if chunk_samples is None else chunk_samples
        runtime = _runtime(probe, _RUNTIMES[artifact.suffix])
        providers = [p.name for p in runtime.providers if p.usable]
        found += [
            Candidate(artifact.model, artifact.sha256, artifact.recipe, runtime.name, provider, count, size)
            for provider in providers
            for count in _thread_counts(artifact, probe, threads)
        ]
    if not found:
        raise DeviceNotReady("no execution provider on the device can run any artifact", hint="earshot devices probe")
    return [candidate for free in found for candidate in (free, *held_to(free, clusters))]


def held_to(candidate: Candidate, clusters: Sequence[Cluster]) -> list[Candidate]:
    return [
        replace(candidate, affinity=cluster.cpus, cluster=cluster.name)
        for cluster in clusters
        if candidate.threads <= len(cluster.cpus)
    ]


def _runtime(probe: DeviceProbe, name: str) -> RuntimeProbe:
    for runtime in probe.runtimes:
        if runtime.name == name and runtime.usable:
            return runtime
    reasons = "; ".join(f"{r.name}: {r.reason}" for r in probe.runtimes if not r.usable)
    raise DeviceNotReady(
        f"{name} cannot be used on the device ({reasons or 'it was not found'})",
        hint=f"install it there for the Python that the agent uses: python3 -m pip install numpy {name}",
    )


def _thread_counts(artifact: Artifact, probe: DeviceProbe, wanted: Sequence[int]) -> list[int]:
    if str(artifact.recipe) != "onnx:fp32":
        return sorted(set(wanted)) or [1]
    # One thread is the default that every gain is stated against, whatever else was asked for.
    return sorted({1, *wanted} if wanted else {1, min(2, len(probe.cores) or 1)})
