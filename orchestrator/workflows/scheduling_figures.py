"""The CPUs and the priority of a session, asked for and given, and what was done to keep all else away."""

from agents import wire
from agents.cpu_list import cpu_list
from orchestrator.domain.session import Session
from orchestrator.workflows.figure import Figure


def scheduling_figures(session: Session) -> list[Figure]:
    """Nothing where nothing was asked for."""
    found, isolation = session.result.scheduling, session.environment.isolation
    steps = [Figure(step.name, "done" if step.done else "not done", "", step.detail) for step in isolation]
    return [*(_given(session, found) if found else _not_told(session)), *steps]


def _given(session: Session, found: wire.Scheduling) -> list[Figure]:
    figures = []
    if found.cpus_requested:
        used = cpu_list(found.cpus_used) or None
        note = found.refused.get("cpus") or f"held to {session.planned.candidate.cpus}, all {found.threads} threads"
        figures.append(Figure("CPUs", used, "", note))
    if found.priority_requested:
        note = found.refused.get("priority") or f"as asked for: {found.priority_requested}"
        figures.append(Figure("priority", found.priority_used or None, "", note))
    return figures


def _not_told(session: Session) -> list[Figure]:
    held = session.planned.candidate.cpus
    return [Figure("CPUs", None, "", f"{held} was asked for; the device does not tell")] if held else []
