"""Promise 12: what was not measured is absent with its reason, from the sensor to the report. It is never zero.

The naive way: a sum over the readings that there are, which is 0 J where there are none.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.device_facts import SensorProbe
from agents.live import LiveSensors
from agents.strict_json import to_json
from orchestrator.domain.decision import Estimate
from orchestrator.domain.energy import NoEnergy, drawn
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.page import render
from orchestrator.workflows.figures import session_figures
from tests.lab.fixtures import MakeStandIn
from tests.metered import BOARD, PACKAGE
from tests.orchestrator.cli.command import earshot
from tests.orchestrator.workflows.conftest import results
from tests.promises.figures import p12
from tests.promises.figures.p12 import ABSENT, BASE, ENERGY, decided, metered, silenced
from tests.sessions import SAMPLE_RATE_HZ, STUDY, artifact, score, session

__all__ = ["results"]
NET = "energy, net"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 180), st.integers(1, 180)), max_size=6), st.sampled_from([BOARD, PACKAGE]))
def test_whatever_readings_fail_the_power_is_right_or_absent(gaps: list[tuple[int, int]], probe: SensorProbe) -> None:
    of = metered(probe)
    gone = np.zeros(400, dtype=bool)
    for start, length in gaps:
        gone[start : start + length] = True
    mutated = silenced(of, gone)
    try:
        found = drawn(mutated, mutated.timeline(SAMPLE_RATE_HZ))
    except NoEnergy:
        return
    # Readings of 2 or 5 W, some 130 of them: five times what their mean is uncertain by.
    assert found.power_w == pytest.approx(3.2, abs=0.75)
    assert found.energy.coverage >= 0.8


@pytest.mark.parametrize("probe", [BOARD, PACKAGE])
def test_where_most_readings_fail_there_is_none(probe: SensorProbe) -> None:
    of = silenced(metered(probe), np.arange(400) > 60)
    with pytest.raises(NoEnergy, match=r"is known for \d\.\d+ s of 16 s only"):
        drawn(of, of.timeline(SAMPLE_RATE_HZ))


@pytest.mark.parametrize("how", list(ABSENT))
def test_an_absent_energy_is_none_with_its_reason_in_every_figure(how: str) -> None:
    sessions = ABSENT[how]()
    found = decided(sessions)
    energy = found.of(BASE.key).metrics[ENERGY]
    assert energy.value is energy.low is energy.high is None
    assert energy.reason
    said = json.loads(json.dumps(to_json(found)))
    assert said["candidates"][0]["metrics"][ENERGY]["value"] is None
    page = render(ReportContent(STUDY, found, sessions, [score(BASE)], [artifact()]))
    assert 'id="energy"' in page


@pytest.mark.parametrize("how", list(ABSENT))
@pytest.mark.parametrize("limit", [1e-6, 1e12])
def test_a_limit_that_cannot_be_checked_is_not_met(how: str, limit: float) -> None:
    found = decided(ABSENT[how](), max_energy_mj=limit)
    assert (found.verdict, found.winner) == ("infeasible", None)
    assert "is missing" in found.of(BASE.key).reason
    assert decided(ABSENT[how](), "energy").winner is None


def test_the_figures_of_a_session_without_a_sensor_have_no_value() -> None:
    figures = {figure.name: figure for figure in session_figures(session(BASE), SAMPLE_RATE_HZ)}
    assert figures[NET].value is None
    assert figures[NET].note == "absent: no power sensor on this device"
    assert all(figure.value is None for name, figure in figures.items() if name.startswith(("energy", "power")))


def test_an_absent_estimate_needs_its_reason() -> None:
    with pytest.raises(ValueError, match="needs its reason"):
        Estimate(None)


def test_a_sum_over_what_was_read_is_a_number_all_the_same() -> None:
    (row,) = p12.rows()
    assert (row.earshot, row.naive) == (0.0, 100.0)


def test_an_empty_device_has_no_sensor_and_a_reason_for_each(tmp_path: Path) -> None:
    sensors = LiveSensors(str(tmp_path))
    sensors.close()
    assert not any(probe.usable for probe in sensors.probes)
    assert all(probe.reason for probe in sensors.probes)
    assert sensors.read() == ()


def test_a_pi4_has_no_current_sensor_and_says_so(make_standin: MakeStandIn, results: Path, tmp_path: Path) -> None:
    """Through the whole of ``earshot run``: no idle session, no zero, and the reason."""
    pi, lab = make_standin("pi4"), tmp_path / "lab.toml"
    lab.write_text(lab_text([pi.device]))
    asked = ("run", "mini", "--device", pi.name, "--lab", str(lab), "--results", str(results), "--json")
    done = earshot(*asked, "--seconds", "1", "--mode", "flat-out", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "idle" not in done.stderr
    figures = {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}
    assert figures[NET]["value"] is None
    assert "only a Raspberry Pi 5 has them" in figures[NET]["note"]
