"""Where the energy figures come from, and those that are no metric: per inference, gross, mean power."""

from collections.abc import Callable, Sequence

import numpy as np

from orchestrator.domain.energy import Drawn, Idle, NoEnergy, drawn, idle_or_reason
from orchestrator.domain.power import PowerSource, beyond_calibration, choose_source
from orchestrator.domain.session import Session
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.facts import Fact, joined
from orchestrator.tell.report.numbers import COLUMNS, significant
from orchestrator.tell.report.samples import settled
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, estimate, number

_NET = "energy_mj_per_audio_s"
_W = "W"


def energy_facts(content: ReportContent) -> list[Fact]:
    """The sensor with all that its numbers depend on, and the idle power; or why there is none."""
    if not content.sessions:
        return [Fact("Power sensor", "not known: no session ran", absent=True)]
    source = choose_source(content.sessions[0].environment.probe.sensors)
    if isinstance(source, str):
        return [Fact("Power sensor", f"none: {source}", "absent is not zero: no candidate has an energy", absent=True)]
    return [_source(source), _calibration(source), _idle(content), _coverage(content)]


def _source(source: PowerSource) -> Fact:
    probe = source.first
    interval = probe.shortest_interval_s
    charging = {None: None, True: "the battery was charging", False: "the battery was not charging"}[probe.charging]
    others = f"not chosen: {', '.join(source.others)}; scopes are never summed" if source.others else None
    said = [
        f"measures the {source.scope}",
        f"from {probe.source or 'a source that is not told'}",
        f"read at most every {interval:g} s" if interval else "read at the sampler's jittered rate",
        "an energy counter" if source.is_counter else "means" if source.averaged else "samples",
        charging,
        others,
    ]
    return Fact("Power sensor", source.name, joined(part for part in said if part))


def _calibration(source: PowerSource) -> Fact:
    line = source.calibration
    if line is None:
        return Fact("Calibration", source.calibrated(), "earshot power calibrate compares it with a better meter")
    detail = (
        f"{line.slope:.4g} × what it shows {line.offset_w:+.3g} W, leaving {significant(line.residual_w)} W, seen from "
        f"{significant(line.from_w)} to {significant(line.to_w)} W"
    )
    return Fact("Calibration", source.calibrated(), detail)


def _idle(content: ReportContent) -> Fact:
    idle = _idle_of(content)
    if isinstance(idle, str):
        return Fact("Idle power", f"not known: {idle}", absent=True)
    drift = "" if idle.drift_w is None else f"; from before to after it moved by {idle.drift_w:+.3g} W"
    if idle.doubt:
        drift += f"; not idle, so no candidate has an energy: {idle.doubt}"
    shown = f"{significant(idle.power_w)} ± {significant(idle.uncertainty_w)} W"
    return Fact("Idle power", shown, f"agent and pacer without a model, {idle.sessions} sessions{drift}")


def _coverage(content: ReportContent) -> Fact:
    name = "Gaps"
    found = [one for one in (_drawn(s, content) for s in content.decided_on("paced")) if one is not None]
    if not found:
        return Fact(name, "not known: no paced session has an energy", absent=True)
    gaps, gap_s = sum(one.energy.gaps for one in found), sum(one.energy.gap_s for one in found)
    whole_s = sum(one.window_s for one in found)
    outside = {beyond_calibration(one.source, one.power_w) for one in found} - {None}
    detail = joined(["a gap is never bridged: figures are those of the rest", *sorted(str(o) for o in outside)])
    return Fact(name, f"{gaps}; {significant(gap_s)} s of {significant(whole_s)} s not covered", detail)


def energy_table(content: ReportContent) -> Table | None:
    """A row per candidate; None where no session has an energy."""
    rows = [(entry, _of(content, entry, "paced"), _of(content, entry, "flat-out")) for entry in content.ranked()]
    if not any(paced or flat_out for _, paced, flat_out in rows):
        return None
    notes, idle = Footnotes(), _idle_of(content)
    headings = (
        Heading("#"),
        Heading("Candidate"),
        Heading("Net", COLUMNS[_NET].unit, number=True),
        Heading("Net, one inference", "mJ", number=True),
        Heading("Gross, flat out", COLUMNS[_NET].unit, number=True),
        Heading("Mean power, paced", _W, number=True),
    )
    return Table(
        "energy",
        "Energy; net is above the idle power",
        headings,
        tuple(_row(*row, idle, notes) for row in rows),
        tuple(notes.reasons),
    )


def _row(entry: Entry, paced: list[Drawn], flat_out: list[Drawn], idle: Idle | str, notes: Footnotes) -> Row:
    no_paced, no_flat_out = (f"no {mode} session of it has an energy" for mode in ("paced", "flat-out"))
    net = entry.verdict.metrics.get(_NET)
    reason = idle if isinstance(idle, str) else (net.reason if net and net.reason else no_paced)
    chunk: Sequence[Drawn] = () if isinstance(idle, str) or net is None or net.value is None else paced or flat_out
    return Row(
        (
            *named(entry),
            estimate(net, COLUMNS[_NET], notes),
            _mean(chunk, lambda one: _per_chunk(one, idle), reason, notes),
            _mean(flat_out, lambda one: one.gross_mj_per_audio_s, no_flat_out, notes),
            _mean(paced, lambda one: one.power_w, no_paced, notes),
        ),
        entry.role,
    )


def _per_chunk(one: Drawn, idle: Idle | str) -> float:
    assert isinstance(idle, Idle)
    return one.net_mj_per_audio_s(idle) * one.audio_s_per_chunk


def _mean(found: Sequence[Drawn], read: Callable[[Drawn], float], reason: str, notes: Footnotes) -> Cell:
    if not found:
        return absent("not measured", reason, notes)
    return number(significant(float(np.mean([read(one) for one in found]))))


def _of(content: ReportContent, entry: Entry, mode: str) -> list[Drawn]:
    """Of all of its sessions in this mode, or of none: the ones that are missing may be the cheaper ones."""
    sessions = [s for s in content.decided_on(mode) if s.planned.candidate.key == entry.key]
    found = [one for one in (_drawn(s, content) for s in sessions) if one is not None]
    return found if len(found) == len(sessions) else []


def _drawn(session: Session, content: ReportContent) -> Drawn | None:
    try:
        return drawn(session, settled(session, content.sample_rate_hz))
    except (NoEnergy, ValueError):
        return None


def _idle_of(content: ReportContent) -> Idle | str:
    return idle_or_reason(content.sessions, content.sample_rate_hz) if content.artifacts else "no artifact is known"
