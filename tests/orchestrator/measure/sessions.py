"""What a session needs: audio, a graph and a spec, with the hashes by which a device knows them."""

import hashlib
import shutil
import sys
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agents import wire
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.device_facts import DeviceProbe
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.transports.base import Transport

RATE_HZ, CHUNK = 16000, 160
CHUNK_S = CHUNK / RATE_HZ
CONTRACT = StreamContract(
    model="copy",
    sample_rate_hz=RATE_HZ,
    chunk_samples=CHUNK,
    allowed_chunk_samples=(CHUNK,),
    frontend=Frontend("pcm"),
    input=TensorSpec("x", (1, CHUNK)),
    states=(StatePair("state_in", "state_out", (1, 8)),),
    outputs=(TensorSpec("y", (1, 8)),),
)

Files = list[tuple[Path, wire.Blob]]


def file_of(path: Path, data: bytes) -> tuple[Path, wire.Blob]:
    """``data`` written to ``path``, and the blob that it is."""
    path.write_bytes(data)
    return path, wire.Blob(hashlib.sha256(data).hexdigest(), len(data), path.suffix)


def session_files(folder: Path) -> Files:
    """A model (any bytes: the echo stand-in does not read it) and a second of noise."""
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / "audio.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.random.default_rng(0).integers(-8000, 8000, RATE_HZ).astype("<i2").tobytes())
    audio = (folder / "audio.wav").read_bytes()
    return [file_of(folder / "model.onnx", b"no graph"), file_of(folder / "audio.wav", audio)]


def echo_spec(files: Files, session_id: str = "s-1", **changes: Any) -> wire.RunSpec:
    """Two seconds of paced stream through the agent's echo stand-in."""
    plain = wire.RunSpec(
        session_id=session_id,
        mode="paced",
        runtime="echo",
        provider="echo",
        model=files[0][1],
        contract=CONTRACT,
        audio=files[1][1],
        chunk_samples=CHUNK,
        chunk_count=200,
        timeout_s=60.0,
    )
    return replace(plain, **changes)


def ready(transport: Transport, archive: AgentArchive, root: Path, files: Files, probe: DeviceProbe) -> DeployedAgent:
    """The agent at ``root`` of a device on this machine, files pushed; without another probe, which takes a second."""
    (root / "incoming").mkdir(parents=True)
    there = shutil.copy(archive.path, root)
    agent = DeployedAgent(transport, sys.executable, str(root), str(there), archive.sha256, probe)
    push_blobs(agent, files)
    return agent
