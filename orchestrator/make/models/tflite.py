"""A .tflite file, read with suspicion: the tensors that its signature names, and its operators."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from agents.contract import DTYPES
from orchestrator.errors import BadModel
from orchestrator.make.models.graph import Dim, Graph, Port

# Version of the file's schema, in place of an operator set's.
SCHEMA_VERSION = 3
_NO_SIGNATURE_HINT = "convert it with a signature: litert-torch writes one, and tf.lite's from_saved_model does"


def open_interpreter(path: Path, *, delegated: bool = False, reference: bool = False) -> Any:
    """An interpreter with memory on one thread. ``delegated``: with XNNPACK, which announces itself on stderr;
    ``reference``: with the reference kernels.

    Raises BadModel where LiteRT cannot load it, with LiteRT's words.
    """
    # 0.06 s: only those who read a .tflite pay.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN if delegated else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(
            str(path),
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF if reference else kernels,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as exc:
        raise BadModel(f"LiteRT cannot load {path.name}: {' '.join(str(exc).split())[:300]}") from exc
    return interpreter


def ports_of(interpreter: Any, path: Path) -> tuple[dict[Port, int], dict[Port, int]]:
    """Inputs and outputs by the names of the file's signature, with the number of each tensor, in the graph's order.

    Raises BadModel where the file has no signature, and for a quantized input or output.
    """
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    own = {d["index"] for d in inputs}
    for found in interpreter._get_full_signature_list().values():
        if set(found["inputs"].values()) == own:
            return _ports(inputs, found["inputs"], path), _ports(outputs, found["outputs"], path)
    raise BadModel(f"{path.name} has no signature, so nothing names its tensors", hint=_NO_SIGNATURE_HINT)


def read_tflite(path: Path) -> Graph:
    """The signature of the file at ``path``; ``opset`` is the schema's version.

    Raises BadModel for a file that is missing or that LiteRT cannot load, and like ``ports_of``.
    """
    if not path.is_file():
        raise BadModel(f"no model file {path}", hint="check the path; `earshot models list` shows the library")
    interpreter = open_interpreter(path)
    inputs, outputs = ports_of(interpreter, path)
    operators = Counter(node["op_name"] for node in interpreter._get_ops_details())
    return Graph(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        opset=SCHEMA_VERSION,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        operators=dict(sorted(operators.items())),
        metadata={},
    )


def _ports(details: list[dict[str, Any]], numbers: dict[str, int], path: Path) -> dict[Port, int]:
    by_number = {d["index"]: d for d in details}
    order = {d["index"]: i for i, d in enumerate(details)}
    pairs = sorted(numbers.items(), key=lambda pair: order[pair[1]])
    return {_port(name, by_number[number], path): number for name, number in pairs}


def _port(name: str, detail: dict[str, Any], path: Path) -> Port:
    dtype = detail["dtype"].__name__.rstrip("_")
    if detail["quantization"][0]:
        raise BadModel(
            f"{name} of {path.name} is quantized ({dtype}, scale {detail['quantization'][0]:g})",
            hint="quantize the model with float inputs and outputs: a state must leave with the scale it came in with",
        )
    if dtype not in DTYPES:
        raise BadModel(f"{name} of {path.name} is {dtype}, not a tensor of {', '.join(DTYPES)}")
    shape: tuple[Dim, ...] = tuple(None if size < 0 else int(size) for size in detail["shape_signature"])
    return Port(name, dtype, shape)
