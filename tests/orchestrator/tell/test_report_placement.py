"""What the report says of who ran the model, whether it computed the same, and which nodes took the time."""

from dataclasses import replace

from agents import wire
from agents.device_facts import NOT_IN_BUILD, ProviderProbe, RuntimeProbe
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.environment import runtime_table
from orchestrator.tell.report.page import render
from orchestrator.tell.report.placement import operator_table, placement_table
from orchestrator.tell.report.tables import Row
from tests.orchestrator.tell.builders import content

OPENVINO = "OpenVINOExecutionProvider"
CPU = "CPUExecutionProvider"


def placed(**facts: object) -> ReportContent:
    """The builders' study with these facts in every placement session."""
    whole = content(chunks=50, blocks=1)
    sessions = tuple(
        replace(s, result=replace(s.result, **facts)) if s.planned.mode == "placement" else s  # type: ignore[arg-type]
        for s in whole.sessions
    )
    return replace(whole, sessions=sessions)


def default_row(whole: ReportContent) -> Row:
    return next(row for row in placement_table(whole).rows if row.role == "default")


def test_a_compiled_subgraph_stands_for_nodes_of_the_graph() -> None:
    shares = (wire.ProviderShare(OPENVINO, 17, 0.978, ("x",), 104), wire.ProviderShare(CPU, 18, 0.022, ("Slice",), 18))
    cells = default_row(placed(placement=shares, fallback="the CPU took 18 of 122 nodes")).cells
    assert cells[3].text == "OpenVINO 97.8 % (17 nodes for 104 of the graph), CPU 2.20 % (18 nodes)"
    assert cells[3].detail == "the CPU took 18 of 122 nodes"


def test_nodes_that_were_not_timed_have_no_share() -> None:
    cells = default_row(placed(placement=(wire.ProviderShare(CPU, 1, None),))).cells
    assert cells[3].text == "CPU (1 node)"


def test_parity_is_beside_it() -> None:
    same = default_row(placed(parity=wire.DeviceParity(CPU, 50, 1e-5, 132.13))).cells[4]
    assert (same.text, same.detail) == ("132.1 dB", "over 50 chunks")
    assert default_row(placed(parity=wire.DeviceParity(CPU, 50, 0.0))).cells[4].text == "bit for bit"
    cannot = default_row(placed(parity=wire.DeviceParity(CPU, 50, reason="it holds NaN"))).cells[4]
    assert (cannot.text, cannot.detail) == ("no", "it holds NaN")


def test_the_nodes_that_took_the_time_and_the_rest_as_one() -> None:
    operators = tuple(wire.OperatorTime("Conv", f"conv{i}", CPU, 50, 100.0 - i, (100.0 - i) / 955) for i in range(10))
    table = operator_table(placed(operators=operators))
    assert table is not None
    default = [row for row in table.rows if row.role == "default"]
    assert [row.cells[1].text for row in default] == [*(f"conv{i}" for i in range(8)), "2 others"]
    assert default[-1].cells[4].text == "100"
    assert "conv0" in render(placed(operators=operators))


def test_where_nothing_was_profiled_there_is_no_table() -> None:
    assert operator_table(content(chunks=50, blocks=1)) is None


def test_each_environment_has_its_runtimes_and_what_a_build_lacks_shares_a_row() -> None:
    whole = content(chunks=50, blocks=1)
    providers = (
        ProviderProbe(CPU, True),
        ProviderProbe("QNNExecutionProvider", True, emulated="a simulator"),
        ProviderProbe("CUDAExecutionProvider", False, f"{NOT_IN_BUILD}: it takes onnxruntime-gpu"),
        ProviderProbe("CoreMLExecutionProvider", False, f"{NOT_IN_BUILD}: it takes onnxruntime, on macOS"),
    )
    runtime = RuntimeProbe("onnxruntime", True, "1.31.1", "onnxruntime 1.31.1: x", providers)
    first = whole.sessions[0]
    other = replace(
        first,
        planned=replace(first.planned, candidate=replace(first.planned.candidate, environment="qnn")),
        environment=replace(first.environment, probe=replace(first.environment.probe, runtimes=(runtime,))),
    )
    table = runtime_table(replace(whole, sessions=(*whole.sessions, other)))
    assert table is not None
    mine = table.rows[[row.cells[0].text for row in table.rows].index("onnxruntime in qnn") :]
    assert [(row.cells[0].text, row.cells[1].text, row.cells[1].detail) for row in mine] == [
        ("onnxruntime in qnn", "yes", ""),
        ("CPU", "yes", ""),
        ("QNN", "yes", "a simulator"),
        ("CUDA, CoreML", "no", NOT_IN_BUILD),
    ]
