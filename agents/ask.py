"""Asks a tool of the device one question: vcgencmd, dumpsys, nvpmodel and their like."""

import shutil
import subprocess
from typing import List, Sequence

_TIMEOUT_S = 2.0
_asked: "List[subprocess.Popen[bytes]]" = []


def has_tool(root: str, name: str) -> bool:
    """Whether the tool is on the PATH; tools answer for this machine only, so never for another ``root``."""
    return root == "/" and shutil.which(name) is not None


def ask(argv: Sequence[str], timeout_s: float = _TIMEOUT_S) -> str:
    """What the tool writes to stdout. Raises OSError where it fails, or says nothing within ``timeout_s``."""
    pipe = subprocess.PIPE
    with subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        _asked.append(process)
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise OSError(f"{argv[0]} gave no answer within {timeout_s:g} s") from error
        finally:
            _asked.remove(process)
    if process.returncode:
        said = (stderr or stdout).decode(errors="replace").strip()[-200:]
        raise OSError(f"{' '.join(argv)} ended with exit code {process.returncode}: {said or 'it said nothing'}")
    return stdout.decode(errors="replace")


def kill_asked() -> None:
    """End the tools that other threads still wait for: nothing may outlive the process that asked."""
    for process in list(_asked):
        process.kill()
        process.wait()
