"""From what was asked for (names, tags, all) to devices, with what the ledger knows of them."""

from orchestrator.errors import BadInput
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.health import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.measure.lab.profiles import match_profile
from orchestrator.measure.lab.reservation import ALL, choose, tags_of
from orchestrator.workflows.progress import Progress


def is_name(text: str) -> bool:
    """Whether one device is named, and nothing has to be chosen."""
    return text != ALL and not any(mark in text for mark in ":,")


def choose_devices(
    lab: Lab, text: str, ledger: Ledger, progress: Progress, *, one: bool = False
) -> tuple[tuple[Device, ...], ...]:
    """For each run, the devices that will do, best first. ``one``: there must be a single run.

    Raises BadInput, DeviceQuarantined.
    """
    choice = choose(lab, text, all_tags(lab, ledger) if not is_name(text) else {}, health(ledger))
    if one and len(choice.slots) != 1:
        raise BadInput(
            f"{text} means {len(choice.slots)} devices, and one is needed here",
            hint="any:TAG takes one of them; earshot run --devices takes several",
        )
    for name, reason in choice.passed_over.items():
        progress.note(f"passed over: {name} is in quarantine: {reason}")
    return choice.slots


def all_tags(lab: Lab, ledger: Ledger | None) -> dict[str, frozenset[str]]:
    """Tags by device; without a ledger those that the lab file tells."""
    known = latest_environments(ledger) if ledger else {}
    tags = {}
    for name, device in lab.devices.items():
        environment = known.get(name)
        profile = match_profile(environment.probe, load_profiles(device.profiles_dir)) if environment else None
        tags[name] = tags_of(device, environment, profile.name if profile else None)
    return tags
