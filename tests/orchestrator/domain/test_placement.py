"""Whether work may be credited to the provider that was asked for."""

import pytest

from agents import wire
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session_verdict import judge
from tests.sessions import CPU, candidate, session

NPU = "NpuExecutionProvider"


def ran(
    *shares: wire.ProviderShare, registered: tuple[str, ...] = (NPU, CPU), fallback: str | None = None
) -> str | None:
    result = wire.RunResult("s", "ok", 1, providers_registered=registered, placement=shares, fallback=fallback)
    return fell_back(NPU, result)


def test_a_provider_that_was_not_registered() -> None:
    assert ran(registered=(CPU,)) == f"{NPU} was asked for, the session registered {CPU}"


def test_a_provider_that_ran_nothing_with_the_reason_where_there_is_one() -> None:
    assert ran(wire.ProviderShare(CPU, 50, 1.0)) == f"{NPU} ran no node, {CPU} ran the model"
    why = ran(wire.ProviderShare(CPU, 50, 1.0), fallback="Cannot get shape")
    assert why is not None
    assert why.endswith("(Cannot get shape)")


def test_a_compiled_subgraph_is_one_node_with_all_of_the_time() -> None:
    assert ran(wire.ProviderShare(NPU, 1, 0.98, graph_nodes=47), wire.ProviderShare(CPU, 9, 0.02)) is None


@pytest.mark.parametrize(("share", "enough"), [(0.05, False), (0.1, True)])
def test_a_sliver_is_no_run(share: float, enough: bool) -> None:
    assert (ran(wire.ProviderShare(NPU, 3, share), wire.ProviderShare(CPU, 9, 1 - share)) is None) is enough


def test_a_session_that_was_not_profiled_says_nothing_more() -> None:
    assert ran() is None


def test_a_profiled_session_that_fell_back_is_invalid() -> None:
    of = candidate(provider=NPU)
    verdict = judge(session(of, "placement", placement=(wire.ProviderShare(CPU, 50, 1.0),)), 16000)
    assert (verdict.kind, verdict.doubts[0].cause) == ("invalid", "fallback")
