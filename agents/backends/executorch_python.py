"""ExecuTorch by its own Python package, which needs torch: where a device has both. Each run copies the outputs."""

import itertools
import os
import tempfile
from importlib import metadata
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from numpy.typing import NDArray

from agents.backends.executorch_times import Timed

_METHOD = "forward"
# What an ETDump calls the events of one run.
_EXECUTED = "Execute"
# Events of an ETDump that are not the whole method's.
_INSTRUCTIONS = ("native_call_", "DELEGATE_CALL")


class PythonApi:
    """The package. Raises ImportError where it or torch is missing."""

    def __init__(self) -> None:
        # Its kernels for quantized operators are registered by being imported.
        import executorch.kernels.quantized  # noqa: F401
        import torch
        from executorch.extension.pybindings import portable_lib

        self.torch, self.library = torch, portable_lib
        self.version = metadata.version("executorch")
        self.build = f"executorch with torch {torch.__version__}"

    def registered(self, wanted: Sequence[str] = ()) -> Tuple[str, ...]:
        """The delegates of this build."""
        return tuple(self.library._get_registered_backend_names())

    def open(self, path: str, threads: Optional[int], profiled: bool) -> "PythonProgram":
        """``threads`` None: as many as there are, because a program that is open already keeps the pool that it found,
        and another number would end it. Raises RuntimeError."""
        if threads is not None and threads != self.library._threadpool_get_thread_count():
            self.library._unsafe_reset_threadpool(threads)
        return PythonProgram(self, self.library._load_for_executorch(path, enable_etdump=profiled))


class PythonProgram:
    """A loaded program; runs on memory that is given to it. The package makes its delegates in the first run, so
    loading seems quick, and a fault of theirs is one of the first inference."""

    def __init__(self, api: PythonApi, module: Any) -> None:
        self.torch, self.module = api.torch, module
        self.method = _METHOD if _METHOD in module.method_names() else module.method_names()[0]
        self.runs = self._before = 0

    def bind(self, inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> "PythonBinding":
        return PythonBinding(self, inputs, outputs)

    def listen(self) -> None:
        self._before = self.runs

    def times(self) -> List[Timed]:
        """What ran since ``listen``, by instruction; of a program that was opened to be profiled. Once, and nothing
        runs afterwards: writing an ETDump ends it."""
        spent: Dict[Tuple[str, int, Optional[int]], List[float]] = {}
        for run in self._runs()[self._before :]:
            within: Dict[int, int] = {}
            for event in run.events:
                profile = event.profile_event
                if profile is None or profile.instruction_id is None or profile.instruction_id < 0:
                    continue
                number = None
                if profile.delegate_debug_id_str or (profile.delegate_debug_id_int or -1) >= 0:
                    number = within.get(profile.instruction_id, 0)
                    within[profile.instruction_id] = number + 1
                elif not str(profile.name).startswith(_INSTRUCTIONS):
                    continue
                name = profile.delegate_debug_id_str or str(profile.name)
                key = (name, profile.instruction_id, number)
                spent.setdefault(key, []).append(profile.end_time - profile.start_time)
        return [Timed(name, at, number, len(took), sum(took)) for (name, at, number), took in spent.items()]

    def _runs(self) -> List[Any]:
        from executorch.devtools.etdump.serialize import deserialize_from_etdump_flatcc

        with tempfile.TemporaryDirectory(prefix="earshot-etdump-") as folder:
            path = os.path.join(folder, "etdump")
            self.module.write_etdump_result_to_file(path)
            with open(path, "rb") as file:
                return [run for run in deserialize_from_etdump_flatcc(file.read()).run_data if run.name == _EXECUTED]


class PythonBinding:
    """Memory for a run. The arrays stay where they are for as long as it lives."""

    def __init__(self, program: PythonProgram, inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> None:
        self._program, self._run, self._method = program, program.module.run_method, program.method
        self._arrays, self._inputs = inputs, [program.torch.from_numpy(a) for a in inputs]
        self._outputs = [program.torch.from_numpy(a) for a in outputs]

    def run(self, rows: int = 0) -> None:
        """``rows``: only so many along axis 0 of every input; 0 for all."""
        inputs = [tensor[:rows] for tensor in self._inputs] if rows else self._inputs
        self._program.runs += 1
        for written, made in zip(self._outputs, self._run(self._method, inputs, clone_outputs=False)):
            (written[:rows] if rows else written).copy_(made)


def in_turn(bindings: Sequence[PythonBinding]) -> Callable[[], None]:
    """Runs one binding after the other, and the first again."""
    turns = itertools.cycle(bindings)

    def step() -> None:
        next(turns).run()

    return step


_api: Optional[PythonApi] = None


def python_api() -> PythonApi:
    """Loaded once. Raises ImportError."""
    global _api
    if _api is None:
        _api = PythonApi()
    return _api
