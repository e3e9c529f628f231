"""Whether the device behind a name is the one that the lab file means: asked right after the probe."""

from collections.abc import Sequence
from pathlib import Path

from agents.device_facts import DeviceProbe
from orchestrator.errors import WrongDevice
from orchestrator.measure.lab.device import LOCAL, Device
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.measure.lab.profiles import DeviceProfile, match_profile


def profile_of(probe: DeviceProbe, own: Path | None = None) -> DeviceProfile | None:
    """The kind that a probed device is, by Earshot's profiles and those in ``own``. Raises BadInput."""
    return match_profile(probe, load_profiles(own))


def require_profile(device: Device, probe: DeviceProbe) -> None:
    """Raises WrongDevice where ``device.profile`` does not fit what answers. A general profile fits its kinds too."""
    if device.profile is None:
        return
    profiles = load_profiles(device.profiles_dir)
    if profiles[device.profile].fits(probe):
        return
    found = match_profile(probe, profiles)
    raise WrongDevice(
        f"lab.toml says {device.profile}, the device says {_called(probe, found)}",
        hint=f"connect the {device.profile}, mend the address of [devices.{device.name}], "
        + (f'or say profile = "{found.name}"' if found else "or leave profile out"),
    )


def require_same_model(device: Device, model: str, earlier: Sequence[str], ledger: str) -> None:
    """Without a profile the ledger is the expectation: what is measured under one name is one model of device.

    ``model``: as in the ledger (``device_model_slug``); ``earlier``: models under this name, newest last. Raises
    WrongDevice where the newest is another one.
    """
    if device.profile is not None or not earlier or earlier[-1] == model:
        return
    if device.name == LOCAL:
        hint = 'use another --results folder, or name this machine in lab.toml ([devices.NAME] transport = "local")'
    else:
        hint = f"another device? give it a name of its own. A replacement? say its profile in [devices.{device.name}]"
    raise WrongDevice(f"{device.name} was {earlier[-1]} in {ledger}, now it answers as {model}", hint=hint)


def _called(probe: DeviceProbe, found: DeviceProfile | None) -> str:
    return f"{probe.model} ({found.name})" if found else f"{probe.model} (no profile fits)"
