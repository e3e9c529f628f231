"""What the agent is asked for in an idle session."""

from dataclasses import replace

from agents import wire
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec


def idle_spec(spec: wire.RunSpec) -> wire.RunSpec:
    """The session of an idle candidate: its chunks come and go, without features, graph or decoder."""
    contract = nothing_to_compute(spec.contract.model, spec.contract.sample_rate_hz, spec.chunk_samples)
    return replace(spec, contract=contract)


def nothing_to_compute(model: str, sample_rate_hz: int, chunk_samples: int) -> StreamContract:
    return StreamContract(
        model=model,
        sample_rate_hz=sample_rate_hz,
        chunk_samples=chunk_samples,
        allowed_chunk_samples=(chunk_samples,),
        frontend=Frontend("pcm"),
        input=TensorSpec("pcm", (1, chunk_samples)),
        states=(StatePair("state_in", "state_out", (1, 1)),),
        outputs=(TensorSpec("nothing", (1, 1)),),
    )
