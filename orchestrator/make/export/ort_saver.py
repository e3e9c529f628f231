"""A short-lived process that turns an ONNX file into an ``.ort`` file: ``python -m ... FROM.onnx TO.ort``.

onnxruntime writes the tables of an .ort file in the order of hash tables that are seeded with addresses. In a fresh
process at fixed addresses (personality(2), ADDR_NO_RANDOMIZE) the same graph gives the same bytes. Containers may
forbid that call; then the word "varies" is printed instead of "fixed".
"""

import ctypes
import os
import sys

import onnxruntime

from orchestrator.make.export.child import end_with_parent

_ADDR_NO_RANDOMIZE = 0x0040000
_QUERY = 0xFFFFFFFF
_TRIED = "EARSHOT_ORT_SAVER_TRIED"


def main() -> None:
    end_with_parent()
    fixed = addresses_are_fixed()
    if not fixed and _TRIED not in os.environ and fix_addresses():
        os.execve(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]], {**os.environ, _TRIED: "1"})
    save(*sys.argv[1:])
    os.write(1, b"fixed\n" if fixed else b"varies\n")


def addresses_are_fixed() -> bool:
    return sys.platform == "linux" and bool(_personality(_QUERY) & _ADDR_NO_RANDOMIZE)


def fix_addresses() -> bool:
    """Takes effect with the next exec. False where the system has no such call or forbids it."""
    return sys.platform == "linux" and _personality(_personality(_QUERY) | _ADDR_NO_RANDOMIZE) != -1


def save(source: str, target: str) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # The graph comes optimized; doing it here would number new nodes by address again.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = target
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _personality(persona: int) -> int:
    return int(ctypes.CDLL(None).personality(ctypes.c_ulong(persona)))


if __name__ == "__main__":
    main()
