"""Each runtime is tried in a process of its own: an import that crashes costs one answer, not the probe."""

import json
import os
import signal
import subprocess
import sys
from typing import Any, Dict, List, Optional, Tuple

import agents
from agents import backends, strict_json
from agents.device_facts import ProviderProbe, RuntimeProbe
from agents.failure import Failure

# A cold import from an SD card takes many seconds.
TIMEOUT_S = 120.0


def probe_all() -> Tuple[RuntimeProbe, ...]:
    return tuple(probe_runtime(name) for name in backends.names())


def probe_runtime(name: str) -> RuntimeProbe:
    """The runtime with all its providers; one that crashes its process is not usable, with the signal as the reason.

    No process is started for one that is not installed.
    """
    missing = backends.why_missing(name)
    if missing is not None:
        return RuntimeProbe(name, False, reason=missing)
    answer, reason = _ask(name, None)
    if answer is None:
        return RuntimeProbe(name, False, reason=reason)
    runtime = strict_json.from_json(RuntimeProbe, answer)
    providers = [_probe_provider(name, provider) for provider in runtime.providers]
    usable = runtime.usable and any(p.usable for p in providers)
    reason = runtime.reason or (None if usable else "none of its providers can be used")
    return RuntimeProbe(name, usable, runtime.version, runtime.build, tuple(providers), reason)


def _probe_provider(name: str, provider: ProviderProbe) -> ProviderProbe:
    if not provider.usable:
        return provider
    answer, reason = _ask(name, provider.name)
    if answer is None:
        return ProviderProbe(provider.name, False, reason)
    return strict_json.from_json(ProviderProbe, answer)


def print_runtime(arguments: List[str]) -> int:
    """The verb ``probe-runtime NAME [PROVIDER]`` inside the process of its own. A failed import is an answer."""
    name = arguments[0]
    wire, sys.stdout = sys.stdout, sys.stderr  # What a runtime prints must not mix with the answer.
    try:
        answer: Any = backends.load_probe(name)(*arguments[1:])
    except Failure as failure:
        answer = RuntimeProbe(name, False, reason=failure.reason)
    wire.write(json.dumps(strict_json.to_json(answer)) + "\n")
    wire.flush()
    return 0


def numpy_version() -> Optional[str]:
    """The installed numpy's version without importing it; None where there is none."""
    from importlib import metadata

    try:
        return metadata.version("numpy")
    except metadata.PackageNotFoundError:
        return None


def own_command() -> Tuple[List[str], Dict[str, str]]:
    """(argv, environment) that start this same agent again, from its archive or from a checkout."""
    base = os.path.dirname(os.path.dirname(os.path.abspath(agents.__file__)))
    environment = dict(os.environ)
    if os.path.isfile(base):
        return [sys.executable, base], environment
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [base, environment.get("PYTHONPATH")]))
    return [sys.executable, "-m", "agents"], environment


def _ask(name: str, provider: Optional[str]) -> Tuple[Optional[Dict[str, Any]], Optional[str]]:
    """(answer, None), or (None, why there is none)."""
    command, environment = own_command()
    argv = [*command, "probe-runtime", name] + ([] if provider is None else [provider])
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=TIMEOUT_S, env=environment, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"did not answer within {TIMEOUT_S:g} s"
    if done.returncode == 0:
        answer: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer, None
    return None, how_it_ended(done.returncode, done.stderr.decode(errors="replace"))


def how_it_ended(code: int, stderr: str) -> str:
    """The signal's name, or the exit code, with the last line of stderr."""
    how = f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return f"{how}: {lines[-1]}" if lines else how
