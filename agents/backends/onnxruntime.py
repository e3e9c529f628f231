"""ONNX Runtime with the state on its side: two IOBindings whose state buffers are swapped, so no state is copied."""

import itertools
import os
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state

from agents import wire
from agents.backends.onnxruntime_graph import check_contract
from agents.backends.onnxruntime_options import session_options
from agents.backends.onnxruntime_profile import read_profile
from agents.failure import Failure

CPU = "CPUExecutionProvider"
# Providers whose memory is not the host's: the state is kept there.
_DEVICES = {
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "cuda",
    "NvTensorRTRTXExecutionProvider": "cuda",
    "ROCMExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "cuda",
    "DmlExecutionProvider": "dml",
}
# The runtime's exceptions have no root of their own.
_ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError) + tuple(
    kind for kind in vars(onnxruntime_pybind11_state).values() if isinstance(kind, type) and issubclass(kind, Exception)
)


class OnnxRuntimeBackend:
    """See ``base.Backend``. Loads ``.onnx`` and ``.ort`` files."""

    errors: Tuple[Type[Exception], ...] = _ERRORS

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        self.runtime_version: str = ort.__version__
        self.runtime_build: Optional[str] = ort.get_build_info()
        self._contract = spec.contract
        self._chunk_samples = spec.chunk_samples
        self._session = _load(spec, model_path, profile_prefix)
        self.providers: Tuple[str, ...] = tuple(self._session.get_providers())
        _check_provider(spec.provider, self.providers)
        check_contract(self._session, spec.contract, spec.chunk_samples)
        self._device = _DEVICES.get(self.providers[0], "cpu")
        contract = spec.contract
        self.input: NDArray[Any] = np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype)
        self.outputs: Tuple[NDArray[Any], ...] = ()
        self._constants = {
            c.name: np.full(c.shape, contract.constant_values[c.name], c.dtype) for c in contract.constants
        }
        self._states: Dict[str, List[Any]] = {}
        self.step: Callable[[], None] = self._not_ready

    def first_run(self) -> None:
        contract = self._contract
        names = [o.name for o in contract.outputs]
        feeds = {contract.input.name: self.input, **self._constants}
        feeds.update({s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states})
        try:
            found = self._session.run(names, feeds)
        except _ERRORS as error:
            raise Failure("inference", f"the first inference failed: {_message(error)}") from error
        self._check_shapes(found)
        self.outputs = tuple(np.zeros_like(values) for values in found)

    def _check_shapes(self, found: List[NDArray[Any]]) -> None:
        if self._chunk_samples != self._contract.chunk_samples:
            return  # The contract states shapes for its own chunk only.
        for spec, values in zip(self._contract.outputs, found):
            if values.shape != spec.shape or str(values.dtype) != spec.dtype:
                raise Failure(
                    "contract-mismatch",
                    f"output {spec.name} is {values.dtype}{list(values.shape)}, the contract says "
                    f"{spec.dtype}{list(spec.shape)}: export the model and its contract again",
                )

    def bind(self) -> None:
        contract = self._contract
        shared = {contract.input.name: self.input, **self._constants}
        inputs = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in shared.items()}
        outputs = {o.name: ort.OrtValue.ortvalue_from_numpy(a) for o, a in zip(contract.outputs, self.outputs)}
        self._states = {
            s.input: [
                ort.OrtValue.ortvalue_from_numpy(np.full(s.shape, s.initial, s.dtype), self._device, 0) for _ in "ab"
            ]
            for s in contract.states
        }
        bindings = [self._binding(inputs, outputs, read) for read in (0, 1)]
        # An iterator's next, because a Python function around the call would cost 0.2 % of a small model.
        self.step = map(self._session.run_with_iobinding, itertools.cycle(bindings)).__next__

    def _binding(self, inputs: Dict[str, Any], outputs: Dict[str, Any], read: int) -> Any:
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in outputs.items():
            binding.bind_ortvalue_output(name, value)
        for state in self._contract.states:
            buffers = self._states[state.input]
            binding.bind_ortvalue_input(state.input, buffers[read])
            binding.bind_ortvalue_output(state.output, buffers[1 - read])
        return binding

    def reset(self) -> None:
        # Both buffers, so that it does not matter which binding runs next.
        for state in self._contract.states:
            for buffer in self._states[state.input]:
                buffer.update_inplace(np.full(state.shape, state.initial, state.dtype))

    def states(self) -> Dict[str, NDArray[Any]]:
        return {
            name if n == 0 else f"{name} (second buffer)": buffer.numpy()
            for name, buffers in self._states.items()
            for n, buffer in enumerate(buffers)
        }

    def end_profile(self) -> wire.Profile:
        path = self._session.end_profiling()
        try:
            return wire.Profile(read_profile(path))
        finally:
            os.unlink(path)

    def _not_ready(self) -> None:
        raise Failure("internal", "step was called before bind")


def _load(spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str]) -> Any:
    available = ort.get_available_providers()
    if spec.provider not in available:
        raise Failure(
            "provider-missing",
            f"{spec.provider} is not in onnxruntime {ort.__version__} here, which has {', '.join(available)}: "
            "install a build that has it, or leave the provider out",
        )
    options = session_options(spec.threads, spec.session_options)
    if profile_prefix is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile_prefix
    providers = [spec.provider] if spec.provider == CPU else [spec.provider, CPU]
    try:
        return ort.InferenceSession(model_path, options, providers=providers, enable_fallback=0)
    except _ERRORS as error:
        raise Failure(
            "model-load",
            f"onnxruntime {ort.__version__} cannot load {spec.model.file_name[:16]}...{spec.model.suffix} with "
            f"{spec.provider}: {_message(error)}; export it again, or leave this recipe out here",
        ) from error


def _check_provider(wanted: str, registered: Tuple[str, ...]) -> None:
    if wanted not in registered:
        raise Failure(
            "provider-missing",
            f"{wanted} was asked for, but onnxruntime fell back to {', '.join(registered)}: look at session.log",
        )


def _message(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
