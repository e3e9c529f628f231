"""A model as it travels: a list of its files by hash, and what they must give when they are there again."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.strict_json import to_json
from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.store.base import Store, digest_of
from orchestrator.make.models.source import ModelSource
from orchestrator.make.train.tuned import WEIGHTS
from orchestrator.workflows.farm.parcel_files import add_audio, gathered
from orchestrator.workflows.prepare import Prepared

_FORMAT = 1
_TUNED = ".tuned"


@dataclass(frozen=True)
class ParcelFile:
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Parcel:
    """``model``: its name. ``identity``: of ``identity_of``, which the unpacked model must have, as its evaluation set
    must have ``evaluation_sha256``. ``files``: by name below the parcel's folder. ``audio``: what a manifest calls a
    recording that lies outside of the model's folder -> its name in ``files``. ``tuned``: learned weights, likewise.
    ``main``: of GRAPH the file that is opened, of CHECKPOINT its folder, whose form is ``streamed``.
    """

    form: str
    model: str
    identity: str
    evaluation_sha256: str | None
    files: dict[str, ParcelFile] = field(default_factory=dict)
    audio: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    main: str | None = None
    streamed: str = ""
    version: int = _FORMAT


@dataclass(frozen=True)
class Packed:
    """``paths``: where the parcel's files are here, by their names in it."""

    parcel: Parcel
    paths: Mapping[str, Path]

    @property
    def content(self) -> bytes:
        """The parcel itself is a file, too: its hash says which model is meant, wherever it is."""
        return json.dumps(to_json(self.parcel), sort_keys=True, separators=(",", ":")).encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def send(self, store: Store) -> str:
        """Into the store, the list last; its hash. Raises StoreError."""
        for path in self.paths.values():
            store.put(path)
        with TemporaryDirectory(prefix="earshot-parcel-") as scratch:
            told = Path(scratch) / "parcel.json"
            told.write_bytes(self.content)
            return store.put(told)


def pack(asked: str, prepared: Prepared, models_dir: Path, recipes: Iterable[Recipe] = ()) -> Packed:
    """The model that ``prepare_model(asked, models_dir)`` gave, with the learned weights that ``recipes`` name.

    Raises BadModel for one that would not be the same elsewhere, with what to do about it.
    """
    source = prepared.source
    found = gathered(asked, source, models_dir)
    paths = dict(found.paths)
    audio = {} if found.folder is None else add_audio(source, found.folder, paths)
    learned = {name: path for name in sorted({r.get(WEIGHTS, "") for r in recipes}) if (path := source.tuned.get(name))}
    tuned = {name: f"{_TUNED}/{path.name}" for name, path in learned.items()}
    paths |= {tuned[name]: path for name, path in learned.items()}
    parcel = Parcel(
        form=found.form,
        model=source.name,
        identity=identity_of(source),
        evaluation_sha256=prepared.evaluation.sha256 if prepared.evaluation else None,
        files={name: ParcelFile(*digest_of(path)) for name, path in sorted(paths.items())},
        audio=audio,
        tuned=tuned,
        main=found.main,
        streamed=found.streamed,
    )
    return Packed(parcel, paths)


def identity_of(source: ModelSource) -> str:
    """Hash over all that artifacts of a model are made of, but for audio."""
    modules = [ref.sha256 if ref else None for ref in (source.module, source.step_module)]
    beside = [digest_of(path)[0] if path else None for path in (source.tflite_path, source.lexicon_path)]
    parts = [source.name, source.sha256, to_json(source.contract), modules, beside]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
