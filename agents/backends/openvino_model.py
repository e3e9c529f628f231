"""An OpenVINO archive read, checked against the contract, and compiled for a device."""

from typing import Any, Dict, Sequence, Tuple, Type

import openvino

from agents import wire
from agents.failure import Failure
from agents.openvino_file import PRECISION, read_model

ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError, TypeError)
_DEFAULTS = {PRECISION: "f32", "NUM_STREAMS": "1", "PERFORMANCE_HINT": "LATENCY"}
_TYPES = {
    "float32": "f32",
    "float16": "f16",
    "int64": "i64",
    "int32": "i32",
    "int8": "i8",
    "uint8": "u8",
    "bool": "boolean",
}


def compiled(spec: wire.RunSpec, path: str, profiled: bool) -> Any:
    """``spec.session_options`` are OpenVINO's own properties, by their names.

    Raises Failure "provider-missing", "model-load" or "contract-mismatch".
    """
    core = openvino.Core()
    if spec.provider not in core.available_devices:
        raise Failure(
            "provider-missing",
            f"openvino {openvino.__version__} finds no device {spec.provider} here; it has "
            f"{', '.join(core.available_devices)}",
        )
    properties: Dict[str, Any] = dict(_DEFAULTS)
    if spec.provider == "CPU":
        # It would pin its threads to CPUs of its own choice, which is the session's to make.
        properties.update({"INFERENCE_NUM_THREADS": str(spec.threads), "ENABLE_CPU_PINNING": "NO"})
    properties.update({**spec.session_options, "PERF_COUNT": "YES" if profiled else "NO"})
    try:
        model = read_model(core, path)
        _check(model, spec)
        return core.compile_model(model, spec.provider, properties)
    except ERRORS as error:
        raise Failure(
            "model-load",
            f"openvino {openvino.__version__} cannot load {spec.model.file_name[:16]}...{spec.model.suffix} with "
            f"{spec.provider}: {message_of(error)}; export it again, or leave this recipe out here",
        ) from error


def _check(model: Any, spec: wire.RunSpec) -> None:
    contract = spec.contract
    inputs = [(contract.input.name, contract.input.dtype, contract.input_shape(spec.chunk_samples))]
    inputs += [(t.input, t.dtype, t.shape) for t in contract.states]
    inputs += [(c.name, c.dtype, c.shape) for c in contract.constants]
    outputs = [(o.name, o.dtype, o.shape) for o in contract.outputs]
    outputs += [(t.output, t.dtype, t.shape) for t in contract.states]
    for kind, wanted, ports in (("input", inputs, model.inputs), ("output", outputs, model.outputs)):
        _check_ports(kind, wanted, ports)
    extra = sorted({port.get_any_name() for port in model.inputs} - {name for name, _, _ in inputs})
    if extra:
        _refuse(f"the graph needs inputs that the contract does not have: {', '.join(extra)}")


def _check_ports(kind: str, wanted: Sequence[Tuple[str, str, Tuple[int, ...]]], ports: Sequence[Any]) -> None:
    found = {name: port for port in ports for name in port.get_names()}
    for name, dtype, shape in wanted:
        if name not in found:
            _refuse(f"the graph has no {kind} {name!r}; it has {', '.join(sorted(found))}")
        port = found[name]
        if port.get_element_type().get_type_name() != _TYPES[dtype]:
            _refuse(f"{kind} {name} is {port.get_element_type().get_type_name()}, the contract says {dtype}")
        partial = port.get_partial_shape()
        if partial.is_dynamic or tuple(partial.to_shape()) != tuple(shape):
            _refuse(f"{kind} {name} has shape {partial} in the graph, this session needs {list(shape)}")


def _refuse(what: str) -> None:
    raise Failure("contract-mismatch", f"{what}: export the model and its contract again")


def message_of(error: BaseException) -> str:
    """Its last lines: the first ones name the files of OpenVINO's source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("Exception from ")]
    return " ".join(told or lines)[:500] or type(error).__name__
