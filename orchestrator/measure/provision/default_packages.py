"""What a device's default environment is made of: numpy, and the runtimes that there are wheels for."""

from collections.abc import Sequence

from agents.environments.nouns import PythonFacts

LITERT = "ai-edge-litert"
DEFAULT_PACKAGES = ("numpy", "onnxruntime", LITERT)

# Wheels of ai-edge-litert on PyPI, 1.0 to 2.3: CPython, glibc, these machines.
_LITERT_MACHINES = ("x86_64", "aarch64")


def that_fit(packages: Sequence[str], python: PythonFacts) -> tuple[str, ...]:
    """``packages``; Earshot's own choice without LiteRT where no wheel of it can be. What a lab file names stays."""
    if tuple(packages) != DEFAULT_PACKAGES or _takes_litert(python):
        return tuple(packages)
    return tuple(name for name in packages if name != LITERT)


def _takes_litert(python: PythonFacts) -> bool:
    return python.libc == "glibc" and python.machine in _LITERT_MACHINES and python.pointer_bits == 64
