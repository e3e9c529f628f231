"""What stands in for hardware is said beside the model, wherever the report names it."""

from dataclasses import replace

import pytest

from orchestrator.domain.isolation import IsolationStep
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.environment import environment_facts
from tests.orchestrator.tell.builders import content


def ran_in(virtual: str | None, python_environment: str | None = None) -> ReportContent:
    whole = content(chunks=50, blocks=1)
    where = whole.sessions[0].environment
    other = replace(where, probe=replace(where.probe, virtual=virtual), python_environment=python_environment)
    return replace(whole, sessions=tuple(replace(s, environment=other) for s in whole.sessions))


def detail_of(name: str, whole: ReportContent) -> str:
    return next(fact.detail for fact in environment_facts(whole) if fact.name == name)


@pytest.mark.parametrize(
    ("virtual", "said"),
    [
        (None, ""),
        ("container: docker", "virtual: container: docker"),
        (
            "qemu-user: aarch64 on a x86_64 kernel",
            "emulated (qemu-user: aarch64 on a x86_64 kernel): no time here says anything about a device",
        ),
    ],
)
def test_an_emulated_device_is_called_so(virtual: str | None, said: str) -> None:
    assert detail_of("Model", ran_in(virtual)) == said


def test_isolation_is_said_step_by_step_also_what_could_not_be_done() -> None:
    whole = content(chunks=50, blocks=1)
    where = whole.sessions[0].environment
    steps = (IsolationStep("governor", True, "performance"), IsolationStep("irq", False, "needs root"))
    probe = replace(where.probe, unit="0123456789ab", drivers={"nvidia": "550.54.14"})
    other = replace(where, isolation=steps, probe=probe)
    facts = environment_facts(replace(whole, sessions=tuple(replace(s, environment=other) for s in whole.sessions)))
    said = {fact.name: (fact.value, fact.absent) for fact in facts}
    assert said["Isolation: governor"] == ("performance", False)
    assert said["Isolation: irq"] == ("not done: needs root", True)
    assert said["Drivers"] == ("nvidia 550.54.14", False)
    assert "unit 0123456789ab" in next(fact.detail for fact in facts if fact.name == "Device")
    assert not any(fact.name.startswith("Isolation") for fact in environment_facts(whole))


def test_the_python_environment_is_named() -> None:
    assert "environment default-0123456789ab" in detail_of("Python", ran_in(None, "default-0123456789ab"))
    assert "environment" not in detail_of("Python", ran_in(None))
