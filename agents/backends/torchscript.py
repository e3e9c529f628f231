"""TorchScript with the state as tensors: what a step gives is what the next one is fed, so no state is copied."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np
import torch
from numpy.typing import NDArray

from agents import wire
from agents.backends.torchscript_load import CPU, ERRORS, load, message_of
from agents.backends.torchscript_profile import Profiler
from agents.failure import Failure
from agents.torchscript_file import check_names, contract_names


class TorchScriptBackend:
    """See ``base.Backend``. Loads ``.pt`` files, and ``.ptl`` files by the lite interpreter."""

    errors: Tuple[Type[Exception], ...] = ERRORS
    providers: Tuple[str, ...] = (CPU,)

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        self.runtime_version: str = torch.__version__
        self.runtime_build: Optional[str] = build_of_torch()
        contract = spec.contract
        self._contract, self._own_size = contract, spec.chunk_samples == contract.chunk_samples
        check_names(model_path, contract_names(contract))
        self._run = load(model_path, spec.model, spec.provider, spec.threads, spec.session_options)
        self._profiler = None if profile_prefix is None else Profiler()
        self._constants = [
            torch.from_numpy(np.full(c.shape, contract.constant_values[c.name], c.dtype)) for c in contract.constants
        ]
        self._initial = [torch.from_numpy(np.full(s.shape, s.initial, s.dtype)) for s in contract.states]
        self._shared: List[int] = []
        self._new_stream(np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype))

    def _new_stream(self, values: NDArray[Any]) -> None:
        self.input: NDArray[Any] = values
        self.outputs: Tuple[NDArray[Any], ...] = ()
        self._input = torch.from_numpy(values)
        self._states: Sequence[Any] = [state.clone() for state in self._initial]
        self.step: Callable[[], None] = self._step

    def first_run(self) -> None:
        try:
            found = self._run(self._input, *self._states, *self._constants)
        except ERRORS as error:
            raise Failure("inference", f"the first inference failed: {message_of(error)}") from error
        if isinstance(found, torch.Tensor):
            alone, found = self._run, (found,)
            self._run = lambda *inputs: (alone(*inputs),)
        given = list(found)
        self._check(given)
        count = len(self._contract.outputs)
        self.outputs = tuple(tensor.numpy() for tensor in given[:count])
        # A state that lies in the memory of the input or of the initial state would be overwritten with it.
        lent = {t.untyped_storage().data_ptr() for t in (self._input, *self._states, *self._constants)}
        self._shared = [n for n, t in enumerate(given[count:]) if t.untyped_storage().data_ptr() in lent]

    def _check(self, given: Sequence[Any]) -> None:
        contract = self._contract
        wanted = [(o.name, o.dtype, o.shape if self._own_size else None) for o in contract.outputs]
        wanted += [(s.output, s.dtype, s.shape) for s in contract.states]
        if len(given) != len(wanted):
            raise Failure("contract-mismatch", f"the graph gives {len(given)} tensors, the contract says {len(wanted)}")
        for (name, dtype, shape), tensor in zip(wanted, given):
            found_dtype, found_shape = str(tensor.dtype)[len("torch.") :], tuple(tensor.shape)
            if found_dtype != dtype or (shape is not None and found_shape != shape):
                raise Failure(
                    "contract-mismatch",
                    f"{name} is {found_dtype}{list(found_shape)}, the contract says {dtype}{list(shape or ())}: "
                    "export the model and its contract again",
                )

    def bind(self) -> None:
        if not self.outputs:
            raise Failure("internal", "bind was called before first_run")
        self.reset()
        if self._profiler is not None:
            self._profiler.start()
            self.step = self._profiled_step
        elif self._shared:
            self.step = self._copying_step

    def _step(self) -> None:
        found = self._run(self._input, *self._states, *self._constants)
        count = len(self.outputs)
        self._states = found[count:]
        self.outputs = tuple([tensor.numpy() for tensor in found[:count]])

    def _copying_step(self) -> None:
        self._step()
        states = list(self._states)
        for number in self._shared:
            states[number] = states[number].clone()
        self._states = states

    def _profiled_step(self) -> None:
        self._copying_step()
        assert self._profiler is not None
        self._profiler.count()

    def reset(self) -> None:
        # Clones: a graph may write into what it is fed.
        self._states = [state.clone() for state in self._initial]

    def another(self) -> "TorchScriptBackend":
        twin = object.__new__(TorchScriptBackend)
        twin.__dict__.update(self.__dict__)
        twin._new_stream(np.zeros_like(self.input))
        twin.outputs = tuple(values.copy() for values in self.outputs)
        twin.bind()
        return twin

    def states(self) -> Dict[str, NDArray[Any]]:
        return {s.input: tensor.numpy() for s, tensor in zip(self._contract.states, self._states)}

    def end_profile(self) -> wire.Profile:
        if self._profiler is None:
            raise Failure("internal", "end_profile needs a profile prefix")
        return self._profiler.end()


def build_of_torch() -> str:
    """The wheel, the matrix library that it was built with, and the instruction set that its kernels use here."""
    return f"torch {torch.__version__}: mkldnn {torch.backends.mkldnn.is_available()}, {_capability()}"


def _capability() -> str:
    # Since torch 1.10.
    find = getattr(torch.backends.cpu, "get_cpu_capability", None) if hasattr(torch.backends, "cpu") else None
    return f"kernels {find()}" if find else "kernels unknown"
