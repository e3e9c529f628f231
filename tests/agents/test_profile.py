"""One form of a profile for every runtime, and what each provider did by it."""

from dataclasses import replace

import pytest

from agents import strict_json
from agents.profile import provider_shares, timed
from agents.wire import OperatorTime, Profile

CONV = OperatorTime("Conv", "conv1", "NpuExecutionProvider", 10, 60.0, 0.0)
SOFTMAX = OperatorTime("Softmax", "softmax1", "CPUExecutionProvider", 10, 15.0, 0.0)
ADD = OperatorTime("Add", "add1", "CPUExecutionProvider", 10, 5.0, 0.0)


def test_shares_follow_from_the_times_and_the_greatest_comes_first() -> None:
    assert [(o.node, o.share) for o in timed([ADD, CONV, SOFTMAX])] == [
        ("conv1", 0.75),
        ("softmax1", 0.1875),
        ("add1", 0.0625),
    ]
    assert timed([]) == ()


def test_nodes_too_fast_for_the_profilers_clock_have_no_share_of_nothing() -> None:
    assert [o.share for o in timed([replace(ADD, time_us=0.0), replace(CONV, time_us=0.0)])] == [0.0, 0.0]


def test_what_each_provider_did_and_for_how_many_nodes_of_the_graph() -> None:
    profile = Profile(timed([ADD, CONV, SOFTMAX]), assigned={"NpuExecutionProvider": 47})
    cpu, npu = provider_shares(profile)
    assert (cpu.provider, cpu.nodes, cpu.time_share, cpu.operators) == (
        "CPUExecutionProvider",
        2,
        0.25,
        ("Add", "Softmax"),
    )
    assert cpu.graph_nodes is None
    assert (npu.nodes, npu.time_share, npu.operators, npu.graph_nodes) == (1, 0.75, ("Conv",), 47)


def test_a_provider_of_which_a_node_was_not_timed_has_no_share() -> None:
    untimed = replace(ADD, time_us=None, share=None)
    (cpu,) = provider_shares(Profile((timed([SOFTMAX])[0], untimed)))
    assert (cpu.nodes, cpu.time_share) == (2, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calls": 0}, "calls must be > 0, got 0"),
        ({"time_us": None}, "known together"),
        ({"time_us": -1.0}, "time_us must be >= 0, got -1"),
        ({"share": 1.5}, "share must be in 0..1, got 1.5"),
    ],
)
def test_what_no_node_can_say(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONV, **changes)  # type: ignore[arg-type]


def test_it_crosses_the_wire_whole() -> None:
    profile = Profile((CONV, replace(ADD, time_us=None, share=None)), "the provider has no Add", {"Npu": 3})
    assert strict_json.from_json(Profile, strict_json.to_json(profile)) == profile
