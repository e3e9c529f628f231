"""Artifacts that somebody names by their hash, or by their file."""

import json
from dataclasses import dataclass
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json
from orchestrator.errors import BadInput, BadModel, NotAStream
from orchestrator.make.export.store import CONTRACT_FILE, PROVENANCE_FILE, Record
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.library import read_contract
from orchestrator.make.models.stepping import Runnable, graph_inputs, open_graph

_FEWEST_DIGITS = 8


@dataclass(frozen=True)
class NamedArtifact:
    """A file with the contract beside it. ``record`` None: it is not of an artifact store."""

    path: Path
    sha256: str
    contract: StreamContract
    record: Record | None

    @property
    def label(self) -> str:
        return self.record.recipe if self.record else self.path.name


def looks_like_a_hash(text: str) -> bool:
    return len(text) >= _FEWEST_DIGITS and all(c in "0123456789abcdef" for c in text)


def by_hash(folder: Path, digits: str) -> NamedArtifact:
    """The artifact of the store at ``folder`` whose SHA-256 begins with ``digits``. Raises BadInput for none or
    several."""
    found = sorted(p.parent for p in folder.glob(f"{digits}*/{PROVENANCE_FILE}"))
    if len(found) != 1:
        what = "no artifact" if not found else f"{len(found)} artifacts"
        raise BadInput(
            f"{what} of {folder} with a SHA-256 that begins with {digits}",
            hint="earshot models export MODEL shows those of a model",
        )
    record = _record(found[0])
    return by_file(found[0] / record.file)


def by_file(path: Path) -> NamedArtifact:
    """The artifact at ``path``. Raises BadInput where there is no file, BadModel without a contract beside it."""
    if not path.is_file():
        raise BadInput(
            f"there is no artifact {path}", hint="name an .onnx, .ort or .tflite file, or the SHA-256 of an artifact"
        )
    record = _record(path.parent) if (path.parent / PROVENANCE_FILE).is_file() else None
    contract = read_contract(path.parent / CONTRACT_FILE)
    sha256 = record.sha256 if record else model_sha256(path)
    return NamedArtifact(path, sha256, contract, record)


def require_same_contract(own: StreamContract, source: StreamContract, label: str) -> None:
    """Raises BadInput with what differs. Name and lookahead may: nothing of what is streamed depends on them."""
    fields = ("sample_rate_hz", "chunk_samples", "frontend", "input", "states", "outputs", "constant_values", "decoder")
    differing = [name for name in fields if getattr(own, name) != getattr(source, name)]
    if differing:
        raise BadInput(
            f"{label} has another contract than {source.model}: {', '.join(differing)} differ",
            hint="compare an artifact with the model that it was made of: --against MODEL",
        )


def open_for(path: Path, contract: StreamContract, label: str) -> Runnable:
    """A session whose inputs and outputs are the contract's.

    Raises NotAStream for a graph without any of its states, BadModel for one that does not fit otherwise.
    """
    try:
        graph = open_graph(path)
    except Exception as exc:  # onnxruntime's errors share no base class of their own
        said = str(exc).strip().splitlines()
        raise BadModel(f"its runtime cannot load {label}: {said[0][:300] if said else type(exc).__name__}") from exc
    shapes = {port.name: port.shape for port in (*graph_inputs(graph), *graph.get_outputs())}
    if not any(s.input in shapes and s.output in shapes for s in contract.states):
        raise NotAStream(
            f"{label} has no state: nothing can drift", hint="earshot models import shows a graph's states"
        )
    wanted = {s.input: s.shape for s in contract.states} | {s.output: s.shape for s in contract.states}
    wanted |= {contract.input.name: contract.input.shape} | {o.name: o.shape for o in contract.outputs}
    wrong = [name for name, shape in wanted.items() if name not in shapes or not _fits(shapes[name], shape)]
    if wrong:
        raise BadModel(
            f"{label} does not fit the contract of {contract.model}: {', '.join(wrong)} lacks or has another shape",
            hint="name the model that it was made of: --against MODEL",
        )
    return graph


def _fits(found: list[int | str | None], wanted: tuple[int, ...]) -> bool:
    if len(found) != len(wanted):
        return not found  # A graph that does not say its shape is found out when it runs.
    return all(not isinstance(a, int) or a in (0, b) for a, b in zip(found, wanted, strict=True))


def _record(folder: Path) -> Record:
    try:
        return from_json(Record, json.loads((folder / PROVENANCE_FILE).read_text()))
    except (OSError, MalformedJson, json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise BadInput(f"{folder / PROVENANCE_FILE} cannot be read: {exc}", hint="export the artifact again") from exc
