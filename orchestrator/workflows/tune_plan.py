"""``earshot tune --plan``: what would be tried on a device and what not, before a session is spent on it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.workflows.choice import choose_devices
from orchestrator.workflows.places import Place, other_places
from orchestrator.workflows.prepare import Prepared, deploy_agent, export_candidates
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import in_environment
from orchestrator.workflows.reserve import first_free, reserved
from orchestrator.workflows.search_space import SearchSpace, search_space
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import prepared_tune


@dataclass(frozen=True)
class TunePlan:
    device: str
    device_model: str
    space: SearchSpace


def plan_tune(settings: TuneSettings, devices: str, progress: Progress) -> list[TunePlan]:
    """For each of the devices. Exports what is missing, and asks each device what it can run; no session runs there.
    Raises EarshotError.
    """
    lab = load_lab(settings.lab)
    with prepared_tune(settings, progress) as (prepared, ledger):
        slots = choose_devices(lab, devices, ledger, progress)
        return [_plan(settings, prepared, ledger, slot, progress) for slot in slots]


def _plan(
    settings: TuneSettings, prepared: Prepared, ledger: Ledger, slot: Sequence[Device], progress: Progress
) -> TunePlan:
    exported = export_candidates(
        prepared, settings.recipes, settings.artifacts_dir, jobs=os.cpu_count() or 1, progress=progress
    )

    def ask(device: Device, wait_s: float) -> TunePlan:
        with reserved(ledger, device, f"plan {settings.model}", progress, wait_s=wait_s) as held:
            agent, environment = deploy_agent(in_environment(device, settings.environment), progress, ledger)
            with agent.transport, held.on_device(agent):
                here = Place(agent, environment)
                places = other_places(device, here, progress) if settings.environment is None else {}
                space = search_space(settings, exported, environment, places)
                return TunePlan(device.name, environment.device_model, space)

    return first_free(slot, ask, settings.wait_s)
