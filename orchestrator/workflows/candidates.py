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
_RUNTIMES = {
    ".onnx": "onnxruntime",
    ".ort": "onnxruntime",
    ".tflite": "litert",
    ".pte": "executorch",
    ".openvino.zip": "openvino",
    ".pt": "torchscript",
    ".ptl": "torchscript",
}
# The package that brings a runtime to a device, where it is called otherwise.
_PACKAGES = {"executorch": "executorch", "litert": "ai-edge-litert", "torchscript": "torch"}
# What a .pte program was made for, by its recipe's backend -> the provider that runs it, and no other can.
_MADE_FOR = {"xnnpack": "XNNPACK", "portable": "Portable", "qnn": "QNN", "vulkan": "Vulkan", "coreml": "CoreML"}
# Kernels that a runtime keeps for what its other providers leave: tried where nothing else is there, or when asked for.
_SPARE = {"litert": "CPU"}


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


def require_a_chunk(contract: StreamContract, chunk_samples: int, samples: int, what: str) -> None:
    """Raises BadInput where the audio (``what``, of so many samples) ends before its first chunk does. No audio at all
    is another fault, told where it is read.
    """
    if 0 < samples < chunk_samples:
        chunk_ms, audio_ms = (1e3 * count / contract.sample_rate_hz for count in (chunk_samples, samples))
        raise BadInput(
            f"a chunk of {chunk_ms:g} ms is longer than {what}, which lasts {audio_ms:g} ms",
            hint="stream longer audio; it is looped where it is shorter than the session",
        )


def candidates_for(
    artifacts: Iterable[Artifact],
    probe: DeviceProbe,
    *,
    threads: Sequence[int] = (),
    chunk_samples: int | None = None,
    clusters: Sequence[Cluster] = (),
    spare: bool = False,
) -> list[Candidate]:
    """Every artifact with every usable provider on 1 thread, and the fp32 ones on two where the device has two cores:
    a second thread rarely pays for a model of a few hundred us, and one pair shows whether it does here.

    ``threads`` overrides that for all; the fp32 default stays. ``chunk_samples`` None: the contract's own. Each of them
    once more on each of ``clusters`` that has a core for each thread. ``spare``: also by kernels that are there for
    what other providers leave, and by delegates that are not among the device's libraries. An artifact that the device
    cannot run has none (``unfit`` says why); raises DeviceNotReady where that is so for all.
    """
    found, reasons = [], []
    for artifact in artifacts:
        size = artifact.contract.chunk_samples if chunk_samples is None else chunk_samples
        reason = unfit(artifact, probe, size)
        if reason is not None:
            reasons.append(reason)
            continue
        runtime = _runtime(probe, artifact)
        found += [
            Candidate(artifact.model, artifact.sha256, artifact.recipe, runtime.name, provider, count, size)
            for provider in _providers(runtime, artifact, spare)
            for count in _thread_counts(artifact, probe, threads)
        ]
    if not found:
        packages = sorted({_package(a) for a in artifacts if a.unproven is None})
        raise DeviceNotReady(
            "; ".join(dict.fromkeys(reasons)) or "there is no artifact to run",
            hint=f"install it there for the Python that the agent uses: python3 -m pip install {' '.join(packages)}"
            if packages
            else "name a recipe of a format that runs here, such as onnx:fp32",
        )
    return [candidate for free in found for candidate in (free, *held_to(free, clusters))]


def held_to(candidate: Candidate, clusters: Sequence[Cluster]) -> list[Candidate]:
    return [
        replace(candidate, affinity=cluster.cpus, cluster=cluster.name)
        for cluster in clusters
        if candidate.threads <= len(cluster.cpus)
    ]


def unfit(artifact: Artifact, probe: DeviceProbe, chunk_samples: int) -> str | None:
    """Why the device cannot run it in such chunks, whatever the provider; None where it can."""
    if artifact.unproven is not None:
        return f"{artifact.recipe} was never run: {artifact.unproven}"
    runtime = _runtime(probe, artifact)
    if not runtime.usable:
        return f"{runtime.name} cannot be used on the device ({runtime.reason})"
    if artifact.suffix == ".pte":
        provider = next((p for p in runtime.providers if p.name == _made_for(artifact)), None)
        if provider is None or not provider.usable:
            why = provider.reason if provider else "it is unknown there"
            return f"{artifact.recipe} was made for {_made_for(artifact)}, which the device does not have ({why})"
    if chunk_samples not in artifact.contract.allowed_chunk_samples:
        own = artifact.contract.chunk_s() * 1e3
        return f"a {artifact.suffix} file of this model takes chunks of {own:g} ms only"
    return None


def _runtime(probe: DeviceProbe, artifact: Artifact) -> RuntimeProbe:
    name = _RUNTIMES[artifact.suffix]
    absent = RuntimeProbe(name, False, reason="it was not found")
    return next((runtime for runtime in probe.runtimes if runtime.name == name), absent)


def _made_for(artifact: Artifact) -> str:
    return _MADE_FOR[artifact.recipe.get("backend", "xnnpack")]


def _package(artifact: Artifact) -> str:
    name = _RUNTIMES[artifact.suffix]
    return _PACKAGES.get(name, name)


def _providers(runtime: RuntimeProbe, artifact: Artifact, spare: bool) -> list[str]:
    if artifact.suffix == ".pte":
        return [_made_for(artifact)]
    usable = [p.name for p in runtime.providers if p.usable]
    others = [name for name in usable if name != _SPARE.get(runtime.name)]
    if not spare:
        return others or usable
    # A delegate that the probe did not find may be named by its library, with the session option ``delegate``.
    return [p.name for p in runtime.providers if p.usable or runtime.name == "litert"]


def _thread_counts(artifact: Artifact, probe: DeviceProbe, wanted: Sequence[int]) -> list[int]:
    if artifact.recipe.precision != "fp32" or artifact.recipe.options:
        return sorted(set(wanted)) or [1]
    # One thread is the default that every gain is stated against, whatever else was asked for.
    return sorted({1, *wanted} if wanted else {1, min(2, len(probe.cores) or 1)})
