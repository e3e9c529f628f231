"""The environment of the processes that exports run in."""

import os
import sys


def child_environment() -> dict[str, str]:
    """Ours, with the same code importable, and with string hashes fixed: exporters iterate over sets of names."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONHASHSEED": "0"}
