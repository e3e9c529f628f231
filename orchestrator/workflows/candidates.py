"""Which candidates a device can try: artifacts x usable execution providers x threads."""

from collections.abc import Iterable, Sequence

from agents.device_facts import DeviceProbe, RuntimeProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.errors import BadInput, DeviceNotReady

# The runtime that loads a file, by its ending.
_RUNTIMES = {".onnx": "onnxruntime", ".ort": "onnxruntime"}


def candidates_for(
    artifacts: Iterable[Artifact],
    probe: DeviceProbe,
    *,
    threads: Sequence[int] = (),
    chunk_samples: int | None = None,
) -> list[Candidate]:
    """Every artifact with every usable provider on 1 thread, and the fp32 ones on two where the device has two cores:
    a second thread rarely pays for a model of a few hundred us, and one pair shows whether it does here.

    ``threads`` overrides that for all; the fp32 default stays. Raises DeviceNotReady where no runtime can load any
    artifact, BadInput for a chunk size that the contract does not allow.
    """
    found = []
    for artifact in artifacts:
        contract = artifact.contract
        size = contract.chunk_samples if chunk_samples is None else chunk_samples
        if size not in contract.allowed_chunk_samples:
            raise BadInput(
                f"chunk of {size} samples is not allowed for {artifact.model}",
                hint=f"choose one of {', '.join(map(str, contract.allowed_chunk_samples))}",
            )
        runtime = _runtime(probe, _RUNTIMES[artifact.suffix])
        providers = [p.name for p in runtime.providers if p.usable]
        found += [
            Candidate(artifact.model, artifact.sha256, artifact.recipe, runtime.name, provider, count, size)
            for provider in providers
            for count in _thread_counts(artifact, probe, threads)
        ]
    if not found:
        raise DeviceNotReady("no execution provider on the device can run any artifact", hint="earshot devices probe")
    return found


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
