"""Which devices a fan-out goes to; without a ledger nothing of it is imported, which would take as long as a device."""

from pathlib import Path

from orchestrator.errors import EarshotError
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.reservation import choose, tags_of
from orchestrator.workflows.progress import Progress


def chosen_devices(
    lab: Lab, text: str, results: Path, progress: Progress
) -> tuple[list[Device], dict[str, EarshotError]]:
    """The devices that ``text`` means (lab/reservation.py), and of those the ones that the ledger of ``results`` says
    somebody holds: a login would disturb what is measured there. Raises BadInput, DeviceQuarantined.
    """
    if not results.is_dir():
        choice = choose(lab, text, {name: tags_of(device) for name, device in lab.devices.items()}, {})
        return [slot[0] for slot in choice.slots], {}
    from orchestrator.measure.lab.lease import held_error
    from orchestrator.workflows.overview import overview

    seen = {each.device.name: each for each in overview(lab, results / "ledger.db")}
    tags, health = {n: each.tags for n, each in seen.items()}, {n: each.health for n, each in seen.items()}
    choice = choose(lab, text, tags, health)
    for name, reason in choice.passed_over.items():
        progress.note(f"passed over: {name} is in quarantine: {reason}")
    devices = [next((d for d in slot if seen[d.name].held is None), slot[0]) for slot in choice.slots]
    leases = {d.name: (seen[d.name].held, seen[d.name].expires_in_s) for d in devices}
    return devices, {name: held_error(lease, ends_s) for name, (lease, ends_s) in leases.items() if lease is not None}
