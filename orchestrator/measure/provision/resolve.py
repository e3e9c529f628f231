"""From requirements to wheel files in the controller's cache, as a device needs them."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from agents.environments.nouns import PythonFacts, Wheel, normalized
from agents.wire import Blob
from orchestrator.errors import BadInput, DeviceNotReady, EarshotError
from orchestrator.measure.provision import pip
from orchestrator.measure.provision.tags import WheelTags

Asked = dict[str, Requirement]

# Deeper than any chain of dependencies of a runtime; a circle ends by itself, because nothing new comes.
_ROUNDS = 12


@dataclass(frozen=True)
class LocalWheel:
    """A wheel in the cache, and how the device will know it."""

    path: Path
    wheel: Wheel


def wheel_cache() -> Path:
    """``$XDG_CACHE_HOME/earshot/wheels``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "earshot" / "wheels"


def resolve(
    device: str, packages: Sequence[str], facts: PythonFacts, tags: WheelTags, cache: Path
) -> tuple[LocalWheel, ...]:
    """The newest wheels that fit, with all that they need there; fetched where the cache lacks them.

    pip resolves for other platforms but reads environment markers as its own, so the dependencies are followed here,
    by the device's markers. Raises BadInput for a requirement that is none, DeviceNotReady where nothing fits.
    """
    asked = _applying([requirement(text) for text in packages], facts.markers, {})
    for _ in range(_ROUNDS):
        found = pip.report(list(asked), tags, device)
        _require_python(device, found, facts)
        wider = _applying([r for f in found for r in _needs(f, asked, facts.markers)], facts.markers, asked)
        if wider == asked:
            return _fetch(found, tags, cache, device)
        asked = wider
    raise DeviceNotReady(f"the dependencies of {', '.join(packages)} do not come to an end for {device}")


def _require_python(device: str, found: Iterable[pip.Found], facts: PythonFacts) -> None:
    """An index tells pip which Python a version needs; a folder of wheels does not, and pip does not ask the wheel."""
    for one in found:
        if not SpecifierSet(one.requires_python).contains(facts.version_text, prereleases=True):
            raise DeviceNotReady(
                f"{one.name} {one.version} needs Python {one.requires_python}, {device} has {facts.version_text}",
                hint="name an older version in the packages of this environment in lab.toml",
            )


def requirement(text: str) -> Requirement:
    """Of a line of the lab file; the path of a wheel on this machine is one too. Raises BadInput."""
    path = Path(text).expanduser()
    if path.suffix == ".whl" and path.exists():
        return Requirement(f"{path.name.split('-')[0]} @ {path.resolve().as_uri()}")
    try:
        return Requirement(text)
    except InvalidRequirement as exc:
        raise BadInput(
            f"{text!r} is no requirement: {exc.args[0].splitlines()[0]}",
            hint='write it as pip does: "onnxruntime>=1.17", or the path of a wheel that is there',
        ) from exc


def _applying(found: Iterable[Requirement], markers: Mapping[str, str], asked: Asked) -> Asked:
    """``asked`` and those of ``found`` whose marker holds on the device, by the line that pip is given."""
    wider = dict(asked)
    for one in found:
        if one.marker is None or one.marker.evaluate({**markers, "extra": ""}):
            wider.setdefault(_line(one), one)
    return wider


def _line(one: Requirement) -> str:
    """For pip, without its marker, which has been looked at here."""
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    where = f" @ {one.url}" if one.url else str(one.specifier)
    return f"{one.name}{extras}{where}"


def _needs(found: pip.Found, asked: Asked, markers: Mapping[str, str]) -> list[Requirement]:
    """What the wheel needs on the device, with the extras that anyone asked of it."""
    name = normalized(found.name)
    extras = {e for r in asked.values() if normalized(r.name) == name for e in r.extras}
    needs = []
    for text in found.requires:
        need = Requirement(text)
        if need.marker is not None and not any(
            need.marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras)
        ):
            continue
        need.marker = None
        needs.append(need)
    return needs


def _fetch(found: Sequence[pip.Found], tags: WheelTags, cache: Path, device: str) -> tuple[LocalWheel, ...]:
    """From the cache, where each wheel lies under its hash, and from the index what is not there; sorted by name."""
    known = {f.name: there for f in found if f.sha256 and (there := _in_cache(cache / f.sha256))}
    absent = [f for f in found if f.name not in known]
    if absent:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=cache) as folder:
            paths = pip.download([f.requirement for f in absent], tags, Path(folder), device)
            arrived = {normalized(path.name.split("-")[0]): path for path in paths}
            known.update({f.name: _keep(f, arrived[normalized(f.name)], cache) for f in absent})
    return tuple(known[f.name] for f in sorted(found, key=lambda f: f.name.lower()))


def _keep(found: pip.Found, path: Path, cache: Path) -> LocalWheel:
    """The wheel, moved to its place in the cache. Raises EarshotError for one that is not what the index promised."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if found.sha256 not in (None, sha256):
        raise EarshotError(
            f"{path.name} is not what the index promised: its sha256 is {sha256[:16]}..., not {found.sha256[:16]}...",
            hint="try again; where it stays so, the index or the way to it cannot be trusted",
        )
    (cache / sha256).mkdir(exist_ok=True)
    path.replace(cache / sha256 / path.name)
    kept = _in_cache(cache / sha256)
    assert kept
    return kept


def _in_cache(folder: Path) -> LocalWheel | None:
    """The wheel below its hash; None where it is not there, or is no longer what it was."""
    for path in folder.glob("*.whl"):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == folder.name:
            return LocalWheel(path, Wheel(Blob(folder.name, len(data), ".whl"), path.name))
    return None
