"""Device profiles: facts about kinds of devices, and which kind a probed device is."""

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from agents import strict_json
from agents.device_facts import DeviceProbe
from orchestrator.errors import BadInput

_TEXT_FACTS = ("model", "soc", "machine", "os", "kernel", "libc", "virtual", "context")
SLUG_LENGTH = 60


@dataclass(frozen=True)
class DeviceProfile:
    """One kind of device.

    ``match``: fact of the probe -> regular expression for the whole of it; all must match, and among several profiles
    that do the one with the highest ``priority`` counts. ``runtimes``: runtime -> execution provider -> what it
    takes. ``sensors``: name (or its beginning) -> where it comes from. ``absent``: what is not there -> why.
    """

    title: str
    match: dict[str, str]
    python: str
    runtimes: dict[str, dict[str, str]]
    sensors: dict[str, str]
    absent: dict[str, str]
    sources: dict[str, str]
    priority: int = 0
    schema: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.match) - set(_TEXT_FACTS))
        if unknown or not self.match:
            raise ValueError(f"match must name some of {', '.join(_TEXT_FACTS)}, got {unknown or 'nothing'}")
        if self.schema != 1:
            raise ValueError(f"schema must be 1, got {self.schema}")
        for fact, pattern in self.match.items():
            try:
                re.compile(pattern)
            except re.error as exc:
                raise ValueError(f"match.{fact} must be a regular expression, got {pattern!r}: {exc}") from exc

    def fits(self, probe: DeviceProbe) -> bool:
        """True where every fact named in ``match`` is there and matches."""
        return all(
            (value := getattr(probe, fact)) is not None and re.fullmatch(pattern, value) is not None
            for fact, pattern in self.match.items()
        )


def load_profiles(folder: Path | None = None) -> dict[str, DeviceProfile]:
    """All profiles by name (the file's, without .toml): those of Earshot, or those in ``folder``. Raises BadInput."""
    found = sorted((folder or resources.files("device_profiles")).iterdir(), key=lambda p: p.name)
    names = [path for path in found if path.name.endswith(".toml")]
    return {path.name.removesuffix(".toml"): _load(path.name, path.read_text(encoding="utf-8")) for path in names}


def _load(file_name: str, text: str) -> DeviceProfile:
    try:
        profile = strict_json.from_json(DeviceProfile, tomllib.loads(text), file_name)
    except ValueError as exc:
        raise BadInput(f"device profile {file_name}: {exc}") from exc
    return dataclasses.replace(profile, name=file_name.removesuffix(".toml"))


def match_profile(probe: DeviceProbe, profiles: dict[str, DeviceProfile]) -> DeviceProfile | None:
    """The profile of highest priority that fits; None where none does. Raises BadInput where two are equally good."""
    fitting = sorted((p for p in profiles.values() if p.fits(probe)), key=lambda p: p.priority, reverse=True)
    if len(fitting) > 1 and fitting[0].priority == fitting[1].priority:
        raise BadInput(
            f"device {probe.model!r} fits the profiles {fitting[0].name} and {fitting[1].name} equally well",
            hint="give one of them a higher priority or a narrower match",
        )
    return fitting[0] if fitting else None


def device_model_slug(probe: DeviceProbe) -> str:
    """The device model as the name of a folder, for example ``raspberry-pi-5-model-b-rev-1-0``. Never empty."""
    return _plain(probe.model) or _plain(f"unknown {probe.machine}")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:SLUG_LENGTH].strip("-")
