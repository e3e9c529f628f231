"""An ONNX file, read with suspicion: what goes in, what comes out, and of which operators it is made."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import onnx

from orchestrator.errors import BadModel

# A dimension is a number, a symbol ("batch"), or None where the graph does not say.
Dim = int | str | None

_DTYPES = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.FLOAT16: "float16",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.BOOL: "bool",
}
_EXPORT_HINT = "export the model again, or copy the file again and compare its size"


@dataclass(frozen=True)
class Port:
    """A graph input or output. ``shape`` is None where the graph states not even a rank."""

    name: str
    dtype: str
    shape: tuple[Dim, ...] | None

    @property
    def is_static(self) -> bool:
        return self.shape is not None and all(isinstance(d, int) for d in self.shape)

    def describe(self) -> str:
        """For example ``h_in float32 (1, batch, 64)``."""
        if self.shape is None:
            return f"{self.name} {self.dtype} of unknown rank"
        dims = ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{self.name} {self.dtype} ({dims})"


@dataclass(frozen=True)
class Graph:
    """The signature of an ONNX graph. ``metadata`` are its metadata_props; ``operators`` count nodes, subgraphs too."""

    path: Path
    sha256: str
    opset: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: dict[str, int]
    metadata: dict[str, str]

    @cached_property
    def inputs_by_name(self) -> dict[str, Port]:
        return {p.name: p for p in self.inputs}

    @cached_property
    def outputs_by_name(self) -> dict[str, Port]:
        return {p.name: p for p in self.outputs}


def read_proto(path: Path) -> onnx.ModelProto:
    """The model at ``path``, checked and with its external data inside.

    Raises BadModel for a file that is missing, not a file, cut short, not ONNX, or whose external data are absent.
    """
    if path.is_dir():
        raise BadModel(
            f"{path} is a directory, not an ONNX file",
            hint="name the .onnx file inside it; a folder with a checkpoint has a config.json",
        )
    if not path.exists():
        raise BadModel(f"no model file {path}", hint="check the path; `earshot models list` shows the library")
    model = _parsed(path)
    if not model.graph.node or not model.opset_import:
        raise BadModel(f"{path} is no ONNX file: it has no graph", hint=_EXPORT_HINT)
    _load_external_data(model, path)
    _check(model, path)
    return model


def read_graph(path: Path) -> Graph:
    """The signature of the model at ``path``. Raises BadModel like ``read_proto``, and for inputs without a dtype."""
    model = read_proto(path)
    constants = {i.name for i in model.graph.initializer}
    return Graph(
        path=path,
        sha256=model_sha256(path),
        opset=opset_of(model),
        inputs=tuple(_port(v, path) for v in model.graph.input if v.name not in constants),
        outputs=tuple(_port(v, path) for v in model.graph.output),
        operators=count_operators(model),
        metadata={p.key: p.value for p in model.metadata_props},
    )


def read_model(path: Path) -> Graph:
    """``read_graph``, or what does the same for a .tflite or .pte file."""
    if path.suffix == ".tflite":
        from orchestrator.make.models.tflite import read_tflite

        return read_tflite(path)
    if path.suffix == ".pte":
        from orchestrator.make.models.pte import read_pte_graph

        return read_pte_graph(path)
    return read_graph(path)


def model_sha256(path: Path) -> str:
    """SHA-256 over the model file and, behind it, the external data files of an ONNX one, by name. Raises BadModel for
    what is no ONNX file and not called .tflite or .pte."""
    digest = hashlib.sha256(path.read_bytes())
    if path.suffix in (".tflite", ".pte"):
        return digest.hexdigest()
    for name in external_files(_parsed(path)):
        digest.update((path.parent / name).read_bytes())
    return digest.hexdigest()


def external_files(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the files that hold weights outside the model file, relative to it."""
    entries = (e for i in model.graph.initializer for e in i.external_data if e.key == "location")
    return tuple(sorted({e.value for e in entries}))


def external_paths(path: Path) -> tuple[Path, ...]:
    """Those files of the ONNX model at ``path``. Raises BadModel."""
    return tuple(path.parent / name for name in external_files(_parsed(path)))


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the default operator set."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def count_operators(model: onnx.ModelProto) -> dict[str, int]:
    """Operator type -> nodes, subgraphs included, sorted by type."""
    return dict(sorted(Counter(n.op_type for n in all_nodes(model.graph)).items()))


def all_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of ``graph`` and of the subgraphs inside them (If, Loop, Scan)."""
    found = []
    for node in graph.node:
        found.append(node)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += all_nodes(attribute.g)
    return found


def _parsed(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path, load_external_data=False)
    except OSError as exc:
        raise BadModel(f"cannot read {path}: {exc.strerror or exc}") from exc
    except Exception as exc:  # protobuf's DecodeError has moved between its versions
        size = path.stat().st_size
        raise BadModel(f"{path} is no ONNX file, or is cut short ({size} bytes)", hint=_EXPORT_HINT) from exc


def _load_external_data(model: onnx.ModelProto, path: Path) -> None:
    root = path.parent.resolve()
    for name in external_files(model):
        file = (root / name).resolve()
        if not file.is_relative_to(root):
            raise BadModel(f"{path} keeps weights outside its own folder, in {name}", hint="save it as one file")
        if not file.is_file():
            raise BadModel(
                f"{path} keeps weights in {name}, which is not beside it",
                hint=f"copy {name} to {path.parent}, or save the model as one file",
            )
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as exc:
        raise BadModel(f"cannot read the weights of {path}: {exc}", hint=_EXPORT_HINT) from exc


def _check(model: onnx.ModelProto, path: Path) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as exc:
        fault = str(exc).strip().splitlines()[0]
        raise BadModel(f"{path} is not a valid ONNX graph: {fault}", hint=_EXPORT_HINT) from exc


def _port(value: onnx.ValueInfoProto, path: Path) -> Port:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or tensor.elem_type not in _DTYPES:
        raise BadModel(f"{value.name} of {path} is not a tensor of {', '.join(_DTYPES.values())}")
    shape = tuple(_dim(d) for d in tensor.shape.dim) if tensor.HasField("shape") else None
    return Port(value.name, _DTYPES[tensor.elem_type], shape)


def _dim(dim: onnx.TensorShapeProto.Dimension) -> Dim:
    if dim.HasField("dim_param") and dim.dim_param:
        return str(dim.dim_param)
    # Exporters write 0 for "not known" (Silero VAD does).
    return int(dim.dim_value) or None
