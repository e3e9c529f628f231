"""What a worker keeps of models from elsewhere: parcels unpacked, each in a folder of its own, proven again."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from agents.strict_json import MalformedJson, from_json
from orchestrator.errors import BadModel
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.cache import Cache
from orchestrator.ledger.store.places import store_of
from orchestrator.make.models.builders import Checkpoint, of_checkpoint
from orchestrator.make.models.module_folder import module_folder_source
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.evaluation import EvaluationSet, load_evaluation
from orchestrator.workflows.farm.parcel import Parcel, identity_of
from orchestrator.workflows.farm.parcel_files import CHECKPOINT, CHECKPOINTS, GRAPH, LIBRARY, MODULE, OWN
from orchestrator.workflows.night_material import Ready, ready_to_stream
from orchestrator.workflows.prepare import Prepared

_OTHER_EARSHOT = "install the same earshot on both hosts"


@dataclass(frozen=True)
class Depot:
    """``folder``: with ``artifacts/``, ``parcels/`` and ``decoded/`` below. ``cache`` of the farm's store."""

    folder: Path
    cache: Cache

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"


def depot_of(farm: Ledger, folder: Path) -> Depot:
    """Of a site whose files lie in ``folder``. Raises StoreError."""
    return Depot(folder, Cache(folder / "cache", store_of(farm)))


def read_parcel(depot: Depot, sha256: str) -> Parcel:
    """Raises StoreError where it is not in the store, BadModel for one of another Earshot."""
    try:
        return from_json(Parcel, json.loads(depot.cache.path(sha256).read_bytes()), "parcel")
    except (MalformedJson, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise BadModel(f"cannot read parcel {sha256[:12]}: {exc}", hint=_OTHER_EARSHOT) from exc


def open_parcel(depot: Depot, sha256: str) -> Prepared:
    """The model and its evaluation set as whoever packed them had them.

    Raises StoreError where a file cannot be had, BadModel where what it gives here is another model.
    """
    parcel = read_parcel(depot, sha256)
    root = depot.folder / "parcels" / sha256 / (parcel.model if parcel.form == LIBRARY else "model")
    with _only_one(root.parent):
        for name, file in parcel.files.items():
            depot.cache.place(file.sha256, _below(root, name))
    source = _source(parcel, root)
    source = replace(source, tuned={name: _below(root, file) for name, file in parcel.tuned.items()})
    if source.name != parcel.model or identity_of(source) != parcel.identity:
        raise BadModel(
            f"{parcel.model} is another model here than where it was submitted (this is earshot {version('earshot')})",
            hint=_OTHER_EARSHOT if parcel.form == OWN else "submit it again: its files do not give it back",
        )
    return Prepared(source, _evaluation(depot, parcel, source, root))


def ready_from_parcel(depot: Depot, sha256: str, scratch: Path) -> Ready:
    """``ready_to_stream`` of the parcel's model, with its audio below ``scratch``, and no artifact yet."""
    own = scratch / sha256[:16]
    own.mkdir(parents=True, exist_ok=True)
    return ready_to_stream(open_parcel(depot, sha256), own)


def _source(parcel: Parcel, root: Path) -> ModelSource:
    from orchestrator.make.models.library import find_model

    if parcel.form == MODULE:
        return module_folder_source(root)
    if parcel.form == CHECKPOINT and parcel.main:
        return of_checkpoint(parcel.model, Checkpoint(str(_below(root / CHECKPOINTS, parcel.main)), parcel.streamed))
    if parcel.form == GRAPH and parcel.main:
        return find_model(str(_below(root, parcel.main)), root)
    if parcel.form in (OWN, LIBRARY):
        return find_model(parcel.model, root.parent)
    raise BadModel(f"a parcel of form {parcel.form!r} is not known here", hint=_OTHER_EARSHOT)


def _evaluation(depot: Depot, parcel: Parcel, source: ModelSource, root: Path) -> EvaluationSet | None:
    if source.manifest_path is None:
        return None
    elsewhere = {said: _below(root, name) for said, name in parcel.audio.items()}
    rate_hz = source.contract.sample_rate_hz
    found = load_evaluation(source.manifest_path, rate_hz, depot.folder / "decoded", elsewhere)
    if found.sha256 != parcel.evaluation_sha256:
        raise BadModel(
            f"the evaluation set of {parcel.model} sounds otherwise here than where it was submitted",
            hint="lossy audio is decoded by libsndfile: install the same version of soundfile on both hosts",
        )
    return found


def _below(root: Path, name: str) -> Path:
    """Raises BadModel for a name that leads out of ``root``: parcels come from others."""
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        raise BadModel(f"a parcel names its files below its own folder, got {name!r}")
    return root / pure


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
