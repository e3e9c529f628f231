"""Whose steps of isolation count, and which CPUs are to be kept free."""

from orchestrator.domain.cluster import Cluster
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.candidates import candidates_for
from orchestrator.workflows.isolating import clusters_in, isolation_for
from tests.orchestrator.workflows.test_candidates import ORT, device
from tests.sessions import artifact

PI = Device("pi5", "ssh", isolate=("governor", "irq"))
BIG, PRIME = Cluster("big", (4, 5)), Cluster("prime", (8,))


def test_the_lab_files_steps_count_unless_the_command_has_its_own() -> None:
    assert isolation_for(PI, None, [None]).steps == ("governor", "irq")
    assert isolation_for(PI, ("priority",), [None]).steps == ("priority",)
    assert isolation_for(PI, (), [None]).steps == ()


def test_all_that_candidates_are_held_to_is_kept_free() -> None:
    found = candidates_for([artifact()], device(ORT), clusters=[PRIME, BIG])
    assert isolation_for(PI, None, clusters_in(found)).keep_free == (4, 5, 8)
    assert isolation_for(PI, None, [None, BIG]).keep_free == (4, 5)
