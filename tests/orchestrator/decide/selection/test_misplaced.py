"""What placement alone keeps from winning is not timed."""

from dataclasses import replace
from typing import Any

from agents import wire
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.screening import misplaced
from orchestrator.domain.session import Session
from tests.sessions import CPU, ENVIRONMENT, STUDY, artifact, candidate, race, session

BASE = candidate()
NPU = candidate(provider="NpuExecutionProvider")
WHOLE = (wire.ProviderShare(NPU.provider, 1, 1.0, graph_nodes=47),)


def out(*sessions: Session) -> set[str]:
    every = [*race(BASE)[:1], *sessions]
    return misplaced(STUDY, every, [artifact()], [], objective=Objective(), constraints=Constraints())


def placed(placement: tuple[wire.ProviderShare, ...] = WHOLE, **facts: Any) -> Session:
    return session(NPU, "placement", placement=placement, **facts)


def test_a_provider_that_ran_the_graph_goes_on() -> None:
    assert out(placed()) == set()
    assert out(placed(parity=wire.DeviceParity(CPU, 50, 1e-5, 132.0))) == set()


def test_one_that_fell_back_failed_or_computed_something_else_does_not() -> None:
    assert out(placed((wire.ProviderShare(CPU, 50, 1.0),))) == {NPU.key}
    assert out(placed(parity=wire.DeviceParity(CPU, 50, 9.0, 0.1))) == {NPU.key}
    assert out(session(NPU, "placement", failure="cannot load it")) == {NPU.key}


def test_one_that_was_emulated_is_not_timed_unless_the_whole_device_is_emulated() -> None:
    assert out(placed(emulated="a simulator")) == {NPU.key}
    qemu = replace(ENVIRONMENT, probe=replace(ENVIRONMENT.probe, virtual="qemu-user: aarch64 on a x86_64 kernel"))
    assert out(placed(emulated="a simulator", environment=qemu)) == set()


def test_the_default_is_timed_whatever_happened() -> None:
    assert out(session(BASE, "placement", 1, failure="killed")) == set()
