"""Runners: packages that are on no index, because they are built here for a device's processor."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from agents.environments.nouns import PythonFacts, normalized

# Package -> "module:function" that gives its wheel for a machine, built where the cache lacks it.
RUNNERS = {"earshot-executorch-runner": "orchestrator.measure.provision.runners.executorch:runner_wheel"}


def with_wheels(packages: Sequence[str], python: PythonFacts, cache: Path) -> tuple[str, ...]:
    """``packages`` with the path of a wheel in place of each runner's name. Raises DeviceNotReady."""
    return tuple(str(_wheel(name, python, cache)) if normalized(name) in RUNNERS else name for name in packages)


def _wheel(name: str, python: PythonFacts, cache: Path) -> Path:
    module, _, function = RUNNERS[normalized(name)].partition(":")
    made: Path = getattr(importlib.import_module(module), function)(python.machine, cache)
    return made
