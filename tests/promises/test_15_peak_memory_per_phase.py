"""Promise 15: the peak of each phase is that phase's own, by a process that takes and gives back known amounts.

The naive way beside it, ru_maxrss or one VmHWM, says the first phase's peak for all of them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents import wire
from orchestrator.workflows.figures import session_figures
from tests.hosts import require_program
from tests.promises.figures import p15
from tests.promises.figures.p15 import TOLERANCE_MIB, Phase
from tests.promises.hungry import MIB, TAKES_MIB
from tests.sessions import SAMPLE_RATE_HZ, candidate, session


@pytest.fixture(scope="module")
def permitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[wire.RunResult, dict[str, Phase]]:
    return p15.session(tmp_path_factory.mktemp("permitted"))


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[wire.RunResult, dict[str, Phase]]:
    """The kernel really refuses: /proc is mounted read-only there."""
    require_program("unshare")
    return p15.session(tmp_path_factory.mktemp("refused"), p15.REFUSED)


@pytest.fixture(scope="module")
def naive() -> dict[str, float]:
    return p15.naive()


def test_every_phase_of_the_definition_is_there(permitted: tuple[wire.RunResult, dict[str, Phase]]) -> None:
    result, phases = permitted
    assert [said.phase for said in result.memory] == list(TAKES_MIB) == list(phases)
    for phase in phases.values():
        assert phase.said.rss_anon_bytes is not None
        assert phase.said.rss_file_bytes is not None
        # What was taken is given back, and so it is in the peak and not in what is left at the end.
        assert phase.said.rss_anon_bytes + phase.said.rss_file_bytes < phase.true_bytes - 20 * MIB


def test_where_the_peak_is_reset_each_phase_has_its_own(permitted: tuple[wire.RunResult, dict[str, Phase]]) -> None:
    for name, phase in permitted[1].items():
        assert phase.said.method == wire.HWM_RESET, name
        assert abs(phase.error_mib) <= TOLERANCE_MIB, name


def test_where_that_is_refused_it_is_labelled_and_both_bounds_hold(
    refused: tuple[wire.RunResult, dict[str, Phase]],
) -> None:
    phases = refused[1]
    # The first one is the highest: VmHWM rose in it, and is its own all the same.
    assert [p.said.method for p in phases.values()] == [wire.HWM_ROSE, wire.SAMPLED, wire.SAMPLED, wire.SAMPLED]
    assert all(p15.held(phase) for phase in phases.values())
    for phase in list(phases.values())[1:]:
        assert phase.said.at_most_bytes == pytest.approx(phases["import"].said.peak_bytes, abs=TOLERANCE_MIB * MIB)
        assert (phase.said.readings or 0) >= 2


def test_a_naive_script_says_the_first_phases_peak_for_all(naive: dict[str, float]) -> None:
    assert abs(naive["import"]) <= TOLERANCE_MIB
    for name in ("load", "first-run", "steady"):
        assert naive[name] == pytest.approx(TAKES_MIB["import"] - TAKES_MIB[name], abs=TOLERANCE_MIB), name


def test_pss_is_read_after_the_last_chunk(permitted: tuple[wire.RunResult, dict[str, Phase]], tmp_path: Path) -> None:
    """It walks every page of the process: never while chunks are timed."""
    pss = permitted[0].pss
    assert pss is not None
    assert pss.source == "/proc/self/smaps_rollup"
    device = p15.Device(tmp_path)
    result = device.run(device.spec(mode="paced", chunk_count=20)).result
    arrays = device.arrays()
    assert result.pss is not None
    assert result.pss.t_ns > int(np.max(arrays["t_ns"]))
    assert result.pss.t_ns > int(np.max(arrays["final_t_ns"]))


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (wire.PhaseMemory("load", 90 * 10**6, 40 * 10**6, 20 * 10**6, wire.HWM_RESET), "in the end 40.0 MB anonymous"),
        (wire.PhaseMemory("load", 90 * 10**6, None, None, wire.HWM_ROSE), "the kernel does not reset it"),
        (
            wire.PhaseMemory("load", 90 * 10**6, None, None, wire.SAMPLED, 200 * 10**6, 7),
            "sampled: at least this, at most 200.0 MB, 7 readings",
        ),
        (
            wire.PhaseMemory("load", 1, None, None, wire.HWM_RESET, available_drop_bytes=812 * 10**6),
            "MemAvailable fell by 812.0 MB (CPU and GPU share it)",
        ),
        (wire.PhaseMemory("load", None, None, None, wire.SAMPLED, None, 0), "could not be read"),
        (wire.PhaseMemory("load", 1, None, None, "hwm-cumulative"), "since the process began"),
    ],
    ids=["reset", "rose", "sampled", "Jetson", "absent", "of before"],
)
def test_a_person_reads_how_it_is_known(of: wire.PhaseMemory, words: str) -> None:
    plain = session(candidate())
    shown = session_figures(replace(plain, result=replace(plain.result, memory=(of,))), SAMPLE_RATE_HZ)
    (figure,) = (f for f in shown if f.name == "peak memory, load")
    assert words in figure.note
    assert figure.value == (None if of.peak_bytes is None else of.peak_bytes / 1e6)


def test_the_table_of_promises(
    permitted: tuple[wire.RunResult, dict[str, Phase]],
    refused: tuple[wire.RunResult, dict[str, Phase]],
    naive: dict[str, float],
) -> None:
    for row in p15.rows_of(naive, permitted[1], refused[1]):
        assert row.bound.holds(row.earshot), row
        assert not row.bound.holds(row.naive), row
