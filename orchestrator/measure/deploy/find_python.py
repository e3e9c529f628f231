"""Which Python of a device answers: each is asked in turn by a program that is sent to it as text."""

import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.measure.deploy.agent import json_object
from orchestrator.measure.transports.base import DEFAULT_TIMEOUT_S, Transport

PYTHONS = ("python3", *(f"python3.{minor}" for minor in range(14, 8, -1)))
# Tries each Python in turn until one is content; each says in one line of JSON what it is.
_ASK = (
    'code=$1 count=$2; shift 2; i=0; pythons=; while [ $i -lt "$count" ]; do pythons="$pythons$1\n"; shift; '
    "i=$((i+1)); done; IFS='\n'; set -f; for p in $pythons; do "
    'case $p in "~/"*) p=$HOME/${p#"~/"};; esac; command -v "$p" >/dev/null 2>&1 && '
    '"$p" -c "$code" "$@" </dev/null && exit 0; done; exit 10'
)


def pythons_of(transport: Transport, python: str | None, root: str) -> tuple[str, ...]:
    """The Pythons to try where the lab file names ``python``, or none: one that Earshot installed comes first."""
    if python:
        return (python,)
    installed = f"{below_home(root)}/pythons/current/bin/python3"
    # On this machine the runtimes are most likely where Earshot itself is.
    return (installed, *((sys.executable,) if transport.kind == "local" else ()), *PYTHONS)


def below_home(root: str) -> str:
    """The agent's root as a path that does not depend on where a command starts."""
    return root if root.startswith(("/", "~/")) else "~/" + root


def ask_pythons(
    transport: Transport,
    pythons: Sequence[str],
    code: str,
    arguments: Sequence[str],
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> tuple[bool, list[dict[str, Any]]]:
    """(whether the last one was content, what each that is there said of itself).

    ``~/`` is the home there. A Python is content where ``code`` ends with exit code 0.
    """
    argv = ["sh", "-c", _ASK, "sh", code, str(len(pythons)), *pythons, *arguments]
    done = transport.exec(argv, timeout_s=timeout_s)
    found = [said for said in map(json_object, done.stdout.splitlines()) if said is not None]
    return done.ok and bool(found), found
