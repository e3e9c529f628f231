"""Makes an environment: unpacked beside the others, proven by importing, then given its name."""

import os
import shlex
import shutil
import subprocess
import sys
from typing import Any, Dict, List

from agents import durable
from agents.environments import ABOUT, PART, Refused, folder_of, list_environments, only_one, remove_parts
from agents.environments.nouns import EnvironmentRequest
from agents.environments.python_facts import base_python
from agents.environments.wheels import modules_of, unpack
from agents.probe.runtimes import how_it_ended
from agents.store import Store

# A first import of a large package from an SD card, on a small board.
IMPORT_TIMEOUT_S = 600.0
# Replaces the process of the wrapper by the environment's own Python.
_WITHIN = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"


def install(root: str, request: EnvironmentRequest) -> Dict[str, Any]:
    """What ``environment.json`` of the environment says, which the name means now.

    One environment is made at a time. Raises Refused, BlobMismatch for a wheel that was altered here, OSError.
    """
    folder = folder_of(root)
    with only_one(folder):
        remove_parts(folder)
        made = os.path.join(folder, f"{request.name}-{request.id}")
        if not os.path.isdir(made):
            _make(Store(root), made, request)
        _point(folder, request.name, os.path.basename(made))
    about: Dict[str, Any] = list_environments(root)[request.name]
    return about


def _make(store: Store, made: str, request: EnvironmentRequest) -> None:
    folder, name = os.path.split(made)
    part = os.path.join(folder, f".{name}{PART}")
    site = os.path.join(part, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    os.makedirs(site)
    try:
        _write_interpreter(part, made, request.wrapper)
        for wheel in request.wheels:
            unpack(wheel, store.open_blob(wheel.blob.sha256, wheel.blob.suffix, wheel.blob.size_bytes), part, site)
        modules = [module for name in request.imports for module in modules_of(site, name)]
        for module in modules:
            _prove(os.path.join(part, "bin", "python3"), module)
        durable.write_json(os.path.join(part, ABOUT), _about(request, modules))
        # Thousands of small files: one sync of all is what a slow card can bear.
        os.sync()
        os.rename(part, made)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    durable.sync_directory(folder)


def _about(request: EnvironmentRequest, modules: List[str]) -> Dict[str, Any]:
    return {
        "name": request.name,
        "id": request.id,
        "packages": list(request.packages),
        "distributions": {wheel.name: wheel.version for wheel in request.wheels},
        "imported": modules,
        "base": base_python(),
        "python": sys.version.split()[0],
        "wrapper": request.wrapper,
    }


def _write_interpreter(part: str, made: str, wrapper: str) -> None:
    """What makes a folder an environment (PEP 405). With a wrapper, ``bin/python`` is a script that goes through it."""
    base = base_python()
    os.mkdir(os.path.join(part, "bin"))
    with open(os.path.join(part, "pyvenv.cfg"), "w", encoding="utf-8") as file:
        file.write(f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
        file.write(f"version = {sys.version.split()[0]}\n")
    os.symlink(base, os.path.join(part, "bin", "python3"))
    python = os.path.join(part, "bin", "python")
    if not wrapper:
        os.symlink("python3", python)
        return
    words = [shlex.quote(word) for word in (wrapper, "-c", _WITHIN, os.path.join(made, "bin", "python3"))]
    with open(python, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    os.chmod(python, 0o755)


def _prove(python: str, module: str) -> None:
    """Import it in a process of its own: what crashes there is an answer."""
    argv = [python, "-c", "import importlib, sys; importlib.import_module(sys.argv[1])", module]
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=IMPORT_TIMEOUT_S, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"importing {module} did not end within {IMPORT_TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        reason = how_it_ended(done.returncode, done.stderr.decode(errors="replace"))
        raise Refused(f"{module} cannot be imported here: {reason}")


def _point(folder: str, name: str, target: str) -> None:
    """The name means ``target`` from now on: by one rename, so that it never means nothing."""
    link = os.path.join(folder, name)
    if os.path.islink(link) and os.readlink(link) == target:
        return
    draft = os.path.join(folder, f".{name}{PART}")
    os.symlink(target, draft)
    os.replace(draft, link)
    durable.sync_directory(folder)
