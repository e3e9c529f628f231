"""Figures that take sessions of their own kind, outside of a study: how to get them, and that they are missing."""

import shlex
from collections.abc import Mapping

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Estimate

# Metric -> the mode of ``earshot run`` that measures it.
MODES = {"sustained_ratio": "sustained", "streams_held": "multi"}

# Key of a candidate -> metric of ``MODES`` -> what was measured of it on the study's device.
Elsewhere = Mapping[str, Mapping[str, Estimate]]


def elsewhere_of(candidate: Candidate, device: str, found: Elsewhere) -> dict[str, Estimate]:
    """Every metric of ``MODES``; of a missing one the reason is the command that measures it."""
    known = found.get(candidate.key, {})
    return {metric: known.get(metric) or _missing(candidate, device, metric) for metric in MODES}


def command(candidate: Candidate, device: str, mode: str) -> str:
    """What a person types to run this very candidate in ``mode``."""
    words = ["earshot", "run", candidate.model, "--recipe", str(candidate.recipe), "--mode", mode]
    if device != "local":
        words += ["--device", device, "--lab", "lab.toml"]
    if candidate.environment is not None:
        words += ["--environment", candidate.environment]
    words += ["--ep", candidate.provider.removesuffix("ExecutionProvider"), "--threads", str(candidate.threads)]
    for name, value in sorted(candidate.session_options.items()):
        words += ["--option", f"{candidate.runtime}:{name}={value}"]
    if candidate.affinity:
        words += ["--cpus", ",".join(str(cpu) for cpu in candidate.affinity)]
    return shlex.join(words)


def _missing(candidate: Candidate, device: str, metric: str) -> Estimate:
    return Estimate(None, basis="sessions", reason=f"not measured: {command(candidate, device, MODES[metric])}")
