"""A stand-in for onnxruntime on a board: it behaves well until a session loads it."""

import sys
from dataclasses import replace

from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.standin.rootfs import File
from tests.lab.faults.board import HOME, Board

FOLDER = f"{HOME}/runtime"
# As vendors' runtimes do: helper processes, one of them in a session of its own.
HELPERS = """
import os, subprocess, sys, time
if os.fork() == 0:
    time.sleep(600)
    os._exit(0)
subprocess.Popen(["sleep", "600"], start_new_session=True)
sys.stderr.write("vendor: about to fail\\n"); sys.stderr.flush()
"""
HANG = HELPERS + "import ctypes\nctypes.CDLL(None).pause()\n"
SEGFAULT = HELPERS + "import ctypes\nctypes.string_at(0)\n"
# A page is taken only when it is written.
EAT_MEMORY = HELPERS + "eaten = []\nwhile True:\n    eaten.append(bytearray(b'x' * (4 << 20)))\n"


def with_runtime(board: Board, agent: DeployedAgent, code: str) -> DeployedAgent:
    """The agent with a Python there whose onnxruntime runs ``code`` when it is imported."""
    board.host.disk.write(f"{FOLDER}/onnxruntime/__init__.py", File(code, owned_by_user=True))
    return with_environment(board, agent, {"PYTHONPATH": FOLDER})


def with_environment(board: Board, agent: DeployedAgent, environment: dict[str, str]) -> DeployedAgent:
    """The agent with a Python there that has these variables: a wrapper, as devices need it for vendors' libraries."""
    settings = " ".join(f"{name}={value}" for name, value in environment.items())
    script = f'#!/bin/sh\nexec env {settings} {sys.executable} "$@"\n'
    board.host.disk.write(f"{HOME}/python", File(script, mode=0o755, owned_by_user=True))
    return replace(agent, python=f"{HOME}/python")
