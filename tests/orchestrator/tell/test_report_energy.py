"""The energy of a study as the report shows it: each number with its sensor, and why there is none."""

from dataclasses import replace

import pytest

from agents.device_facts import SensorCalibration, SensorProbe
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.session import Session
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.energy import energy_facts, energy_table
from orchestrator.tell.report.page import render
from tests.metered import BOARD, busy_power, idle_session, sampled
from tests.sessions import STUDY, artifact, candidate, race, score

BASE = candidate()


def metered(probe: SensorProbe = BOARD) -> list[Session]:
    idle = [idle_session(0, probe=probe), idle_session(1, idle_w=2.02, probe=probe)]
    timed = [
        sampled(one, busy_power(one.arrays["t_ns"], 3.0), probe=probe, seed=n) if "t_ns" in one.arrays else one
        for n, one in enumerate(race(BASE, service_ms=8.0, chunks=3000))
    ]
    return [*idle, *timed]


def content(sessions: list[Session]) -> ReportContent:
    scores, artifacts = [score(BASE)], [artifact()]
    decision = decide(STUDY, sessions, artifacts, scores, objective=Objective("latency"), constraints=Constraints())
    return ReportContent(STUDY, decision, sessions, scores, artifacts)


def test_every_number_comes_with_its_sensor_and_the_idle_power() -> None:
    made = content(metered())
    facts = {fact.name: fact for fact in energy_facts(made)}
    assert facts["Power sensor"].value == "ina3221.VDD_IN"
    assert "measures the board" in facts["Power sensor"].detail
    assert "jittered rate" in facts["Power sensor"].detail
    assert facts["Calibration"].value == "not calibrated"
    assert facts["Idle power"].value == "2.01 ± 0.0100 W"
    assert "2 sessions; from before to after it moved by +0.02 W" in facts["Idle power"].detail
    assert facts["Gaps"].value.startswith("0; ")
    table = energy_table(made)
    assert table is not None
    (row,) = table.rows
    net, chunk, gross, mean = (float(cell.text.replace(",", "")) for cell in row.cells[2:])
    # 8 ms at 3 W above 2 W of each 20 ms; flat out a chunk takes 8 ms, all of it at 5 W.
    assert net == pytest.approx(1190, rel=0.03)
    assert chunk == pytest.approx(net * 0.02, rel=0.01)
    assert gross == pytest.approx(5.0 * 8 / 20 * 1e3, rel=0.03)
    assert mean == pytest.approx(3.2, rel=0.02)
    assert 'id="energy"' in render(made)


def test_a_calibration_is_shown_with_what_it_saw() -> None:
    line = SensorCalibration(1.25, 0.4, 0.012, 0.5, 1.0, "INA226", "2026-03-04T05:06:07+00:00")
    facts = {fact.name: fact for fact in energy_facts(content(metered(replace(BOARD, calibration=line))))}
    assert facts["Calibration"].value == "calibrated against INA226 on 2026-03-04"
    assert "1.25 × what it shows +0.4 W" in facts["Calibration"].detail
    assert "outside of what was calibrated" in facts["Gaps"].detail


def test_without_a_sensor_the_page_says_so_and_shows_no_zero() -> None:
    made = content(race(BASE))
    (fact,) = energy_facts(made)
    assert fact.absent
    assert "no power sensor on this device" in fact.value
    assert energy_table(made) is None
    page = render(made).split('<section id="energy">')[1].split("</section>")[0]
    assert "absent is not zero" in page
    assert "<table" not in page


def test_power_without_an_idle_session_is_mean_power_and_no_net_energy() -> None:
    made = content([s for s in metered() if s.planned.mode != "idle"])
    table = energy_table(made)
    assert table is not None
    (row,) = table.rows
    assert [cell.text for cell in row.cells[2:4]] == ["not measured", "not measured"]
    assert float(row.cells[5].text) == pytest.approx(3.2, rel=0.02)
    assert any("no idle session" in note for note in table.notes)
