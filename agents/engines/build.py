"""Build an engine with the device's own trtexec, once for each graph, command, version of TensorRT and GPU."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import List, Optional, Tuple

from agents import durable
from agents.engines import kit
from agents.store import sha256_of
from agents.strict_json import from_json, to_json

# Where NVIDIA's packages put it (JetPack, the .deb files), beside PATH.
PLACES = ("/usr/src/tensorrt/bin/trtexec", "/usr/local/tensorrt/bin/trtexec", "/opt/tensorrt/bin/trtexec")
_BUILT = "built.json"
# The first and the last line of trtexec, since TensorRT 8 (samples/common/logger.h of NVIDIA/TensorRT).
_BANNER = re.compile(r"^&&&& (?:RUNNING|PASSED|FAILED) TensorRT\.trtexec \[TensorRT v(\d+)\]", re.M)
_PASSED = re.compile(r"^&&&& PASSED TensorRT\.trtexec", re.M)
_ERROR = re.compile(r"^\[[^\]]*\] \[E\] (.*)$", re.M)
_ASK_TIMEOUT_S = 60.0
_SKIP_INFERENCE = 8600
_SAID_LINES = 3


@dataclass(frozen=True)
class Engine:
    """``tensorrt`` as trtexec prints it (8503 is 8.5.3); ``cached``: it was there already, built in ``build_s``."""

    key: str
    path: str
    sha256: str
    size_bytes: int
    tensorrt: str
    gpu: str
    build_s: float
    cached: bool = False


class BuildFailed(ValueError):
    """No engine; the message holds trtexec's own words and the next step."""


def build(kit_path: str, root: str, timeout_s: float, trtexec: Optional[str] = None) -> Engine:
    """The engine of a kit, from ``<root>/engines/<key>/`` where it was built before. Raises BuildFailed."""
    program = find_trtexec(trtexec)
    tensorrt, gpu = version_of(program), gpu_name()
    engines = os.path.join(root, "engines")
    os.makedirs(engines, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=engines) as scratch:
        arguments = kit.unpack(kit_path, scratch)
        key = key_of(scratch, arguments, tensorrt, gpu)
        folder = os.path.join(engines, key)
        found = _kept(folder)
        if found is not None:
            return found
        seconds = _run(program, _for_version(arguments, tensorrt), scratch, timeout_s)
        made = os.path.join(scratch, kit.ENGINE)
        if not os.path.isfile(made):
            raise BuildFailed(f"{program} says that it passed and wrote no {kit.ENGINE}")
        sha256, size = sha256_of(made), os.path.getsize(made)
        engine = Engine(key, os.path.join(folder, kit.ENGINE), sha256, size, tensorrt, gpu, seconds)
        _keep(engine, made, folder)
    return engine


def find_trtexec(named: Optional[str] = None) -> str:
    """Raises BuildFailed with what to install."""
    for place in (named,) if named else (shutil.which("trtexec"), *PLACES):
        if place and os.access(place, os.X_OK) and os.path.isfile(place):
            return place
    raise BuildFailed(
        f"there is no trtexec {'at ' + named if named else 'on PATH or in ' + os.path.dirname(PLACES[0])}: it comes "
        "with TensorRT (JetPack has it: apt-get install tensorrt; elsewhere NVIDIA's TensorRT packages)"
    )


def version_of(program: str) -> str:
    """Raises BuildFailed where it is no trtexec."""
    said = _output([program, "--help"], _ASK_TIMEOUT_S)[1]
    found = _BANNER.search(said)
    if found is None:
        raise BuildFailed(f"{program} is no trtexec: it says {said.strip()[:200]!r}")
    return found[1]


def gpu_name() -> str:
    """As the driver calls it; on a Jetson, whose GPU has no name of its own, the board's."""
    nvidia_smi = shutil.which("nvidia-smi")
    if nvidia_smi:
        code, said = _output([nvidia_smi, "--query-gpu=name", "--format=csv,noheader"], _ASK_TIMEOUT_S)
        first = said.strip().splitlines()[:1]
        if code == 0 and first:
            return first[0].strip()
    try:
        with open("/proc/device-tree/model", "rb") as file:
            return file.read().rstrip(b"\0\n").decode(errors="replace")
    except OSError:
        return "unknown GPU"


def key_of(folder: str, arguments: Tuple[str, ...], tensorrt: str, gpu: str) -> str:
    """Over everything that makes another engine."""
    files = [os.path.join(folder, name) for name in (kit.GRAPH, kit.RANGES)]
    parts = [sha256_of(path) if os.path.isfile(path) else None for path in files]
    return hashlib.sha256(json.dumps([*parts, arguments, tensorrt, gpu]).encode()).hexdigest()


def _for_version(arguments: Tuple[str, ...], tensorrt: str) -> Tuple[str, ...]:
    """--skipInference is 8.6's word for what was --buildOnly before (trtexec's own help)."""
    old = int(tensorrt) < _SKIP_INFERENCE
    return tuple("--buildOnly" if old and word == "--skipInference" else word for word in arguments)


def _run(program: str, arguments: Tuple[str, ...], folder: str, timeout_s: float) -> float:
    """How long it took, in seconds."""
    from time import monotonic

    started = monotonic()
    code, said = _output([program, *arguments], timeout_s, folder)
    if code or not _PASSED.search(said):
        errors: List[str] = _ERROR.findall(said)[:_SAID_LINES] or said.strip().splitlines()[-_SAID_LINES:]
        raise BuildFailed(f"trtexec ended with exit code {code}: {'; '.join(e.strip() for e in errors)[:600]}")
    return monotonic() - started


def _output(argv: List[str], timeout_s: float, folder: Optional[str] = None) -> Tuple[int, str]:
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{argv[0]} did not end within {timeout_s:g} s: allow it more time") from error
    except OSError as error:
        raise BuildFailed(f"{argv[0]} cannot be run: {error}") from error
    return done.returncode, done.stdout.decode(errors="replace")


def _keep(engine: Engine, made: str, folder: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=os.path.dirname(folder)) as scratch:
        staging = os.path.join(scratch, engine.key)
        os.mkdir(staging)
        os.replace(made, os.path.join(staging, kit.ENGINE))
        durable.write_json(os.path.join(staging, _BUILT), to_json(engine))
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(staging, folder)
    durable.sync_directory(os.path.dirname(folder))


def _kept(folder: str) -> Optional[Engine]:
    """The engine in ``folder``, where its bytes are still its own."""
    try:
        with open(os.path.join(folder, _BUILT), encoding="utf-8") as file:
            engine = from_json(Engine, {**json.load(file), "cached": True})
        return engine if sha256_of(engine.path) == engine.sha256 else None
    except (OSError, ValueError):
        return None
