"""Mode placement: a few chunks under the profiler, and the same chunks on the CPU to compare with. Never timed."""

from dataclasses import replace
from typing import Any, Dict, Optional

import numpy as np

from agents import parity, wire
from agents.contract import Decoder
from agents.failure import Failure
from agents.profile import provider_shares


def placed(spec: wire.RunSpec, backend: Any, stages: Any, looped: Any, model_path: str) -> Dict[str, Any]:
    """What goes into the result: where each node ran, and whether that computes what the reference computes."""
    outputs = _streamed(spec, backend, stages, looped)
    profile = backend.end_profile()
    return {
        "placement": provider_shares(profile),
        "operators": profile.operators,
        "fallback": profile.fallback,
        "parity": _parity(spec, looped, outputs, model_path),
    }


def _streamed(spec: wire.RunSpec, backend: Any, stages: Any, looped: Any) -> parity.Outputs:
    """Copies of the outputs of each chunk. Raises Failure "non-finite-output" for the last one's."""
    outputs = []
    stages.reset()
    for number in range(spec.chunk_count):
        stages.push(looped.chunk(number), stages.target)
        stages.step()
        outputs.append(tuple(np.array(values) for values in backend.outputs))
    stages.check(spec.chunk_count - 1)
    return outputs


def _parity(spec: wire.RunSpec, looped: Any, got: parity.Outputs, model_path: str) -> Optional[wire.DeviceParity]:
    reference = parity.reference_of(spec)
    if reference is None:
        return None
    # Outputs are compared, so nobody has to decode them.
    contract = replace(spec.contract, decoder=Decoder(), search=None)
    plain = replace(spec, provider=reference, session_options={}, contract=contract)
    return parity.compare(reference, lambda: _reference_outputs(plain, looped, model_path), got)


def _reference_outputs(spec: wire.RunSpec, looped: Any, model_path: str) -> parity.Outputs:
    from agents.backends import load_backend
    from agents.stages import make_stages

    backend = load_backend(spec.runtime)(spec, model_path)
    backend.first_run()
    backend.bind()
    try:
        return _streamed(spec, backend, make_stages(spec, backend, [0, 0]), looped)
    except backend.errors as error:
        raise Failure("inference", f"{spec.provider} failed: {error}") from error
