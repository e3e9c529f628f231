"""Who waits between a study's sessions until the device is cool."""

from orchestrator.domain.session import Environment
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.lab.cool_down import Cooler, lowest
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.progress import Progress


def cooler_of(
    device: Device, agent: DeployedAgent, environment: Environment, ledger: Ledger, study: Study, progress: Progress
) -> Cooler:
    """The baseline is the lowest that the probes of this study saw: one that goes on may find the device still hot."""
    sessions = ledger.sessions(study.study_id, with_arrays=False)
    before = [session.environment.probe.state.temperature_c for session in sessions]
    now_c = environment.probe.state.temperature_c
    return Cooler(agent, device.cool_down, lowest([*before, now_c]), progress.note, now_c)
