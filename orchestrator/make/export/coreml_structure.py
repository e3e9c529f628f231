"""An ML Program read back: its border against the contract, its weights against the recipe. Needs coremltools."""

import json
import shutil
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coremltools.proto import MIL_pb2, Model_pb2

from agents.contract import StreamContract
from agents.torchscript_file import contract_names
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed

_SPEC = "Data/com.apple.CoreML/model.mlmodel"
_MANIFEST = "Manifest.json"
# Of names of a package's parts: any fixed one, so that the same parts have the same identifiers.
_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_PALETTE = "constexpr_lut_to_dense"
_LINEAR = ("constexpr_affine_dequantize", "constexpr_blockwise_shift_scale")
_BITS = {v: k.removeprefix("UINT") for k, v in MIL_pb2.DataType.items() if k.startswith("UINT")}


@dataclass(frozen=True)
class Structure:
    """``weights``: how often each type of stored weights occurs; ``bits``: of the indices into palettes."""

    version: int
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    states: tuple[str, ...]
    operators: dict[str, int]
    weights: dict[str, int]
    bits: tuple[int, ...]

    @property
    def summary(self) -> str:
        most = ", ".join(f"{count} {op}" for op, count in Counter(self.operators).most_common(6))
        weights = ", ".join(f"{count} {kind}" for kind, count in sorted(self.weights.items()))
        kept = f", {len(self.states)} states kept by Core ML" if self.states else ""
        return (
            f"specification {self.version}, {len(self.inputs)} inputs, {len(self.outputs)} outputs{kept}, "
            f"{sum(self.operators.values())} operators ({most}), weights: {weights or 'none'}"
        )


def files_of(made: Any, folder: Path) -> dict[str, bytes]:
    """The package's files by their paths, the same for the same program: a package names its parts at random."""
    shutil.rmtree(folder, ignore_errors=True)
    made.save(str(folder))
    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    spec = Model_pb2.Model()
    spec.ParseFromString(files[_SPEC])
    files[_SPEC] = spec.SerializeToString(deterministic=True)
    files[_MANIFEST] = _manifest(json.loads(files[_MANIFEST]))
    return files


def _manifest(manifest: dict[str, Any]) -> bytes:
    parts = manifest["itemInfoEntries"]
    names = {old: str(uuid.uuid5(_SPACE, part["path"])).upper() for old, part in parts.items()}
    manifest["itemInfoEntries"] = {names[old]: part for old, part in parts.items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    return json.dumps(manifest, indent=4, sort_keys=True).encode()


def structure_of(files: dict[str, bytes]) -> Structure:
    spec = Model_pb2.Model()
    spec.ParseFromString(files[_SPEC])
    description = spec.description
    operations = [
        operation
        for function in spec.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
    ]
    return Structure(
        version=spec.specificationVersion,
        inputs={i.name: tuple(i.type.multiArrayType.shape) for i in description.input},
        outputs=tuple(o.name for o in description.output),
        states=tuple(s.name for s in description.state),
        operators=dict(Counter(o.type for o in operations if o.type != "const" and not o.type.startswith("constexpr"))),
        weights=dict(Counter(kind for o in operations if (kind := _weight_kind(o)))),
        bits=tuple(sorted({int(b) for o in operations if o.type == _PALETTE for b in _index_bits(o)})),
    )


def _weight_kind(operation: Any) -> str | None:
    """``const FLOAT16`` for what lies in the weights' file, or the operator that unpacks it."""
    if operation.type.startswith("constexpr"):
        return str(operation.type)
    if operation.type != "const" or "val" not in operation.attributes:
        return None
    value = operation.attributes["val"]
    if value.WhichOneof("value") != "blobFileValue":
        return None
    return f"const {MIL_pb2.DataType.Name(value.type.tensorType.dataType)}"


def _index_bits(operation: Any) -> list[int]:
    """log2 of the entries of each palette: up to iOS 17 the indices are packed in bytes and say nothing themselves."""
    table = operation.attributes.get("lut")
    if table is not None and table.type.tensorType.dimensions:
        entries = table.type.tensorType.dimensions[-1].constant.size
        return [max(1, int(entries).bit_length() - 1)]
    indices = operation.attributes.get("indices")
    return [int(_BITS[indices.type.tensorType.dataType])] if indices is not None else []


def check(found: Structure, contract: StreamContract, recipe: Recipe) -> None:
    """Raises ExportFailed that names the first difference."""
    names_in, names_out = contract_names(contract)
    inside = recipe.get("states", "io") == "coreml"
    states = {s.input for s in contract.states} if inside else set()
    wanted = [n for n in names_in if n not in states]
    if list(found.inputs) != wanted:
        _refuse(f"its inputs are {', '.join(found.inputs)}, the contract says {', '.join(wanted)}")
    outputs = names_out[: len(contract.outputs)] if inside else names_out
    if found.outputs != outputs:
        _refuse(f"its outputs are {', '.join(found.outputs)}, the contract says {', '.join(outputs)}")
    if len(found.states) != len(states):
        _refuse(f"it keeps {len(found.states)} states, the contract has {len(states)}")
    shapes = {contract.input.name: contract.input.shape, **{s.input: s.shape for s in contract.states}}
    for name, shape in found.inputs.items():
        if name in shapes and shape != shapes[name]:
            _refuse(f"input {name} has shape {list(shape)}, the contract says {list(shapes[name])}")
    _check_weights(found, recipe)


def _check_weights(found: Structure, recipe: Recipe) -> None:
    unpackers = {"palettized": (_PALETTE,), "int8-weight": _LINEAR}.get(recipe.precision)
    if unpackers and not any(found.weights.get(kind) for kind in unpackers):
        _refuse(f"{recipe} changes no weight: they are {', '.join(found.weights) or 'none'}")
    if recipe.precision == "palettized" and found.bits != (int(recipe.get("bits", "8")),):
        _refuse(f"its palettes have {found.bits} bits, {recipe.get('bits', '8')} were asked for")
    if recipe.precision == "fp16" and "const FLOAT32" in found.weights:
        _refuse(f"{found.weights['const FLOAT32']} of its weights are still FLOAT32")


def _refuse(what: str) -> None:
    raise ExportFailed(f"the ML Program is not what was asked for: {what}", hint="leave this recipe out, and report it")
