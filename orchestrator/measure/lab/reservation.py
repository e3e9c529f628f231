"""Which devices are meant: by name, by tag, all of them, or any one of a kind.

pi5              that device
tag:desk         every device with the tag
any:cuda         one of those with the tag: the first that is free
all              every device of the lab file, a phone and the ADB cable to it as one
pi5,any:pixel-8  several of these
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.health import Health
from orchestrator.errors import BadInput, DeviceQuarantined
from orchestrator.measure.lab.device import LOCAL, Device, Lab
from orchestrator.measure.lab.inventory import find_device

if TYPE_CHECKING:
    from orchestrator.domain.session import Environment

ALL = "all"
_PROVIDER = "executionprovider"


@dataclass(frozen=True)
class Choice:
    """``slots``: for each run, the devices that will do, best first. ``passed_over``: device -> reason."""

    slots: tuple[tuple[Device, ...], ...]
    passed_over: dict[str, str]


def tags_of(device: Device, environment: "Environment | None" = None, profile: str | None = None) -> frozenset[str]:
    """The device's own tags, its transport, its profile's name, and from the last probe that is known the model and the
    execution providers (``cuda`` for CUDAExecutionProvider).
    """
    found = {*device.tags, device.transport, *(name for name in (device.profile, profile) if name)}
    if environment is not None:
        found.add(environment.device_model)
        runtimes = [runtime for runtime in environment.probe.runtimes if runtime.usable]
        found |= {runtime.name for runtime in runtimes}
        found |= {p.name.lower().removesuffix(_PROVIDER) for r in runtimes for p in r.providers if p.usable}
    return frozenset(found)


def choose(lab: Lab, text: str, tags: Mapping[str, frozenset[str]], health: Mapping[str, Health]) -> Choice:
    """Raises BadInput for an unknown name, or a tag that no device has; DeviceQuarantined for a device asked for by
    its name, or where quarantine leaves none.
    """
    slots: list[tuple[Device, ...]] = []
    singles: set[str] = set()
    passed_over: dict[str, str] = {}
    for term in filter(None, (part.strip() for part in text.split(","))):
        kind, _, tag = term.partition(":")
        if kind not in ("tag", "any") and term != ALL:
            named = _named(lab, term, health)
            slots += [(named,)] if named.name not in singles else []
            singles.add(named.name)
            continue
        found = _every(lab) if term == ALL else _tagged(lab, tag, tags)
        usable = tuple(device for device in found if not _quarantined(device, health))
        passed_over |= {d.name: str(health[d.name].reason) for d in found if _quarantined(d, health)}
        if not usable:
            raise _refused(health[found[0].name])
        slots += [usable] if kind == "any" else [(device,) for device in usable if device.name not in singles]
        singles |= set() if kind == "any" else {device.name for device in usable}
    if not slots:
        raise BadInput("no device was named", hint="name one, or use tag:TAG, any:TAG or all")
    return Choice(tuple(slots), passed_over)


def _named(lab: Lab, name: str, health: Mapping[str, Health]) -> Device:
    device = find_device(lab, name)
    if _quarantined(device, health):
        raise _refused(health[name])
    return device


def _refused(health: Health) -> DeviceQuarantined:
    # With the ledger behind it, which who has none does not wait for.
    from orchestrator.measure.lab.health import quarantined_error

    return quarantined_error(health)


def _quarantined(device: Device, health: Mapping[str, Health]) -> bool:
    return device.name in health and health[device.name].quarantined


def _every(lab: Lab) -> list[Device]:
    """``local`` is always there, and only meant where nothing else is. A phone that SSH reaches through ADB is one
    device under two names, and meant once.
    """
    cables = {device.via.name for device in lab.devices.values() if device.via and device.via.transport == "adb"}
    others = [device for name, device in lab.devices.items() if name != LOCAL and name not in cables]
    return others or list(lab.devices.values())


def _tagged(lab: Lab, tag: str, tags: Mapping[str, frozenset[str]]) -> list[Device]:
    found = [device for name, device in lab.devices.items() if tag in tags.get(name, ())]
    if not found:
        known = sorted({t for names in tags.values() for t in names})
        raise BadInput(
            f"no device has the tag {tag!r}",
            hint=f"known are {', '.join(known)} (from the lab file, profiles and the devices' last sessions)",
        )
    return found
