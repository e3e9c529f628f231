"""``executor_runner`` of ExecuTorch: one line with the time of all runs together.

Format: pytorch/executorch examples/portable/executor_runner/executor_runner.cpp (``Model executed successfully N
time(s) in X ms.``). Logs go to stderr, or to Android's log. Its threads are the backend's: it has no option for them.
"""

import re

from orchestrator.domain.native import ClosedLoop

_RAN = re.compile(r"Model executed successfully (\d+) time\(s\)(?: in ([0-9.]+) ms)?")
_LOADED = re.compile(r"Model file \S+ is loaded")
_MS = 1e6


def arguments(model: str, threads: int, runs: int) -> list[str]:
    del threads
    return [f"--model_path={model}", f"--num_executions={runs}"]


def parse(stdout: str, stderr: str) -> ClosedLoop:
    text = f"{stdout}\n{stderr}"
    ran = _RAN.search(text)
    if ran is None:
        loaded = " (the model was loaded)" if _LOADED.search(text) else ""
        raise ValueError(f"no line 'Model executed successfully'{loaded}: was it built with logging (EXECUTORCH_LOG)?")
    if ran.group(2) is None:
        raise ValueError("it tells no time: executor_runner tells one since ExecuTorch 0.4")
    runs = int(ran.group(1))
    if runs < 1:
        raise ValueError("it ran 0 times")
    return ClosedLoop(runs=runs, mean_ns=float(ran.group(2)) * _MS / runs)
