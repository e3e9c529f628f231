"""What the tools print, read; and what is not theirs, refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.native import TOOLS, ClosedLoop
from orchestrator.measure.native import tool
from tests.orchestrator.measure.native.stand_ins import OLD_BENCHMARK_MODEL, OUTPUT


def test_benchmark_model() -> None:
    assert tool("benchmark_model").parse(OUTPUT["benchmark_model"], "") == ClosedLoop(
        runs=200,
        mean_ns=3_100_000.0,
        min_ns=2_900_000.0,
        max_ns=5_600_000.0,
        std_ns=150_000.0,
        p50_ns=3_040_000.0,
        p95_ns=3_500_000.0,
        load_ns=12_500_000.0,
        first_ns=9_000_000.0,
        warmup_mean_ns=3_500_000.0,
        peak_memory_bytes=round(20.5 * 2**20),
    )


def test_an_old_benchmark_model_has_no_percentiles() -> None:
    found = tool("benchmark_model").parse("", OLD_BENCHMARK_MODEL)
    assert (found.runs, found.mean_ns, found.p50_ns, found.p95_ns) == (50, 266_400_000.0, None, None)
    assert found.peak_memory_bytes == round(138.5 * 2**20)


def test_executor_runner_tells_the_mean_alone() -> None:
    found = tool("executor_runner").parse("", OUTPUT["executor_runner"])
    assert found == ClosedLoop(runs=200, mean_ns=620.0 * 1e6 / 200)


def test_onnxruntime_perf_test() -> None:
    found = tool("onnxruntime_perf_test").parse(OUTPUT["onnxruntime_perf_test"], "")
    assert (found.runs, found.mean_ns) == (200, pytest.approx(3_100_000.0))
    assert (found.min_ns, found.max_ns) == (pytest.approx(2_900_000.0), pytest.approx(5_600_000.0))
    assert (found.p50_ns, found.p99_ns) == (pytest.approx(3_040_000.0), pytest.approx(5_000_000.0))
    assert (found.load_ns, found.first_ns) == (pytest.approx(12_500_000.0), pytest.approx(9_000_000.0))
    assert found.peak_memory_bytes == 20_500_000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("benchmark_model", "", "Inference timings in us"),
        ("benchmark_model", OUTPUT["onnxruntime_perf_test"], "is this benchmark_model"),
        ("executor_runner", "Model file a.pte is loaded.\n", r"\(the model was loaded\)"),
        ("executor_runner", "Model executed successfully 1 time(s).\n", "since ExecuTorch 0.4"),
        ("executor_runner", "Model executed successfully 0 time(s) in 0.0 ms.\n", "0 times"),
        ("onnxruntime_perf_test", "Session creation time cost: 0.1 s\n", "Average inference time cost"),
    ],
)
def test_another_output_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tool(name).parse(text, "")


@given(name=st.sampled_from(TOOLS), cut=st.integers(0, 2000), junk=st.text())
def test_a_cut_output_is_read_or_refused_and_never_crashes(name: str, cut: int, junk: str) -> None:
    try:
        found = tool(name).parse(OUTPUT[name][:cut] + junk, "")
    except ValueError:
        return
    assert found.runs >= 1


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_gets_the_model_and_the_runs(name: str) -> None:
    arguments = tool(name).arguments("/data/local/tmp/m", 3, 77)
    assert any("/data/local/tmp/m" in argument for argument in arguments)
    assert any("77" in argument for argument in arguments)
    assert name == "executor_runner" or any("3" in argument for argument in arguments)


def test_an_unknown_tool() -> None:
    with pytest.raises(KeyError):
        tool("run")
