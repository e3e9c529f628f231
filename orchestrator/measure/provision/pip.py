"""pip, run as a program: its answers, and its refusals in our words, without the address of any index."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import DeviceNotReady, EarshotError
from orchestrator.measure.provision.tags import WheelTags

TIMEOUT_S = 900.0
# Without a retry pip says nothing of an index that it cannot reach.
_OPTIONS = ("--disable-pip-version-check", "--no-input", "--no-color", "--retries", "2")
_ADDRESS = re.compile(r"\w+://\S+")
_UNREACHABLE = ("Retrying (", "Connection", "Temporary failure in name resolution", "timed out")
_SHOWN_VERSIONS = 8


@dataclass(frozen=True)
class Found:
    """A wheel that pip would install. ``requirement`` names exactly this one; ``sha256`` None where pip tells none."""

    name: str
    version: str
    requirement: str
    sha256: str | None
    requires: tuple[str, ...]
    requires_python: str = ""


def report(requirements: Sequence[str], tags: WheelTags, device: str) -> list[Found]:
    """The newest wheels for these requirement lines alone, without what they need in turn.

    Raises DeviceNotReady where no version has a wheel that fits, or the lines contradict each other.
    """
    with tempfile.TemporaryDirectory(prefix="earshot-pip-") as folder:
        path = Path(folder) / "report.json"
        options = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--target", folder, "--report", str(path)]
        done = _pip([*options, *tags.pip_options(), *requirements])
        if done.returncode != 0:
            raise _refusal(done.stderr, requirements, tags, device)
        return [_found(item) for item in json.loads(path.read_text(encoding="utf-8"))["install"]]


def download(requirements: Sequence[str], tags: WheelTags, folder: Path, device: str) -> list[Path]:
    """The wheels in ``folder``, which is empty before: one for each requirement. Raises DeviceNotReady."""
    done = _pip(["download", "--no-deps", "--dest", str(folder), *tags.pip_options(), *requirements])
    if done.returncode != 0:
        raise _refusal(done.stderr, requirements, tags, device)
    return list(folder.iterdir())


def _found(item: dict[str, Any]) -> Found:
    about, source = item["metadata"], item["download_info"]
    name, version = str(about["name"]), str(about["version"])
    exact = f"{name} @ {source['url']}" if item.get("is_direct") else f"{name}=={version}"
    sha256 = source.get("archive_info", {}).get("hashes", {}).get("sha256")
    requires_python = about.get("requires_python") or ""
    return Found(name, version, exact, sha256, tuple(about.get("requires_dist", ())), requires_python)


def _pip(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "pip", arguments[0], *_OPTIONS, *arguments[1:]]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as exc:
        raise EarshotError(f"pip {arguments[0]} did not end within {TIMEOUT_S:g} s", hint="is the index slow?") from exc
    if "No module named pip" in done.stderr:
        raise EarshotError(
            f"{sys.executable} has no pip, which finds the wheels for a device", hint="python -m ensurepip --upgrade"
        )
    return done


def _refusal(stderr: str, requirements: Sequence[str], tags: WheelTags, device: str) -> EarshotError:
    """What pip says, as what it means for the device."""
    missing = re.search(r"satisfies the requirement (.+?) \(from versions: (.*)\)", stderr)
    if missing and missing[2] == "none" and any(text in stderr for text in _UNREACHABLE):
        return EarshotError(
            f"cannot reach the package index for {missing[1]}",
            hint="the controller needs it once; wheels that were fetched before are used without it",
        )
    if missing:
        return _no_wheel(missing[1], missing[2], tags, device)
    if "conflicting dependencies" in stderr or "ResolutionImpossible" in stderr:
        asked = [line.split("requested", 1)[1].strip() for line in stderr.splitlines() if "requested" in line]
        what = ", ".join(dict.fromkeys(asked)) or ", ".join(requirements)
        return DeviceNotReady(
            f"no set of versions for {device} ({tags}) meets all of: {_ADDRESS.sub('(an address)', what)}",
            hint="name an older version in the packages of this environment in lab.toml",
        )
    said = [line for line in stderr.strip().splitlines() if line.startswith("ERROR")] or ["ERROR: it gave no reason"]
    return EarshotError(f"pip cannot find wheels for {device}: {_ADDRESS.sub('(an address)', said[-1][7:])}")


def _no_wheel(requirement: str, fitting: str, tags: WheelTags, device: str) -> DeviceNotReady:
    """``fitting``: versions that have a wheel for the tags, of which none meets the requirement."""
    if fitting != "none":
        there = ", ".join(fitting.split(", ")[-_SHOWN_VERSIONS:])
        return DeviceNotReady(
            f"{requirement} has no wheel for {device}, which takes {tags}; versions with one are {there}",
            hint="ask for one of these in the packages of this environment in lab.toml",
        )
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    elsewhere = _versions_anywhere(name)
    if not elsewhere:
        return DeviceNotReady(f"no package {name} is in the index", hint="is its name right?")
    return DeviceNotReady(
        f"{requirement} has no wheel for {device}, which takes {tags}; for other Pythons or machines there are "
        f"{', '.join(elsewhere[:_SHOWN_VERSIONS])}",
        hint="take another Python there (python = ... in lab.toml), or give the path of a wheel that you built",
    )


def _versions_anywhere(name: str) -> list[str]:
    """The newest first, of those that pip can see from this machine; empty where it knows none."""
    done = _pip(["index", "versions", name])
    listed = re.search(r"Available versions: (.*)", done.stdout)
    return listed[1].split(", ") if listed else []
