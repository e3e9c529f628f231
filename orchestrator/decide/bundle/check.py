"""Whether a bundle is whole: its hashes, its contracts, its support file, and that they fit together."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.contract import StepContract, StreamContract
from agents.decode.trie import read_trie
from agents.strict_json import from_json
from orchestrator.decide.bundle.bundle import CONTRACT, MANIFEST, RECOMMENDATION, SUPPORT
from orchestrator.decide.bundle.graph_names import graph_names
from orchestrator.decide.bundle.support import SCHEMA
from orchestrator.domain.artifact import GRAPH, LEXICON, STEP
from orchestrator.errors import BadInput

_AGAIN = "write it anew: earshot tune MODEL, or copy the whole folder again"


@dataclass(frozen=True)
class CheckedBundle:
    """``support``: device_support.json, empty where a file was changed. ``problems``: empty where it is whole."""

    model: str
    file_count: int
    size_bytes: int
    support: dict[str, Any]
    problems: tuple[str, ...]


def check_bundle(folder: Path) -> CheckedBundle:
    """Raises BadInput for what is no bundle at all, or one of another version of Earshot."""
    if not (folder / MANIFEST).is_file():
        hint = "name the folder that holds manifest.json, such as earshot-results/bundles/DEVICE-MODEL/MODEL"
        raise BadInput(f"{folder} is no bundle: it has no {MANIFEST}", hint=hint)
    manifest = _json(folder, MANIFEST)
    if manifest.get("schema") != SCHEMA:
        raise BadInput(f"{folder} has schema {manifest.get('schema')}, this Earshot knows {SCHEMA}", hint=_AGAIN)
    files = manifest["files"]
    problems = list(_changed(folder, files))
    support: dict[str, Any] = {}
    if not problems:
        support = _json(folder, SUPPORT)
        try:
            problems += _unfit(folder, files, support)
        except (KeyError, TypeError, AttributeError) as exc:
            # By hand, as files of several bundles are joined.
            problems.append(f"{SUPPORT} or {RECOMMENDATION} is not of this form: {type(exc).__name__} {exc}")
    size = sum(known["size_bytes"] for known in files.values())
    return CheckedBundle(str(support.get("model", folder.name)), len(files), size, support, tuple(problems))


def _unfit(folder: Path, files: dict[str, Any], support: dict[str, Any]) -> list[str]:
    """What of files that are all there does not fit together."""
    problems = [*_missing(files), *_entries(support), *_recommended(folder, support)]
    for key, configuration in support["configurations"].items():
        problems += [f"configuration {key}: {p}" for p in _configuration(folder, files, configuration)]
    return problems


def _json(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text())
    except (OSError, ValueError) as exc:
        raise BadInput(f"cannot read {folder / name}: {exc}", hint=_AGAIN) from exc


def _changed(folder: Path, files: dict[str, Any]) -> Iterator[str]:
    for name, known in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is not there"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != known["sha256"]:
            yield f"{name} is not the file that the manifest names: {path.stat().st_size} bytes, not the same content"
    # What a client leaves when it is run or built lies in clients/.
    shipped = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    strays = [name for name in shipped if name not in (*files, MANIFEST) and not name.startswith("clients/")]
    yield from (f"{name} is not in the manifest" for name in strays)


def _missing(files: dict[str, Any]) -> Iterator[str]:
    yield from (f"the manifest names no {name}" for name in (CONTRACT, RECOMMENDATION, SUPPORT) if name not in files)


def _entries(support: dict[str, Any]) -> Iterator[str]:
    shipped, known = support["configurations"], {**support["configurations"], **support["not_shipped"]}
    prefixes: list[str] = [p for entry in support["device_support"] for p in entry["identifier_prefixes"]]
    yield from (f"the prefix {p!r} belongs to two entries" for p in set(prefixes) if prefixes.count(p) > 1)
    yield from ("a prefix is empty, so that it fits every device" for p in prefixes if not p)
    for entry in (*support["device_support"], support["default"]):
        if entry["fallback"][:1] != [entry["default"]]:
            yield f"the fallback chain {entry['fallback']} does not begin with the default {entry['default']}"
        yield from (
            f"nothing is shipped for {key} of a fallback chain" for key in entry["fallback"] if key not in shipped
        )
        yield from (
            f"the supported configuration {key} is not described" for key in entry["supported"] if key not in known
        )


def _recommended(folder: Path, support: dict[str, Any]) -> Iterator[str]:
    told = _json(folder, RECOMMENDATION)
    key = told["configuration"]["key"]
    shipped = support["configurations"].get(key)
    if shipped is None:
        yield f"the recommended configuration {key} is not shipped"
    elif shipped["files"][GRAPH]["sha256"] != told["file"]["sha256"]:
        yield f"the recommended file {told['file']['name']} is not that of the configuration {key}"


def _configuration(folder: Path, files: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    for part, file in told["files"].items():
        if files.get(file["name"], {}).get("sha256") != file["sha256"]:
            yield f"its {part} {file['name']} is not the file that the manifest names"
            return
    try:
        contract = from_json(StreamContract, _json(folder, told["contract"]))
    except ValueError as exc:
        yield f"{told['contract']} is no contract: {exc}"
        return
    if told["chunk_samples"] not in contract.allowed_chunk_samples:
        yield f"chunks of {told['chunk_samples']} samples are none of {contract.allowed_chunk_samples}"
    yield from _parts(folder, told, contract)


def _parts(folder: Path, told: dict[str, Any], contract: StreamContract) -> Iterator[str]:
    needed = [GRAPH, *([STEP] if contract.search else []), *([LEXICON] if contract.decoder.kind == "trie" else [])]
    absent = [part for part in needed if part not in told["files"]]
    yield from (f"a {contract.decoder.kind} decoder needs the part {part}, which is not shipped" for part in absent)
    paths = {part: folder / file["name"] for part, file in told["files"].items()}
    yield from _names(paths[GRAPH], _of_graph(contract))
    if contract.search and STEP in paths:
        yield from _names(paths[STEP], _of_step(contract.search))
    if LEXICON in paths:
        yield from _lexicon(paths[LEXICON], contract)


def _names(path: Path, wanted: tuple[set[str], set[str]]) -> Iterator[str]:
    found = graph_names(path)
    if isinstance(found, str):
        yield f"{path.name} cannot be read: {found}"
        return
    for side, has, needs in zip(("input", "output"), found or wanted, wanted, strict=True):
        if lacking := sorted(needs - has):
            yield f"{path.name} has no {side} {', '.join(lacking)}: it has {', '.join(sorted(has))}"


def _of_graph(contract: StreamContract) -> tuple[set[str], set[str]]:
    given = {contract.input.name, *(s.input for s in contract.states), *(c.name for c in contract.constants)}
    return given, {*(o.name for o in contract.outputs), *(s.output for s in contract.states)}


def _of_step(step: StepContract) -> tuple[set[str], set[str]]:
    given = {step.token.name, step.frame.name, *(s.input for s in step.states)}
    return given, {step.logits.name, *(s.output for s in step.states)}


def _lexicon(path: Path, contract: StreamContract) -> Iterator[str]:
    try:
        trie = read_trie(str(path), contract.decoder.labels, contract.decoder.max_symbols)
    except (OSError, ValueError) as exc:
        yield f"{path.name} cannot be read: {exc}"
        return
    if not trie.words:
        yield f"{path.name} has no word that can be spelt with the decoder's letters"
