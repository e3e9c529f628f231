"""Sessions of the agent's stand-in for a runtime: loads of a known kind, for measuring a device itself."""

from pathlib import Path
from typing import Any

import numpy as np

from agents import wire
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.workflows.idle_spec import nothing_to_compute

RATE_HZ = 16_000
# The stand-in for a model is loaded in no time; a slow board's Python is not.
_OVERHEAD_S = 120.0


def pushed_silence(agent: DeployedAgent, scratch: Path, chunk_samples: int) -> wire.Blob:
    """Ten chunks of silence in the device's store."""
    from orchestrator.make.quality.audio import write_wav

    path = scratch / "silence.wav"
    blob = write_wav(path, np.zeros(chunk_samples * 10, dtype=np.int16), RATE_HZ)
    push_blobs(agent, [(path, blob)])
    return blob


def stand_in_spec(
    session_id: str, mode: str, audio: wire.Blob, chunk_samples: int, chunks: int, fence: int, **changes: Any
) -> wire.RunSpec:
    """``changes``: further fields of the RunSpec, such as ``session_options`` (agents/backends/echo.py)."""
    return wire.RunSpec(
        session_id=session_id,
        mode=mode,
        runtime="echo",
        provider="echo",
        # Any file will do.
        model=audio,
        contract=nothing_to_compute("load", RATE_HZ, chunk_samples),
        audio=audio,
        chunk_samples=chunk_samples,
        chunk_count=chunks,
        timeout_s=_OVERHEAD_S + 2 * chunks * chunk_samples / RATE_HZ,
        fence=fence,
        **changes,
    )
