"""LiteRT with the state on its side: the tensors' own memory is read and written, so a chunk allocates nothing."""

import ctypes
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.backends.litert_options import CPU, XNNPACK, interpreter_arguments
from agents.backends.litert_package import interpreter_module
from agents.backends.litert_placement import Owned, delegate_nodes, operators
from agents.backends.litert_signature import check_contract
from agents.failure import Failure

_MODULE, _PACKAGE, _VERSION = interpreter_module()
_ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError)
# TypeError: an argument that this version does not have yet.
_LOAD_ERRORS: Tuple[Type[Exception], ...] = (*_ERRORS, TypeError)


class LiteRtBackend:
    """See ``base.Backend``. Loads ``.tflite`` files.

    Tensors are views of the interpreter's memory: a step copies each state from where it was written to where it is
    read, in place; setting and getting tensors would copy each twice and allocate (10 % of a chunk of kws).
    """

    errors: Tuple[Type[Exception], ...] = _ERRORS

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        self.runtime_version: str = _VERSION
        self.runtime_build: Optional[str] = _PACKAGE
        self._contract = spec.contract
        self._steps = 0
        self._interpreter, self._owned = _load(spec, model_path)
        self.providers: Tuple[str, ...] = _providers(spec.provider, self._owned)
        signature = check_contract(self._interpreter, spec.contract, spec.chunk_samples)
        self._inputs = {name: view_of(self._interpreter, n) for name, n in signature.inputs.items()}
        self._outputs = {name: view_of(self._interpreter, n) for name, n in signature.outputs.items()}
        self._signature = signature
        self.input: NDArray[Any] = self._inputs[spec.contract.input.name]
        self.outputs: Tuple[NDArray[Any], ...] = tuple(self._outputs[o.name] for o in spec.contract.outputs)
        self._carried = [(self._inputs[s.input], self._outputs[s.output]) for s in spec.contract.states]
        self.step: Callable[[], None] = self._step if profile_prefix is None else self._counted_step

    def first_run(self) -> None:
        self.input.fill(0)
        for constant in self._contract.constants:
            self._inputs[constant.name].fill(self._contract.constant_values[constant.name])
        self.reset()
        try:
            self._interpreter.invoke()
        except _ERRORS as error:
            raise Failure("inference", f"the first inference failed: {message_of(error)}") from error
        self._check_places()

    def _check_places(self) -> None:
        """A tensor whose size is only known when the graph ran lies elsewhere then."""
        for views, numbers in ((self._inputs, self._signature.inputs), (self._outputs, self._signature.outputs)):
            for name, view in views.items():
                if self._interpreter.tensor(numbers[name])().ctypes.data != view.ctypes.data:
                    raise Failure("contract-mismatch", f"{name} has no fixed size: convert the model with fixed shapes")

    def bind(self) -> None:
        self.reset()

    def _step(self) -> None:
        self._interpreter.invoke()
        for read, written in self._carried:
            read[...] = written

    def _counted_step(self) -> None:
        self._step()
        self._steps += 1

    def reset(self) -> None:
        for state in self._contract.states:
            self._inputs[state.input].fill(state.initial)

    def states(self) -> Dict[str, NDArray[Any]]:
        return {state.input: self._inputs[state.input] for state in self._contract.states}

    def end_profile(self) -> wire.Profile:
        nodes = self._interpreter._get_ops_details()
        return wire.Profile(operators(nodes, self._owned, CPU, max(1, self._steps)))


def _load(spec: wire.RunSpec, model_path: str) -> Tuple[Any, List[Owned]]:
    """(interpreter with memory, who owns which delegated part)."""
    what = f"{spec.model.file_name[:16]}...{spec.model.suffix}"
    asked: Set[int] = set()

    def taken(interpreter: Any) -> None:
        # An external delegate has taken its nodes; XNNPACK takes of what is left when memory is allocated.
        asked.update(delegate_nodes(interpreter._get_ops_details()))

    interpreter = load_interpreter(model_path, spec.provider, spec.threads, spec.session_options, what, taken)
    rest = delegate_nodes(interpreter._get_ops_details()) - asked
    return interpreter, [*((n, spec.provider) for n in sorted(asked)), *((n, XNNPACK) for n in sorted(rest))]


def load_interpreter(
    path: str,
    provider: str,
    threads: int,
    options: Dict[str, str],
    what: str,
    before_memory: Callable[[Any], None] = lambda _: None,
) -> Any:
    """An interpreter with memory. Raises Failure "model-load" that names ``what``, and those of its arguments."""
    arguments = interpreter_arguments(_MODULE, provider, threads, options)
    try:
        interpreter = _MODULE.Interpreter(model_path=path, **arguments)
        before_memory(interpreter)
        interpreter.allocate_tensors()
    except _LOAD_ERRORS as error:
        raise Failure(
            "model-load",
            f"{_PACKAGE} {_VERSION} cannot load {what} with {provider}: {message_of(error)}; export it again, or leave "
            "this recipe out here",
        ) from error
    return interpreter


def _providers(wanted: str, owned: List[Owned]) -> Tuple[str, ...]:
    """Who took any node, the one that was asked for first; the runtime's own kernels are always there."""
    took = {name for _, name in owned}
    return tuple(dict.fromkeys([*(n for n in (wanted, XNNPACK) if n in took), CPU]))


def view_of(interpreter: Any, number: int) -> NDArray[Any]:
    """The tensor's memory, without the reference to the interpreter that its own views hold and that bars it from
    running. Good for as long as the interpreter lives and no tensor is resized."""
    view = interpreter.tensor(number)()
    size = int(view.nbytes)
    memory: Any = (ctypes.c_byte * size).from_address(view.ctypes.data)
    lent: NDArray[Any] = np.frombuffer(memory, dtype=view.dtype)
    return lent.reshape(view.shape)


def message_of(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
