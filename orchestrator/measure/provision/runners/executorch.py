"""The wheel earshot-executorch-runner: ExecuTorch without torch, for a board or a phone with Debian's Python.

The executorch wheel of the device's platform brings headers and libraries; a C++ compiler adds 65 kB of glue, and what
needs torch is left out: 5 MB instead of 900.
"""

import hashlib
import platform
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.provision import pip
from orchestrator.measure.provision.runners.wheel_file import write_wheel
from orchestrator.measure.provision.tags import WheelTags
from orchestrator.measure.standin.aarch64_root import one_builder

EXECUTORCH = "1.5.1"
SOURCE = Path(__file__).parent / "executorch_runner.cpp"
PACKAGE = "earshot_executorch_runner"
_LIBRARY = "libearshot_executorch.so"
# Machines that executorch's wheels are made for, and the oldest C library that those take.
_MACHINES = ("x86_64", "aarch64")
_PLATFORM = "manylinux_2_28"
# Any: the libraries know nothing of Python.
_WHEEL_PYTHON = ("3.11", "cp311")
_LINKED = ("kernels_optimized", "kernels_quantized", "backend_xnnpack", "threadpool")
# Loaded where a program wants them; not in the wheels of every platform.
_OPTIONAL = ("backend_qnn", "backend_openvino")
# As executorch's own CMake configuration sets them (lib/cmake/executorch/executorch-config.cmake).
_DEFINES = ("C10_USING_CUSTOM_GENERATED_MACROS", "ET_EVENT_TRACER_ENABLED", "ET_USE_THREADPOOL")
_COMPILE_TIMEOUT_S = 600.0
_INIT = '''"""ExecuTorch {executorch} without torch, built by Earshot: see executorch_runner.cpp there."""

import os

VERSION = "{version}"
EXECUTORCH = "{executorch}"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
LIBRARY = os.path.join(FOLDER, "{library}")
'''


def runner_wheel(machine: str, cache: Path) -> Path:
    """The wheel for ``machine`` (what ``uname -m`` says) below ``cache``; built once for each version of the source.

    Raises DeviceNotReady for a machine without executorch wheels, or where no compiler for it is here.
    """
    if machine not in _MACHINES:
        raise DeviceNotReady(
            f"executorch has wheels for {', '.join(_MACHINES)}, not for {machine}",
            hint="leave earshot-executorch-runner out of the packages of this device",
        )
    folder = cache / "runners" / f"{_version()}-{machine}"
    folder.mkdir(parents=True, exist_ok=True)
    with one_builder(folder / "lock"):
        made = sorted(folder.glob("*.whl"))
        return made[0] if made else _build(machine, folder)


def _version() -> str:
    """executorch's, and the source's, so that a changed source makes another wheel."""
    return f"{EXECUTORCH}+e{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:8]}"


def _build(machine: str, folder: Path) -> Path:
    compiler = compiler_for(machine)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as name:
        scratch = Path(name)
        unpacked = _unpacked(machine, scratch)
        library = scratch / _LIBRARY
        _compile(compiler, unpacked / "executorch", library)
        shipped = unpacked / "executorch" / "lib"
        optional = [p for p in (shipped / f"libexecutorch_{o}.so" for o in _OPTIONAL) if p.exists()]
        linked = [shipped / "libexecutorch.so", *(shipped / f"libexecutorch_{part}.so" for part in _LINKED)]
        init = _INIT.format(executorch=EXECUTORCH, version=_version(), library=_LIBRARY)
        files = {f"{PACKAGE}/__init__.py": init.encode()}
        files.update({f"{PACKAGE}/lib/{p.name}": p.read_bytes() for p in (library, *linked, *optional)})
        (licence,) = unpacked.glob("*.dist-info/licenses/LICENSE")
        files[f"{PACKAGE}/LICENSE.executorch"] = licence.read_bytes()
        return write_wheel(folder, PACKAGE, _version(), f"py3-none-{_PLATFORM}_{machine}", files)


def _unpacked(machine: str, scratch: Path) -> Path:
    """Headers and libraries of the executorch wheel."""
    tags = WheelTags(*_WHEEL_PYTHON, (f"{_PLATFORM}_{machine}",))
    download, unpacked = scratch / "download", scratch / "unpacked"
    download.mkdir()
    (wheel,) = pip.download([f"executorch=={EXECUTORCH}"], tags, download, machine)
    with zipfile.ZipFile(wheel) as archive:
        wanted = [n for n in archive.namelist() if n.startswith(("executorch/include/", "executorch/lib/"))]
        archive.extractall(unpacked, [*wanted, *(n for n in archive.namelist() if n.endswith("/licenses/LICENSE"))])
    return unpacked


def compiler_for(machine: str) -> str:
    """The name of a C++ compiler for ``machine``. Raises DeviceNotReady that says how to get one."""
    own = platform.machine() == machine
    for name in ("g++", "clang++") if own else (f"{machine}-linux-gnu-g++",):
        if shutil.which(name):
            return name
    package = "g++" if own else f"g++-{machine.replace('_', '-')}-linux-gnu"
    raise DeviceNotReady(
        f"the ExecuTorch runner is built here for {machine}, and there is no compiler for it",
        hint=f"apt-get install {package}",
    )


def _compile(compiler: str, wheel: Path, library: Path) -> None:
    include = wheel / "include"
    c10 = include / "executorch" / "runtime" / "core" / "portable_type" / "c10"
    argv = [compiler, "-O2", "-std=c++17", "-fPIC", "-shared", "-s", *(f"-D{d}" for d in _DEFINES)]
    argv += ["-isystem", str(include), "-isystem", str(c10), str(SOURCE), "-o", str(library)]
    # Registered by being loaded: nothing refers to them.
    argv += [f"-L{wheel / 'lib'}", "-Wl,--no-as-needed", "-lexecutorch", *(f"-lexecutorch_{p}" for p in _LINKED)]
    argv += ["-Wl,-rpath,$ORIGIN"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        faults = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[-1:]
        raise DeviceNotReady(
            f"{compiler} cannot build the ExecuTorch runner: {' '.join(faults[:1])[:300]}",
            hint="gcc >= 9 or clang >= 10 can",
        )
