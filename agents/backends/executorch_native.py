"""ExecuTorch without torch: the library of the package earshot-executorch-runner, through ctypes.

Its C interface is executorch_runner.cpp, below orchestrator/measure/provision/runners.
"""

import ctypes
import importlib
import itertools
import os
import weakref
from typing import Any, Callable, List, Optional, Sequence, Tuple

from numpy.typing import NDArray

from agents.backends.executorch_times import Timed

PACKAGE = "earshot_executorch_runner"
_INTERFACE = 1
# Libraries of delegates beside the runner's, loaded for programs that want them.
_OPTIONAL = {"QnnBackend": "libexecutorch_backend_qnn.so", "OpenvinoBackend": "libexecutorch_backend_openvino.so"}
_MOST_TIMES = 20_000


class ExecuTorchError(RuntimeError):
    """What the runtime says when it cannot go on."""


class _Time(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("instruction", ctypes.c_int64),
        ("within", ctypes.c_int64),
        ("calls", ctypes.c_int64),
        ("time_ns", ctypes.c_double),
    ]


class NativeApi:
    """The runner's library. Raises ImportError where its package is missing or its library cannot be loaded."""

    def __init__(self) -> None:
        module: Any = importlib.import_module(PACKAGE)
        self.version: str = module.EXECUTORCH
        self.build = f"earshot-executorch-runner {module.VERSION}"
        self._folder: str = module.FOLDER
        try:
            self.library: Any = ctypes.CDLL(module.LIBRARY)
        except OSError as error:
            raise ImportError(f"{PACKAGE}: {error}") from error
        if self.library.earshot_interface() != _INTERFACE:
            raise ImportError(f"{PACKAGE} {module.VERSION} is of another Earshot: set the device up again")
        self._declare()

    def _declare(self) -> None:
        library, pointer, text = self.library, ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("error", text, []),
            ("backends", text, []),
            ("threads", self._checked, [ctypes.c_int]),
            ("open", pointer, [text, ctypes.c_int]),
            ("close", None, [pointer]),
            ("bind", pointer, [pointer, ctypes.POINTER(pointer), ctypes.POINTER(pointer)]),
            ("unbind", None, [pointer]),
            ("run", self._checked, [pointer, ctypes.c_int]),
            ("listen", None, [pointer]),
            ("times", ctypes.c_int, [pointer, ctypes.POINTER(_Time), ctypes.c_int]),
        ):
            function = getattr(library, f"earshot_{name}")
            function.restype, function.argtypes = result, arguments

    def _checked(self, code: int) -> None:
        if code:
            raise ExecuTorchError(self.error())

    def error(self) -> str:
        said: bytes = self.library.earshot_error()
        return " ".join(said.decode(errors="replace").split())[:500]

    def registered(self, wanted: Sequence[str] = ()) -> Tuple[str, ...]:
        """The delegates of this build, with those of ``wanted`` whose library lies beside it."""
        for name in dict.fromkeys(wanted):
            path = os.path.join(self._folder, _OPTIONAL.get(name, "none"))
            if os.path.exists(path):
                ctypes.CDLL(path)
        return tuple(n for n in self.library.earshot_backends().decode().split(",") if n)

    def open(self, path: str, threads: Optional[int], profiled: bool) -> "NativeProgram":
        """``threads`` None: as many as there are, because a program that is open already keeps the pool that it found,
        and another number would end it. Raises ExecuTorchError."""
        if threads is not None:
            self.library.earshot_threads(threads)
        handle = self.library.earshot_open(os.fsencode(path), int(profiled))
        if not handle:
            raise ExecuTorchError(self.error())
        return NativeProgram(self, handle)


class NativeProgram:
    """A loaded program; runs on memory that is given to it."""

    def __init__(self, api: NativeApi, handle: int) -> None:
        self._api, self._handle = api, handle
        weakref.finalize(self, api.library.earshot_close, handle)

    def bind(self, inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> "NativeBinding":
        return NativeBinding(self._api, self, self._handle, inputs, outputs)

    def listen(self) -> None:
        self._api.library.earshot_listen(self._handle)

    def times(self) -> List[Timed]:
        """What ran since ``listen``, by instruction; of a program that was opened to be profiled."""
        found = (_Time * _MOST_TIMES)()
        count = min(self._api.library.earshot_times(self._handle, found, _MOST_TIMES), _MOST_TIMES)
        return [
            Timed(
                t.name.decode(errors="replace"), t.instruction, None if t.within < 0 else t.within, t.calls, t.time_ns
            )
            for t in itertools.islice(found, count)
        ]


class NativeBinding:
    """Memory for a run. The arrays stay where they are for as long as it lives."""

    def __init__(
        self,
        api: NativeApi,
        program: NativeProgram,
        handle: int,
        inputs: Sequence[NDArray[Any]],
        outputs: Sequence[NDArray[Any]],
    ) -> None:
        self.program, self.arrays = program, (tuple(inputs), tuple(outputs))
        self._run = api.library.earshot_run
        self.handle = api.library.earshot_bind(handle, _pointers(inputs), _pointers(outputs))
        weakref.finalize(self, api.library.earshot_unbind, self.handle)

    def run(self, rows: int = 0) -> None:
        """``rows``: only so many along axis 0 of every input; 0 for all."""
        self._run(self.handle, rows)


def in_turn(bindings: Sequence[NativeBinding]) -> Callable[[], None]:
    """Runs one binding after the other, and the first again, while the caller keeps them. By an iterator, as a Python
    function around the call would cost half a microsecond."""
    run = bindings[0]._run
    step: Callable[[], None] = map(run, itertools.cycle([b.handle for b in bindings]), itertools.repeat(0)).__next__
    return step


def _pointers(arrays: Sequence[NDArray[Any]]) -> Any:
    for array in arrays:
        if not array.flags["C_CONTIGUOUS"]:
            raise ValueError("memory for a program must be contiguous")
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))


_api: Optional[NativeApi] = None


def native_api() -> NativeApi:
    """Loaded once. Raises ImportError."""
    global _api
    if _api is None:
        _api = NativeApi()
    return _api
